internal import Registry
internal import Store

/// What one grant makes of one secret: a header field or a query field, ready to be sent, or why it cannot be.
struct SecretPlacement: Sendable {
    /// What is added to a request.
    enum Addition: Sendable {
        /// A header field and its whole value.
        case header(name: String, value: String)
        /// A query field; both as the query has them.
        case query(name: String, encoded: String)
        /// Nothing may be sent.
        case refused(EgressRefusal)
    }

    let addition: Addition
    /// What is sent; nil when the store does not have it.
    let secret: StoredSecret?
    /// The only hosts that get it.
    private let hosts: [HostPattern]
    /// What must not come back: the value, and for basic authentication the part of it that is secret alone.
    let hidden: [[UInt8]]

    init(_ grant: SecretGrant, _ secret: StoredSecret?) {
        // try?: a pattern that is none matches no host, so the secret is sent nowhere; the manifest's own check names it.
        hosts = grant.hosts.compactMap { try? HostPattern($0) }
        self.secret = secret
        guard let secret else {
            (addition, hidden) = (.refused(.secretMissing), [])
            return
        }
        let value = secret.reveal()
        let parts = grant.placement == .basic ? Self.basicParts(value) : []
        // What is shorter than the store takes is never sent, so it cannot come back either.
        hidden = ([value] + parts).filter { $0.count >= SecretRules.valueBytesMin }
        let isFit = ([value] + parts).allSatisfy { SecretRules.problem(value: $0) == nil } && (grant.placement != .basic || !parts.isEmpty)
        addition = isFit ? Self.addition(grant, String(decoding: value, as: UTF8.self)) : .refused(.secretUnusable)
    }

    func isFor(_ host: EgressHost) -> Bool { hosts.contains { $0.matches(host) } }

    private static func addition(_ grant: SecretGrant, _ value: String) -> Addition {
        switch grant.placement {
        case .header: return header(grant.field ?? "", grant.prefix + value)
        case .basic: return header("Authorization", "Basic " + Base64Text.standard(Array(value.utf8)))
        case .query:
            guard let field = grant.field, !field.isEmpty else { return .refused(.secretUnusable) }
            return .query(name: percentEncoded(field), encoded: percentEncoded(grant.prefix + value))
        }
    }

    /// A field that the proxy's own rules for plugins would let through: no framing, no `Host`, nothing that ends a line.
    private static func header(_ name: String, _ value: String) -> Addition {
        do throws(EgressRefusal) {
            try EgressHeaders.check([(name, value)])
            return .header(name: name, value: value)
        } catch {
            return .refused(.secretUnusable)
        }
    }

    /// The secret part of `user:password` (RFC 7617): the password, or the user where the password is empty, as some services want their keys. None without a colon.
    private static func basicParts(_ value: [UInt8]) -> [[UInt8]] {
        guard let colon = value.firstIndex(of: UInt8(ascii: ":")) else { return [] }
        let password = Array(value[(colon + 1)...])
        return [password.isEmpty ? Array(value[..<colon]) : password]
    }

    /// Everything but unreserved characters as triplets (RFC 3986 section 2.1).
    private static func percentEncoded(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            if Characters.isDigit(byte) || Characters.isLetter(byte) || "-._~".utf8.contains(byte) {
                out.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                out += "%" + Base64Text.hex(byte)
            }
        }
        return out
    }
}
