import HTTP
import IO
import JSON
package import Store
package import Telemetry

/// What one host holds of a bucket that others draw from too: a few tokens, for half a second, when its rate is worth it. Decides, and does no I/O.
///
/// The policy in total is never passed. Tokens are taken from the store before they are used and are lost half a second later, so what is used in a time was
/// taken in that time or half a second before; the store's bucket is smaller by what comes back in half a second.
struct HeldTokens: Sendable {
    private var tokens: Int64 = 0
    private var until = Deadline(nanoseconds: 0)
    /// Nobody need ask before then.
    private(set) var refusedUntil = Deadline(nanoseconds: 0)
    /// Tokens that the store had beside those, and when it is full again.
    private var others: Int64 = 0
    private var fullAt = Deadline(nanoseconds: 0)
    /// Uses in this window and in the one before.
    private var uses = (now: Int64(0), before: Int64(0))
    private var windowEnd = Deadline(nanoseconds: 0)

    /// What to do with a request.
    enum Action: Sendable, Hashable {
        /// It may go on; so many are left.
        case take(remaining: Int)
        /// It may not, for so many nanoseconds.
        case refuse(nanoseconds: UInt64)
        /// Ask the store for so many.
        case ask(Int64)
    }

    mutating func request(_ demand: BucketShape, now: Deadline) -> Action {
        if now < refusedUntil { return .refuse(nanoseconds: refusedUntil.nanoseconds - now.nanoseconds) }
        turn(now)
        if tokens > 0, now < until {
            use()
            return .take(remaining: Int(tokens + others))
        }
        guard demand.holds > 1 else { return .ask(1) }
        // What was used in the window before is what will be, less a little: tokens that are not used are lost.
        let left = Int64(windowEnd.nanoseconds - now.nanoseconds) / (demand.holdNanoseconds / 8 + 1)
        let expected = uses.now == 0 ? uses.before * 3 / 4 : uses.now * left / 16
        return .ask(max(1, min(expected, demand.holds)))
    }

    /// Takes in what the store gave to who asked at `asked`.
    mutating func receive(_ grant: BucketGrant, _ demand: BucketShape, asked: Deadline, now: Deadline) -> Action {
        turn(now)
        fullAt = Deadline(nanoseconds: now.nanoseconds + UInt64(grant.untilFull))
        others = max(0, (demand.size - grant.untilFull) / demand.interval)
        guard grant.granted > 0 else {
            let wait = UInt64(max(1, grant.untilFull + demand.interval - demand.size))
            refusedUntil = max(refusedUntil, Deadline(nanoseconds: now.nanoseconds + wait))
            return .refuse(nanoseconds: wait)
        }
        let end = Deadline(nanoseconds: asked.nanoseconds + UInt64(demand.holdNanoseconds))
        // What another request of this host brought meanwhile keeps its own end: the earlier one counts for all.
        if tokens > 0, now < until { until = min(until, end) } else { (tokens, until) = (0, end) }
        tokens += grant.granted
        use()
        if now >= until { tokens = 0 }
        return .take(remaining: Int(tokens + others))
    }

    private mutating func use() {
        tokens -= 1
        uses.now += 1
    }

    private mutating func turn(_ now: Deadline) {
        guard now >= windowEnd else { return }
        let window = UInt64(Limits.sharedHoldMilliseconds) * 1_000_000
        uses = (0, now.nanoseconds - windowEnd.nanoseconds < window ? uses.now : 0)
        windowEnd = Deadline(nanoseconds: now.nanoseconds + window)
        if now >= until { tokens = 0 }
    }

    /// Seconds until all are there again.
    func secondsUntilFull(now: Deadline) -> Int { fullAt <= now ? 0 : Int((fullAt.nanoseconds - now.nanoseconds + 999_999_999) / 1_000_000_000) }

    /// Whether forgetting it changes nothing but a round trip.
    func isIdle(now: Deadline) -> Bool { now >= refusedUntil && (tokens == 0 || now >= until) }
}

/// A policy as a bucket of the store's.
struct BucketShape: Sendable, Hashable {
    /// Nanoseconds a token.
    let interval: Int64
    /// Nanoseconds in which it fills, less what hosts may hold.
    let size: Int64
    /// Tokens that come back while a host holds some; below two none is held.
    let holds: Int64
    let holdNanoseconds = Int64(Limits.sharedHoldMilliseconds) * 1_000_000

    init(_ policy: RatePolicy) {
        let (count, period) = (Int64(policy.count), Int64(policy.seconds) * 1_000_000_000)
        // Rounded up: rather a token less than one more.
        interval = max(1, (period + count - 1) / count)
        let back = holdNanoseconds / interval
        holds = back >= 2 && count > 4 * back ? back : 1
        size = count * interval - (holds > 1 ? holdNanoseconds : 0)
    }

    func demand(_ key: RateKey, wanted: Int64 = 1) -> BucketDemand { BucketDemand(key: key.text, wanted: wanted, interval: interval, size: size) }
}

/// Buckets that all hosts of a database draw from, at most one round trip a request, and fewer where a caller asks often.
package final class SharedBuckets: Sendable {
    private let store: BucketStore
    private let log: Log?
    private let held = Lock<[RateKey: HeldTokens]>([:])
    /// Stands for the database's clock in tests.
    private let clock: (@Sendable () -> Int64)?

    /// Draws from a store.
    package init(_ store: BucketStore, log: Log? = nil, clock: (@Sendable () -> Int64)? = nil) {
        (self.store, self.log, self.clock) = (store, log, clock)
    }

    /// Takes one; nil when the store cannot be reached.
    func take(_ key: RateKey, _ policy: RatePolicy, now: Deadline) async -> RateLimiter.Verdict? {
        let shape = BucketShape(policy)
        let action = held.withLock { held in
            if held.count >= Limits.rateKeysMax { held = held.filter { !$0.value.isIdle(now: now) } }
            return held[key, default: HeldTokens()].request(shape, now: now)
        }
        guard case .ask(let wanted) = action else { return verdict(key, policy, action, now) }
        do throws(StoreError) {
            let grant = try await store.take(shape.demand(key, wanted: wanted), nowNanoseconds: clock?())
            let later = clock == nil ? max(now, .now()) : now
            return verdict(key, policy, held.withLock { $0[key, default: HeldTokens()].receive(grant, shape, asked: now, now: later) }, later)
        } catch {
            log?.warning("shared rates cannot be reached; this host bounds alone", [("cause", .string("\(error)"))])
            return nil
        }
    }

    /// Takes one of each or none; nil when the store cannot be reached.
    func takeAll(_ demands: [(RateKey, RatePolicy)], now: Deadline) async -> RateLimiter.Verdict? {
        let shapes = demands.map { BucketShape($0.1) }
        do throws(StoreError) {
            let wanted = zip(demands, shapes).map { $1.demand($0.0) }
            let (grants, refused) = try await store.takeAll(wanted, nowNanoseconds: clock?())
            func verdict(_ index: Int, _ grant: BucketGrant, isAllowed: Bool) -> RateLimiter.Verdict {
                let shape = shapes[index]
                let wait = isAllowed ? 0 : max(1, grant.untilFull + shape.interval - shape.size)
                return RateLimiter.Verdict(
                    limitClass: demands[index].0.limitClass, policy: demands[index].1, isAllowed: isAllowed,
                    remaining: Int(max(0, (shape.size - grant.untilFull) / shape.interval)), secondsUntilFull: Self.seconds(UInt64(grant.untilFull)),
                    secondsUntilNext: Self.seconds(UInt64(wait)))
            }
            if let refused, let grant = grants.first { return verdict(refused, grant, isAllowed: false) }
            return grants.indices.map { verdict($0, grants[$0], isAllowed: true) }.min { $0.remaining < $1.remaining }
        } catch {
            log?.warning("shared rates cannot be reached; this host bounds alone", [("cause", .string("\(error)"))])
            return nil
        }
    }

    /// Whether the store said lately that there is nothing.
    func glance(_ key: RateKey, _ policy: RatePolicy, now: Deadline) -> RateLimiter.Verdict {
        let until = held.withLock { $0[key]?.refusedUntil ?? now }
        return verdict(key, policy, until > now ? .refuse(nanoseconds: until.nanoseconds - now.nanoseconds) : .take(remaining: policy.count), now)
    }

    private func verdict(_ key: RateKey, _ policy: RatePolicy, _ action: HeldTokens.Action, _ now: Deadline) -> RateLimiter.Verdict {
        let full = held.withLock { $0[key]?.secondsUntilFull(now: now) ?? 0 }
        switch action {
        case .take(let remaining):
            return RateLimiter.Verdict(
                limitClass: key.limitClass, policy: policy, isAllowed: true, remaining: remaining, secondsUntilFull: full, secondsUntilNext: 0)
        case .refuse(let nanoseconds):
            return RateLimiter.Verdict(
                limitClass: key.limitClass, policy: policy, isAllowed: false, remaining: 0, secondsUntilFull: full,
                secondsUntilNext: Self.seconds(nanoseconds))
        case .ask: preconditionFailure("nobody is told to ask")
        }
    }

    private static func seconds(_ nanoseconds: UInt64) -> Int { Int((nanoseconds + 999_999_999) / 1_000_000_000) }
}
