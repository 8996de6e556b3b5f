/// A rate with a burst: tokens come back steadily, up to a number; no clock of its own.
package struct TokenBucket: Sendable {
    private let perNanosecond: Double
    private let burst: Double
    private var tokens: Double
    private var seen: Deadline?

    package init(perSecond: Int, burst: Int) { self.init(burst: burst, count: perSecond, perSeconds: 1) }

    /// `count` tokens come back in `perSeconds` seconds; at most `burst` are there at once, and are there at first.
    package init(burst: Int, count: Int, perSeconds: Int) {
        perNanosecond = Double(max(0, count)) / Double(max(1, perSeconds)) / 1e9
        self.burst = Double(max(1, burst))
        tokens = self.burst
    }

    /// The same under another rate: what is left stays, as far as there is room.
    package func changed(burst: Int, count: Int, perSeconds: Int, now: Deadline) -> TokenBucket {
        var next = TokenBucket(burst: burst, count: count, perSeconds: perSeconds)
        next.tokens = min(next.burst, available(now: now))
        next.seen = max(seen ?? now, now)
        return next
    }

    /// Takes `count` tokens; false, and nothing is taken, when there are fewer.
    package mutating func take(_ count: Int, now: Deadline) -> Bool {
        tokens = available(now: now)
        seen = max(seen ?? now, now)
        guard tokens >= Double(count) else { return false }
        tokens -= Double(count)
        return true
    }

    /// Tokens that are there.
    package func available(now: Deadline) -> Double {
        guard let seen, now > seen else { return tokens }
        return min(burst, tokens + Double(now.nanoseconds - seen.nanoseconds) * perNanosecond)
    }

    /// Whether it is as if it had never been used.
    package func isFull(now: Deadline) -> Bool { available(now: now) >= burst }

    /// Seconds, rounded up, until `count` tokens (all of them when nil) are there; 0 when they are, `Int.max` when they never will be.
    package func secondsUntil(_ count: Int? = nil, now: Deadline) -> Int {
        let missing = (count.map(Double.init) ?? burst) - available(now: now)
        if missing <= 0 { return 0 }
        let seconds = (missing / perNanosecond / 1e9).rounded(.up)
        return seconds < 1e15 ? Int(seconds) : .max
    }
}
