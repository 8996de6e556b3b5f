import Store
import TestKit
import Testing

@Suite("Row-level security") struct TenantWallTests {
    @Test("whoever speaks to PostgreSQL past the services sees and writes rows of the tenant it names, and none without one (STORE-10)")
    func wall() async throws {
        let server = try PostgresServer.shared.get()
        let settings = PostgresSettings(host: server.folder, database: try server.database(), user: "limen")
        let database = try await Database.open(.postgres(settings), on: StoreBed.loops.get())
        defer { database.close() }
        let log = AuditLog(database: database)
        for tenant in ["a", "a", "b"] { try await log.record(AuditEntry(actor: "u", tenant: tenant, action: "x", outcome: "ok")) }
        func psql(_ lines: String) -> Shell.Outcome {
            Shell.run("printf '%s' \"\(lines)\" | psql -q -A -t -v ON_ERROR_STOP=1 -h '\(server.folder)' -U limen -d \(settings.database)")
        }
        // The owner of the tables, by a client of its own.
        #expect(psql("SELECT count(*) FROM audit").output == "0\n")
        #expect(psql("SET limen.tenant = 'a'; SELECT count(*) FROM audit").output == "2\n")
        #expect(psql("SET limen.tenant = 'b'; SELECT count(*) FROM audit").output == "1\n")
        let usage = "INSERT INTO usage_day VALUES (1, 'a', 'u', 'p', 't', 1, 0, 0, 0, 0, 0)"
        #expect(psql("SET limen.tenant = 'b'; \(usage)").output.contains("row-level security"))
        #expect(psql("SET limen.tenant = 'a'; \(usage)").status == 0)
        // Of every table that has tenants, and of those that come.
        let open = try server.run(
            "SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' WHERE c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)",
            in: settings.database)
        #expect(open == "0\n")
        // The same within a body: a statement without any condition.
        let seen = try await database.read { connection in
            try await connection.confine(to: "b")
            return try await connection.rows("SELECT tenant FROM audit").map { try $0.text(0) }
        }
        #expect(seen == ["b"])
        #expect(try await database.read { try await $0.row("SELECT count(*) FROM audit")?.int(0) } == 3)
    }
}
