internal import Crypto
internal import IO
package import JSON
internal import Store

extension Registry {
    /// Sets `enabled` in the plugin's manifest and reloads; the file stays the one truth that an operator can read.
    package func enable(_ plugin: String, by actor: Requester) async throws(ManifestError) -> [ReloadOutcome] {
        try await setEnabled(plugin, true, by: actor)
    }

    /// Clears `enabled` in the plugin's manifest and reloads; calls in flight finish.
    package func disable(_ plugin: String, by actor: Requester) async throws(ManifestError) -> [ReloadOutcome] {
        try await setEnabled(plugin, false, by: actor)
    }

    /// Removes the plugin's manifests and reloads; calls in flight finish.
    package func remove(_ plugin: String, by actor: Requester) async throws(ManifestError) -> [ReloadOutcome] {
        let version = snapshot().plugins[plugin]?.version ?? ""
        let entry = PluginGrantEntry(
            plugin: plugin, version: version, action: "remove", actor: actor.id, bundleDigest: nil, manifestDigest: nil, manifest: nil)
        try await carryOut(entry, by: actor) { folder throws(ManifestError) in
            try folder.remove(ManifestFolder.file(plugin, .canary))
            try folder.remove(ManifestFolder.file(plugin, .stable))
        }
        return await reload(by: actor)
    }

    // MARK: Install and upgrade

    /// Verifies and copies a bundle and works out what it would be granted; writes and enables nothing.
    ///
    /// `mounts` names folders of this host by the mount's target, `hosts` whom the plugin may reach if it left that open. `canaryPercent` proposes a trial beside the version in force.
    package func propose(
        bundleAt path: String, mounts: [String: String] = [:], hosts: [NamedHost] = [], config: JSONObject = [:], canaryPercent: Int? = nil
    ) async throws(ManifestError) -> GrantProposal {
        let proposal = try await onPool { [bundles, folder] () throws(ManifestError) in
            let source = try BundleSource(path: path, trust: bundles.trust.load())
            // A good copy may be in the store already; what the operator points at is checked all the same.
            try source.verifyFiles()
            let copy = try bundles.install(source)
            let current = try Self.current(source.asked.name, in: folder)
            guard current != nil || canaryPercent == nil else {
                throw ManifestError(
                    file: source.asked.name + ".json", reason: "does not exist, so there is nothing to try \(source.asked.version) beside")
            }
            guard hosts.isEmpty || source.asked.egress.allow.contains(where: \.isOpen) else {
                throw ManifestError(file: source.asked.name + ".json", reason: "gets no hosts of yours: the plugin names its own")
            }
            let askedBefore = current?.manifest.flatMap { bundles.asked($0) }
            let grant = UpgradeGrant(asked: source.asked, askedBefore: askedBefore, granted: current?.manifest)
            if let host = grant.misnamed(hosts) {
                throw ManifestError(
                    file: source.asked.name + ".json", reason: "gets no host \(host.host): the plugin asks for no open rule of that scheme")
            }
            return try GrantProposal(
                asked: source.asked, before: current?.manifest,
                object: grant.json(digest: copy.digest, mounts: mounts, hosts: hosts, config: config, canaryPercent: canaryPercent),
                bundleDigest: copy.digest,
                fileDigest: current?.digest)
        }
        let problems = try await pinnedProblems(proposal.after, file: proposal.file)
        guard problems.isEmpty else { throw ManifestError(problems) }
        try check(proposal.after, file: proposal.file)
        return proposal
    }

    /// Puts a proposal in force; `enabled` decides whether it may be called (nil leaves that as it is).
    package func accept(_ proposal: GrantProposal, enabled: Bool? = nil, by actor: Requester) async throws(ManifestError) -> [ReloadOutcome] {
        var object = proposal.object
        if let enabled { object["enabled"] = .bool(enabled) }
        let granted = object
        let after = try Manifest(parsing: JSONValue.object(granted).serialized(), file: proposal.file, role: .granted)
        let action = proposal.track == .canary ? "canary" : GrantEntry.action(before: proposal.before, after: after)
        let entry = GrantEntry.make(
            after, bundleDigest: proposal.bundleDigest, before: proposal.before, track: proposal.track, action: action, by: actor)
        try await carryOut(entry, by: actor) { folder throws(ManifestError) in
            guard try Self.current(after.name, in: folder)?.digest == proposal.fileDigest else {
                throw ManifestError(file: after.name + ".json", reason: "was changed while you decided; look at the change again")
            }
            try folder.write(proposal.file, .object(granted))
        }
        return await reload(by: actor)
    }

    /// Installs a bundle, granted what it asks for and disabled if it is new; an earlier grant of the same plugin is upgraded without a question.
    package func install(bundleAt path: String, by actor: Requester) async throws(ManifestError) -> [ReloadOutcome] {
        try await accept(try await propose(bundleAt: path), by: actor)
    }

    // MARK: The files

    /// A manifest as it stands in the folder.
    struct Standing: Sendable {
        /// nil when the file is there but not in order.
        let manifest: Manifest?
        let object: JSONObject?
        let digest: SHA256Digest
    }

    /// The plugin's manifest file; nil when there is none.
    static func current(_ plugin: String, _ track: GrantTrack = .stable, in folder: ManifestFolder) throws(ManifestError) -> Standing? {
        let file = ManifestFolder.file(plugin, track)
        guard try folder.files().contains(file) else { return nil }
        let bytes = try folder.read(file)
        do {
            let manifest = try Manifest(parsing: bytes, file: file, role: .granted)
            let object = try JSONValue(parsing: bytes).objectValue
            return Standing(manifest: manifest, object: object, digest: SHA256.hash(bytes))
        } catch {
            // A broken file is replaced like any other; it only has no grants to compare with.
            return Standing(manifest: nil, object: nil, digest: SHA256.hash(bytes))
        }
    }

    private func setEnabled(_ plugin: String, _ isEnabled: Bool, by actor: Requester) async throws(ManifestError) -> [ReloadOutcome] {
        let file = ManifestFolder.file(plugin, .stable)
        let bytes = try await onPool { [folder] () throws(ManifestError) in try folder.read(file) }
        // Only a manifest that is in order is rewritten; a broken one is for its author to repair.
        let before = try Manifest(parsing: bytes, file: file, role: .granted)
        let parsed: JSONValue
        do throws(JSONError) {
            parsed = try JSONValue(parsing: bytes)
        } catch {
            throw ManifestError(file: file, reason: error.message)
        }
        guard var object = parsed.objectValue else { throw ManifestError(file: file, reason: "must be an object") }
        object["enabled"] = .bool(isEnabled)
        let granted = object
        var after = before
        after.isEnabled = isEnabled
        // Without a verified bundle there is no digest to write down: the reload that follows says what is wrong with the file.
        let digest = before.bundleSHA256 ?? snapshot().plugins[plugin].flatMap { $0.version == before.version.description ? $0.bundle.digest : nil }
        let entry = digest.map {
            GrantEntry.make(after, bundleDigest: $0, before: before, track: .stable, action: isEnabled ? "enable" : "disable", by: actor)
        }
        try await carryOut(entry, by: actor) { folder throws(ManifestError) in try folder.write(file, .object(granted)) }
        return await reload(by: actor)
    }

    /// Writes a decision down, then carries it out; what could not be carried out is not history.
    ///
    /// In this order so that the service, which sees the file change, finds the decision and who made it, and does not note it as its own.
    func carryOut(
        _ entry: PluginGrantEntry?, by actor: Requester, _ act: @escaping @Sendable (ManifestFolder) throws(ManifestError) -> Void
    ) async throws(ManifestError) {
        let id = try await note(entry, by: actor)
        do {
            try await onPool { [folder] () throws(ManifestError) in try act(folder) }
        } catch {
            try await takeBack(id)
            throw error
        }
    }

    func onPool<Result: Sendable>(
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
