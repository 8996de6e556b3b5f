import IO

/// Rates and requests under way, by plugin and tenant: one's use never takes from another's.
struct EgressMeters: Sendable {
    /// Whose.
    struct Key: Sendable, Hashable {
        let plugin: String
        let tenant: String
    }

    private struct Meter: Sendable {
        var running = 0
        var bucket: TokenBucket
        /// What the bucket was made for: a manifest that was changed counts from then on.
        let perMinute: Int
        var seen: Deadline

        init(perMinute: Int, now: Deadline) {
            bucket = TokenBucket(burst: perMinute, count: perMinute, perSeconds: 60)
            self.perMinute = perMinute
            seen = now
        }
    }

    private var meters: [Key: Meter] = [:]

    /// Requests under way in all.
    var running: Int { meters.values.reduce(0) { $0 + $1.running } }

    /// Counts a request that begins, or says which quota it would pass.
    mutating func begin(_ key: Key, perMinute: Int, now: Deadline) -> EgressRefusal? {
        if meters[key] == nil { makeRoom() }
        var meter = meters[key] ?? Meter(perMinute: perMinute, now: now)
        if meter.perMinute != perMinute {
            let running = meter.running
            meter = Meter(perMinute: perMinute, now: now)
            meter.running = running
        }
        meter.seen = now
        defer { meters[key] = meter }
        if meter.running >= Limits.concurrentMax { return .quotaConcurrency }
        guard meter.bucket.take(1, now: now) else { return .quotaRate }
        meter.running += 1
        return nil
    }

    mutating func end(_ key: Key) { meters[key]?.running -= 1 }

    /// Lets go of those who have nothing under way, the longest unseen first: their buckets are the fullest.
    private mutating func makeRoom() {
        guard meters.count >= Limits.metersMax else { return }
        let idle = meters.filter { $0.value.running == 0 }.sorted { $0.value.seen < $1.value.seen }
        for (key, _) in idle.prefix(max(1, Limits.metersMax / 8)) { meters[key] = nil }
    }
}
