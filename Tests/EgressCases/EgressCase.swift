package import Registry

/// One attack on the proxy, or one ordinary request beside them, and what must become of it.
package struct EgressCase: Sendable {
    package let name: String
    /// Such as `200`, `refused host_not_allowed` or `failed tls`.
    package let expected: String
    package let url: String
    package var method = "GET"
    package var fields: [(name: String, value: String)] = []
    package var follows = false
    /// Milliseconds that the plugin gives it.
    package var patience: Int?
    /// No name may have been asked for, and no server reached.
    package var isSilent = false

    package init(
        _ name: String, _ expected: String, _ url: String, method: String = "GET", fields: [(name: String, value: String)] = [],
        follows: Bool = false, patience: Int? = nil, isSilent: Bool = false
    ) {
        (self.name, self.expected, self.url, self.method, self.fields) = (name, expected, url, method, fields)
        (self.follows, self.patience, self.isSilent) = (follows, patience, isSilent)
    }
}

/// ATTACKS.md, "Egress", and more: each case by its name, with what must become of it. `Tests/EgressTests` puts them to the proxy itself, `limen-escape --egress`
/// to the whole host through a jailed plugin, as root and rootless.
package enum EgressCases {
    /// All of their names.
    package static var all: [String] {
        (policy + redirects).map(\.name) + addresses.map { "resolves: \($0.name)" } + upstreams.map { "upstream: \($0.name)" }
            + certificates.map { "TLS: \($0.name)" } + names.map { "DNS: \($0.name)" } + tunnels.map(\.name)
    }

    /// No text for a plugin names an address inside.
    package static func keepsQuiet(_ message: String) -> Bool {
        !["127.", "10.0", "169.254", "192.168", "172.16", "::1", "fd00"].contains { message.contains($0) }
    }

    /// The hosts that are granted in `policy` and `redirects`, and those for which loopback is opened.
    package static let hosts = (granted: ["api.test", "*.sub.test", "inside.test"], opened: ["api.test", "a.sub.test"])

    /// What is granted of each host.
    package static func rules(_ hosts: [String], port: Int) -> [EgressRule] {
        hosts.map {
            EgressRule(
                scheme: .http, host: $0, ports: [port, 9], methods: ["GET", "HEAD"], paths: ["/", "/to", "/end", "/loop", "/count/*", "/raw/*"])
        }
    }

    /// What the CONNECT proxy's worker is granted.
    package static func tunnelRules(port: Int) -> [EgressRule] {
        ["allowed.test", "missing.test", "silent.test", "mixed.test"].map { EgressRule(host: $0, ports: [443, port, 9], isSocket: true) }
            + [EgressRule(host: "fetch.test"), EgressRule(host: "127.0.0.1", isSocket: true)]
    }
}
