import Glibc
import IO
import Store
import Testing

private let table = Migration(1, "test", ["CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT"])

@Suite struct DatabaseTests {
    private func withItems<Result>(_ body: (Database) async throws -> Result) async throws -> Result {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.database, migrations: [table])
        defer { database.close() }
        return try await body(database)
    }

    private func count(_ database: Database) async throws -> Int {
        try await database.read { try await $0.row("SELECT count(*) FROM item")?.int(0) ?? -1 }
    }

    @Test("a write that fails takes nothing of another write of its batch with it (STORE-4)")
    func failuresAreAlone() async throws {
        try await withItems { database in
            let failures = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<400 {
                    group.addTask {
                        do {
                            try await database.write { connection in
                                try await connection.execute("INSERT INTO item (name) VALUES ($1)", [.text("n\(index)")])
                                // Every fourth write does half of its work and then breaks a rule.
                                if index % 4 == 0 { try await connection.execute("INSERT INTO item (name) VALUES ($1)", [.text("n\(index)")]) }
                            }
                            return false
                        } catch {
                            return true
                        }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(failures == 100)
            let total = try await count(database)
            #expect(total == 300)
        }
    }

    @Test("a write returns its value, and what it wrote is seen by the next read")
    func values() async throws {
        try await withItems { database in
            let changed = try await database.write { try await $0.execute("INSERT INTO item (name) VALUES ($1), ($2)", ["a", "b"]) }
            #expect(changed == 2)
            #expect(try await count(database) == 2)
        }
    }

    @Test("a read sees one snapshot however much is written meanwhile (STORE-6)")
    func snapshots() async throws {
        try await withItems { database in
            async let writes: Void = {
                for index in 0..<300 {
                    try await database.write { try await $0.execute("INSERT INTO item (name) VALUES ($1)", [.text("s\(index)")]) }
                }
            }()
            for _ in 0..<50 {
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

    @Test("queued appends are written in order, counted when lost, and all there after a clean close")
    func appends() async throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.database, migrations: [table])
        for index in 0..<5000 {
            try await database.append { try await $0.execute("INSERT INTO item (id, name) VALUES ($1, $2)", [SQLValue(index), .text("a\(index)")]) }
        }
        try await database.append { try await $0.execute("INSERT INTO item (id, name) VALUES (1, 'twice')") }
        try await database.flush()
        #expect(database.appendLosses.count == 1)
        #expect(database.appendLosses.last?.code == .constraint)
        for index in 5000..<5100 {
            try await database.append { try await $0.execute("INSERT INTO item (id, name) VALUES ($1, $2)", [SQLValue(index), .text("a\(index)")]) }
        }
        database.close()
        let again = try Database(path: folder.database, migrations: [table])
        defer { again.close() }
        #expect(try await count(again) == 5100)
        #expect(try await again.read { try await $0.row("SELECT count(*) FROM item WHERE name <> 'a' || id")?.int(0) } == 0)
    }

    @Test("a statement that runs past its deadline is interrupted, and the connection serves on", arguments: [true, false])
    func deadlines(isWrite: Bool) async throws {
        try await withItems { database in
            let endless: SQL = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
            let failure = await code {
                if isWrite {
                    try await database.write(deadline: .after(milliseconds: 100)) { _ = try await $0.row(endless) }
                } else {
                    _ = try await database.read(deadline: .after(milliseconds: 100)) { try await $0.row(endless) }
                }
            }
            #expect(failure == .timedOut)
            let total = try await count(database)
            #expect(total == 0)
        }
    }

    @Test("after close every call is refused and none hangs (OPS-3)")
    func closed() async throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.database, migrations: [table])
        database.close()
        let failure1 = await code { try await database.write { _ in } }
        #expect(failure1 == .closed)
        let failure2 = await code { try await database.append { _ in } }
        #expect(failure2 == .closed)
        let failure3 = await code { try await database.read { _ in } }
        #expect(failure3 == .closed)
    }

    @Test("the database file is for its owner only")
    func mode() async throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.database)
        defer { database.close() }
        for name in [folder.database, folder.database + "-wal"] {
            var status = stat()
            #expect(stat(name, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600, "\(name)")
        }
    }

    @Test("null, an empty text and an empty blob come back as what they were (STORE-15)")
    func empties() async throws {
        try await withDatabase { database in
            let row = try await database.read { try await $0.row("SELECT $1, $2, $3, $4", [.null, "", .blob([]), .integer(0)]) }
            #expect(row?.values == [.null, .text(""), .blob([]), .integer(0)])
        }
    }

    @Test("parameters are data whatever they hold, and their numbers decide, not their order (STORE-11)")
    func parameters() async throws {
        try await withItems { database in
            let hostile = "x'); DROP TABLE item; --"
            try await database.write { try await $0.execute("INSERT INTO item (name, id) VALUES ($2, $1)", [7, .text(hostile)]) }
            let row = try await database.read { try await $0.row("SELECT name FROM item WHERE id = $1", [7]) }
            #expect(try row?.text(0) == hostile)
            await #expect(throws: StoreError.self) { try await database.read { try await $0.row("SELECT $1", []) } }
        }
    }

    @Test(
        "a body that waits for something other than its connection is ended by its deadline, and holds nobody up for longer (OPS-3)",
        arguments: [true, false])
    func strayBodies(isWrite: Bool) async throws {
        try await withItems { database in
            let gate = Gate()
            let ended = Gate()
            let body: Database.Body<Void> = { connection in
                if isWrite { try await connection.execute("INSERT INTO item (name) VALUES ('before')") }
                await gate.wait()
                // What it does later must not reach a connection that others use.
                let late = await code { try await connection.execute("INSERT INTO item (name) VALUES ('after')") }
                #expect(late == .timedOut)
                ended.open()
            }
            let failure = await code {
                if isWrite {
                    try await database.write(deadline: .after(milliseconds: 100), body)
                } else {
                    try await database.read(deadline: .after(milliseconds: 100), body)
                }
            }
            #expect(failure == .timedOut)
            gate.open()
            #expect(try await count(database) == 0)
            try await database.write { _ = try await $0.execute("INSERT INTO item (name) VALUES ('next')") }
            #expect(try await count(database) == 1)
            await ended.wait()
        }
    }

    @Test("a broken rule names its table and columns, and no value (API-8)")
    func rules() async throws {
        try await withItems { database in
            func rule(_ body: @escaping Database.Body<Void>) async -> BrokenRule? {
                do throws(StoreError) {
                    try await database.write(body)
                    return nil
                } catch {
                    #expect(error.code == .constraint)
                    return error.rule
                }
            }
            let twice = await rule { try await $0.execute("INSERT INTO item (name) VALUES ('a'), ('a')") }
            #expect(twice == BrokenRule(.unique, table: "item", columns: ["name"]))
            let missing = await rule { try await $0.execute("INSERT INTO item (name) VALUES (NULL)") }
            #expect(missing == BrokenRule(.notNull, table: "item", columns: ["name"]))
        }
    }
}

/// Opens once, for whoever waits.
private final class Gate: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    init() { (stream, continuation) = AsyncStream<Void>.makeStream() }
    func open() { continuation.finish() }
    func wait() async { for await _ in stream { continue } }
}
