package import Crypto
package import JSON

extension Manifest {
    /// The manifest as JSON, defaults written out, so that an operator sees every grant.
    package var json: JSONObject {
        var object: JSONObject = ["name": .string(name), "version": .string(version.description)]
        if !description.isEmpty { object["description"] = .string(description) }
        object["abi"] = .number(JSONNumber(abi))
        object["kind"] = .string(kind.rawValue)
        object["library"] = .string(library)
        object["sha256"] = .string(librarySHA256.hex)
        object["publisher"] = .string(publisher)
        object["enabled"] = .bool(isEnabled)
        if let bundle { object["bundle"] = .string(bundle) }
        if let bundleSHA256 { object["bundle_sha256"] = .string(bundleSHA256.hex) }
        if let canaryPercent { object["canary"] = .number(JSONNumber(canaryPercent)) }
        if !tools.isEmpty { object["tools"] = .array(tools.map { .object($0.json) }) }
        if !adapters.isEmpty { object["adapters"] = .array(adapters.map { .object($0.json) }) }
        object["isolation"] = .string(isolation.rawValue)
        object["state"] = .string(state.rawValue)
        object["limits"] = .object(limits.json)
        object["egress"] = .object(egress.json)
        object["secrets"] = .array(secrets.map { .object($0.json) })
        object["mounts"] = .array(mounts.map { .object($0.json) })
        object["syscalls"] = .array(syscalls.map { .string($0) })
        object["config"] = .object(config)
        if let configSchema { object["config_schema"] = configSchema }
        if !files.isEmpty {
            var map = JSONObject()
            for (path, digest) in files.sorted(by: { $0.key < $1.key }) { map[path] = .string(digest.hex) }
            object["files"] = .object(map)
        }
        return object
    }

    /// The manifest that grants all a plugin asks for, to be written to manifests/NAME.json and then narrowed by hand.
    ///
    /// Mounts get no source: an operator has to name the folder before the grant is accepted.
    package func grantingAll(bundle: String?, bundleSHA256: SHA256Digest, enabled: Bool) -> JSONObject {
        var object = json
        object["files"] = nil
        object["enabled"] = .bool(enabled)
        if let bundle { object["bundle"] = .string(bundle) }
        object["bundle_sha256"] = .string(bundleSHA256.hex)
        return object
    }
}
