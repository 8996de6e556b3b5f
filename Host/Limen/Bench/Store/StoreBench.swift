import Glibc
import IO
import JSON
import Store

/// `limen bench store`: session checks, small writes, pages out of many rows and sign-ins, on SQLite and, where one is named, on PostgreSQL.
enum StoreBench {
    /// How much is measured.
    struct Effort: Sendable {
        var rows = 10_000_000
        var checks = 200_000
        var pages = 5_000
        var writers = 256
        var writesEach = 400
        var signIns = 10

        init(isBrief: Bool) {
            if isBrief { (rows, checks, pages, writers, writesEach, signIns) = (20_000, 2_000, 200, 32, 20, 2) }
        }
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        let own = try Folder.temporary()
        defer { Folder.remove(own) }
        let folder = arguments["folder"] ?? own
        var effort = Effort(isBrief: arguments.has("brief"))
        if let rows = try arguments.integer("rows", in: 1_000...100_000_000) { effort.rows = rows }
        var result: JSONObject = ["rows": JSONValue(effort.rows)]
        Output.progress("measuring SQLite")
        let file = DatabasePlace.sqlite(path: "\(folder)/rows.db")
        add(try measure(file, identity: .sqlite(path: "\(own)/limen.db"), keys: "\(own)/keys", effort), "sqlite_", &result)
        if let socket = arguments["postgres"] {
            Output.progress("measuring PostgreSQL")
            func database(_ name: String) -> DatabasePlace { .postgres(PostgresSettings(host: socket, database: name, user: "limen")) }
            add(try measure(database("rows"), identity: database("identity"), keys: "\(own)/keys-postgres", effort), "postgres_", &result)
        }
        Output.print(arguments.has("json") ? JSONValue.object(result).text + "\n" : table(result))
        return 0
    }

    private static func add(_ measured: JSONObject, _ prefix: String, _ result: inout JSONObject) {
        for (key, value) in measured { result[prefix + key] = value }
    }

    private static func measure(_ rows: DatabasePlace, identity: DatabasePlace, keys: String, _ effort: Effort) throws -> JSONObject {
        let group = try EventLoopGroup()
        defer { group.stop() }
        var result = try StoreBenchIdentity.measure(identity, keys: keys, on: group, effort)
        for (key, value) in try StoreBenchRows.measure(rows, on: group, effort) { result[key] = value }
        return result
    }

    private static let lines: [(key: String, label: String, unit: String, aim: String)] = [
        ("check_warm_p50_us", "session check, token to principal, warm, p50", "us", "20"),
        ("check_warm_p99_us", "session check, warm, p99", "us", ""),
        ("check_statements", "statements of a warm check", "", "0"),
        ("check_cold_p50_us", "session check that asks the store, p50", "us", ""),
        ("writes_per_s", "small writes, each awaited and durable, batched", "/s", "20000 (SQLite)"),
        ("write_alone_p50_us", "small write, one at a time, p50", "us", ""),
        ("page_p50_us", "keyset page of 50 out of all rows, p50", "us", "2000 (SQLite)"),
        ("page_p99_us", "keyset page, p99", "us", ""),
        ("sign_in_p50_ms", "sign-in, p50", "ms", ""),
        ("sign_in_kdf_share", "share of the password's hash in it", "", "0.9"),
    ]

    private static func table(_ result: JSONObject) -> String {
        let engines = ["sqlite_", "postgres_"].filter { engine in result.keys.contains { $0.hasPrefix(engine) } }
        let rows = lines.map { line in
            [line.label] + engines.map { value(result[$0 + line.key]) } + [line.unit, line.aim]
        }
        let heading = ["what"] + engines.map { $0 == "sqlite_" ? "SQLite" : "PostgreSQL" } + ["unit", "aim"]
        return "\(value(result["rows"])) rows\n" + TextTable.titled(heading, rows)
    }

    private static func value(_ value: JSONValue?) -> String {
        guard let number = value?.doubleValue else { return "-" }
        return Numbers.text(number, digits: number < 100 && number != number.rounded() ? 2 : 0)
    }
}
