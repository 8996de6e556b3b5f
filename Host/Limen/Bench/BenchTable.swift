import JSON

/// The measurements for people.
enum BenchTable {
    private static let rows: [(key: String, label: String, unit: String, aim: String)] = [
        ("jail_start_cold_p50_us", "jailed start to ready, C, p50", "us", "2500"),
        ("jail_start_cold_p99_us", "jailed start to ready, C, p99", "us", "5000"),
        ("swift_jail_start_cold_p50_us", "jailed start to ready, Swift, p50", "us", "2500"),
        ("swift_jail_start_cold_p99_us", "jailed start to ready, Swift, p99", "us", "5000"),
        ("swift_jail_first_start_us", "first worker of a version, which describes itself, p50", "us", ""),
        ("jail_start_warm_p50_us", "first call on a warm spare, whole, p50", "us", "300"),
        ("pingpong_p50_us", "raw 256-byte ping-pong, p50", "us", ""),
        ("call_p50_us", "tool call, validated and jailed, p50", "us", ""),
        ("call_p99_us", "tool call, validated and jailed, p99", "us", ""),
        ("call_to_pingpong", "call to ping-pong, p50", "x", "2"),
        ("audited_call_p50_us", "the same call, audited and accounted, p50", "us", "150"),
        ("swift_call_p50_us", "tool call to a Swift plugin, p50", "us", ""),
        ("calls_per_s_1", "calls a second, 1 client", "/s", ""),
        ("calls_per_s_8", "calls a second, 8 clients", "/s", ""),
        ("calls_per_s_64", "calls a second, 64 clients", "/s", ""),
        ("worker_private_dirty_kib", "memory of an idle worker, Private_Dirty", "KiB", "2048"),
        ("idle_workers", "idle workers counted", "", ""),
        ("idle_workers_private_dirty_kib", "memory of all of them", "KiB", ""),
        ("host_resident_kib", "host, resident, with them", "KiB", ""),
        ("host_growth_10000_kib", "host growth over 10,000 calls", "KiB", ""),
        ("worker_growth_10000_kib", "worker peak growth over 10,000 calls", "KiB", ""),
        ("schema_validations_per_s", "schema validations of a parsed document", "/s", ""),
        ("schema_validations_text_per_s", "schema validations from text", "/s", ""),
        ("storm_workers", "storm: workers started at once", "", ""),
        ("storm_all_answered_ms", "storm: until all have answered", "ms", ""),
        ("storm_call_p50_ms", "storm: a call, p50", "ms", ""),
        ("storm_call_p99_ms", "storm: a call, p99", "ms", ""),
        ("storm_failures", "storm: calls that failed", "", "0"),
        ("storm_private_dirty_kib", "storm: memory of all workers, Private_Dirty", "KiB", ""),
        ("storm_host_resident_kib", "storm: host, resident, with them", "KiB", ""),
        ("reload_plugins", "reload: plugins reloaded at once", "", ""),
        ("reload_all_serving_p50_ms", "reload: until all new versions serve, p50", "ms", ""),
        ("reload_calls", "reload: calls by four clients meanwhile", "", ""),
        ("reload_calls_lost", "reload: calls lost", "", "0"),
        ("reload_calls_doubled", "reload: calls run twice or unheard of", "", "0"),
        ("reload_call_p50_before_us", "reload: a call before, p50", "us", ""),
        ("reload_call_p99_before_us", "reload: a call before, p99", "us", ""),
        ("reload_call_p50_during_us", "reload: a call during, p50", "us", ""),
        ("reload_call_p99_during_us", "reload: a call during, p99", "us", ""),
    ]

    /// The rows of the parts that were measured.
    static func text(_ result: JSONObject) -> String {
        let columns = ["", "pinned_", "rootless_"]
        let measured = rows.filter { row in columns.contains { result.contains(key: $0 + row.key) } }
        let lines = measured.map { row in
            [row.label] + columns.map { value(result[$0 + row.key]) } + [row.unit, row.aim]
        }
        let rungs = ["rung", "rootless_rung"].compactMap { result[$0]?.stringValue }
        return TextTable.titled(["what", "unpinned", "one CPU", "rootless", "unit", "aim"], lines)
            + (rungs.isEmpty ? "" : "rungs: \(rungs.joined(separator: ", "))\n")
    }

    private static func value(_ value: JSONValue?) -> String {
        guard let number = value?.doubleValue else { return "-" }
        return Numbers.text(number, digits: number < 100 && number != number.rounded() ? 2 : 0)
    }
}
