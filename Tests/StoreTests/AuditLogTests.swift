import JSON
import Store
import Testing

@Suite struct AuditLogTests {
    private func entry(_ index: Int, plugin: String = "text") -> AuditEntry {
        AuditEntry(
            actor: "key-1", tenant: "main", action: "tool.call", plugin: plugin, version: "1.0.0", tool: "upper", callID: "c\(index)",
            outcome: "ok", details: ["n": .number(JSONNumber(index))])
    }

    @Test("entries that were queued and entries that were awaited form one gapless, verified chain (OPS-6)", arguments: DatabaseEngine.allCases)
    func chain(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let log = AuditLog(database: database)
            for index in 0..<2500 { try await log.append(entry(index)) }
            try await log.flush()
            #expect(try await log.record(entry(2500)) == 2501)
            let result = try await log.verify()
            #expect(result.isIntact)
            #expect(result.entriesChecked == 2501)
        }
    }

    static let tamperings: [(String, SQL, Int64)] = [
        ("altered", "UPDATE audit SET outcome = 'ok2' WHERE seq = 7", 7),
        ("null for a text", "UPDATE audit SET tool = NULL WHERE seq = 5", 5),
        ("empty for a null", "UPDATE audit SET reason = '' WHERE seq = 5", 5),
        ("moved between fields", "UPDATE audit SET plugin = 'tex', version = 't1.0.0' WHERE seq = 3", 3),
        ("removed", "DELETE FROM audit WHERE seq = 4", 4),
        ("cut off at the end", "DELETE FROM audit WHERE seq > 8", 9),
        ("all removed", "DELETE FROM audit", 1),
        ("swapped", "UPDATE audit SET at = CASE seq WHEN 2 THEN 99 ELSE at END WHERE seq = 2", 2),
    ]

    @Test("whoever changes the file is found at the first entry that is not as it was (OPS-6)", arguments: tamperings, DatabaseEngine.allCases)
    func tampered(_ tampering: (what: String, statement: SQL, brokenAt: Int64), engine: DatabaseEngine) async throws {
        let (what, statement, brokenAt) = tampering
        let bed = try StoreBed(engine)
        var database = try await bed.open()
        for index in 0..<10 { try await AuditLog(database: database).append(entry(index)) }
        database.close()
        try bed.tamper([
            SQL(sqlite: "DROP TRIGGER audit_is_never_updated", postgres: "DROP TRIGGER audit_is_never_changed ON audit"),
            SQL(sqlite: "DROP TRIGGER audit_is_never_deleted", postgres: "DROP TRIGGER audit_is_never_deleted ON audit"),
            statement,
        ])
        database = try await bed.open()
        defer { database.close() }
        let result = try await AuditLog(database: database).verify()
        #expect(result.brokenAt == brokenAt, "\(what): \(result)")
    }

    @Test(
        "no statement of the host's own can change or remove an entry",
        arguments: ["UPDATE audit SET outcome = 'x'", "DELETE FROM audit", "DELETE FROM audit_head"] as [SQL], DatabaseEngine.allCases)
    func appendOnly(statement: SQL, engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let log = AuditLog(database: database)
            try await log.record(entry(1))
            let failure = await code { _ = try await database.write { try await $0.execute(statement) } }
            #expect(failure == .constraint)
            #expect(try await log.verify().entriesChecked == 1)
        }
    }

    @Test("lists come newest first in pages of 50, stay stable while entries are added, and end (API-7)", arguments: DatabaseEngine.allCases)
    func pages(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let log = AuditLog(database: database)
            for index in 0..<130 { try await log.append(entry(index)) }
            try await log.flush()
            var page = try await log.list()
            #expect(page.items.count == 50)
            var seen = page.items.map(\.seq)
            while let cursor = page.nextCursor {
                try await log.record(entry(9999))
                page = try await log.list(cursor: cursor)
                seen += page.items.map(\.seq)
            }
            #expect(seen == Array((1...130).reversed()))
        }
    }

    @Test("list limits outside 1 to 500 and foreign cursors are refused (API-7)", arguments: [0, -1, 501, Int.max], DatabaseEngine.allCases)
    func limits(limit: Int, engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let log = AuditLog(database: database)
            let failure1 = await code { _ = try await log.list(limit: limit) }
            #expect(failure1 == .invalid)
            let failure2 = await code { _ = try await log.list(cursor: "MQ") }
            #expect(failure2 == .invalid)
            let failure3 = await code { _ = try await log.list(cursor: "*") }
            #expect(failure3 == .invalid)
        }
    }

    @Test("an act cannot escape the log by being long, empty or oddly encoded", arguments: DatabaseEngine.allCases)
    func bounded(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let log = AuditLog(database: database)
            let long = String(repeating: "ä", count: 5000)
            try await log.record(
                AuditEntry(
                    actor: long, tenant: "a\0b", action: "", plugin: long, outcome: "", reason: long, details: ["x": .string(long)]))
            let record = try #require(try await log.list().items.first)
            #expect(record.entry.actor.utf8.count == 254)
            #expect(record.entry.tenant == "a\u{fffd}b")
            #expect(record.entry.reason?.utf8.count == 512)
            #expect(record.entry.details?["omitted_bytes"] != nil)
            #expect(try await log.verify().isIntact)
        }
    }

    @Test("entries of one plugin are listed alone", arguments: DatabaseEngine.allCases)
    func filter(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let log = AuditLog(database: database)
            for index in 0..<20 { try await log.append(entry(index, plugin: index % 2 == 0 ? "a" : "b")) }
            try await log.flush()
            let page = try await log.list(plugin: "b", limit: 7)
            #expect(page.items.count == 7 && page.hasNext)
            #expect(page.items.allSatisfy { $0.entry.plugin == "b" })
        }
    }

    @Test(
        "what is older than the retention goes, the newest entry never; the chain begins at the anchor, holds, and shows who moves that by hand (OPS-6)",
        arguments: DatabaseEngine.allCases)
    func retention(engine: DatabaseEngine) async throws {
        let bed = try StoreBed(engine)
        var database = try await bed.open()
        var log = AuditLog(database: database)
        for index in 0..<2300 {
            var entry = entry(index)
            entry.atMilliseconds = Int64(index)
            try await log.append(entry)
        }
        try await log.flush()
        #expect(try await log.prune(before: 2_250, nowMilliseconds: 3_000) == 2_250)
        var result = try await log.verify()
        // Fifty are left, and three steps of pruning.
        #expect(result.isIntact && result.entriesChecked == 53, "\(result)")
        #expect(try await log.entries(after: 0).first?.seq == 2_251)
        #expect(try await log.list(limit: 1).items.first?.entry.action == "audit.prune")
        #expect(try await log.prune(before: 2_250, nowMilliseconds: 3_000) == 0)
        #expect(try await log.prune(before: .max, nowMilliseconds: 4_000) == 52)
        #expect(try await log.verify().entriesChecked == 2)
        for statement in ["DELETE FROM audit", "UPDATE audit_anchor SET seq = 0", "UPDATE audit_anchor SET seq = 99999", "DELETE FROM audit_anchor"]
            as [SQL]
        {
            #expect(await code { _ = try await database.write { try await $0.execute(statement) } } == .constraint)
        }
        for index in 0..<5 { try await log.record(entry(index)) }
        database.close()
        // With the file in hand: the anchor is moved to hide an entry.
        try bed.tamper([
            "UPDATE audit_anchor SET seq = (SELECT max(seq) - 3 FROM audit), hash = (SELECT hash FROM audit WHERE seq = (SELECT max(seq) - 3 FROM audit))",
            "DELETE FROM audit WHERE seq <= (SELECT seq FROM audit_anchor)",
        ])
        database = try await bed.open()
        defer { database.close() }
        log = AuditLog(database: database)
        result = try await log.verify()
        #expect(!result.isIntact && result.reason == "the anchor is not the one that the log speaks of", "\(result)")
    }
}
