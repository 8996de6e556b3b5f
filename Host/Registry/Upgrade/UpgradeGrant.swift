internal import Crypto
internal import JSON

/// A host that an operator names for a plugin that left its hosts to him.
package struct NamedHost: Sendable, Hashable {
    /// As in a rule.
    package let host: String
    /// The scheme's own when nil.
    package let port: Int?

    /// Names a host; whether it is one is checked with the manifest.
    package init(host: String, port: Int? = nil) {
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
    func json(digest: SHA256Digest, mounts: [String: String], hosts: [NamedHost], canaryPercent: Int?) -> JSONObject {
        var object = asked.grantingAll(bundle: nil, bundleSHA256: digest, enabled: granted?.isEnabled ?? false)
        object["egress"] = .object(egress(hosts).json)
        if let granted {
            keep(&object, granted)
            object["config"] = .object(config(granted.config))
        }
        object["mounts"] = .array(asked.mounts.map { .object(mount($0, mounts)) })
        if let canaryPercent { object["canary"] = .number(JSONNumber(canaryPercent)) }
        return object
    }

    private func keep(_ object: inout JSONObject, _ granted: Manifest) {
        guard let askedBefore else { return }
        if asked.isolation == askedBefore.isolation { object["isolation"] = .string(granted.isolation.rawValue) }
        if asked.state == askedBefore.state { object["state"] = .string(granted.state.rawValue) }
        if asked.secrets == askedBefore.secrets, asked.egress == askedBefore.egress {
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
            guard hosts.isEmpty else { return hosts.map { rule.naming(host: $0.host, port: $0.port) } }
            return granted?.egress.allow.filter { kept in rule.covers(kept) && !named.contains { $0.covers(kept) } } ?? []
        }
        return egress
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

    /// The operator's values over the author's defaults.
    private func config(_ granted: JSONObject) -> JSONObject {
        var object = asked.config
        for (key, value) in granted { object[key] = value }
        return object
    }

    private func mount(_ asked: MountGrant, _ named: [String: String]) -> JSONObject {
        var object = asked.json
        let source = named[asked.target] ?? granted?.mounts.first { $0.target == asked.target }?.source
        if let source { object["source"] = .string(source) }
        return object
    }
}
