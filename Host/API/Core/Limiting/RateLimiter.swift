package import HTTP
package import IO
import JSON

/// How often callers of a plan may ask, by class.
package typealias RatePolicies = @Sendable (LimitClass, _ plan: String) -> RatePolicy

/// Bounds how often each caller asks, class by class; in this process, and in bounded memory.
package final class RateLimiter: Sendable {
    /// What the bucket said.
    package struct Verdict: Sendable {
        package let limitClass: LimitClass
        package let policy: RatePolicy
        package let isAllowed: Bool
        /// Requests left at once.
        package let remaining: Int
        /// Until all of them are there again.
        package let secondsUntilFull: Int
        /// Until the next one is there; 0 when one is.
        package let secondsUntilNext: Int

        /// `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).
        var headers: [(name: String, value: String)] {
            [
                ("RateLimit-Policy", "\"\(limitClass.rawValue)\";q=\(policy.count);w=\(policy.seconds)"),
                ("RateLimit", "\"\(limitClass.rawValue)\";r=\(remaining);t=\(secondsUntilFull)"),
            ]
        }

        /// 429, when to come back, and why.
        var refusal: APIError {
            let seconds = max(1, secondsUntilNext)
            return APIError(
                .rateLimited, "There were too many requests of the class \(limitClass.rawValue); the next is welcome in \(seconds) s.",
                details: ["reason": "rate", "class": .string(limitClass.rawValue), "retry_after_ms": JSONValue(seconds * 1000)],
                headers: [("Retry-After", String(seconds))])
        }
    }

    private let policies: RatePolicies
    private let table: Lock<RateTable>
    /// The buckets that other hosts draw from too; nil where there is one host.
    private let shared: SharedBuckets?

    /// Asks `policies` at every request, so that a change holds at once; remembers at most `keysMax` callers.
    package init(_ policies: @escaping RatePolicies, shared: SharedBuckets? = nil, keysMax: Int = Limits.rateKeysMax) {
        (self.policies, self.shared) = (policies, shared)
        table = Lock(RateTable(keysMax: keysMax))
    }

    /// - Parameters:
    ///   - policies: classes that are not named have their standard.
    ///   - keysMax: callers that are remembered.
    package convenience init(policies: [LimitClass: RatePolicy] = [:], keysMax: Int = Limits.rateKeysMax) {
        self.init({ limitClass, _ in policies[limitClass] ?? .standard(limitClass) }, keysMax: keysMax)
    }

    /// The policy of a class for a plan: every class has one.
    package func policy(_ limitClass: LimitClass, plan: String = "") -> RatePolicy { policies(limitClass, plan) }

    /// Takes one request of the caller's bucket; `isAsking` only looks.
    package func take(_ key: RateKey, now: Deadline, isAsking: Bool = false) -> Verdict {
        let policy = policies(key.limitClass, key.plan)
        return table.withLock { $0.take(key, policy, now: now, isAsking: isAsking) }
    }

    /// Takes one request of the caller's bucket, of all hosts together where there are several: what this host holds of it, else at most one round trip.
    package func draw(_ key: RateKey, now: Deadline) async -> Verdict {
        guard let shared, !key.limitClass.isLocal else { return take(key, now: now) }
        // A host that cannot reach the others bounds alone.
        return await shared.take(key, policies(key.limitClass, key.plan), now: now) ?? take(key, now: now)
    }

    /// Takes one request of every bucket, or of none (LIM-7): the first verdict that refuses, else the one with the least left.
    package func draw(_ keys: [RateKey], now: Deadline) async -> Verdict {
        precondition(!keys.isEmpty, "a request is somebody's")
        let demands = keys.map { ($0, policies($0.limitClass, $0.plan)) }
        if let shared, let verdict = await shared.takeAll(demands, now: now) { return verdict }
        return table.withLock { $0.takeAll(demands, now: now) }
    }

    /// What can be told without waiting: whether the bucket was found empty.
    func glance(_ key: RateKey, now: Deadline) -> Verdict {
        guard let shared, !key.limitClass.isLocal else { return take(key, now: now, isAsking: true) }
        return shared.glance(key, policies(key.limitClass, key.plan), now: now)
    }

    /// Callers that are remembered.
    package var keyCount: Int { table.withLock { $0.count } }

    /// How fast the messages of a WebSocket may come.
    package func limit(_ configuration: inout WebSocketConfiguration) {
        let policy = policy(.frames)
        configuration.framesPerSecond = max(1, policy.count / policy.seconds)
        configuration.framesBurst = max(configuration.framesPerSecond, policy.count)
    }
}

/// Buckets by caller. When there is no room for another, one that is full goes, which changes nothing; else the fullest of some.
struct RateTable: Sendable {
    private struct Slot: Sendable {
        var key: RateKey
        var bucket: TokenBucket
        var policy: RatePolicy
    }

    private let keysMax: Int
    private var slots: [Slot] = []
    private var places: [RateKey: Int] = [:]
    private var hand = 0

    init(keysMax: Int) { self.keysMax = max(1, keysMax) }

    var count: Int { slots.count }

    mutating func take(_ key: RateKey, _ policy: RatePolicy, now: Deadline, isAsking: Bool) -> RateLimiter.Verdict {
        guard let place = places[key] else {
            var bucket = TokenBucket(burst: policy.count, count: policy.count, perSeconds: policy.seconds)
            let verdict = RateTable.take(&bucket, key, policy, now, isAsking)
            if !isAsking { insert(Slot(key: key, bucket: bucket, policy: policy), now) }
            return verdict
        }
        if slots[place].policy != policy {
            slots[place].bucket = slots[place].bucket.changed(burst: policy.count, count: policy.count, perSeconds: policy.seconds, now: now)
            slots[place].policy = policy
        }
        return RateTable.take(&slots[place].bucket, key, policy, now, isAsking)
    }

    mutating func takeAll(_ demands: [(RateKey, RatePolicy)], now: Deadline) -> RateLimiter.Verdict {
        for (key, policy) in demands {
            let verdict = take(key, policy, now: now, isAsking: true)
            if !verdict.isAllowed { return verdict }
        }
        let verdicts = demands.map { take($0.0, $0.1, now: now, isAsking: false) }
        return verdicts.min { $0.remaining < $1.remaining } ?? verdicts[0]
    }

    private static func take(
        _ bucket: inout TokenBucket, _ key: RateKey, _ policy: RatePolicy, _ now: Deadline, _ isAsking: Bool
    ) -> RateLimiter.Verdict {
        let isAllowed = isAsking ? bucket.available(now: now) >= 1 : bucket.take(1, now: now)
        return RateLimiter.Verdict(
            limitClass: key.limitClass, policy: policy, isAllowed: isAllowed, remaining: Int(bucket.available(now: now)),
            secondsUntilFull: bucket.secondsUntil(now: now), secondsUntilNext: bucket.secondsUntil(1, now: now))
    }

    private mutating func insert(_ slot: Slot, _ now: Deadline) {
        guard slots.count >= keysMax else {
            places[slot.key] = slots.count
            slots.append(slot)
            return
        }
        let victim = victim(now)
        places[slots[victim].key] = nil
        slots[victim] = slot
        places[slot.key] = victim
    }

    /// The first full bucket among the next few, else the one that is nearest to it.
    private mutating func victim(_ now: Deadline) -> Int {
        var best = hand
        var bestSeconds = Int.max
        for _ in 0..<min(Limits.rateEvictionLooks, slots.count) {
            let place = hand
            hand = (hand + 1) % slots.count
            let seconds = slots[place].bucket.secondsUntil(now: now)
            if seconds == 0 { return place }
            if seconds < bestSeconds { (best, bestSeconds) = (place, seconds) }
        }
        return best
    }
}
