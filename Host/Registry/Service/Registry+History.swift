internal import Crypto
internal import IO
internal import JSON
package import Store

/// Makes the history's rows.
enum GrantEntry {
    /// A row about a manifest that is to be in force, or is.
    static func make(
        _ after: Manifest, bundleDigest: SHA256Digest, before: Manifest?, track: GrantTrack, action: String, by actor: Requester,
        reason: String? = nil
    ) -> PluginGrantEntry {
        var object = after.json
        object["bundle_sha256"] = .string(bundleDigest.hex)
        let digest = SHA256.hash(JSONValue.object(object).serialized([.sortedKeys]))
        return PluginGrantEntry(
            plugin: after.name, track: track, version: after.version.description, action: action, actor: actor.id, bundleDigest: bundleDigest.hex,
            manifestDigest: digest.hex, manifest: JSONValue.object(object).text,
            changes: CapabilityDiff(before: before, after: after).json, reason: reason)
    }

    /// What a change of a manifest is called.
    static func action(before: Manifest?, after: Manifest) -> String {
        guard let before else { return "install" }
        if before.version != after.version { return before.version < after.version ? "upgrade" : "downgrade" }
        if before.librarySHA256 != after.librarySHA256 { return "upgrade" }
        var toggled = before
        toggled.isEnabled = after.isEnabled
        if before.isEnabled != after.isEnabled, toggled.json == after.json { return after.isEnabled ? "enable" : "disable" }
        return "edit"
    }
}

/// Who granted what when: written to the history and to the audit log.
extension Registry {
    /// The newest decisions about a plugin first.
    package func history(_ plugin: String, cursor: String? = nil, limit: Int? = nil) async throws(StoreError) -> Page<PluginGrantRecord> {
        guard let states else { throw StoreError(.unavailable, "this registry keeps no history") }
        return try await states.history.list(plugin, cursor: cursor, limit: limit)
    }

    /// Adds a decision to the history and, if it is news, to the audit log; answers its id.
    @discardableResult
    func note(_ entry: PluginGrantEntry?, by actor: Requester) async throws(ManifestError) -> Int64? {
        guard let entry, let states else { return nil }
        do {
            guard let id = try await states.history.record(entry) else { return nil }
            try await audit?.record(Self.auditEntry(entry, actor))
            return id
        } catch {
            throw ManifestError(file: "", reason: "the decision could not be written down, so nothing was changed: \(error)")
        }
    }

    func takeBack(_ id: Int64?) async throws(ManifestError) {
        guard let id, let states else { return }
        do {
            try await states.history.withdraw(id)
        } catch {
            throw ManifestError(file: "", reason: "a decision that failed could not be taken out of the history: \(error)")
        }
    }

    private static func auditEntry(_ entry: PluginGrantEntry, _ actor: Requester) -> AuditEntry {
        let changes = entry.changes.arrayValue ?? []
        func count(_ kind: String) -> JSONValue { JSONValue(changes.count { $0["change"]?.stringValue == kind }) }
        var details: JSONObject = ["track": .string(entry.track.rawValue), "wider": count("wider"), "narrower": count("narrower")]
        if let digest = entry.bundleDigest { details["bundle_sha256"] = .string(digest) }
        return AuditEntry(
            actor: actor.id, tenant: actor.tenant, action: "plugin.\(entry.action)", plugin: entry.plugin, version: entry.version,
            callID: actor.requestID, outcome: "ok", reason: entry.reason, details: details)
    }

    /// Writes down that a load of a plugin was found broken by its workers: the command line sees it, and the audit log keeps it.
    package func noteBroken(_ plugin: String, generation: UInt64) async throws(StoreError) {
        let snapshot = snapshot()
        guard let record = [snapshot.plugins[plugin], snapshot.canaries[plugin]].compactMap({ $0 }).first(where: { $0.generation == generation }),
            record.state == .broken
        else { return }
        if record.track == .stable {
            try await states?.note(PluginStateEntry(plugin: plugin, state: record.state.rawValue, reason: record.reason), by: Requester.system.id)
        }
        try await audit?.record(
            AuditEntry(
                actor: Requester.system.id, tenant: Requester.system.tenant, action: "plugin.broken", plugin: plugin, version: record.version,
                outcome: "broken", reason: record.reason))
    }

    // MARK: After a reload

    /// What a reload put in force, with what was in force before.
    struct Applied: Sendable {
        let record: PluginRecord
        let before: PluginRecord?
    }

    /// Writes down what a reload found changed; a decision of our own is there already and is not written twice.
    func remember(_ applied: [Applied], _ outcomes: [ReloadOutcome], by actor: Requester, notesStates: Bool) async -> [ReloadOutcome] {
        guard let states else { return [] }
        do {
            // At once, so that one commit carries the rows of many plugins.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for change in applied { group.addTask { try await self.remember(change, states, by: actor, notesStates: notesStates) } }
                try await group.waitForAll()
            }
            for outcome in outcomes {
                switch outcome.action {
                case .refused where notesStates:
                    let reason = outcome.problems.first?.description
                    try await states.note(
                        PluginStateEntry(plugin: outcome.plugin, state: PluginLifecycleState.broken.rawValue, reason: reason), by: actor.id)
                case .removed: try await rememberRemoval(outcome, states, by: actor)
                case .loaded, .updated, .unchanged, .keptOld, .refused: continue
                }
            }
            return []
        } catch {
            let problem = ManifestProblem(file: "", reason: "the plugins' history could not be written: \(error)")
            return [ReloadOutcome(file: "", plugin: "", version: nil, action: .keptOld, problems: [problem])]
        }
    }

    private func remember(_ change: Applied, _ states: PluginStateStore, by actor: Requester, notesStates: Bool) async throws {
        let record = change.record
        try await states.approve(
            PluginVersionEntry(
                plugin: record.name, version: record.version, bundleDigest: record.bundle.digest.hex,
                descriptionDigest: PluginLoader.descriptionDigest(record.manifest).hex, tools: PinnedTools.json(record.manifest).text), by: actor.id)
        if record.track == .stable, notesStates {
            try await states.note(PluginStateEntry(plugin: record.name, state: record.state.rawValue, reason: record.reason), by: actor.id)
        }
        var before = change.before?.manifest
        if before == nil, let text = try await states.history.newest(record.name, record.track)?.entry.manifest {
            // try?: a row of a time with other rules is compared with as nothing at all: everything is shown as new.
            before = try? Manifest(parsing: Array(text.utf8), file: record.file, role: .granted)
        }
        let action = record.track == .canary ? "canary" : GrantEntry.action(before: before, after: record.manifest)
        try await note(
            GrantEntry.make(
                record.manifest, bundleDigest: record.bundle.digest, before: before, track: record.track, action: action, by: actor), by: actor)
    }

    private func rememberRemoval(_ outcome: ReloadOutcome, _ states: PluginStateStore, by actor: Requester) async throws {
        let track: GrantTrack = outcome.file.hasSuffix(".canary.json") ? .canary : .stable
        if track == .stable {
            try await states.note(
                PluginStateEntry(plugin: outcome.plugin, state: PluginLifecycleState.removed.rawValue, reason: nil), by: actor.id)
        }
        try await note(
            PluginGrantEntry(
                plugin: outcome.plugin, track: track, version: try await states.history.newest(outcome.plugin, track)?.entry.version ?? "",
                action: track == .canary ? "withdraw" : "remove", actor: actor.id, bundleDigest: nil, manifestDigest: nil, manifest: nil), by: actor)
    }
}
