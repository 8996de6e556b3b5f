import Crypto
import Egress
import IO
package import Registry
import Supervisor
import Workers

/// Keeps the callable tools equal to the registry's.
extension ToolService {
    /// Takes over what the registry says now, without losing a call: a new version is warmed while the old one serves, then new calls go to it and calls in
    /// flight finish on the old; what is gone is drained. A version that does not load never takes over.
    ///
    /// Call it after every reload, enable, disable and removal.
    package func synchronise() {
        guard let registry else { return }
        synchronising.withLock { _ in
            let snapshot = registry.snapshot()
            for record in snapshot.plugins.values where record.state.isCallable { bring(record) }
            for record in snapshot.canaries.values where record.state.isCallable { tryOut(record, beside: snapshot.plugins[record.name]) }
            let retired = directory.withLock { directory in Self.dropped(&directory, snapshot) }
            for deployment in retired { retire(deployment) }
        }
    }

    private func deploy(_ record: PluginRecord) -> Deployment {
        let pool = workers.add(workerSpec(record))
        registry?.markWarming(record.name, generation: record.generation)
        // A tool's numbers belong to the tool, not to one version: what is scraped never falls.
        let access = egressAccess(record)
        let specs = record.tools.map { toolSpec($0, of: record, access) } + adapterSpecs(record, access)
        let entries = specs.map { ToolEntry($0, pool: pool, statistics: entry($0.id)?.statistics ?? ToolStatistics()) }
        return Deployment(plugin: record.name, generation: record.generation, pool: pool, record: record, entries: entries)
    }

    /// Under conditions there are no spares, which would start before their call's are known, and every worker serves one call.
    private func workerSpec(_ record: PluginRecord) -> PluginSpec {
        var spec = PluginSpec(record, spares: options.spares, queueMax: options.queueMax)
        // Nothing that comes from the network can be replayed.
        if options.conditions == nil, record.manifest.egress.hasSocket { spec.door = options.tunnels?.maker(record) }
        guard let conditions = options.conditions else { return spec }
        spec.conditions = conditions
        spec.pool.spares = 0
        spec.pool.callsPerWorkerMax = 1
        return spec
    }

    /// Nothing for a grant that does not compile; the registry has refused such a manifest before.
    private func egressAccess(_ record: PluginRecord) -> EgressAccess? {
        do throws(EgressPolicyError) {
            return try EgressAccess(
                plugin: record.name, grant: record.manifest.egress, secrets: record.manifest.secrets,
                privateNetworks: options.privateNetworks)
        } catch {
            observer.log(3, "egress refused", ["plugin": record.name, "pointer": error.pointer, "reason": error.reason])
            return nil
        }
    }

    private func toolSpec(_ tool: ToolDescriptor, of record: PluginRecord, _ access: EgressAccess?) -> ToolSpec {
        var spec = ToolSpec(tool, of: record, timeoutMilliseconds: options.timeoutMillisecondsDefault)
        spec.egress = access
        if options.conditions != nil { spec.retries = 0 }
        return spec
    }

    private func adapterSpecs(_ record: PluginRecord, _ access: EgressAccess?) -> [ToolSpec] {
        ToolSpec.adapters(of: record).map { spec in
            var spec = spec
            spec.egress = access
            // What an adapter fetches is what it answers with: a request may last as long as the call.
            spec.egress?.requestMillisecondsMax = spec.timeoutMilliseconds
            if options.conditions != nil { spec.retries = 0 }
            return spec
        }
    }

    /// Warms a version that is not here yet, or lets it serve at once when there is none to serve meanwhile.
    private func bring(_ record: PluginRecord) {
        let isHere = directory.withLock { directory in
            directory.warming[record.name]?.generation == record.generation || directory.serving[record.name]?.generation == record.generation
        }
        if isHere { return }
        let deployment = deploy(record)
        // A pool that keeps no spares starts its first worker for its first call: there is nothing to wait for.
        let mustServe = deployment.pool.spec.pool.spares == 0
        let retired: [Deployment?] = directory.withLock { directory in
            let overtaken = directory.warming.removeValue(forKey: record.name)
            guard !mustServe, let serving = directory.serving[record.name], serving.pool.broken == nil else {
                return [overtaken, directory.serve(deployment)]
            }
            directory.warming[record.name] = deployment
            return [overtaken]
        }
        for deployment in retired { retire(deployment) }
        // It may have become ready before it was put down as warming.
        if deployment.pool.isReady { takeOver(record.name, generation: record.generation) }
    }

    /// A worker of a version has loaded it: if it was being warmed, it serves from now on.
    func takeOver(_ plugin: String, generation: UInt64) {
        let old: Deployment? = directory.withLock { directory in
            if let trial = directory.trials[plugin], trial.deployment.generation == generation { trial.open() }
            guard let warm = directory.warming[plugin], warm.generation == generation else { return nil }
            directory.warming[plugin] = nil
            return directory.serve(warm)
        }
        retire(old)
    }

    /// A version does not load: the one that serves goes on serving, and a trial of it is over.
    func gaveUp(_ plugin: String, generation: UInt64, reason: String) {
        let (warm, trial) = directory.withLock { directory -> (Deployment?, Trial?) in
            let warm = directory.warming[plugin].flatMap { $0.generation == generation ? $0 : nil }
            if warm != nil { directory.warming[plugin] = nil }
            return (warm, directory.trials[plugin].flatMap { $0.deployment.generation == generation ? $0 : nil })
        }
        retire(warm)
        if let trial, let why = trial.judge({ $0.broke(reason) }) { rollBack(trial, why) }
    }

    // MARK: Trials

    private func tryOut(_ record: PluginRecord, beside stable: PluginRecord?) {
        guard let stable, stable.manifest.isEnabled, let percent = record.manifest.canaryPercent else { return }
        let isHere = directory.withLock { $0.trials[record.name]?.deployment.generation == record.generation }
        if isHere { return }
        let trial = Trial(deploy(record), percent: percent)
        let old = directory.withLock { $0.trials.updateValue(trial, forKey: record.name) }
        retire(old?.deployment)
        if trial.deployment.pool.isReady || trial.deployment.pool.spec.pool.spares == 0 { trial.open() }
    }

    /// Takes the outcome of a call beside which a trial runs.
    func observe(_ trial: Trial, _ entry: ToolEntry, _ verdict: ToolEntry.Verdict) {
        let isCanary = entry.pool === trial.deployment.pool
        let reason = trial.judge { judge in
            if isCanary, entry.breakerPhase == .open { return judge.breakerOpened(entry.spec.id) }
            guard verdict != .neither else { return .goOn }
            return judge.record(isCanary: isCanary, isFailure: verdict == .failure)
        }
        if let reason { rollBack(trial, reason) }
    }

    /// The trial has had its last call already; its file goes, and with it the version.
    private func rollBack(_ trial: Trial, _ reason: String) {
        let (plugin, version) = (trial.deployment.plugin, trial.deployment.version)
        observer.log(4, "canary rolled back", ["plugin": plugin, "version": version, "reason": reason])
        scope.start(on: workers.eventLoop) {
            do throws(ManifestError) {
                _ = try await self.registry?.withdraw(plugin, generation: trial.deployment.generation, reason: reason, by: .system)
            } catch {
                self.observer.log(
                    4, "a canary's manifest could not be removed; it gets no calls", ["plugin": plugin, "version": version, "cause": "\(error)"])
            }
            self.synchronise()
        }
    }

    // MARK: Ends

    /// What the registry no longer wants, taken out of the directory.
    private static func dropped(_ directory: inout Directory, _ snapshot: RegistrySnapshot) -> [Deployment] {
        var gone: [Deployment] = []
        for plugin in Set(directory.serving.keys).union(directory.warming.keys) {
            // A broken plugin stays known: the version that serves goes on, and without one its calls say that it is broken.
            let state = snapshot.plugins[plugin]?.state
            if state == .broken || state?.isCallable == true { continue }
            gone += [directory.unserve(plugin), directory.warming.removeValue(forKey: plugin)].compactMap { $0 }
        }
        for (plugin, trial) in directory.trials {
            let isWanted = snapshot.canaries[plugin].map { $0.generation == trial.deployment.generation && $0.state.isCallable } ?? false
            if isWanted, snapshot.plugins[plugin]?.manifest.isEnabled == true { continue }
            directory.trials[plugin] = nil
            gone.append(trial.deployment)
        }
        return gone
    }

    /// Lets the calls of a version end, then its workers, then its copy in the store if nothing else refers to it.
    func retire(_ deployment: Deployment?) {
        guard let deployment else { return }
        directory.withLock { $0.retiring.append(deployment) }
        let longest = deployment.entries.values.lazy.filter { $0.spec.adapter != nil }.map(\.spec.timeoutMilliseconds).max() ?? 0
        let milliseconds = max(ToolLimits.replacedMilliseconds, options.callMillisecondsMax, longest)
        scope.start(on: workers.eventLoop) {
            await self.workers.remove(deployment.pool, until: .after(milliseconds: milliseconds))
            let isLast = self.directory.withLock { directory in
                directory.retiring.removeAll { $0 === deployment }
                return !directory.bundlePaths.contains(deployment.pool.spec.bundlePath)
            }
            if isLast { await self.clean() }
        }
    }

    /// Removes copies from the store that no version needs.
    package func clean(removesLeftovers: Bool = false) async {
        do throws(ManifestError) {
            let gone = try await registry?.cleanStore(inUse: directory.withLock { $0.bundlePaths }, removesLeftovers: removesLeftovers) ?? []
            if !gone.isEmpty { observer.log(2, "old bundles removed", ["bundles": gone.joined(separator: ", ")]) }
        } catch {
            observer.log(3, "old bundles could not be removed", ["cause": "\(error)"])
        }
    }

    // MARK: Seen from outside

    /// The version of a plugin that calls go to now, if it is another than the registry's: the new one is warming, or does not load.
    package func servingInstead(of record: PluginRecord) -> PluginRecord? {
        directory.withLock { directory in directory.serving[record.name]?.record.flatMap { $0.generation == record.generation ? nil : $0 } }
    }

    /// Every version of a plugin that has workers, the one that serves first.
    package func versions(of plugin: String) -> [VersionView] {
        let snapshot = registry?.snapshot()
        return directory.withLock { directory in
            let trial = directory.trials[plugin]
            let share = trial.map { $0.isOpen ? $0.percent : 0 } ?? 0
            var views: [VersionView] = []
            func add(_ deployment: Deployment, state: PluginLifecycleState?, share: Int, trial: Trial? = nil) {
                let records = [snapshot?.plugins[plugin], snapshot?.canaries[plugin], deployment.record].compactMap { $0 }
                let record = records.first { $0.generation == deployment.generation }
                let tally = trial?.tally
                views.append(
                    VersionView(
                        version: deployment.version, state: state ?? record?.state ?? .ready, isCanary: trial != nil, share: share,
                        reason: record?.reason,
                        bundleDigest: record?.bundle.digest.hex, tally: tally.map { ($0.calls, $0.failures) }))
            }
            if let serving = directory.serving[plugin] { add(serving, state: serving.pool.isReady ? .ready : nil, share: 100 - share) }
            if let warming = directory.warming[plugin] { add(warming, state: .warming, share: 0) }
            if let trial { add(trial.deployment, state: nil, share: share, trial: trial) }
            for deployment in directory.retiring where deployment.plugin == plugin {
                add(deployment, state: deployment.record?.whenDraining.state ?? .draining, share: 0)
            }
            return views
        }
    }
}
