internal import Crypto
internal import JSON

/// A host that an operator names for a plugin that left its hosts to him.
package struct NamedHost: Sendable, Hashable {
    /// The rules that are meant; https when nil, or http for a plugin that asks for no other.
    package let scheme: EgressRule.Scheme?
    /// As in a rule.
    package let host: String
    /// The scheme's own when nil.
    package let port: Int?

    /// Names a host; whether it is one is checked with the manifest.
    package init(scheme: EgressRule.Scheme? = nil, host: String, port: Int? = nil) {
        self.scheme = scheme
        self.host = host
        self.port = port
    }
}

/// The grant that an upgrade proposes.
///
/// Where the new version asks for what the old one asked for, the operator's own decision stands: what he narrowed stays narrow. Only where the request itself
/// changed is the new request proposed. His `config`, the folders of his mounts and the hosts that a plugin left to him stay in any case.
struct UpgradeGrant {
    let asked: Manifest
    let askedBefore: Manifest?
    let granted: Manifest?

    /// The manifest to be written, pinned to the bundle; `mounts` names folders by target, `hosts` whom the rules that are open are for.
    func json(
        digest: SHA256Digest, mounts: [String: String], hosts: [NamedHost], config given: JSONObject = [:], canaryPercent: Int?
    ) -> JSONObject {
        var object = asked.grantingAll(bundle: nil, bundleSHA256: digest, enabled: granted?.isEnabled ?? false)
        let egress = egress(hosts)
        object["egress"] = .object(egress.json)
        object["secrets"] = .array(secrets(egress).map { .object($0.json) })
        if let granted {
            keep(&object, granted, namesHosts: !hosts.isEmpty)
        }
        object["config"] = .object(config([granted?.config ?? [:], given]))
        object["mounts"] = .array(asked.mounts.map { .object(mount($0, mounts)) })
        if let canaryPercent { object["canary"] = .number(JSONNumber(canaryPercent)) }
        return object
    }

    private func keep(_ object: inout JSONObject, _ granted: Manifest, namesHosts: Bool) {
        guard let askedBefore else { return }
        if asked.isolation == askedBefore.isolation { object["isolation"] = .string(granted.isolation.rawValue) }
        if asked.state == askedBefore.state { object["state"] = .string(granted.state.rawValue) }
        if asked.adapters == askedBefore.adapters { object["adapters"] = .array(granted.adapters.map { .object($0.json) }) }
        if !namesHosts, asked.secrets == askedBefore.secrets, asked.egress == askedBefore.egress {
            object["secrets"] = .array(granted.secrets.map { .object($0.json) })
        }
        if asked.syscalls == askedBefore.syscalls { object["syscalls"] = .array(granted.syscalls.map { .string($0) }) }
        var limits = asked.limits
        for field in PluginLimits.fields where asked.limits[keyPath: field.path] == askedBefore.limits[keyPath: field.path] {
            limits[keyPath: field.path] = granted.limits[keyPath: field.path]
        }
        object["limits"] = .object(limits.json)
        object["tools"] = .array(asked.tools.map { .object(tool($0, askedBefore.tool($0.name), granted.tool($0.name))) })
    }

    /// What is asked for, with named hosts in the places of those left open. Without names, and where nothing changed, the grant stands.
    private func egress(_ hosts: [NamedHost]) -> EgressGrant {
        if hosts.isEmpty, let granted, let askedBefore, asked.egress == askedBefore.egress { return granted.egress }
        let named = asked.egress.allow.filter { !$0.isOpen }
        var egress = asked.egress
        egress.allow = asked.egress.allow.flatMap { rule in
            guard rule.isOpen else { return [rule] }
            guard hosts.isEmpty else { return hosts.filter { scheme(of: $0) == rule.scheme }.map { rule.naming(host: $0.host, port: $0.port) } }
            return granted?.egress.allow.filter { kept in rule.covers(kept) && !named.contains { $0.covers(kept) } } ?? []
        }
        return egress
    }

    private func scheme(of host: NamedHost) -> EgressRule.Scheme {
        host.scheme ?? (asked.egress.allow.contains { $0.isOpen && $0.scheme == .https } ? .https : .http)
    }

    /// A named host that no rule was left open for.
    func misnamed(_ hosts: [NamedHost]) -> NamedHost? {
        hosts.first { host in !asked.egress.allow.contains { $0.isOpen && $0.scheme == scheme(of: host) } }
    }

    /// Where a plugin leaves the hosts of a secret open too, it goes to those that were named, but never where it would go in the clear.
    private func secrets(_ egress: EgressGrant) -> [SecretGrant] {
        let clear = Set(egress.allow.filter { $0.scheme == .http }.map(\.host))
        var named: [String] = []
        for rule in egress.allow where rule.scheme == .https && !clear.contains(rule.host) && !named.contains(rule.host) {
            if asked.egress.allow.contains(where: { $0.isOpen && $0.covers(rule) }), !asked.egress.allow.contains(rule) { named.append(rule.host) }
        }
        return asked.secrets.compactMap { $0.naming(named) }
    }

    private func tool(_ asked: ToolManifest, _ before: ToolManifest?, _ granted: ToolManifest?) -> JSONObject {
        var object = asked.json
        guard let before, let granted else { return object }
        if asked.annotations == before.annotations { object["annotations"] = .object(granted.annotations.json) }
        if asked.isPrivileged == before.isPrivileged { object["privileged"] = .bool(granted.isPrivileged) }
        if asked.timeoutMilliseconds == before.timeoutMilliseconds { object["timeout_ms"] = granted.timeoutMilliseconds.map { JSONValue($0) } }
        if asked.retries == before.retries { object["retries"] = JSONValue(granted.retries) }
        return object
    }

    /// The operator's values over the author's defaults, the newest last; a null takes one away.
    private func config(_ values: [JSONObject]) -> JSONObject {
        var object = asked.config
        for (key, value) in values.joined() { object[key] = value.isNull ? nil : value }
        return object
    }

    private func mount(_ asked: MountGrant, _ named: [String: String]) -> JSONObject {
        var object = asked.json
        let source = named[asked.target] ?? granted?.mounts.first { $0.target == asked.target }?.source
        if let source { object["source"] = .string(source) }
        return object
    }
}
