internal import Crypto
internal import IO
internal import JSON
internal import Store

extension Registry {
    /// Reads the manifest folder and puts in force what passes every check; says for each file what was done.
    ///
    /// A bad file changes nothing: the version that ran before goes on. A file that is gone takes its plugin with it. A broken plugin is
    /// tried again. `by` is the id of who asked, for the history.
    package func reload(by actor: String = "system") async -> [ReloadOutcome] {
        await gate.run {
            do {
                let approvals = try await self.approvals()
                let loader = PluginLoader(folder: folder, store: bundles)
                let outcomes = try await pool.run { [self] in try loadAll(loader, approvals) }
                return await outcomes + remember(outcomes, by: actor)
            } catch let error as ManifestError {
                return [ReloadOutcome(file: "", plugin: "", version: nil, action: .keptOld, problems: error.problems)]
            } catch {
                let problem = ManifestProblem(file: "", reason: "the manifest folder could not be loaded: \(error)")
                return [ReloadOutcome(file: "", plugin: "", version: nil, action: .keptOld, problems: [problem])]
            }
        }
    }

    private func approvals() async throws -> [String: String] {
        guard let states else { return [:] }
        return try await states.approvals()
    }

    private func loadAll(_ loader: PluginLoader, _ approvals: [String: String]) throws(ManifestError) -> [ReloadOutcome] {
        let files = try folder.files()
        var outcomes: [ReloadOutcome] = []
        for file in files { outcomes.append(loadOne(file, loader, approvals)) }
        outcomes += withContents { contents in
            let gone = contents.plugins.values.filter { !files.contains($0.file) }
            for record in gone {
                contents.plugins[record.name] = nil
                contents.fileDigests[record.file] = nil
            }
            for file in contents.refused.keys where !files.contains(file) { contents.refused[file] = nil }
            contents.publish()
            return gone.map { ReloadOutcome(file: $0.file, plugin: $0.name, version: nil, action: .removed, problems: []) }
        }
        return outcomes
    }

    private func loadOne(_ file: String, _ loader: PluginLoader, _ approvals: [String: String]) -> ReloadOutcome {
        do {
            let bytes = try folder.read(file)
            if let unchanged = unchanged(file, SHA256.hash(bytes)) { return unchanged }
            let generation = withContents { contents in
                contents.generation += 1
                return contents.generation
            }
            let loaded = try loader.load(file, bytes: bytes, generation: generation) { approvals["\($0)@\($1)"] }
            return accept(loaded)
        } catch {
            return refuse(file, error)
        }
    }

    private func unchanged(_ file: String, _ digest: SHA256Digest) -> ReloadOutcome? {
        withContents { contents in
            guard contents.fileDigests[file] == digest, let record = contents.plugins.values.first(where: { $0.file == file }),
                record.state != .broken
            else { return nil }
            contents.refused[file] = nil
            return ReloadOutcome(file: file, plugin: record.name, version: record.version, action: .unchanged, problems: [])
        }
    }

    private func accept(_ loaded: PluginLoader.Loaded) -> ReloadOutcome {
        withContents { contents in
            let record = loaded.record
            let action: ReloadOutcome.Action = contents.plugins[record.name] == nil ? .loaded : .updated
            contents.plugins[record.name] = record
            contents.fileDigests[record.file] = loaded.fileDigest
            contents.refused[record.file] = nil
            contents.crashes[record.name] = nil
            contents.publish()
            return ReloadOutcome(file: record.file, plugin: record.name, version: record.version, action: action, problems: [])
        }
    }

    private func refuse(_ file: String, _ error: ManifestError) -> ReloadOutcome {
        withContents { contents in
            let name = String(file.dropLast(".json".count))
            if let record = contents.plugins.values.first(where: { $0.file == file }) {
                return ReloadOutcome(file: file, plugin: record.name, version: record.version, action: .keptOld, problems: error.problems)
            }
            contents.refused[file] = RefusedPlugin(name: name, file: file, problems: error.problems)
            contents.publish()
            return ReloadOutcome(file: file, plugin: name, version: nil, action: .refused, problems: error.problems)
        }
    }

    /// Writes approvals and history. A database that is down does not take the plugins with it, but the caller hears of it.
    private func remember(_ outcomes: [ReloadOutcome], by actor: String) async -> [ReloadOutcome] {
        guard let states else { return [] }
        let snapshot = self.snapshot()
        do {
            for outcome in outcomes {
                switch outcome.action {
                case .loaded, .updated:
                    guard let record = snapshot.plugins[outcome.plugin] else { continue }
                    try await states.approve(Self.version(of: record), by: actor)
                    try await states.note(
                        PluginStateEntry(plugin: record.name, state: record.state.rawValue, reason: record.reason), by: actor)
                case .refused:
                    let reason = outcome.problems.first?.description
                    try await states.note(
                        PluginStateEntry(plugin: outcome.plugin, state: PluginLifecycleState.broken.rawValue, reason: reason), by: actor)
                case .removed:
                    try await states.note(
                        PluginStateEntry(plugin: outcome.plugin, state: PluginLifecycleState.removed.rawValue, reason: nil), by: actor)
                case .unchanged, .keptOld: continue
                }
            }
            return []
        } catch {
            let problem = ManifestProblem(file: "", reason: "the plugins' history could not be written: \(error)")
            return [ReloadOutcome(file: "", plugin: "", version: nil, action: .keptOld, problems: [problem])]
        }
    }

    private static func version(of record: PluginRecord) -> PluginVersionEntry {
        PluginVersionEntry(
            plugin: record.name, version: record.version, bundleDigest: record.bundle.digest.hex,
            descriptionDigest: PluginLoader.descriptionDigest(record.manifest).hex)
    }
}
