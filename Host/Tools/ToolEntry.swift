import IO
package import Supervisor
package import Workers

/// A callable tool with what its calls share: workers, breaker, counts.
package final class ToolEntry: Sendable {
    package let spec: ToolSpec
    package let pool: PluginPool
    let policy: RetryPolicy
    private let breaker = Lock(Breaker())
    let statistics: ToolStatistics

    /// - Parameter statistics: the numbers that this version goes on counting.
    package init(_ spec: ToolSpec, pool: PluginPool, statistics: ToolStatistics = ToolStatistics()) {
        self.statistics = statistics
        self.spec = spec
        self.pool = pool
        policy = RetryPolicy(retries: spec.retries, isIdempotent: spec.isIdempotent)
    }

    func admit(at now: Moment) -> Breaker.Admission { breaker.withLock { $0.admit(at: now) } }

    /// What a call's end says about the tool.
    enum Verdict { case success, failure, neither }

    func record(_ verdict: Verdict, _ token: Breaker.Token, at now: Moment) {
        breaker.withLock { breaker in
            switch verdict {
            case .success: breaker.recordSuccess(token)
            case .failure: breaker.recordFailure(token, at: now)
            case .neither: breaker.recordNeither(token)
            }
        }
    }

    /// `closed`, `open` or `half_open`.
    package var breakerPhase: Breaker.Phase { breaker.withLock { $0.phase(at: Moment(nanoseconds: Deadline.now().nanoseconds)) } }

    /// Closes the breaker.
    package func resetBreaker() { breaker.withLock { $0.reset() } }

    /// Counts so far.
    package var counts: ToolStatistics.Counts { statistics.counts }
}
