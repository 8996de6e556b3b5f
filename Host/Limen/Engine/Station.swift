import IO
import Registry
import Store
import Tools
import Workers

/// Store, registry and the call path over one data folder.
struct Station: Sendable {
    let database: Database
    let audit: AuditLog
    let usage: UsageStore
    let secrets: SecretStore
    let registry: Registry
    let tools: ToolService

    /// Opens the folder's database and names its registry; nothing is loaded before `reload`. Without `trust`, the folders beneath both decide whom is trusted.
    init(
        _ engine: Engine, data: String, database place: DatabasePlace? = nil, manifests: String, bundleRoots: [String], trust: TrustFolders? = nil,
        fetcher: any FetchHandler = ForbiddenFetch(),
        options: ToolService.Options = .init()
    ) async throws {
        let database = try await Database.open(place ?? .sqlite(path: "\(data)/limen.db"), on: engine.group)
        engine.atEnd { database.close() }
        self.database = database
        audit = AuditLog(database: database)
        usage = UsageStore(database: database)
        secrets = SecretStore(database: database, keys: SecretCommands.keys(in: data))
        let bundles = BundleStore(
            path: "\(data)/store", roots: bundleRoots, trust: trust ?? TrustFolders(data: data, manifests: manifests))
        let registry = try Registry(
            manifestFolder: manifests, bundles: bundles, states: PluginStateStore(database: database), audit: audit,
            inspect: EgressDoor.problems)
        engine.atEnd { registry.shutdown() }
        self.registry = registry
        tools = ToolService(
            workers: engine.workers, observer: engine.observer, registry: registry, audit: audit, usage: usage,
            keyValues: KeyValueStore(database: database), fetcher: fetcher, options: options)
    }

    /// The first reload of a service: afterwards nothing is in the store that a crash left half-written or that no version refers to.
    func begin() async -> [ReloadOutcome] {
        let outcomes = await reload()
        await tools.clean(removesLeftovers: true)
        return outcomes
    }

    /// Reads the manifests and makes what is in order callable.
    @discardableResult
    func reload(by actor: Requester = .system) async -> [ReloadOutcome] {
        let outcomes = await registry.reload(by: actor)
        tools.synchronise()
        return outcomes
    }

    /// Installs and enables a bundle; for commands that call it at once.
    /// - Throws: `CommandError` naming file, pointer and reason.
    func take(_ bundle: String) async throws {
        let outcomes = try await registry.install(bundleAt: bundle, by: "cli")
        try Self.check(outcomes)
        let name = try Bundler(bundle).name
        try Self.check(try await registry.enable(name, by: "cli"))
        tools.synchronise()
    }

    private static func check(_ outcomes: [ReloadOutcome]) throws(CommandError) {
        for outcome in outcomes {
            if let problem = outcome.problems.first { throw CommandError("\(problem)") }
        }
    }

    /// Ends calls and makes what was recorded durable.
    func stop() async {
        await tools.stop()
        do {
            try await audit.flush()
        } catch {
            Output.complain("limen: the audit log could not be flushed: \(error)\n")
        }
    }
}
