internal import Crypto
internal import IO
internal import JSON
internal import Store

extension Registry {
    /// What a rollback or a promotion came to.
    package struct Turn: Sendable {
        /// The version that all calls go to now.
        package let version: String
        /// The version that they went to before, or the one on trial that was withdrawn.
        package let from: String
        /// What may be done now, compared with before.
        package let diff: CapabilityDiff
        package let outcomes: [ReloadOutcome]
    }

    /// Puts the previous version back with the grants it had, or ends the trial of a new one. Rolling back twice returns to where it began.
    package func rollback(_ plugin: String, by actor: Requester) async throws(ManifestError) -> Turn {
        if let trial = try await standing(plugin, .canary) {
            return try await endTrial(plugin, trial, reason: "withdrawn by hand", by: actor)
        }
        guard let states else { throw ManifestError(file: "", reason: "this registry keeps no history to roll back to") }
        let file = ManifestFolder.file(plugin, .stable)
        guard let current = try await standing(plugin, .stable) else { throw ManifestError(file: file, reason: "does not exist") }
        let earlier: (present: String?, record: PluginGrantRecord?)
        do {
            var digest = snapshot().plugins[plugin]?.bundle.digest.hex ?? current.manifest?.bundleSHA256?.hex
            if digest == nil { digest = try await states.history.newest(plugin, .stable)?.entry.bundleDigest }
            earlier = (digest, try await states.history.previous(plugin, current: digest ?? ""))
        } catch {
            throw ManifestError(file: file, reason: "its history could not be read: \(error)")
        }
        guard let text = earlier.record?.entry.manifest else {
            throw ManifestError(file: file, reason: "no other version of \(plugin) was granted here, so there is none to go back to")
        }
        return try await putBack(plugin, text, current, by: actor)
    }

    private func putBack(_ plugin: String, _ text: String, _ current: Standing, by actor: Requester) async throws(ManifestError) -> Turn {
        let file = ManifestFolder.file(plugin, .stable)
        var object = try Self.object(Array(text.utf8), file: file)
        object["enabled"] = .bool(current.manifest?.isEnabled ?? snapshot().plugins[plugin]?.manifest.isEnabled ?? true)
        let then = try Manifest(parsing: JSONValue.object(object).serialized(), file: file, role: .granted)
        guard let digest = then.bundleSHA256 else { throw ManifestError(file: file, pointer: "/bundle_sha256", reason: "was not kept") }
        // The copy in the store, whatever became of the folder that it was installed from.
        object["bundle"] = .string(BundleStore.folder(then.name, then.version.description, digest))
        let granted = object
        let after = try Manifest(parsing: JSONValue.object(granted).serialized(), file: file, role: .granted)
        let entry = GrantEntry.make(after, bundleDigest: digest, before: current.manifest, track: .stable, action: "rollback", by: actor)
        try await carryOut(entry, by: actor) { [bundles] folder throws(ManifestError) in
            _ = try bundles.install(after, file: file, trust: bundles.trust.load())
            try folder.write(file, .object(granted))
        }
        return Turn(
            version: after.version.description, from: current.manifest?.version.description ?? "a version that could not be read",
            diff: CapabilityDiff(before: current.manifest, after: after), outcomes: await reload(by: actor))
    }

    /// Gives all calls to the version on trial.
    package func promote(_ plugin: String, by actor: Requester) async throws(ManifestError) -> Turn {
        let file = ManifestFolder.file(plugin, .canary)
        guard let trial = try await standing(plugin, .canary) else {
            throw ManifestError(file: file, reason: "does not exist: no version of \(plugin) is on trial")
        }
        guard let record = snapshot().canaries[plugin], var object = trial.object else {
            throw ManifestError(file: file, reason: "is not in order, so it cannot be promoted")
        }
        guard record.state != .broken else { throw ManifestError(file: file, reason: "is broken: \(record.reason ?? "no reason is known")") }
        let current = try await standing(plugin, .stable)
        object["canary"] = nil
        object["enabled"] = .bool(true)
        let granted = object
        let stable = ManifestFolder.file(plugin, .stable)
        let after = try Manifest(parsing: JSONValue.object(granted).serialized(), file: stable, role: .granted)
        let entry = GrantEntry.make(
            after, bundleDigest: record.bundle.digest, before: current?.manifest, track: .stable, action: "promote", by: actor)
        try await note(Self.endOfTrial(plugin, record.version, "promoted", by: actor, action: "promote"), by: actor)
        try await carryOut(entry, by: actor) { folder throws(ManifestError) in
            try folder.write(stable, .object(granted))
            try folder.remove(file)
        }
        return Turn(
            version: record.version, from: current?.manifest?.version.description ?? "",
            diff: CapabilityDiff(before: current?.manifest, after: after),
            outcomes: await reload(by: actor))
    }

    /// Ends the trial of a new version with a reason, if it is still the load of that generation; nil if it was not.
    package func withdraw(_ plugin: String, generation: UInt64, reason: String, by actor: Requester) async throws(ManifestError) -> Turn? {
        guard snapshot().canaries[plugin]?.generation == generation, let trial = try await standing(plugin, .canary) else { return nil }
        return try await endTrial(plugin, trial, reason: reason, by: actor)
    }

    private func endTrial(_ plugin: String, _ trial: Standing, reason: String, by actor: Requester) async throws(ManifestError) -> Turn {
        let version = trial.manifest?.version.description ?? snapshot().canaries[plugin]?.version ?? ""
        let file = ManifestFolder.file(plugin, .canary)
        try await carryOut(Self.endOfTrial(plugin, version, reason, by: actor, action: "withdraw"), by: actor) { folder throws(ManifestError) in
            try folder.remove(file)
        }
        guard let current = try await standing(plugin, .stable)?.manifest else {
            throw ManifestError(file: ManifestFolder.file(plugin, .stable), reason: "is not in order; the trial of \(version) was ended")
        }
        return Turn(
            version: current.version.description, from: version, diff: CapabilityDiff(before: trial.manifest, after: current),
            outcomes: await reload(by: actor))
    }

    private static func endOfTrial(_ plugin: String, _ version: String, _ reason: String, by actor: Requester, action: String) -> PluginGrantEntry {
        PluginGrantEntry(
            plugin: plugin, track: .canary, version: version, action: action, actor: actor.id, bundleDigest: nil, manifestDigest: nil, manifest: nil,
            reason: reason)
    }

    private func standing(_ plugin: String, _ track: GrantTrack) async throws(ManifestError) -> Standing? {
        try await onPool { [folder] () throws(ManifestError) in try Self.current(plugin, track, in: folder) }
    }

    private static func object(_ bytes: [UInt8], file: String) throws(ManifestError) -> JSONObject {
        do {
            guard let object = try JSONValue(parsing: bytes).objectValue else { throw ManifestError(file: file, reason: "must be an object") }
            return object
        } catch let error as ManifestError {
            throw error
        } catch {
            throw ManifestError(file: file, reason: "\(error)")
        }
    }
}
