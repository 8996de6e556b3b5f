import HTTP
import JSON
import TestKit
import Testing

@Suite("Limen with a replica", .serialized) struct ReplicaServiceTests {
    @Test("an export of the audit log comes from the replica, and from the primary when that is gone; what is logged is in neither (STORE-17)")
    func export() async throws {
        let primary = try PostgresServer()
        let database = try primary.database()
        let replica = try PostgresServer(options: "--replica-of \(primary.folder)")
        let server = try LiveServer(
            plugins: [],
            environment: [
                "LIMEN_STORE_ENGINE": "postgres", "LIMEN_STORE_POSTGRES_HOST": primary.folder, "LIMEN_STORE_POSTGRES_DATABASE": database,
                "LIMEN_STORE_POSTGRES_REPLICA_HOST": replica.folder,
            ])
        func act(_ name: String) async throws {
            let made = try await server.send(.put, "/v1/admin/secrets/\(name)", #"{"value":"planted-value-\#(name)"}"#)
            #expect(made.status == 200, "\(made.text)")
        }
        func exported() async throws -> String { try await server.send(.get, "/v1/admin/audit/export").text }
        try await act("first")
        var isThere = false
        for _ in 0..<200 where !isThere {
            isThere = try await exported().contains(#""name":"first""#)
            if !isThere { try await Task.sleep(for: .milliseconds(25)) }
        }
        #expect(isThere)
        try replica.run("SELECT pg_wal_replay_pause()", in: "postgres")
        try await act("second")
        #expect(try await !exported().contains(#""name":"second""#))
        #expect(try await server.send(.get, "/v1/admin/audit").text.contains(#""name":"second""#))
        try replica.tell("kill")
        #expect(try await exported().contains(#""name":"second""#))
        let metrics = try await server.send(.get, "/metrics").text
        let line = metrics.split(separator: "\n").first { $0.hasPrefix("limen_store_replica_fallbacks_total ") }
        #expect(line != nil && line?.hasSuffix(" 0") == false, "\(line ?? "")")

        let marked = try await server.send(.get, "/v1/me", headers: [("X-Request-Id", "a-mark-of-this-test")])
        #expect(marked.status == 200)
        #expect(server.stop() == 0)
        #expect(server.log.contains("a-mark-of-this-test"))
        let dump = Shell.run("pg_dump -h '\(primary.folder)' -U postgres \(database)").output
        #expect(dump.contains("audit_head") && !dump.contains("a-mark-of-this-test"))
    }
}
