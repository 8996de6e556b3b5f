internal import Crypto
internal import IO
package import JSON
internal import Store

extension Registry {
    /// Sets `enabled` in the plugin's manifest and reloads; the file stays the one truth that an operator can read.
    package func enable(_ plugin: String, by actor: String) async throws(ManifestError) -> [ReloadOutcome] {
        try await setEnabled(plugin, true, by: actor)
    }

    /// Clears `enabled` in the plugin's manifest and reloads; calls in flight finish.
    package func disable(_ plugin: String, by actor: String) async throws(ManifestError) -> [ReloadOutcome] {
        try await setEnabled(plugin, false, by: actor)
    }

    /// Removes the plugin's manifest and reloads; the verified copy stays in the store for a return.
    package func remove(_ plugin: String, by actor: String) async throws(ManifestError) -> [ReloadOutcome] {
        try await onPool { [folder] () throws(ManifestError) in try folder.remove(plugin + ".json") }
        return await reload(by: actor)
    }

    /// Verifies and copies a bundle folder and says what it asks for; writes and enables nothing.
    package func inspect(bundleAt path: String) async throws(ManifestError) -> Manifest {
        try await onPool { [bundles] () throws(ManifestError) in
            let source = try BundleSource(path: path)
            _ = try bundles.install(source)
            return source.asked
        }
    }

    /// Verifies and copies a bundle, and writes a manifest that grants what it asks for; it stays disabled until it is enabled.
    ///
    /// `narrow` may take grants away from the JSON before it is written. A manifest that asks for mounts is refused on reload until the
    /// operator has named their folders.
    package func install(
        bundleAt path: String, by actor: String, narrow: @escaping @Sendable (JSONObject) -> JSONObject = { $0 }
    ) async throws(ManifestError) -> [ReloadOutcome] {
        try await onPool { [bundles, folder] () throws(ManifestError) in
            let source = try BundleSource(path: path)
            _ = try bundles.install(source)
            let granted = narrow(source.asked.grantingAll(bundle: nil, bundleSHA256: source.digest, enabled: false))
            try folder.write(source.asked.name + ".json", .object(granted))
        }
        return await reload(by: actor)
    }

    private func setEnabled(_ plugin: String, _ isEnabled: Bool, by actor: String) async throws(ManifestError) -> [ReloadOutcome] {
        try await onPool { [folder] () throws(ManifestError) in
            let file = plugin + ".json"
            let bytes = try folder.read(file)
            // Only a manifest that is in order is rewritten; a broken one is for its author to repair.
            _ = try Manifest(parsing: bytes, file: file, role: .granted)
            let parsed: JSONValue
            do throws(JSONError) {
                parsed = try JSONValue(parsing: bytes)
            } catch {
                throw ManifestError(file: file, reason: error.message)
            }
            guard var object = parsed.objectValue else { throw ManifestError(file: file, reason: "must be an object") }
            object["enabled"] = .bool(isEnabled)
            try folder.write(file, .object(object))
        }
        return await reload(by: actor)
    }

    private func onPool<Result: Sendable>(
        _ body: @escaping @Sendable () throws(ManifestError) -> Result
    ) async throws(ManifestError) -> Result {
        do {
            return try await gate.run { try await pool.run { try body() } }
        } catch let error as ManifestError {
            throw error
        } catch {
            throw ManifestError(file: "", reason: "the registry is not available: \(error)")
        }
    }
}
