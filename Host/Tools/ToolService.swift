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
        /// Wall clock that no call may pass, in milliseconds.
        package var callMillisecondsMax = ToolLimits.callMillisecondsMax
        /// Calls of one plugin that wait while every worker is busy.
        package var queueMax = SupervisorLimits.waitersMax
        /// The tool that sanitises HTML: input and output are objects with a member `html`.
        package var sanitizer = "sanitizer.html"
        package init() {}
    }

    struct Directory: Sendable {
        var byID: [String: ToolEntry] = [:]
        /// A bare name and the ids it could mean.
        var byName: [String: [String]] = [:]
        /// Pools by plugin, with the registry's generation they were made for.
        var pools: [String: (pool: PluginPool, generation: UInt64)] = [:]
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
            ready: { [weak self] plugin, _ in
                guard let self, let generation = self.generation(of: plugin) else { return }
                self.registry?.markReady(plugin, generation: generation)
            },
            broken: { [weak self] plugin, _, reason in
                guard let self, let generation = self.generation(of: plugin) else { return }
                self.registry?.markBroken(plugin, generation: generation, reason: reason)
            },
            violation: { [weak self] plugin, version, violation in
                guard let self else { return }
                self.scope.start(on: self.workers.eventLoop) { await self.auditViolation(violation, plugin: plugin, version: version) }
            })
    }

    private func generation(of plugin: String) -> UInt64? { directory.withLock { $0.pools[plugin]?.generation } }

    /// The wall clock in force for a tool, in milliseconds: its manifest's or the host's, within the host's cap.
    package func timeoutMilliseconds(of tool: ToolDescriptor) -> Int {
        min(tool.timeoutMilliseconds ?? options.timeoutMillisecondsDefault, options.callMillisecondsMax)
    }

    /// Calls in flight.
    package var callsInFlight: Int { gate.count }

    /// The entry of an id or an unambiguous name.
    package func entry(_ idOrName: String) -> ToolEntry? {
        directory.withLock { directory in
            if let entry = directory.byID[idOrName] { return entry }
            guard let ids = directory.byName[idOrName], ids.count == 1 else { return nil }
            return directory.byID[ids[0]]
        }
    }

    /// All tools, sorted by id.
    package var entries: [ToolEntry] { directory.withLock { $0.byID.values.sorted { $0.spec.id < $1.spec.id } } }

    /// Makes tools of one plugin callable through `pool`, in the place of all earlier tools of that plugin; answers the pool that was replaced.
    @discardableResult
    package func install(_ specs: [ToolSpec], plugin: String, pool: PluginPool, generation: UInt64 = 0) -> PluginPool? {
        directory.withLock { directory in
            let old = Self.remove(plugin, from: &directory)
            directory.pools[plugin] = (pool, generation)
            for spec in specs {
                directory.byID[spec.id] = ToolEntry(spec, pool: pool)
                directory.byName[spec.name, default: []].append(spec.id)
            }
            return old
        }
    }

    /// Makes a plugin's tools unknown; answers its pool.
    @discardableResult
    package func uninstall(_ plugin: String) -> PluginPool? { directory.withLock { Self.remove(plugin, from: &$0) } }

    private static func remove(_ plugin: String, from directory: inout Directory) -> PluginPool? {
        for entry in directory.byID.values where entry.spec.plugin == plugin {
            directory.byID[entry.spec.id] = nil
            directory.byName[entry.spec.name]?.removeAll { $0 == entry.spec.id }
            if directory.byName[entry.spec.name]?.isEmpty == true { directory.byName[entry.spec.name] = nil }
        }
        return directory.pools.removeValue(forKey: plugin)?.pool
    }

    /// Ends what the service itself started; the workers are stopped by their owner.
    package func stop() async {
        scope.cancel()
        await scope.finish()
    }
}
