import IO

/// The counters, gauges and histograms of a process, and their Prometheus text (format 0.0.4).
package final class Metrics: Sendable {
    private let families = Lock<[String: any MetricFamily]>([:])
    private let collectors = Lock<[@Sendable () -> Void]>([])

    package init() {}

    /// A number that only grows; its name should end in `_total`.
    package func counter(_ name: String, help: String, labels: [String] = []) -> Counter {
        family(name) { Counter(table: SeriesTable(name: name, help: help, labels: labels, make: { 0 })) }
    }

    /// A number that goes up and down.
    package func gauge(_ name: String, help: String, labels: [String] = []) -> Gauge {
        family(name) { Gauge(table: SeriesTable(name: name, help: help, labels: labels, make: { 0 })) }
    }

    /// A distribution; `buckets` are upper bounds in ascending order, without infinity.
    package func histogram(
        _ name: String, help: String, labels: [String] = [], buckets: [Double] = Histogram.latencySeconds
    ) -> Histogram {
        precondition(!buckets.isEmpty && zip(buckets, buckets.dropFirst()).allSatisfy { $0 < $1 }, "buckets ascend")
        return family(name) {
            let empty = HistogramValue(counts: [UInt64](repeating: 0, count: buckets.count + 1))
            return Histogram(buckets: buckets, table: SeriesTable(name: name, help: help, labels: labels, make: { empty }))
        }
    }

    /// Calls `body` before each scrape, to set gauges from what is true then.
    package func beforeScrape(_ body: @escaping @Sendable () -> Void) { collectors.withLock { $0.append(body) } }

    /// All metrics as Prometheus text; the content type is `text/plain; version=0.0.4; charset=utf-8`.
    package func exposition() -> String {
        for collect in collectors.withLock({ $0 }) { collect() }
        let all = families.withLock { $0 }
        var out = ""
        for name in all.keys.sorted() { all[name]?.write(to: &out) }
        return out
    }

    /// The family of that name; asking twice gives the same, asking for another kind is a programmer's error.
    private func family<Family: MetricFamily>(_ name: String, _ make: () -> Family) -> Family {
        precondition(MetricText.isName(name), "a metric name is [a-zA-Z_:][a-zA-Z0-9_:]*")
        return families.withLock { families in
            if let existing = families[name] {
                guard let same = existing as? Family else { preconditionFailure("\(name) is a metric of another kind") }
                return same
            }
            let family = make()
            families[name] = family
            return family
        }
    }
}

/// Metrics of one name.
protocol MetricFamily: Sendable {
    func write(to out: inout String)
}

/// Numbers by label values, bounded in number.
final class SeriesTable<Value: Sendable>: Sendable {
    /// The number of one set of label values; whoever keeps it needs no look-up.
    final class Cell: Sendable {
        let value: Lock<Value>
        init(_ value: sending Value) { self.value = Lock(value) }
    }

    let name: String
    let help: String
    let labels: [String]
    private let make: @Sendable () -> Value
    private let series = Lock<[[String]: Cell]>([:])

    init(name: String, help: String, labels: [String], make: @escaping @Sendable () -> Value) {
        precondition(labels.allSatisfy { MetricText.isName($0) && $0 != "le" })
        self.name = name
        self.help = help
        self.labels = labels
        self.make = make
        // A metric without labels shows from the start, so that a dashboard sees 0 and not a gap.
        if labels.isEmpty { _ = cell([]) }
    }

    /// The cell of these label values, made if need be.
    func cell(_ values: [String]) -> Cell {
        precondition(values.count == labels.count, "\(name) has \(labels.count) labels")
        let key = values.map { LogLine.cut($0, TelemetryLimits.labelBytesMax) }
        return series.withLock { series in
            if let cell = series[key] { return cell }
            let used = series.count >= TelemetryLimits.seriesMax ? labels.map { _ in "_other" } : key
            if let cell = series[used] { return cell }
            let cell = Cell(make())
            series[used] = cell
            return cell
        }
    }

    func update(_ values: [String], _ change: (inout Value) -> Void) { cell(values).value.withLock { change(&$0) } }

    func value(_ values: [String]) -> Value? { series.withLock { $0[values] }?.value.withLock { $0 } }

    func remove(_ values: [String]) { series.withLock { $0[values] = nil } }

    var sorted: [(labels: [String], value: Value)] {
        series.withLock { Array($0) }.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ($0.key, $0.value.value.withLock { $0 }) }
    }
}
