/// Decides whether a failed try is followed by another and after how long.
///
/// Only tools that are idempotent are tried again, or tries that failed before the call reached the plugin. The budget is the deadline over all tries: a
/// back-off that would not end before it is not begun.
package struct RetryPolicy: Sendable, Hashable {
    /// How a try failed.
    package enum Failure: Sendable, Hashable {
        /// Nothing of the call was sent: no worker, no room, a worker that died before.
        case beforePlugin
        /// The plugin may have seen the call, and a further try could help: crash, kill, protocol fault.
        case inPlugin
        /// A further try cannot help: bad input, a clean error from the plugin, cancellation, refusal.
        case final
    }

    /// At most this many further tries, 0 to 3.
    package let retriesMax: Int
    /// Whether the tool may run twice.
    package let isIdempotent: Bool

    package init(retries: Int = SupervisorLimits.retriesDefault, isIdempotent: Bool) {
        retriesMax = min(max(0, retries), SupervisorLimits.retriesMax)
        self.isIdempotent = isIdempotent
    }

    /// Milliseconds to wait before try number `tries` + 1, or nil to give up.
    ///
    /// - Parameters:
    ///   - tries: how many tries were made, at least 1.
    ///   - random: 64 random bits for the jitter.
    ///   - deadline: the end of the whole call.
    package func backoffMilliseconds(after failure: Failure, tries: Int, random: UInt64, at now: Moment, deadline: Moment) -> Int? {
        switch failure {
        case .final: return nil
        case .inPlugin: if !isIdempotent { return nil }
        case .beforePlugin: break
        }
        guard tries >= 1, tries <= retriesMax else { return nil }
        let table = SupervisorLimits.retryBackoffMilliseconds
        let base = table[min(tries - 1, table.count - 1)]
        let spread = base * SupervisorLimits.retryJitterPercent / 100
        let wait = base - spread + Int(random % UInt64(2 * spread + 1))
        return now.adding(milliseconds: wait) < deadline ? wait : nil
    }
}
