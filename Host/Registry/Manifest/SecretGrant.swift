package import JSON

/// A secret that the proxy adds to a plugin's requests; the plugin never sees its value (SPEC 2.1 `secrets`).
package struct SecretGrant: Sendable, Hashable {
    /// Where the proxy puts the value.
    package enum Placement: String, Sendable, Hashable { case header, query, basic }

    /// Its name in the host's encrypted store.
    package let name: String
    /// Where it goes.
    package let placement: Placement
    /// The header's or query parameter's name; nil for basic authentication.
    package let field: String?
    /// Text before the value.
    package let prefix: String
    /// The only hosts it is sent to, as host patterns.
    package let hosts: [String]

    init(_ reader: ManifestReader) throws(ManifestProblem) {
        name = try reader.string("name")
        placement = try reader.choice("in", default: nil)
        field = try reader.optionalString("field")
        prefix = try reader.optionalString("prefix") ?? ""
        hosts = try reader.strings("hosts", default: [])
    }

    private init(_ secret: SecretGrant, hosts: [String]) {
        (name, placement, field, prefix) = (secret.name, secret.placement, secret.field, secret.prefix)
        self.hosts = hosts
    }

    /// The same secret with `named` in the place of the hosts that are left to the operator; nil if there is no host then.
    func naming(_ named: [String]) -> SecretGrant? {
        guard hosts.contains(EgressRule.anyHost) else { return self }
        let own = hosts.filter { $0 != EgressRule.anyHost }
        let all = own + named.filter { host in !own.contains { EgressRule.host($0, covers: host) } }
        return all.isEmpty ? nil : SecretGrant(self, hosts: all)
    }

    /// The manifest's form.
    package var json: JSONObject {
        var object: JSONObject = ["name": .string(name), "in": .string(placement.rawValue)]
        if let field { object["field"] = .string(field) }
        if !prefix.isEmpty { object["prefix"] = .string(prefix) }
        object["hosts"] = .array(hosts.map { .string($0) })
        return object
    }

    /// Whether `other` is the same secret in the same place for the same or fewer hosts.
    func covers(_ other: SecretGrant) -> Bool {
        name == other.name && placement == other.placement && field == other.field && prefix == other.prefix
            && other.hosts.allSatisfy { host in hosts.contains { EgressRule.host($0, covers: host) } }
    }
}
