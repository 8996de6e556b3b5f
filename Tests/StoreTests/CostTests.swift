import Store
import Testing

private let table = Migration(1, "test", ["CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT"])

@Suite struct CostTests {
    @Test("small awaited writes share commits, and a point read costs little more than its two thread changes", arguments: DatabaseEngine.allCases)
    func costs(engine: DatabaseEngine) async throws {
        let bed = try StoreBed(engine)
        let database = try await bed.open(migrations: [table])
        defer { database.close() }
        let (perWorker, reads) = engine == .sqlite ? (200, 20_000) : (10, 2_000)
        let workers = engine == .sqlite ? 256 : 64
        let clock = ContinuousClock()
        let start = clock.now
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<workers {
                group.addTask {
                    for index in 0..<perWorker {
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
        for index in 0..<reads {
            _ = try await database.read { try await $0.row("SELECT name FROM item WHERE id = $1", [SQLValue(index % perWorker)]) }
        }
        let reading = clock.now - begin
        let rate = Int(Double(workers * perWorker) / (writes / .seconds(1)))
        print("\(engine): awaited writes \(rate) a second; point reads \(reading / .microseconds(reads)) us each")
    }
}
