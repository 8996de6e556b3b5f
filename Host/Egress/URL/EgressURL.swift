package import Registry

/// An absolute http or https URL, read by the one parser that everything on the way out uses.
///
/// RFC 3986 without what programs read differently. Nothing is repaired: input that another parser (WHATWG URL, curl, a server) could take for
/// something else is refused by a named rule. Three equivalences of RFC 3986 section 6.2 are applied, once: scheme and host in lower case, the scheme's own port
/// left out, an empty path is `/`. Path and query are kept to the byte.
package struct EgressURL: Sendable, Hashable {
    /// How the host is spoken to.
    package let scheme: EgressRule.Scheme
    /// Whom it names.
    package let host: EgressHost
    /// The port, given or the scheme's own.
    package let port: Int
    /// The path, from its first slash; never empty.
    package let path: String
    /// What stands behind the question mark; nil without one.
    package let query: String?

    /// Reads a URL, all of it or nothing.
    package init(_ text: String) throws(EgressRefusal) {
        let bytes = Array(text.utf8)
        try Self.checkBytes(bytes)
        let (scheme, start) = try Self.scheme(bytes)
        let end = bytes[start...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? bytes.endIndex
        let authority = try EgressAuthority(bytes[start..<end], isURL: true)
        let mark = bytes[end...].firstIndex(of: UInt8(ascii: "?"))
        let path = bytes[end..<(mark ?? bytes.endIndex)]
        try Self.check(path: path)
        if let mark { try Self.check(query: bytes[(mark + 1)...]) }
        self.scheme = scheme
        host = authority.host
        port = authority.port ?? scheme.port
        self.path = path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
        query = mark.map { String(decoding: bytes[($0 + 1)...], as: UTF8.self) }
    }

    private static func checkBytes(_ bytes: [UInt8]) throws(EgressRefusal) {
        guard !bytes.isEmpty else { throw .urlEmpty }
        guard bytes.count <= Limits.urlBytesMax else { throw .urlTooLong }
        for byte in bytes {
            if byte == UInt8(ascii: "#") { throw .urlFragment }
            if let refusal = refusal(ofByte: byte) { throw refusal }
        }
    }

    /// What is wrong with a byte wherever it stands: in a URL, in the target of CONNECT, in a `Location`.
    static func refusal(ofByte byte: UInt8) -> EgressRefusal? {
        switch byte {
        case 0..<0x20, 0x7f: .urlControl
        case 0x20: .urlSpace
        case UInt8(ascii: "\\"): .urlBackslash
        case 0x80...: .urlNonASCII
        default: nil
        }
    }

    /// The scheme and where the authority begins.
    private static func scheme(_ bytes: [UInt8]) throws(EgressRefusal) -> (EgressRule.Scheme, Int) {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            let scheme = EgressRule.Scheme(rawValue: String(decoding: bytes[..<colon].map(Characters.lower), as: UTF8.self))
        else { throw .urlScheme }
        guard bytes[(colon + 1)...].starts(with: "//".utf8) else { throw .urlAuthority }
        return (scheme, colon + 3)
    }

    /// Where two URLs share credentials: scheme, host and port (RFC 6454 section 4).
    package func hasSameOrigin(as other: EgressURL) -> Bool { scheme == other.scheme && host == other.host && port == other.port }

    /// Host and port as the `Host` field has them (RFC 9110 section 7.2).
    package var authority: String { port == scheme.port ? "\(host)" : "\(host):\(port)" }

    /// The request target in origin form (RFC 9112 section 3.2.1).
    package var target: String { path + (query.map { "?" + $0 } ?? "") }
}

extension EgressURL: CustomStringConvertible {
    /// The URL's one text.
    package var description: String { "\(scheme.rawValue)://\(authority)\(target)" }
}

extension EgressRule.Scheme {
    /// The port that a URL of this scheme means when it names none.
    package var port: Int { self == .https ? 443 : 80 }
}
