import Store
import Testing

private let table = Migration(1, "test", ["CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT"])

@Suite struct CostTests {
    @Test("small awaited writes share commits, and a point read costs little more than its two thread changes")
    func costs() async throws {
        let folder = try TemporaryFolder()
        let database = try Database(path: folder.database, migrations: [table])
        defer { database.close() }
        let clock = ContinuousClock()
        let start = clock.now
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<256 {
                group.addTask {
                    for index in 0..<200 {
                        do {
                            try await database.write {
                                try await $0.execute(
                                    "INSERT INTO item (id, name) VALUES ($1, $2)", [SQLValue(worker * 1000 + index), .text("w\(worker)-\(index)")])
                            }
                        } catch { Issue.record("\(error)") }
                    }
                }
            }
        }
        let writes = clock.now - start
        let begin = clock.now
        for index in 0..<20_000 {
            _ = try await database.read { try await $0.row("SELECT name FROM item WHERE id = $1", [SQLValue(index % 200)]) }
        }
        let reads = clock.now - begin
        print("awaited writes: \(Int(51_200 / (writes / .seconds(1)))) a second; point reads: \(reads / .microseconds(20_000)) us each")
    }
}
