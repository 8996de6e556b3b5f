package import Registry
package import Store

/// The secrets that a plugin's requests carry for one tenant: a value without I/O, made from the manifest's grants and what the store holds.
///
/// A plugin never names a secret: which one goes where, for which hosts, is the manifest's alone (SPEC 2.1), so no text of a request is ever taken for a
/// name or a placeholder. Equal sets carry the same versions of the same secrets; `identity` says the same as a text, for a pool's key.
package struct SecretSet: Sendable {
    /// A request as it goes over the wire; for that alone, never for logs or the plugin.
    package struct Outward: Sendable {
        package var url: EgressURL
        package var fields: [(name: String, value: String)]
        /// What was added, to be recorded before it is sent.
        package var used: [StoredSecret] = []
    }

    private let placements: [SecretPlacement]
    /// Tenant, names and versions, no value: connections and TLS sessions are shared under one identity only.
    package let identity: String
    private let allowsClear: Bool
    /// What is hidden, as a text without any value: equal texts hide the same.
    let scrubbing: String

    /// Nothing to add and nothing to hide.
    package static let none = SecretSet(grants: [], secrets: [])

    /// Joins a manifest's grants with the secrets of their names.
    ///
    /// One that the store does not have refuses the requests to its hosts. `allowsClear` is for a proxy whose operator lets secrets go over http.
    package init(grants: [SecretGrant], secrets: [StoredSecret], allowsClear: Bool = false) {
        let known = Dictionary(secrets.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        placements = grants.map { SecretPlacement($0, known[$0.name]) }
        identity = grants.map { grant in
            known[grant.name].map { "\($0.tenant)/\($0.name)@\($0.version)" } ?? "\(grant.name)@none"
        }.sorted().joined(separator: " ")
        self.allowsClear = allowsClear
        scrubbing = identity + " " + grants.map { "\($0.name):\($0.placement)" }.sorted().joined(separator: " ")
    }

    /// Whether there is nothing to add and nothing to hide.
    package var isEmpty: Bool { placements.isEmpty }

    /// Takes the values out of what servers send back, those too that did not go to that server.
    package var scrubber: Scrubber { Scrubber(hiding: placements.flatMap(\.hidden)) }

    /// Adds what is bound to the URL's host, and refuses a plugin's own field of the same name.
    ///
    /// What comes back is for the wire only: redirects are resolved, and logs written, with the plugin's own URL. `keepsCredentials` is the redirect's
    /// (`EgressRedirects.Hop`): once another origin was met nothing is added any more.
    package func apply(
        to url: EgressURL, fields: [(name: String, value: String)], keepsCredentials: Bool = true
    ) throws(EgressRefusal) -> Outward {
        guard keepsCredentials, !placements.isEmpty else { return Outward(url: url, fields: fields) }
        var (text, fields) = (url.description, fields)
        var used: [StoredSecret] = []
        var hasQuery = url.query != nil
        for placement in placements where placement.isFor(url.host) {
            switch placement.addition {
            case .refused(let refusal): throw refusal
            case .header(let name, let value):
                // The fields of the plugin, and those of the secrets before this one.
                guard !fields.contains(where: { Self.lower($0.name) == Self.lower(name) }) else { throw .secretField }
                fields.append((name, value))
            case .query(let name, let encoded):
                guard !Self.names(inQueryOf: text).contains(Self.lower(name)) else { throw .secretField }
                text += (hasQuery ? "&" : "?") + name + "=" + encoded
                hasQuery = true
            }
            guard url.scheme == .https || allowsClear else { throw .secretInClear }
            if let secret = placement.secret { used.append(secret) }
        }
        return Outward(url: try EgressURL(text), fields: fields, used: used)
    }

    private static func lower(_ text: String) -> String { String(decoding: text.utf8.map(Characters.lower), as: UTF8.self) }

    /// The names of a query's fields as servers read them: cut at `&` and `;`, decoded, in any case; and what stands before a `[`, which some take for
    /// the name.
    private static func names(inQueryOf url: String) -> Set<String> {
        guard let mark = url.firstIndex(of: "?") else { return [] }
        var found: Set<String> = []
        for field in url[url.index(after: mark)...].utf8.split(whereSeparator: { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: ";") }) {
            let name = decoded(field.prefix { $0 != UInt8(ascii: "=") }).map(Characters.lower)
            found.insert(String(decoding: name, as: UTF8.self))
            found.insert(String(decoding: name.prefix { $0 != UInt8(ascii: "[") }, as: UTF8.self))
        }
        return found
    }

    private static func decoded(_ bytes: Substring.UTF8View) -> [UInt8] {
        var out: [UInt8] = []
        var rest = Array(bytes)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let high = rest.first.flatMap(Characters.hexValue),
                let low = rest.dropFirst().first.flatMap(Characters.hexValue)
            {
                rest = rest.dropFirst(2)
                out.append(high << 4 | low)
            } else {
                out.append(byte)
            }
        }
        return out
    }
}

extension SecretSet: Hashable {
    package static func == (left: SecretSet, right: SecretSet) -> Bool { left.identity == right.identity }

    package func hash(into hasher: inout Hasher) { hasher.combine(identity) }
}
