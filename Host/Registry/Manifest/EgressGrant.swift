package import JSON

/// The network a plugin may reach (SPEC 2.1 `egress`); the default is none.
package struct EgressGrant: Sendable, Hashable {
    /// What is allowed; everything else is refused.
    package var allow: [EgressRule] = []
    /// Requests a call.
    package var requestsMax = 16
    /// Bytes a response.
    package var responseBytesMax = 1 << 20
    /// Requests a minute.
    package var ratePerMinute = 60

    /// Whether a rule is open to tunnels: the plugin's workers may make TCP sockets then.
    package var hasSocket: Bool { allow.contains { $0.isSocket } }

    /// No network at all.
    package init() {}

    init(_ reader: ManifestReader) throws(ManifestProblem) {
        for rule in try reader.objects("allow") { allow.append(try EgressRule(rule)) }
        requestsMax = try reader.integer("max_requests", default: requestsMax)
        responseBytesMax = try reader.integer("max_response_bytes", default: responseBytesMax)
        ratePerMinute = try reader.integer("rate", default: ratePerMinute)
    }

    /// The manifest's form.
    package var json: JSONObject {
        var object = JSONObject()
        object["allow"] = .array(allow.map { .object($0.json) })
        object["max_requests"] = .number(JSONNumber(requestsMax))
        object["max_response_bytes"] = .number(JSONNumber(responseBytesMax))
        object["rate"] = .number(JSONNumber(ratePerMinute))
        return object
    }
}

/// One rule of an egress allowlist.
package struct EgressRule: Sendable, Hashable {
    /// How the host is spoken to.
    package enum Scheme: String, Sendable, Hashable { case https, http }

    /// `https` unless the manifest says otherwise.
    package let scheme: Scheme
    /// A host name in lower case, or `*.` and a domain for its subdomains only; `*` where an author leaves the hosts to the operator.
    package let host: String
    /// Ports; the scheme's own when the manifest names none. What is open has none: the operator names them with the hosts.
    package let ports: [Int]
    /// Methods; GET and HEAD when the manifest names none.
    package let methods: [String]
    /// Exact paths, or prefixes that end in `*`; all when the manifest names none.
    package let paths: [String]
    /// Whether host and ports are open to a CONNECT tunnel too.
    package let isSocket: Bool

    /// A rule as code makes it; nothing is checked here.
    package init(
        scheme: Scheme = .https, host: String, ports: [Int]? = nil, methods: [String] = ["GET", "HEAD"], paths: [String] = ["/*"],
        isSocket: Bool = false
    ) {
        self.scheme = scheme
        self.host = host
        self.ports = ports ?? [scheme == .https ? 443 : 80]
        self.methods = methods
        self.paths = paths
        self.isSocket = isSocket
    }

    init(_ reader: ManifestReader) throws(ManifestProblem) {
        scheme = try reader.choice("scheme", default: .https)
        host = try reader.string("host")
        isSocket = try reader.bool("socket", default: false)
        // An open rule has none of its own, and the schema refuses those that are written.
        ports = host == Self.anyHost ? [] : try reader.integers("ports", default: [scheme == .https ? 443 : 80])
        methods = try reader.strings("methods", default: ["GET", "HEAD"])
        paths = try reader.strings("paths", default: ["/*"])
    }

    /// The manifest's form; a socket rule carries neither methods nor paths.
    package var json: JSONObject {
        var object: JSONObject = ["scheme": .string(scheme.rawValue), "host": .string(host)]
        if !isOpen { object["ports"] = .array(ports.map { .number(JSONNumber($0)) }) }
        if isSocket {
            object["socket"] = .bool(true)
        } else {
            object["methods"] = .array(methods.map { .string($0) })
            object["paths"] = .array(paths.map { .string($0) })
        }
        return object
    }

    /// Asks for hosts that the operator is to name, with their ports: a plugin may ask so, and no grant may say so.
    package var isOpen: Bool { host == Self.anyHost }

    /// The same rule for a host that the operator named.
    package func naming(host: String, port: Int?) -> EgressRule {
        EgressRule(scheme: scheme, host: host, ports: port.map { [$0] }, methods: methods, paths: paths, isSocket: isSocket)
    }

    /// Whether everything that `other` allows is allowed by this rule as well.
    package func covers(_ other: EgressRule) -> Bool {
        guard scheme == other.scheme, Self.host(host, covers: other.host), isOpen || Set(ports).isSuperset(of: other.ports) else { return false }
        // A tunnel carries any method and path, so a socket rule covers them all, and only it covers another socket rule.
        if isSocket { return true }
        guard !other.isSocket, Set(methods).isSuperset(of: other.methods) else { return false }
        return other.paths.allSatisfy { path in paths.contains { Self.path($0, covers: path) } }
    }

    /// What stands for hosts that the operator is to name.
    static let anyHost = "*"

    /// Whether host pattern `wide` matches everything that `narrow` matches.
    package static func host(_ wide: String, covers narrow: String) -> Bool {
        if wide == anyHost { return true }
        guard wide.hasPrefix("*.") else { return wide == narrow }
        // "*.example.com" covers itself, "*.eu.example.com" and "a.example.com", but not "example.com".
        let suffix = wide.dropFirst(1)
        if narrow == wide { return true }
        let name = narrow.hasPrefix("*.") ? narrow.dropFirst(2) : Substring(narrow)
        return name.count > suffix.count && name.hasSuffix(suffix)
    }

    private static func path(_ wide: String, covers narrow: String) -> Bool {
        guard wide.hasSuffix("*") else { return wide == narrow }
        return narrow.hasPrefix(wide.dropLast())
    }
}
