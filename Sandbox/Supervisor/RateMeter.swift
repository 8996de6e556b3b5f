/// A token bucket over passed-in time: `burst` at once, then `perSecond`.
package struct RateMeter: Sendable {
    private let perSecond: UInt64
    private let burstNanotokens: UInt64
    private var nanotokens: UInt64
    private var last: Moment

    package init(perSecond: Int, burst: Int, at now: Moment) {
        self.perSecond = UInt64(max(1, perSecond))
        burstNanotokens = UInt64(max(1, burst)) &* 1_000_000_000
        nanotokens = burstNanotokens
        last = now
    }

    /// Takes one token; false if there is none.
    package mutating func take(at now: Moment) -> Bool {
        if nanotokens < burstNanotokens, now > last {
            let elapsed = min(now.nanoseconds - last.nanoseconds, 3_600_000_000_000)
            let (gain, overflow) = elapsed.multipliedReportingOverflow(by: perSecond)
            nanotokens = overflow ? burstNanotokens : min(burstNanotokens, nanotokens &+ gain)
        }
        last = max(last, now)
        guard nanotokens >= 1_000_000_000 else { return false }
        nanotokens &-= 1_000_000_000
        return true
    }
}
