package import IO
package import JSON
import JSONSchema
package import Store
package import Supervisor
package import Tools
package import Workers

/// A tool service over fake workers, with a database in a folder of its own; everything is ended by `run`.
package struct ToolHarness: Sendable {
    package let group: EventLoopGroup
    package let spawner: FakeSpawner
    package let workers: WorkerService
    package let observer: SandboxObserver
    package let tools: ToolService
    package let audit: AuditLog
    package let database: Database

    /// What differs from a plain tool that takes and gives any JSON.
    package struct Tool: Sendable {
        package var name = "echo"
        package var input: JSONValue = true
        package var output: JSONValue?
        package var isIdempotent = false
        package var content = ToolContent.json
        package var isPrivileged = false
        package var timeoutMilliseconds = 15_000
        package var retries = 2
        package init(
            name: String = "echo", input: JSONValue = true, output: JSONValue? = nil, isIdempotent: Bool = false, content: ToolContent = .json,
            isPrivileged: Bool = false, timeoutMilliseconds: Int = 15_000, retries: Int = 2
        ) {
            self.name = name
            self.input = input
            self.output = output
            self.isIdempotent = isIdempotent
            self.content = content
            self.isPrivileged = isPrivileged
            self.timeoutMilliseconds = timeoutMilliseconds
            self.retries = retries
        }
    }

    /// Runs `body` on a loop with the plugin `fake` and its tools.
    package static func run<T: Sendable>(
        _ list: [Tool] = [Tool()], mode: IsolationMode = .tenant, workersMax: Int = 2, keepsState: Bool = false, plugin: String = "fake",
        options: ToolService.Options = .init(), fetcher: any FetchHandler = ForbiddenFetch(), script: @escaping FakeSpawner.Script,
        _ body: @escaping @Sendable (ToolHarness) async throws -> T
    ) async throws -> T {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let database = try Database(path: folder.path + "/limen.db")
        let group = try EventLoopGroup(count: 2)
        let spawner = FakeSpawner(script)
        let observer = SandboxObserver()
        let workers = WorkerService(spawner: spawner, observer: observer, loop: group.loops[0])
        let audit = AuditLog(database: database)
        let tools = ToolService(
            workers: workers, observer: observer, audit: audit, usage: UsageStore(database: database), keyValues: KeyValueStore(database: database),
            fetcher: fetcher, options: options)
        let spec = PluginSpec(
            name: plugin, version: "1.0.0", bundlePath: "/nowhere", bundleDescriptor: -1, library: "lib/fake.so",
            pool: .init(mode: mode, workersMax: workersMax, spares: 1))
        var specs: [ToolSpec] = []
        for tool in list {
            specs.append(
                ToolSpec(
                    id: "\(plugin).\(tool.name)", name: tool.name, plugin: plugin, version: "1.0.0", input: try CompiledSchema(tool.input),
                    output: try tool.output.map { try CompiledSchema($0) }, isIdempotent: tool.isIdempotent, content: tool.content,
                    isPrivileged: tool.isPrivileged, timeoutMilliseconds: tool.timeoutMilliseconds, retries: tool.retries, isolation: mode,
                    keepsState: keepsState))
        }
        tools.install(specs, plugin: plugin, pool: workers.add(spec))
        let harness = ToolHarness(
            group: group, spawner: spawner, workers: workers, observer: observer, tools: tools, audit: audit, database: database)
        let outcome: Result<T, any Error>
        do {
            outcome = .success(try await OwnedTask(on: group.loops[1]) { try await body(harness) }.value)
        } catch { outcome = .failure(error) }
        await tools.stop()
        await workers.stop(until: .after(milliseconds: 3_000))
        await group.shutdown()
        database.close()
        return try outcome.get()
    }

    /// A caller of a tenant.
    package func caller(_ tenant: String = "t", user: String = "u", role: CallerRole = .operator) -> Caller {
        Caller(tenant: tenant, user: user, role: role, keyID: "key-1")
    }

    /// Calls a tool.
    package func call(
        _ input: String = "{}", tool: String = "fake.echo", caller: Caller? = nil, milliseconds: Int? = nil, wantsHTML: Bool = false
    ) async -> ToolOutcome {
        await tools.call(
            ToolCall(
                tool: tool, input: Array(input.utf8), caller: caller ?? self.caller(), requestID: "r-1", timeoutMilliseconds: milliseconds,
                wantsHTML: wantsHTML))
    }

    /// The audit log's newest entries, newest first.
    package func audited() async throws -> [AuditEntry] {
        try await audit.flush()
        return try await audit.list(limit: 500).items.map(\.entry)
    }
}
