import IO
import Supervisor

/// What calls of one tool came to, for metrics.
package final class ToolStatistics: Sendable {
    /// Upper bounds of the latency buckets, in microseconds; the last bucket is unbounded.
    package static let boundsMicroseconds: [UInt64] = [
        50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000,
        30_000_000, 60_000_000,
    ]

    /// Outcomes, latencies and retries.
    package struct Counts: Sendable {
        /// Calls by outcome: `ok`, `cancelled`, or a code of SPEC 12.
        package var outcomes: [String: UInt64] = [:]
        /// Calls by latency; not cumulative; one more than there are bounds.
        package var buckets = [UInt64](repeating: 0, count: ToolStatistics.boundsMicroseconds.count + 1)
        package var wallMicroseconds: UInt64 = 0
        package var retries: UInt64 = 0
        package var inFlight = 0
        /// All calls that ended.
        package var total: UInt64 { outcomes.values.reduce(0, &+) }
    }

    private let state = Lock((counts: Counts(), ok: UInt64(0)))

    func began() { state.withLock { $0.counts.inFlight += 1 } }

    func ended(_ outcome: ToolOutcome) {
        let micros = outcome.usage.wallNanoseconds / 1_000
        let bucket = Self.boundsMicroseconds.firstIndex { micros <= $0 } ?? Self.boundsMicroseconds.count
        state.withLock { state in
            state.counts.inFlight -= 1
            state.counts.buckets[bucket] += 1
            state.counts.wallMicroseconds &+= micros
            state.counts.retries &+= UInt64(outcome.usage.retries)
            if case .success = outcome.result { state.ok += 1 } else { state.counts.outcomes[outcome.name, default: 0] += 1 }
        }
    }

    var counts: Counts {
        state.withLock { state in
            var counts = state.counts
            counts.outcomes["ok"] = state.ok
            return counts
        }
    }
}
