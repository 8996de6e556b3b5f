import Glibc
import IO
import Store
import TestKit
import Testing

private let table = Migration(1, "test", ["CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT"])
private let counter = Migration(
    2, "counter",
    ["CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL CHECK (value >= 0)) STRICT", "INSERT INTO counter VALUES ('n', 0)"])

/// What both engines promise to whoever is built on them (STORE-2).
@Suite("Both engines") struct EngineTests {
    private func withItems<Result>(_ engine: DatabaseEngine, _ body: (Database) async throws -> Result) async throws -> Result {
        try await withDatabase(engine, migrations: [table, counter], body)
    }

    private func count(_ database: Database) async throws -> Int {
        try await database.read { try await $0.row("SELECT count(*) FROM item")?.int(0) ?? -1 }
    }

    @Test("a write that fails takes nothing of another with it, awaited or queued (STORE-2, STORE-4)", arguments: DatabaseEngine.allCases)
    func failuresAreAlone(engine: DatabaseEngine) async throws {
        try await withItems(engine) { database in
            let failures = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<100 {
                    group.addTask {
                        let failure = await code {
                            try await database.write { connection in
                                try await connection.execute("INSERT INTO item (id, name) VALUES ($1, $2)", [SQLValue(index), .text("n\(index)")])
                                if index % 4 == 0 { try await connection.execute("INSERT INTO item (id, name) VALUES ($1, 'x')", [SQLValue(index)]) }
                            }
                        }
                        return failure == .constraint
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(failures == 25)
            for index in 200..<210 {
                try await database.append { connection in
                    try await connection.execute("INSERT INTO item (id, name) VALUES ($1, $2)", [SQLValue(index), .text("n\(index)")])
                    if index % 5 == 0 { try await connection.execute("INSERT INTO item (id, name) VALUES ($1, 'x')", [SQLValue(index)]) }
                }
            }
            try await database.flush()
            #expect(database.appendLosses.count == 2)
            #expect(database.appendLosses.last?.rule == BrokenRule(.unique, table: "item", columns: ["id"]))
            #expect(try await count(database) == 83)
        }
    }

    @Test("a body that swallows the failure of a statement commits nothing", arguments: DatabaseEngine.allCases)
    func doomed(engine: DatabaseEngine) async throws {
        try await withItems(engine) { database in
            let failure = await code {
                try await database.write { connection in
                    try await connection.execute("INSERT INTO item (id, name) VALUES (1, 'a')")
                    let twice = await code { try await connection.execute("INSERT INTO item (id, name) VALUES (1, 'a')") }
                    #expect(twice == .constraint)
                    let behind = await code { try await connection.execute("INSERT INTO item (id, name) VALUES (2, 'b')") }
                    #expect(behind == .constraint)
                }
            }
            #expect(failure == .constraint)
            let total = try await count(database)
            #expect(total == 0)
        }
    }

    @Test(
        "50 racers that read, think and write lose no update: numbers are unique and gapless (STORE-2, STORE-5)", arguments: DatabaseEngine.allCases)
    func racers(engine: DatabaseEngine) async throws {
        try await withItems(engine) { database in
            let numbers = await withTaskGroup(of: Int64?.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        do {
                            return try await database.write { connection in
                                let value = try await connection.row("SELECT value FROM counter WHERE name = 'n'")?.integer(0) ?? 0
                                try await connection.execute("UPDATE counter SET value = $1 WHERE name = 'n'", [.integer(value + 1)])
                                return value + 1
                            }
                        } catch {
                            Issue.record("\(error)")
                            return nil
                        }
                    }
                }
                return await group.reduce(into: [Int64]()) { numbers, next in next.map { numbers.append($0) } }
            }
            #expect(numbers.sorted() == Array(1...50))
        }
    }

    @Test("a read sees one snapshot however much is written meanwhile (STORE-6)", arguments: DatabaseEngine.allCases)
    func snapshots(engine: DatabaseEngine) async throws {
        try await withItems(engine) { database in
            async let writes: Void = {
                for index in 0..<200 {
                    try await database.write {
                        try await $0.execute("INSERT INTO item (id, name) VALUES ($1, $2)", [SQLValue(index), .text("s\(index)")])
                    }
                }
            }()
            for _ in 0..<30 {
                let equal = try await database.read { connection in
                    let before = try await connection.row("SELECT count(*) FROM item")
                    usleep(500)
                    return try await connection.row("SELECT count(*) FROM item") == before
                }
                #expect(equal)
            }
            try await writes
        }
    }

    @Test(
        "null, empty text, empty blob, numbers and any text come back as they were, and sort by their bytes (STORE-9, STORE-15)",
        arguments: DatabaseEngine.allCases)
    func values(engine: DatabaseEngine) async throws {
        let types = Migration(1, "types", ["CREATE TABLE kind (id INTEGER PRIMARY KEY, t TEXT, b BLOB, r REAL) STRICT"])
        try await withDatabase(engine, migrations: [types]) { database in
            let texts: [SQLValue] = [.null, "", "a", "B", "ä", "'; DROP TABLE kind; --", "\u{1f600}", "\\000"]
            for (index, text) in texts.enumerated() {
                try await database.write {
                    try await $0.execute(
                        "INSERT INTO kind (t, id, b, r) VALUES ($2, $1, $3, $4)",
                        [.integer(Int64.max - Int64(index)), text, .blob(index == 0 ? [] : [0, 255, UInt8(index)]), index == 1 ? .null : .real(0.1)])
                }
            }
            let rows = try await database.read { try await $0.rows("SELECT t, b, r, id FROM kind ORDER BY id DESC") }
            #expect(rows.map { $0.values[0] } == texts)
            #expect(rows[0].values == [.null, .blob([]), .real(0.1), .integer(.max)])
            #expect(rows[1].values[2] == .null && rows[7].values[1] == .blob([0, 255, 7]))
            let sorted = try await database.read { try await $0.rows("SELECT t FROM kind WHERE t > '' ORDER BY t").map { try $0.text(0) } }
            #expect(sorted == ["'; DROP TABLE kind; --", "B", "\\000", "a", "ä", "\u{1f600}"])
            let failure = await code { _ = try await database.write { try await $0.execute("UPDATE kind SET t = $1", ["a\0b"]) } }
            #expect(failure == .invalid)
        }
    }

    @Test("a broken rule names its table and columns, and no value (API-8)", arguments: DatabaseEngine.allCases)
    func rules(engine: DatabaseEngine) async throws {
        try await withItems(engine) { database in
            func rule(_ body: @escaping Database.Body<Void>) async -> BrokenRule? {
                do throws(StoreError) {
                    try await database.write(body)
                    return nil
                } catch {
                    #expect(error.code == .constraint)
                    return error.rule
                }
            }
            let twice = await rule { try await $0.execute("INSERT INTO item (id, name) VALUES (1, 'a'), (2, 'a')") }
            #expect(twice == BrokenRule(.unique, table: "item", columns: ["name"]))
            let missing = await rule { try await $0.execute("INSERT INTO item (id, name) VALUES (1, NULL)") }
            #expect(missing == BrokenRule(.notNull, table: "item", columns: ["name"]))
            let outside = await rule { try await $0.execute("UPDATE counter SET value = -1") }
            #expect(outside == BrokenRule(.check))
        }
    }

    @Test(
        "a statement past its deadline is interrupted, a body that waits for something else is ended, and all serve on (STORE-7)",
        arguments: DatabaseEngine.allCases)
    func deadlines(engine: DatabaseEngine) async throws {
        try await withItems(engine) { database in
            let endless: SQL = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
            let slow = await code { _ = try await database.write(deadline: .after(milliseconds: 200)) { try await $0.row(endless) } }
            #expect(slow == .timedOut)
            for _ in 0..<20 {
                let stray = await code {
                    try await database.write(deadline: .after(milliseconds: 20)) { connection in
                        try await connection.execute("INSERT INTO item (id, name) VALUES (1, 'a')")
                        for await _ in AsyncStream<Void>.makeStream().stream { continue }
                    }
                }
                #expect(stray == .timedOut)
            }
            let total = try await count(database)
            #expect(total == 0)
        }
    }

    @Test("what a write announces is heard when it is committed and not otherwise (STORE-10)", arguments: DatabaseEngine.allCases)
    func news(engine: DatabaseEngine) async throws {
        try await withItems(engine) { database in
            let heard = Heard()
            database.observe { heard.add($0) }
            try await database.write { try await $0.announce("thing", "a b") }
            #expect(heard.all.contains(.changed(topic: "thing", key: "a b")))
            _ = await code {
                try await database.write { connection in
                    try await connection.announce("thing", "never")
                    throw StoreError(.invalid, "no")
                }
            }
            #expect(!heard.all.contains(.changed(topic: "thing", key: "never")))
        }
    }

    @Test("after close every call is refused and none hangs (OPS-3)", arguments: DatabaseEngine.allCases)
    func closed(engine: DatabaseEngine) async throws {
        let database = try await StoreBed(engine).open(migrations: [table])
        for index in 0..<100 {
            try await database.append { try await $0.execute("INSERT INTO item (id, name) VALUES ($1, $2)", [SQLValue(index), .text("\(index)")]) }
        }
        database.close()
        #expect(database.appendLosses.count == 0)
        let write = await code { try await database.write { _ in } }
        let append = await code { try await database.append { _ in } }
        let read = await code { try await database.read { _ in } }
        #expect(write == .closed && append == .closed && read == .closed)
    }

    @Test(
        "the schema is brought up to date once however many start together, and a changed or newer one is refused", arguments: DatabaseEngine.allCases
    )
    func migrations(engine: DatabaseEngine) async throws {
        let bed = try StoreBed(engine)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    do { try await bed.open(migrations: [table, counter]).close() } catch { Issue.record("\(error)") }
                }
            }
        }
        let newer = await code { try await bed.open(migrations: [table]).close() }
        #expect(newer == .migration)
        let changed = await code { try await bed.open(migrations: [table, Migration(2, "counter", ["SELECT 1"])]).close() }
        #expect(changed == .migration)
    }
}

/// What an observer heard.
final class Heard: Sendable {
    private let news = Lock<[DatabaseNews]>([])
    func add(_ one: DatabaseNews) { news.withLock { $0.append(one) } }
    var all: [DatabaseNews] { news.withLock { $0 } }
}
