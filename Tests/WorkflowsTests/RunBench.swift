import Glibc
import IO
import JSON
import Store
import TestKit
import Testing

@testable import Workflows

/// Runs over a database of their own on either engine, with two people of one tenant and one of another.
final class RunBench: Sendable {
    static let loops = Result { try EventLoopGroup(count: 2) }
    static let ann = RunOwner(tenant: "main", account: "ann")
    static let bob = RunOwner(tenant: "main", account: "bob")
    static let eve = RunOwner(tenant: "other", account: "eve")

    let folder: String
    let database: Database
    let store: RunStore
    let jobs: JobStore
    let loop: EventLoop
    let tools: FakeTools
    let source = FakeSource()
    let service: WorkflowService
    let records = Kept<RunRecord>()

    init(_ engine: DatabaseEngine = .sqlite, probe: StoreProbe? = nil, _ tools: [String: FakeTools.Tool] = ["t.echo": .init()]) async throws {
        var template = Array("/tmp/limen-runs-XXXXXX".utf8CString)
        folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        let place: DatabasePlace
        switch engine {
        case .sqlite: place = .sqlite(path: "\(folder)/limen.db")
        case .postgres:
            let server = try PostgresServer.shared.get()
            place = .postgres(PostgresSettings(host: server.folder, database: try server.database(), user: "limen"))
        }
        loop = try Self.loops.get().loops[0]
        database = try await Database.open(place, on: Self.loops.get(), probe: probe)
        var caps = JobStore.Caps()
        (caps.backoffMilliseconds, caps.leaseMilliseconds) = (1, 900)
        (store, jobs) = (RunStore(database: database), JobStore(database: database, caps: caps))
        let fakes = FakeTools(tools, loop: loop)
        self.tools = fakes
        service = WorkflowService(store: store, source: source, loop: loop, actions: { _ in fakes }, record: { [records] in records.add($0) })
        try await database.write { connection in
            try await connection.execute("INSERT INTO tenant (id, name, created_at) VALUES ('other', 'other', 0)")
            for person in [Self.ann, Self.bob, Self.eve] {
                try await connection.execute(
                    """
                    INSERT INTO account (id, tenant, email, email_key, role, plan, is_active, must_change, created_at)
                    VALUES ($1, $2, $3, $3, 'user', 'free', 1, 0, 0)
                    """, [.text(person.account), .text(person.tenant), .text("\(person.account)@example.org")])
            }
            try await connection.execute(
                """
                INSERT INTO conversation (id, tenant, owner, title, status, message_count, created_at, updated_at)
                VALUES ('talk', 'main', 'ann', '', 'open', 0, 0, 0)
                """)
        }
    }

    static func caller(_ owner: RunOwner) -> RunCaller {
        RunCaller(tenant: owner.tenant, account: owner.account, keyID: "key", requestID: "request")
    }

    /// Keeps a run of the workflow `w`.
    @discardableResult
    func start(
        _ owner: RunOwner = ann, input: JSONValue = [:], conversation: String? = nil, request: String? = nil, max: Int = 3
    ) async throws -> (run: WorkflowRun, isNew: Bool) {
        try await service.start(
            .init(workflow: "w", input: input, conversation: conversation, request: request, runsMax: max), Self.caller(owner))
    }

    /// Does what the queue has, as a host does, until `body` returns.
    func working<Value: Sendable>(_ service: WorkflowService? = nil, name: String = "host", _ body: @escaping @Sendable () async throws -> Value)
        async throws
        -> Value
    {
        let service = service ?? self.service
        let runner = JobRunner(
            jobs, name: name, handlers: [RunStore.jobKind: { try await service.work(on: $0) }], workersByKind: [RunStore.jobKind: 16], on: loop
        ) { _ in }
        let work = OwnedTask(on: loop) { await runner.run() }
        defer { runner.stop() }
        let value = try await OwnedTask(on: loop, body).value
        runner.stop()
        await work.finish()
        return value
    }

    func end(of id: String, _ owner: RunOwner = ann) async throws -> WorkflowRun {
        for _ in 0..<40 {
            let run = try await service.wait(for: id, of: owner, milliseconds: 500)
            if run.state.isOver { return run }
        }
        return try await store.run(id, of: owner)
    }

    func count(_ sql: SQL) async throws -> Int { try await database.read { try await $0.row(sql)?.int(0) ?? -1 } }

    deinit {
        database.close()
        for name in ["limen.db", "limen.db-wal", "limen.db-shm"] { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }
}

/// Workflows in memory, whose versions stay.
final class FakeSource: WorkflowSource {
    private let state = Lock<(versions: [JSONValue], isRetired: Bool)>(([], false))

    func add(_ value: JSONValue) { state.withLock { $0.versions.append(value) } }
    func retire() { state.withLock { $0.isRetired = true } }

    func current(_ id: String, for owner: RunOwner) async throws(WorkflowError) -> StoredWorkflow {
        let (versions, isRetired) = state.withLock { $0 }
        guard id == "w", !isRetired, let last = versions.last else { throw .missing("workflow") }
        return StoredWorkflow(id: id, version: versions.count, value: last)
    }

    func pinned(_ id: String, version: Int, tenant: String) async throws(WorkflowError) -> StoredWorkflow {
        let versions = state.withLock { $0.versions }
        guard id == "w", versions.indices.contains(version - 1) else { throw .missing("workflow") }
        return StoredWorkflow(id: id, version: version, value: versions[version - 1])
    }
}

/// What was seen, in order.
final class Kept<Value: Sendable>: Sendable {
    private let list = Lock<[Value]>([])
    var values: [Value] { list.withLock { $0 } }
    func add(_ value: Value) { list.withLock { $0.append(value) } }
}
