import IO
import Store
import TestKit
import Testing

/// A PostgreSQL, a streaming replica of it, and a database that knows both.
private struct Pair {
    let primary: PostgresServer
    let replica: PostgresServer
    let name: String
    let database: Database

    init() async throws {
        primary = try PostgresServer()
        name = try primary.database()
        replica = try PostgresServer(options: "--replica-of \(primary.folder)")
        var settings = PostgresSettings(host: primary.folder, database: name, user: "limen")
        settings.replica = .init(host: replica.folder, port: 5432)
        database = try await Database.open(.postgres(settings), on: StoreBed.loops.get())
    }

    /// Whether a late read is answered by the replica.
    func isLate() async throws -> Bool {
        try await database.readLate { try await $0.row("SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END")?.int(0) == 1 }
    }

    /// Waits until the replica has what the primary has committed.
    func settle() async throws {
        let place = try primary.run("SELECT pg_current_wal_lsn()", in: name).prefix { $0 != "\n" }
        for _ in 0..<400 {
            if try replica.run("SELECT pg_last_wal_replay_lsn() >= '\(place)'", in: "postgres") == "t\n" { return }
            try await Task.sleep(for: .milliseconds(25))
        }
        Issue.record("the replica does not follow")
    }
}

@Suite("Store: a replica", .serialized) struct ReplicaTests {
    @Test("exports, sums and counts are read from the replica, what decides something never is, and without it the primary answers (STORE-17)")
    func late() async throws {
        let pair = try await Pair()
        defer { pair.database.close() }
        let (audit, usage, jobs) = (AuditLog(database: pair.database), UsageStore(database: pair.database), JobStore(database: pair.database))
        func add() async throws {
            try await audit.record(AuditEntry(actor: "a", tenant: "main", action: "x", outcome: "ok"))
            var amount = UsageAmount()
            amount.calls = 1
            try await usage.add(amount, to: UsageKey(tenant: "main", actor: "a", plugin: "p", tool: "t"))
            try await jobs.add(JobRequest("k", tenant: "main", owner: "u"))
            try await pair.database.flush()
        }
        func late() async throws -> [Int] {
            let calls = try await usage.sums().items.first?.amount.calls ?? 0
            return [try await audit.entries(after: 0).count, Int(calls), try await jobs.counts()["k"]?[.queued] ?? 0]
        }
        try await add()
        try await pair.settle()
        #expect(try await pair.isLate())
        #expect(try await late() == [1, 1, 1])
        #expect(pair.database.replicaFallbacks == 0)

        // It stands still: what may lag lags, and nothing else does.
        try pair.replica.run("SELECT pg_wal_replay_pause()", in: "postgres")
        try await add()
        #expect(try await late() == [1, 1, 1])
        #expect(try await audit.list().items.count == 2)
        #expect(try await audit.verify().isIntact)
        #expect(try await jobs.claim(worker: "w", kinds: ["k"]) != nil)

        // It is gone: the primary answers, after one wait of half a second.
        try pair.replica.tell("kill")
        let start = ContinuousClock.now
        #expect(try await late() == [2, 2, 1])
        #expect(ContinuousClock.now - start < .seconds(3))
        #expect(try await !pair.isLate())
        #expect(pair.database.replicaFallbacks == 4)

        // It is back, and asked again when it has rested.
        try pair.replica.tell("start")
        for _ in 0..<200 {
            if try await pair.isLate() { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(try await pair.isLate())
        try await pair.settle()
        #expect(try await late() == [2, 2, 1])
    }

    @Test("a read that fails by itself is no reason to leave the replica alone, and a file has no replica")
    func own() async throws {
        let pair = try await Pair()
        defer { pair.database.close() }
        try await pair.settle()
        for _ in 0..<2 {
            let found = await code { _ = try await pair.database.readLate { try await $0.rows("SELECT nothing FROM nowhere") } }
            #expect(found == .statement)
        }
        #expect(try await pair.isLate())
        let bed = try StoreBed(.sqlite)
        let file = try await bed.open()
        defer { file.close() }
        #expect(try await file.readLate { try await $0.row("SELECT 1")?.int(0) } == 1)
        #expect(file.replicaFallbacks == nil)
    }
}
