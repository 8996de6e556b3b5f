import Glibc
import IO
import Store
import TestKit
import Testing

private let table = Migration(1, "test", ["CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT"])

/// What only a server can do to its clients.
@Suite("PostgreSQL") struct PostgresTests {
    private func settings(_ server: PostgresServer) throws -> PostgresSettings {
        PostgresSettings(host: server.folder, database: try server.database(), user: "limen")
    }

    @Test("the pool is bounded, who finds nothing free within its time is refused, and the connections serve on (STORE-7)")
    func pool() async throws {
        var settings = try settings(PostgresServer.shared.get())
        (settings.connectionsMax, settings.acquireMilliseconds) = (2, 200)
        let database = try await Database.open(.postgres(settings), on: StoreBed.loops.get(), migrations: [table])
        defer { database.close() }
        let outcomes = await withTaskGroup(of: StoreError.Code?.self) { group in
            for _ in 0..<6 { group.addTask { await code { _ = try await database.read { try await $0.row("SELECT pg_sleep(0.5)") } } } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 == nil }.count == 2)
        #expect(outcomes.filter { $0 == .overloaded }.count == 4)
        let metrics = database.readerMetrics
        #expect(metrics.running == 0 && metrics.refused == 4)
        _ = try await database.read { try await $0.row("SELECT 1") }
    }

    @Test("a transaction whose connection is ended before its commit is run again, and once only (STORE-7)")
    func lostConnections() async throws {
        let server = try PostgresServer.shared.get()
        let settings = try settings(server)
        let database = try await Database.open(.postgres(settings), on: StoreBed.loops.get(), migrations: [table])
        defer { database.close() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for _ in 0..<15 {
                    usleep(20_000)
                    do {
                        try server.run(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(settings.database)'", in: "postgres")
                    } catch { Issue.record("\(error)") }
                }
            }
            for worker in 0..<8 {
                group.addTask {
                    for index in 0..<60 {
                        let id = worker * 1000 + index
                        let failure = await code {
                            try await database.write { connection in
                                try await connection.execute("INSERT INTO item (id, name) VALUES ($1, $2)", [SQLValue(id), .text("w\(id)")])
                                _ = try await connection.row("SELECT pg_sleep(0.002)")
                            }
                        }
                        // A commit that was under way is the one case that nobody may repeat.
                        if let failure, failure != .unavailable { Issue.record("\(failure)") }
                    }
                }
            }
        }
        let rows = try await database.read { try await $0.row("SELECT count(*) FROM item")?.int(0) ?? 0 }
        #expect(rows > 400)
    }

    @Test("one host hears what another announces, and is told when it may have missed something (STORE-10)")
    func hosts() async throws {
        let server = try PostgresServer.shared.get()
        let settings = try settings(server)
        let one = try await Database.open(.postgres(settings), on: StoreBed.loops.get(), migrations: [table])
        defer { one.close() }
        let other = try await Database.open(.postgres(settings), on: StoreBed.loops.get(), migrations: [table])
        defer { other.close() }
        let heard = Heard()
        other.observe { heard.add($0) }
        try await eventually { server.count(listening: settings.database) == 2 }
        try await one.write { try await $0.announce("key", "k1") }
        try await eventually { heard.all.contains(.changed(topic: "key", key: "k1")) }
        let before = heard.all.filter { $0 == .gap }.count
        try server.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN limen' AND datname = '\(settings.database)'", in: "postgres"
        )
        try await eventually { heard.all.filter { $0 == .gap }.count >= before + 2 }
        try await one.write { try await $0.announce("key", "k2") }
        try await eventually { heard.all.contains(.changed(topic: "key", key: "k2")) }
    }

    @Test("a server that is not this machine is spoken to by verified TLS, whatever the environment says (STORE-12)")
    func verified() async throws {
        // Nothing listens there: what is looked at is that it would have to be verified, before anything is sent.
        for host in ["db.example.org", "10.1.2.3", "::2", "127.example.org"] {
            #expect(PostgresSettings(host: host, database: "d", user: "u").needsTLS)
            var settings = PostgresSettings(host: "localhost", database: "d", user: "u")
            settings.replica = .init(host: host, port: 5432)
            #expect(settings.ofReplica?.needsTLS == true)
        }
        for host in ["localhost", "127.0.0.1", "::1", "/run/postgresql"] { #expect(!PostgresSettings(host: host, database: "d", user: "u").needsTLS) }
        // A server without TLS, reached by an address that is not this machine's own loopback.
        let address = Shell.run("hostname -I").output.split(separator: " ").first.map(String.init)
        guard let address, address.contains(".") else { return }
        let server = try PostgresServer(options: "-c listen_addresses=\(address) -c port=55432")
        setenv("PGSSLMODE", "disable", 1)
        defer { unsetenv("PGSSLMODE") }
        var settings = PostgresSettings(host: address, port: 55432, database: "postgres", user: "limen")
        settings.acquireMilliseconds = 500
        let loops = try StoreBed.loops.get()
        do throws(StoreError) {
            try await Database.open(.postgres(settings), on: loops, migrations: [table]).close()
            Issue.record("connected without TLS")
        } catch {
            #expect(error.code == .unavailable)
            #expect(error.message.contains("SSL"))
        }
        _ = server
    }
}

extension PostgresServer {
    func count(listening database: String) -> Int {
        // A server that restarts counts nothing.
        let text = (try? run("SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN limen' AND datname = '\(database)'", in: "postgres")) ?? ""
        return Int(text.split(separator: "\n").first ?? "") ?? 0
    }
}

/// Waits until something is so, at most 10 s.
func eventually(_ condition: () -> Bool) async throws {
    for _ in 0..<1000 {
        if condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("it did not come to be within 10 s")
}
