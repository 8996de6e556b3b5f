import Glibc
import JSON
import TestKit
import Testing

@Suite("Limen: bench", .serialized)
struct BenchTests {
    /// Every row of a part, in JSON.
    private static let starts = [
        "jail_start_cold_p50_us", "jail_start_cold_p99_us", "jail_start_warm_p50_us", "worker_private_dirty_kib", "idle_workers",
    ]
    private static let storm = ["storm_workers", "storm_all_answered_ms", "storm_call_p50_ms", "storm_call_p99_ms", "storm_failures"]
    private static let reload = [
        "reload_plugins", "reload_all_serving_p50_ms", "reload_calls", "reload_calls_lost", "reload_calls_doubled", "reload_call_p99_before_us",
        "reload_call_p99_during_us",
    ]

    @Test(
        "bench gives every figure on both rungs; eighty workers started at once all answer, without root too, and reloads under load lose and double no call",
        .timeLimit(.minutes(2)))
    func brief() throws {
        let outcome = try Command.limen("bench", "--brief", "--json")
        #expect(outcome.code == 0, "\(outcome)")
        let result = try JSONValue(parsing: outcome.output)
        func number(_ key: String) -> Double? { result[key]?.doubleValue }
        for key in Self.starts + Self.storm + Self.reload + ["call_p50_us", "call_to_pingpong"] { #expect((number(key) ?? -1) >= 0, "\(key)") }
        for key in ["pinned_call_p50_us", "pinned_jail_start_cold_p50_us"] { #expect((number(key) ?? 0) > 0, "\(key)") }
        #expect(number("storm_workers") == 80 && number("storm_failures") == 0)
        #expect(number("reload_plugins") == 4 && number("reload_calls_lost") == 0 && number("reload_calls_doubled") == 0)
        #expect((number("reload_calls") ?? 0) > 100)
        guard getuid() == 0 else { return }
        #expect(result["rung"] == "root" && result["rootless_rung"] == "userns")
        for key in Self.starts + Self.storm { #expect((number("rootless_\(key)") ?? -1) >= 0, "rootless_\(key)") }
        #expect(number("rootless_storm_workers") == 80 && number("rootless_storm_failures") == 0)
    }

    @Test("bench measures the parts that were asked for, shows them as a table, and names the parts when asked for another")
    func parts() throws {
        let outcome = try Command.limen("bench", "--brief", "--parts", "storm")
        #expect(outcome.code == 0 && outcome.output.contains("storm: until all have answered"), "\(outcome)")
        #expect(!outcome.output.contains("reload:") && !outcome.output.contains("ping-pong"))
        let refused = try Command.limen("bench", "--parts", "storm,weather")
        #expect(refused.code == 2 && refused.complaints.contains("calls, storm, reload, rootless"), "\(refused)")
    }

    @Test("bench store measures both engines, and a session check that is warm asks neither anything")
    func store() throws {
        let postgres = try PostgresServer()
        for name in ["rows", "identity"] { try postgres.run("CREATE DATABASE \(name) OWNER limen", in: "postgres") }
        let outcome = try Command.limen("bench", "store", "--brief", "--json", "--postgres", postgres.folder)
        #expect(outcome.code == 0, "\(outcome)")
        let result = try JSONValue(parsing: outcome.output)
        for engine in ["sqlite", "postgres"] {
            for figure in ["check_warm_p50_us", "check_cold_p50_us", "writes_per_s", "write_alone_p50_us", "page_p50_us", "sign_in_p50_ms"] {
                #expect(result["\(engine)_\(figure)"]?.doubleValue ?? 0 > 0, "\(engine)_\(figure)")
            }
            #expect(result["\(engine)_check_statements"]?.intValue == 0)
            #expect(result["\(engine)_sign_in_kdf_share"]?.doubleValue ?? 0 > 0.5)
        }
    }

    @Test("bench chat measures stored turns, first tokens and a long conversation, and leaves nothing behind")
    func chat() throws {
        let outcome = try Command.limen("bench", "chat", "--brief", "--json")
        #expect(outcome.code == 0, "\(outcome)")
        let result = try JSONValue(parsing: outcome.output)
        for figure in ["turns_1_per_s", "turns_4_per_s", "turns_4_p99_ms", "first_token_p50_us", "short_p50_ms", "long_p50_ms"] {
            #expect(result[figure]?.doubleValue ?? 0 > 0, "\(figure)")
        }
        #expect(try Command.limen("bench", "chat", "--brief").output.contains("first token behind a model's own"))
    }

    @Test("bench egress measures tunnels and fetches beside whichever peers are installed, names those that are not, and leaves no process behind")
    func egress() throws {
        let outcome = try Command.limen("bench", "egress", "--brief", "--json")
        #expect(outcome.code == 0, "\(outcome)")
        let result = try JSONValue(parsing: outcome.output)
        let peers = ["squid", "tinyproxy"].filter { !outcome.complaints.contains("\($0) is not installed") }
        for way in ["direct", "limen"] + peers {
            for work in ["opening_1", "opening_many", "tunnel_1", "tunnel_many", "tunnel_bulk", "fetch_1", "fetch_many", "fetch_bulk"] {
                for figure in ["p50_us", "p99_us", "per_s"] + (work.hasSuffix("bulk") ? ["mb_per_s"] : []) {
                    let value = result["\(work)_\(way)_\(figure)"]?.doubleValue
                    // A tenth of a second may be too short for a peer's first body of a mebibyte.
                    #expect(peers.contains(way) ? value != nil : value ?? 0 > 0, "\(work)_\(way)_\(figure)")
                }
            }
        }
        #expect((result["tunnels_limen_used_kib"]?.doubleValue ?? 0) > 0)
        let table = try Command.limen("bench", "egress", "--brief")
        #expect(table.output.contains("a new tunnel, one request over it, added at p50"), "\(table)")
    }
}
