import JSON

/// The comparison for people.
enum EgressBenchTable {
    private static let columns = ["direct", "limen", "squid", "tinyproxy"]
    private static let works = [
        ("opening", "a new tunnel, one request over it"), ("tunnel", "a request over an open tunnel"), ("fetch", "a request that the proxy makes"),
    ]

    static func text(_ result: JSONObject, _ effort: EgressBench.Effort) -> String {
        var rows: [[String]] = []
        for (work, label) in works {
            rows.append(["\(label), p50"] + values(result, "\(work)_1", "p50_us") + ["us", "", ""])
            rows.append(["\(label), p99"] + values(result, "\(work)_1", "p99_us") + ["us", "", ""])
            rows.append(["\(label), added at p50"] + added(result, "\(work)_1", "p50_us") + ["us", "", aim(result, work)])
            rows.append(["\(label), added at p99"] + added(result, "\(work)_1", "p99_us") + ["us", "", ""])
            let ratio = ratio(result, "\(work)_many", "per_s")
            rows.append(["\(label), \(effort.clients) clients"] + values(result, "\(work)_many", "per_s") + ["/s", ratio.text, ratio.verdict])
            guard work != "opening" else { continue }
            let bulk = Self.ratio(result, "\(work)_bulk", "mb_per_s")
            rows.append(["\(label), 1 MiB bodies"] + values(result, "\(work)_bulk", "mb_per_s") + ["MB/s", bulk.text, ""])
        }
        for (name, label) in [
            ("before", "before"), ("open", "with \(effort.tunnels) tunnels"), ("used", "after \(effort.requestsPerTunnel) requests over each"),
            ("after", "when they are closed"),
        ] {
            rows.append(["memory \(label)"] + columns.map { value(result["tunnels_\($0)_\(name)_kib"], digits: 0) } + ["KiB", "", ""])
        }
        return TextTable.titled(["what"] + columns + ["unit", "of the better peer", "aim"], rows)
    }

    private static func value(_ value: JSONValue?, digits: Int) -> String { value?.doubleValue.map { Numbers.text($0, digits: digits) } ?? "-" }

    private static func values(_ result: JSONObject, _ key: String, _ unit: String) -> [String] {
        columns.map { value(result["\(key)_\($0)_\(unit)"], digits: 0) }
    }

    private static func added(_ result: JSONObject, _ key: String, _ unit: String) -> [String] {
        let direct = result["\(key)_direct_\(unit)"]?.doubleValue ?? 0
        return columns.map { column in
            guard column != "direct", let value = result["\(key)_\(column)_\(unit)"]?.doubleValue else { return "-" }
            return Numbers.text(value - direct, digits: 0)
        }
    }

    private static func aim(_ result: JSONObject, _ work: String) -> String {
        guard let ours = result["\(work)_1_limen_p50_us"]?.doubleValue, let direct = result["\(work)_1_direct_p50_us"]?.doubleValue else { return "" }
        return "under 150: \(ours - direct < 150 ? "met" : "NOT met")"
    }

    /// Ours to the better of the peers.
    private static func ratio(_ result: JSONObject, _ key: String, _ unit: String) -> (text: String, verdict: String) {
        let peers = columns.dropFirst(2).compactMap { result["\(key)_\($0)_\(unit)"]?.doubleValue }
        guard let best = peers.max(), best > 0, let ours = result["\(key)_limen_\(unit)"]?.doubleValue else { return ("-", "") }
        return (Numbers.text(ours / best, digits: 2) + "x", "at least 2x: \(ours / best >= 2 ? "met" : "NOT met")")
    }
}
