package import Egress
import IO
package import Registry
package import Store
import Supervisor
package import Workers

/// The one call path (SPEC 4): whoever calls a tool, by whatever door, comes through `call`.
package final class ToolService: Sendable {
    /// What may differ between installations.
    package struct Options: Sendable {
        package var callsPerCallerMax = ToolLimits.callsPerCallerMax
        /// Spares a plugin, ready before anyone calls.
        package var spares = 1
        /// Wall clock of a call whose manifest says nothing, in milliseconds.
        package var timeoutMillisecondsDefault = ToolLimits.callMillisecondsDefault
        /// Wall clock that no tool's call may pass, in milliseconds; adapters have caps of their own.
        package var callMillisecondsMax = ToolLimits.callMillisecondsMax
        /// How long any adapter may say nothing, if not as long as its kind says, in milliseconds.
        package var silenceMilliseconds: Int?
        /// Calls of one plugin that wait while every worker is busy.
        package var queueMax = SupervisorLimits.waitersMax
        /// What the operator opened of private networks, by host.
        package var privateNetworks = PrivateNetworks()
        /// The tool that sanitises HTML: input and output are objects with a member `html`.
        package var sanitizer = "sanitizer.html"
        /// For calls that are recorded or replayed: every worker then serves one call, and no call is tried twice.
        package var conditions: ConditionsBox?
        /// The CONNECT proxies of plugins with a socket grant; without them their workers can make no socket.
        package var tunnels: TunnelDoors?
        package init() {}
    }

    struct Directory: Sendable {
        var byID: [String: ToolEntry] = [:]
        /// A bare name and the ids it could mean.
        var byName: [String: [String]] = [:]
        /// The version of each plugin that new calls go to.
        var serving: [String: Deployment] = [:]
        /// The version that will serve as soon as one of its workers is ready.
        var warming: [String: Deployment] = [:]
        /// The version that gets a share of the calls.
        var trials: [String: Trial] = [:]
        /// Versions whose last calls are finishing.
        var retiring: [Deployment] = []
    }

    package let workers: WorkerService
    package let observer: SandboxObserver
    package let options: Options
    let fetcher: any FetchHandler
    let keyValues: KeyValueStore?
    let audit: AuditLog?
    let usage: UsageStore?
    let registry: Registry?
    let directory = Lock(Directory())
    let gate: CallGate
    /// One at a time takes over what the registry says, so that an older view never overtakes a newer one.
    let synchronising = Lock(())
    let scope = TaskScope()

    /// - Parameters:
    ///   - registry: where tools come from with `synchronise()`; nil if they are only installed by hand.
    ///   - audit: where each call is recorded; a call whose record is refused fails.
    package init(
        workers: WorkerService, observer: SandboxObserver, registry: Registry? = nil, audit: AuditLog? = nil, usage: UsageStore? = nil,
        keyValues: KeyValueStore? = nil, fetcher: any FetchHandler = ForbiddenFetch(), options: Options = .init()
    ) {
        self.workers = workers
        self.observer = observer
        self.registry = registry
        self.audit = audit
        self.usage = usage
        self.keyValues = keyValues
        self.fetcher = fetcher
        self.options = options
        gate = CallGate(perCallerMax: options.callsPerCallerMax)
        observer.attach(hooks())
    }

    private func hooks() -> SandboxObserver.Hooks {
        SandboxObserver.Hooks(
            ready: { [weak self] plugin, generation in
                guard let self else { return }
                self.registry?.markReady(plugin, generation: generation)
                self.takeOver(plugin, generation: generation)
            },
            broken: { [weak self] plugin, generation, reason in
                guard let self else { return }
                if self.registry?.markBroken(plugin, generation: generation, reason: reason) == true {
                    self.scope.start(on: self.workers.eventLoop) { await self.recordBroken(plugin, generation) }
                }
                self.gaveUp(plugin, generation: generation, reason: reason)
            },
            violation: { [weak self] plugin, version, violation in
                guard let self else { return }
                self.scope.start(on: self.workers.eventLoop) { await self.auditViolation(violation, plugin: plugin, version: version) }
            })
    }

    private func recordBroken(_ plugin: String, _ generation: UInt64) async {
        do {
            try await registry?.noteBroken(plugin, generation: generation)
        } catch {
            observer.log(4, "a broken plugin could not be recorded", ["plugin": plugin, "cause": "\(error)"])
        }
    }

    /// The wall clock in force for a tool, in milliseconds: its manifest's or the host's, within the host's cap.
    package func timeoutMilliseconds(of tool: ToolDescriptor) -> Int {
        min(tool.timeoutMilliseconds ?? options.timeoutMillisecondsDefault, options.callMillisecondsMax)
    }

    /// Calls in flight.
    package var callsInFlight: Int { gate.count }

    /// The entry of an id or an unambiguous name.
    package func entry(_ idOrName: String) -> ToolEntry? {
        directory.withLock { $0.entry(idOrName) }
    }

    /// Where a call goes: the tool of the version that serves, or of the one on trial whose share it belongs to, and the trial that learns from it.
    func route(_ call: ToolCall) -> (entry: ToolEntry, trial: Trial?)? {
        let found = directory.withLock { directory -> (ToolEntry, Trial?)? in
            // An adapter is reached by its kind and model alone, a tool only as a tool.
            guard let entry = directory.entry(call.tool), (entry.spec.adapter == nil) == (call.model == nil) else { return nil }
            return (entry, directory.trials.isEmpty ? nil : directory.trials[entry.spec.plugin])
        }
        guard let (entry, trial) = found else { return nil }
        let chosen = trial?.entry(for: call, tool: entry.spec.id) ?? entry
        // Whoever looked at a version has that one: a version on trial may be destructive where this one is not.
        guard let wanted = call.version, chosen.spec.version != wanted else { return (chosen, trial) }
        return (entry, trial)
    }

    /// All tools and adapters, sorted by id.
    package var entries: [ToolEntry] { directory.withLock { $0.byID.values.sorted { $0.spec.id < $1.spec.id } } }

    /// Makes tools of one plugin callable through `pool`, in the place of all earlier tools of that plugin; answers the pool that was replaced.
    @discardableResult
    package func install(_ specs: [ToolSpec], plugin: String, pool: PluginPool, generation: UInt64 = 0) -> PluginPool? {
        let deployment = Deployment(plugin: plugin, generation: generation, pool: pool, entries: specs.map { ToolEntry($0, pool: pool) })
        return directory.withLock { $0.serve(deployment)?.pool }
    }

    /// Makes a plugin's tools unknown; answers its pool.
    @discardableResult
    package func uninstall(_ plugin: String) -> PluginPool? { directory.withLock { $0.unserve(plugin)?.pool } }

    /// Ends what the service itself started; the workers are stopped by their owner.
    package func stop() async {
        scope.cancel()
        await scope.finish()
    }
}

extension ToolService.Directory {
    /// Sends new calls to a version; answers the one that they went to before.
    mutating func serve(_ deployment: Deployment) -> Deployment? {
        let old = unserve(deployment.plugin)
        serving[deployment.plugin] = deployment
        for entry in deployment.entries.values {
            byID[entry.spec.id] = entry
            if entry.spec.adapter == nil { byName[entry.spec.name, default: []].append(entry.spec.id) }
        }
        return old
    }

    /// Makes a plugin's tools unknown; answers the version that served them.
    mutating func unserve(_ plugin: String) -> Deployment? {
        guard let old = serving.removeValue(forKey: plugin) else { return nil }
        for entry in old.entries.values {
            byID[entry.spec.id] = nil
            byName[entry.spec.name]?.removeAll { $0 == entry.spec.id }
            if byName[entry.spec.name]?.isEmpty == true { byName[entry.spec.name] = nil }
        }
        return old
    }

    /// The entry of an id or an unambiguous name; a tool that only a version still warming has is found there.
    func entry(_ idOrName: String) -> ToolEntry? {
        if let entry = byID[idOrName] { return entry }
        if let ids = byName[idOrName], ids.count == 1 { return byID[ids[0]] }
        return warming.values.lazy.compactMap { $0.entries[idOrName] }.first
    }

    /// Copies in the store that workers were started from.
    var bundlePaths: Set<String> {
        Set((Array(serving.values) + Array(warming.values) + trials.values.map(\.deployment) + retiring).map(\.pool.spec.bundlePath))
    }
}
