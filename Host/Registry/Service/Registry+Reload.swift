internal import Crypto
internal import IO
internal import JSON
internal import Store

extension Registry {
    /// Reads the manifest folder and puts in force what passes every check; says for each file what was done.
    ///
    /// A bad file changes nothing: the version that ran before goes on. A file that is gone takes its plugin with it. A broken plugin is
    /// tried again. A plugin whose publisher's trust was withdrawn is not kept: it is refused like a new one. `by` is who asked, for the history. Only
    /// the service knows how plugins fare, so a command that merely looks passes false for `notesStates`.
    package func reload(by actor: Requester = .system, notesStates: Bool = true) async -> [ReloadOutcome] {
        await gate.run {
            do {
                let approvals = try await self.approvals()
                var pass = try await pool.run { [self] in
                    let trust = bundles.trust.load()
                    withdraw(trust)
                    var pass = try loadAll(PluginLoader(folder: folder, store: bundles, trust: trust), approvals)
                    pass.outcomes += trust.problems.map { ReloadOutcome(file: $0.file, plugin: "", version: nil, action: .keptOld, problems: [$0]) }
                    return pass
                }
                try await explain(&pass)
                return await pass.outcomes + remember(pass.applied, pass.outcomes, by: actor, notesStates: notesStates)
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

    /// What one walk over the folder came to.
    private struct Pass: Sendable {
        var outcomes: [ReloadOutcome] = []
        var applied: [Applied] = []
        /// Manifests whose tools are not those that were approved, by file.
        var unapproved: [String: Manifest] = [:]
    }

    private func loadAll(_ loader: PluginLoader, _ approvals: [String: String]) throws(ManifestError) -> Pass {
        let files = try folder.files()
        var pass = Pass()
        // A trial is beside something, so what it is beside comes first.
        for file in files where !file.hasSuffix(".canary.json") { loadOne(file, loader, approvals, &pass) }
        for file in files where file.hasSuffix(".canary.json") { loadOne(file, loader, approvals, &pass) }
        pass.outcomes += forget { !files.contains($0) }
        return pass
    }

    /// Lets go of what no file names any more.
    private func forget(_ isGone: (_ file: String) -> Bool) -> [ReloadOutcome] {
        withContents { contents in
            let gone = (Array(contents.plugins.values) + Array(contents.canaries.values)).filter {
                isGone($0.file) || ($0.track == .canary && isGone(ManifestFolder.file($0.name, .stable)))
            }
            for record in gone {
                if record.track == .stable { contents.plugins[record.name] = nil } else { contents.canaries[record.name] = nil }
                contents.fileDigests[record.file] = nil
            }
            for file in contents.refused.keys where isGone(file) { contents.refused[file] = nil }
            contents.publish()
            return gone.map { ReloadOutcome(file: $0.file, plugin: $0.name, version: nil, action: .removed, problems: []) }
        }
    }

    /// Forgets what was signed by keys that are trusted no more; its manifest is then loaded as if it were new, and refused with the reason.
    private func withdraw(_ trust: TrustSet) {
        withContents { contents in
            for record in Array(contents.plugins.values) + Array(contents.canaries.values) {
                guard case .refused = trust.verdict(on: record.bundle.signer, plugin: record.name) else { continue }
                // A trial is beside something: it goes with what it is beside.
                let gone = record.track == .stable ? [contents.plugins.removeValue(forKey: record.name)] : []
                for record in gone + [contents.canaries.removeValue(forKey: record.name)] { record.map { contents.fileDigests[$0.file] = nil } }
            }
        }
    }

    private func loadOne(_ file: String, _ loader: PluginLoader, _ approvals: [String: String], _ pass: inout Pass) {
        do {
            let bytes = try folder.read(file)
            if let unchanged = unchanged(file, SHA256.hash(bytes)) { return pass.outcomes.append(unchanged) }
            let generation = withContents { contents in
                contents.generation += 1
                return contents.generation
            }
            switch try loader.load(file, bytes: bytes, generation: generation, approved: { approvals["\($0)@\($1)"] }) {
            case .loaded(let loaded):
                try check(loaded.record.manifest, file: file)
                try accept(loaded, &pass)
            case .notAsApproved(let manifest):
                pass.unapproved[file] = manifest
                let reason = "names, descriptions or schemas changed since version \(manifest.version) was approved; a change needs a new version"
                pass.outcomes.append(refuse(file, ManifestError(file: file, pointer: "/tools", reason: reason)))
            }
        } catch {
            pass.outcomes.append(refuse(file, error))
        }
    }

    private func unchanged(_ file: String, _ digest: SHA256Digest) -> ReloadOutcome? {
        withContents { contents in
            guard contents.fileDigests[file] == digest, let record = contents.record(of: file), record.state != .broken else { return nil }
            contents.refused[file] = nil
            return ReloadOutcome(file: file, plugin: record.name, version: record.version, action: .unchanged, problems: [])
        }
    }

    private func accept(_ loaded: PluginLoader.Loaded, _ pass: inout Pass) throws(ManifestError) {
        let record = loaded.record
        let (isAccepted, before) = withContents { contents -> (Bool, PluginRecord?) in
            let before = contents.record(of: record.file)
            if record.track == .stable {
                contents.plugins[record.name] = record
            } else {
                guard contents.plugins[record.name] != nil else { return (false, nil) }
                contents.canaries[record.name] = record
            }
            contents.fileDigests[record.file] = loaded.fileDigest
            contents.refused[record.file] = nil
            contents.crashes[record.name] = nil
            contents.publish()
            return (true, before)
        }
        guard isAccepted else {
            throw ManifestError(file: record.file, reason: "is a trial beside \(record.name).json, which is not in force")
        }
        pass.applied.append(Applied(record: record, before: before))
        let action: ReloadOutcome.Action = before == nil ? .loaded : .updated
        pass.outcomes.append(ReloadOutcome(file: record.file, plugin: record.name, version: record.version, action: action, problems: []))
    }

    private func refuse(_ file: String, _ error: ManifestError) -> ReloadOutcome {
        withContents { contents in
            if let record = contents.record(of: file) {
                return ReloadOutcome(file: file, plugin: record.name, version: record.version, action: .keptOld, problems: error.problems)
            }
            let name = String(file.dropLast((file.hasSuffix(".canary.json") ? ".canary.json" : ".json").count))
            contents.refused[file] = RefusedPlugin(name: name, file: file, problems: error.problems)
            contents.publish()
            return ReloadOutcome(file: file, plugin: name, version: nil, action: .refused, problems: error.problems)
        }
    }

    // MARK: What was approved

    /// Names tool and member where a manifest is not what was approved.
    private func explain(_ pass: inout Pass) async throws {
        for (file, manifest) in pass.unapproved {
            let problems = try await pinnedProblems(manifest, file: file)
            guard !problems.isEmpty, let index = pass.outcomes.firstIndex(where: { $0.file == file }) else { continue }
            let old = pass.outcomes[index]
            let shown = ManifestError(problems).problems
            pass.outcomes[index] = ReloadOutcome(file: file, plugin: old.plugin, version: old.version, action: old.action, problems: shown)
            withContents { contents in
                guard let refused = contents.refused[file] else { return }
                contents.refused[file] = RefusedPlugin(name: refused.name, file: file, problems: shown)
                contents.publish()
            }
        }
    }

    /// Where a manifest's tools differ from those approved with the same version; empty when they do not, or were never approved.
    func pinnedProblems(_ manifest: Manifest, file: String) async throws(ManifestError) -> [ManifestProblem] {
        guard let states else { return [] }
        do {
            let version = manifest.version.description
            guard let known = try await states.approvals()["\(manifest.name)@\(version)"], known != PluginLoader.descriptionDigest(manifest).hex
            else {
                return []
            }
            guard let text = try await states.approvedTools(manifest.name, version: version) else {
                return [ManifestProblem(file: file, pointer: "/tools", reason: "is not what was approved with version \(version)")]
            }
            return PinnedTools.differences(manifest, approved: try JSONValue(parsing: Array(text.utf8)), file: file)
        } catch {
            throw ManifestError(file: file, reason: "what was approved could not be read: \(error)")
        }
    }
}

extension Registry.Contents {
    /// The record that a file put in force.
    func record(of file: String) -> PluginRecord? {
        plugins.values.first { $0.file == file } ?? canaries.values.first { $0.file == file }
    }
}
