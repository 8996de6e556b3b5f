import Glibc
import Store
import TestKit
import Testing

@Suite("Store: times") struct TimeTests {
    @Test(
        "a time is a number of milliseconds since 1970 UTC: no column of any table has a type that knows a zone or lacks one (STORE-8)",
        arguments: DatabaseEngine.allCases)
    func columns(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let columns = try await database.read { connection in
                try await connection.rows(
                    SQL(
                        sqlite: """
                            SELECT m.name, c.name, c.type FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'
                            """,
                        postgres: """
                            SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = current_schema()
                            """), [], max: 10_000
                ).map { row in (column: "\(try row.text(0)).\(try row.text(1))", type: try row.text(2).lowercased()) }
            }
            #expect(columns.count > 100)
            let types: Set = ["text", "integer", "bigint", "blob", "bytea"]
            // The search's index holds words, and no times.
            let others = columns.filter { !types.contains($0.type) && !$0.column.hasPrefix("message_words") && $0.column != "message.words" }
            #expect(others.isEmpty, "\(others)")
            let times = columns.filter { ["at", "until"].contains($0.column.split { $0 == "_" || $0 == "." }.last ?? "") }
            #expect(times.count > 30)
            let texts = times.filter { !["integer", "bigint"].contains($0.type) }
            #expect(texts.isEmpty, "\(texts)")
        }
    }

    @Test(
        "what is stored is the moment itself, whatever zone the process and the database's own sessions have (STORE-8)",
        arguments: DatabaseEngine.allCases)
    func moment(engine: DatabaseEngine) async throws {
        let bed = try StoreBed(engine)
        if case .postgres(let settings) = bed.place {
            try PostgresServer.shared.get().run("ALTER ROLE limen IN DATABASE \(settings.database) SET timezone = 'America/St_Johns'", in: "postgres")
        }
        // Read at the first use of local time by this process, which is none of ours.
        setenv("TZ", "Pacific/Auckland", 1)
        tzset()
        defer {
            unsetenv("TZ")
            tzset()
        }
        let database = try await bed.open()
        defer { database.close() }
        func now() -> Int64 {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        }
        let before = now()
        let seq = try await AuditLog(database: database).record(AuditEntry(actor: "a", tenant: "main", action: "x", outcome: "ok"))
        let at = try await database.read { try await $0.row("SELECT at FROM audit WHERE seq = $1", [.integer(seq)])?.integer(0) }
        #expect(try (before...now()).contains(#require(at)))
        #expect(UsageKey(tenant: "t", actor: "a", plugin: "p", tool: "t", atMilliseconds: 86_400_000 * 20_000 - 1).day == 19_999, "a day is UTC's")
        guard engine == .postgres else { return }
        #expect(try await database.read { try await $0.row("SELECT current_setting('timezone')")?.text(0) } == "UTC")
    }
}
