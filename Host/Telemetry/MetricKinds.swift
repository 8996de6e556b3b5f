import IO

/// A number that only grows.
package struct Counter: MetricFamily {
    let table: SeriesTable<Double>

    /// Adds `amount`, which must not be negative, to the series of these label values.
    package func add(_ amount: Double = 1, _ labels: String...) {
        precondition(amount >= 0, "a counter only grows")
        table.update(labels) { $0 += amount }
    }

    /// The present number of a series, 0 when it has none.
    package func value(_ labels: String...) -> Double { table.value(labels) ?? 0 }

    /// The series of these label values, found once: for what counts at every request.
    package func series(_ labels: String...) -> CounterSeries { CounterSeries(cell: table.cell(labels)) }

    func write(to out: inout String) {
        MetricText.header(&out, table.name, table.help, "counter")
        for (labels, value) in table.sorted { MetricText.line(&out, table.name, table.labels, labels, value) }
    }
}

/// A number that goes up and down.
package struct Gauge: MetricFamily {
    let table: SeriesTable<Double>

    /// Sets the series of these label values.
    package func set(_ value: Double, _ labels: String...) { table.update(labels) { $0 = value } }
    /// Moves the series of these label values.
    package func add(_ amount: Double, _ labels: String...) { table.update(labels) { $0 += amount } }
    /// Forgets a series, for example of a plugin that was removed.
    package func remove(_ labels: String...) { table.remove(labels) }
    /// The present number of a series, 0 when it has none.
    package func value(_ labels: String...) -> Double { table.value(labels) ?? 0 }

    func write(to out: inout String) {
        MetricText.header(&out, table.name, table.help, "gauge")
        for (labels, value) in table.sorted { MetricText.line(&out, table.name, table.labels, labels, value) }
    }
}

/// Counts of a histogram's buckets, each on its own, and the sum of what was observed.
struct HistogramValue: Sendable {
    var counts: [UInt64]
    var sum = 0.0
}

/// A distribution.
package struct Histogram: MetricFamily {
    /// Bounds for latencies in seconds, from 100 us to 60 s.
    package static let latencySeconds: [Double] = [
        0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60,
    ]

    let buckets: [Double]
    let table: SeriesTable<HistogramValue>

    /// Counts `value` in the series of these label values; a NaN is dropped.
    package func observe(_ value: Double, _ labels: String...) { HistogramSeries(buckets: buckets, cell: table.cell(labels)).observe(value) }

    /// The series of these label values, found once: for what is observed at every request.
    package func series(_ labels: String...) -> HistogramSeries { HistogramSeries(buckets: buckets, cell: table.cell(labels)) }

    /// How many values a series has counted.
    package func count(_ labels: String...) -> UInt64 { table.value(labels)?.counts.reduce(0, +) ?? 0 }

    func write(to out: inout String) {
        MetricText.header(&out, table.name, table.help, "histogram")
        let names = table.labels + ["le"]
        for (labels, value) in table.sorted {
            var total: UInt64 = 0
            for (index, count) in value.counts.enumerated() {
                total += count
                let bound = index < buckets.count ? MetricText.number(buckets[index]) : "+Inf"
                MetricText.line(&out, table.name + "_bucket", names, labels + [bound], Double(total))
            }
            MetricText.line(&out, table.name + "_sum", table.labels, labels, value.sum)
            MetricText.line(&out, table.name + "_count", table.labels, labels, Double(total))
        }
    }
}

/// One series of a counter.
package struct CounterSeries: Sendable {
    let cell: SeriesTable<Double>.Cell

    /// Adds `amount`, which must not be negative.
    package func add(_ amount: Double = 1) {
        precondition(amount >= 0, "a counter only grows")
        cell.value.withLock { $0 += amount }
    }
}

/// One series of a histogram.
package struct HistogramSeries: Sendable {
    let buckets: [Double]
    let cell: SeriesTable<HistogramValue>.Cell

    /// Counts `value`; a NaN is dropped.
    package func observe(_ value: Double) {
        if value.isNaN { return }
        let index = buckets.firstIndex { value <= $0 } ?? buckets.count
        cell.value.withLock {
            $0.counts[index] += 1
            $0.sum += value
        }
    }
}
