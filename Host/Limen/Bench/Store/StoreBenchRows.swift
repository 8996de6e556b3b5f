import IO
import JSON
import Store

/// Small writes, and pages out of many rows.
enum StoreBenchRows {
    private static let schema = Migration(
        1, "bench",
        [
            "CREATE TABLE item (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, body TEXT NOT NULL) STRICT",
            "CREATE INDEX item_by_owner ON item (owner, id)",
            "CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT",
        ])
    /// Owners among whom the rows are spread.
    private static let owners = 1_000
    private static let fillAtOnce = 100_000

    static func measure(_ place: DatabasePlace, on group: EventLoopGroup, _ effort: StoreBench.Effort) throws -> JSONObject {
        let database = try group.runBlocking { try await Database.open(place, on: group, migrations: [schema]) }
        defer { database.close() }
        return try group.runBlocking {
            try await fill(database, effort.rows)
            var result: JSONObject = [:]
            let pages = try await pages(database, effort)
            result["page_p50_us"] = pages.microseconds(0.5).map { JSONValue($0) }
            result["page_p99_us"] = pages.microseconds(0.99).map { JSONValue($0) }
            var alone = Samples()
            for index in 0..<max(20, effort.pages / 20) {
                alone.add(try await Samples.time { try await note(database, -1 - index) })
            }
            result["write_alone_p50_us"] = alone.microseconds(0.5).map { JSONValue($0) }
            let nanoseconds = try await Samples.time { try await storm(database, effort) }
            result["writes_per_s"] = JSONValue(Double(effort.writers * effort.writesEach) * 1e9 / Double(nanoseconds))
            return result
        }
    }

    private static func fill(_ database: Database, _ rows: Int) async throws {
        for start in stride(from: 0, to: rows, by: fillAtOnce) {
            let end = min(rows, start + fillAtOnce)
            try await database.write(deadline: .after(milliseconds: 60_000), isolation: .statements) { connection in
                try await connection.execute(
                    """
                    WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2)
                    INSERT INTO item (id, owner, body) SELECT i, i % $3, 'the body of one row among very many others' FROM n
                    """, [SQLValue(start), SQLValue(end), SQLValue(owners)])
            }
        }
    }

    /// Pages of 50 of one owner's rows, each at a place of its own.
    private static func pages(_ database: Database, _ effort: StoreBench.Effort) async throws -> Samples {
        var samples = Samples()
        var random = SystemRandomNumberGenerator()
        for _ in 0..<effort.pages {
            let (owner, after) = (Int.random(in: 0..<owners, using: &random), Int.random(in: 0..<effort.rows, using: &random))
            samples.add(
                try await Samples.time {
                    _ = try await database.read { connection in
                        try await connection.rows(
                            "SELECT id, owner, body FROM item WHERE owner = $1 AND id > $2 ORDER BY id LIMIT 50", [SQLValue(owner), SQLValue(after)])
                    }
                })
        }
        return samples
    }

    private static func storm(_ database: Database, _ effort: StoreBench.Effort) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<effort.writers {
                group.addTask { for index in 0..<effort.writesEach { try await note(database, writer * effort.writesEach + index) } }
            }
            try await group.waitForAll()
        }
    }

    private static func note(_ database: Database, _ id: Int) async throws {
        try await database.write(isolation: .statements) { connection in
            try await connection.execute("INSERT INTO note (id, body) VALUES ($1, 'a small write')", [SQLValue(id)])
        }
    }
}
