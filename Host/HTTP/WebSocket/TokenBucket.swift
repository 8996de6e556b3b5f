package import IO

/// A rate with a burst: tokens come back steadily, up to a number; no clock of its own.
package struct TokenBucket: Sendable {
    private let perSecond: Double
    private let burst: Double
    private var tokens: Double
    private var seen: Deadline?

    package init(perSecond: Int, burst: Int) {
        self.perSecond = Double(max(0, perSecond))
        self.burst = Double(max(1, burst))
        tokens = self.burst
    }

    /// Takes `count` tokens; false, and nothing is taken, when there are fewer.
    package mutating func take(_ count: Int, now: Deadline) -> Bool {
        if let seen, now > seen {
            tokens = min(burst, tokens + Double(now.nanoseconds - seen.nanoseconds) / 1e9 * perSecond)
        }
        seen = max(seen ?? now, now)
        guard tokens >= Double(count) else { return false }
        tokens -= Double(count)
        return true
    }
}
