package import Store
package import Telemetry

/// The queue in the scrape (OPS-2, OPS-4): an alert watches `limen_jobs{state="dead"}`.
package struct JobMeter: Sendable {
    /// How often the queue is counted, in milliseconds.
    package static let milliseconds = 10_000

    private let jobs: Gauge
    private let ends: Counter
    private let seconds: Histogram

    /// Registers the metrics.
    package init(_ metrics: Metrics) {
        jobs = metrics.gauge("limen_jobs", help: "Jobs of all hosts, by kind and state; dead ones wait for a person.", labels: ["kind", "state"])
        ends = metrics.counter("limen_job_attempts_total", help: "Attempts that ended on this host, by outcome.", labels: ["kind", "outcome"])
        seconds = metrics.histogram(
            "limen_job_seconds", help: "How long attempts took on this host.", labels: ["kind"], buckets: [0.01, 0.1, 1, 10, 60, 600, 3600])
    }

    /// Counts an attempt's end.
    package func count(_ end: JobEnd) {
        ends.add(1, end.kind, end.outcome.rawValue)
        seconds.observe(Double(end.milliseconds) / 1000, end.kind)
    }

    /// Shows what the queue holds.
    package func show(_ counts: [String: [JobState: Int]]) {
        for (kind, states) in counts {
            for state in JobState.allCases { jobs.set(Double(states[state] ?? 0), kind, state.rawValue) }
        }
    }
}
