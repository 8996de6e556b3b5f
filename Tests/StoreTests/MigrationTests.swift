import Store
import Testing

@Suite struct MigrationTests {
    private let one = Migration(1, "one", ["CREATE TABLE a (x INTEGER NOT NULL) STRICT"])
    private let two = Migration(2, "two", ["CREATE TABLE b (x INTEGER NOT NULL) STRICT", "INSERT INTO b (x) VALUES (1)"])

    private func open(_ folder: TemporaryFolder, _ migrations: [Migration]) throws {
        try Database(path: folder.database, migrations: migrations).close()
    }

    @Test("migrations run once, in order, and opening again does nothing")
    func idempotent() async throws {
        let folder = try TemporaryFolder()
        try open(folder, [one])
        try open(folder, [one, two])
        try open(folder, [one, two])
        let database = try Database(path: folder.database, migrations: [one, two])
        defer { database.close() }
        #expect(try await database.read { try await $0.row("SELECT count(*) FROM b")?.int(0) } == 1)
    }

    @Test("a migration that was changed after it ran is refused")
    func altered() async throws {
        let folder = try TemporaryFolder()
        try open(folder, [one])
        let other = Migration(1, "one", ["CREATE TABLE a (x TEXT NOT NULL) STRICT"])
        let failure1 = await code { try open(folder, [other]) }
        #expect(failure1 == .migration)
    }

    @Test("a database that is newer than the program is refused")
    func newer() async throws {
        let folder = try TemporaryFolder()
        try open(folder, [one, two])
        let failure2 = await code { try open(folder, [one]) }
        #expect(failure2 == .migration)
    }

    @Test("a migration that fails half-way leaves nothing behind (STORE-4)")
    func half() async throws {
        let folder = try TemporaryFolder()
        let broken = Migration(2, "two", ["CREATE TABLE b (x INTEGER) STRICT", "INSERT INTO nowhere (x) VALUES (1)"])
        #expect(throws: StoreError.self) { try open(folder, [one, broken]) }
        let database = try Database(path: folder.database, migrations: [one])
        defer { database.close() }
        #expect(try await database.read { try await $0.row("SELECT count(*) FROM sqlite_schema WHERE name = 'b'")?.int(0) } == 0)
    }

    @Test("the released migrations keep their checksums, their tables are strict and their columns typed (STORE-3)")
    func released() async throws {
        try await withDatabase { database in
            let loose = try await database.read {
                try await $0.rows("SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND strict = 0")
            }
            #expect(loose.isEmpty)
        }
    }
}
