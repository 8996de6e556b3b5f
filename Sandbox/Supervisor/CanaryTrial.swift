import Glibc

/// Judges a new version that gets a share of the calls beside the version in force: goes on, or is rolled back.
///
/// It is rolled back when the breaker of one of its tools opens, or when it fails more often than the version in force, which is told from bad luck by a
/// bound: the least failure rate that its calls so far allow lies above the greatest that the other's allow. Both are Chernoff bounds at the confidence
/// 1 - d/(n(n+1)) after n calls, which adds up to 1 - d over any number of calls: so a version that is no worse is rolled back with a probability of at most
/// 2d in its whole life, however often the judgement is repeated. d is `SupervisorLimits.canaryErrorMax`.
package struct CanaryTrial: Sendable {
    /// Calls that said something about a version, and how many of them failed by its fault.
    package struct Tally: Sendable, Hashable {
        package var calls = 0
        package var failures = 0
        package init(calls: Int = 0, failures: Int = 0) { (self.calls, self.failures) = (calls, failures) }
    }

    /// What follows from an outcome.
    package enum Judgement: Sendable, Hashable {
        case goOn
        /// Told once; later outcomes change nothing.
        case rollBack(String)
    }

    /// The calls of the new version.
    package private(set) var canary = Tally()
    /// The calls of the version in force since the trial began.
    package private(set) var stable = Tally()
    /// Why it was ended; nil while it goes on.
    package private(set) var ended: String?

    /// Nothing known of either.
    package init() {}

    /// Takes the outcome of one call.
    package mutating func record(isCanary: Bool, isFailure: Bool) -> Judgement {
        guard ended == nil else { return .goOn }
        if isCanary { canary.count(isFailure) } else { stable.count(isFailure) }
        // Only a failure of the new version makes it look worse.
        guard isCanary, isFailure else { return .goOn }
        let least = Self.leastRate(canary)
        let greatest = Self.greatestRate(stable)
        guard least > greatest else { return .goOn }
        return end(
            "\(canary.failures) of its \(canary.calls) calls failed, \(stable.failures) of \(stable.calls) of the version in force: "
                + "more than chance explains")
    }

    /// The breaker of one of the new version's tools has opened.
    package mutating func breakerOpened(_ tool: String) -> Judgement { end("the breaker of \(tool) opened: it failed too often") }

    /// The new version does not load.
    package mutating func broke(_ reason: String) -> Judgement { end("it does not load: \(reason)") }

    private mutating func end(_ reason: String) -> Judgement {
        guard ended == nil else { return .goOn }
        ended = reason
        return .rollBack(reason)
    }

    // MARK: Bounds

    /// The least failure rate that is not ruled out by what was seen; 0 when nothing was.
    package static func leastRate(_ tally: Tally) -> Double {
        guard tally.failures > 0 else { return 0 }
        return bound(tally, from: 0, isLeast: true)
    }

    /// The greatest failure rate that is not ruled out by what was seen; 1 when nothing was.
    package static func greatestRate(_ tally: Tally) -> Double {
        guard tally.failures < tally.calls else { return 1 }
        return bound(tally, from: 1, isLeast: false)
    }

    /// The rate between `from` and the observed one at which `n * divergence` is what the confidence allows, by bisection.
    private static func bound(_ tally: Tally, from: Double, isLeast: Bool) -> Double {
        let calls = Double(tally.calls)
        let seen = Double(tally.failures) / calls
        let allowed = log(calls * (calls + 1) / SupervisorLimits.canaryErrorMax) / calls
        var (outside, inside) = (from, seen)
        for _ in 0..<50 {
            let middle = (outside + inside) / 2
            if divergence(seen, middle) > allowed { outside = middle } else { inside = middle }
        }
        // The side that keeps the promise: never a bound that is too bold.
        return outside
    }

    /// How far a coin of rate `other` is from one that shows `seen` (Kullback-Leibler, natural logarithm).
    private static func divergence(_ seen: Double, _ other: Double) -> Double {
        guard other > 0, other < 1 else { return seen == other ? 0 : .infinity }
        let failures = seen > 0 ? seen * log(seen / other) : 0
        let successes = seen < 1 ? (1 - seen) * log((1 - seen) / (1 - other)) : 0
        return failures + successes
    }
}

extension CanaryTrial.Tally {
    fileprivate mutating func count(_ isFailure: Bool) {
        calls += 1
        if isFailure { failures += 1 }
    }
}

/// Which calls a new version gets.
package enum CanaryShare {
    /// Whether a call belongs to the share: the same call of the same trial always answers the same (FNV-1a, 64 bits, over both).
    package static func holds(_ percent: Int, trial: UInt64, call: String) -> Bool {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        for shift in stride(from: 0, to: 64, by: 8) { mix(UInt8(truncatingIfNeeded: trial >> UInt64(shift))) }
        for byte in call.utf8 { mix(byte) }
        // The low bits of FNV are its weak ones; fold the high ones over them.
        hash ^= hash >> 32
        hash = hash &* 0xd6e8_feb8_6659_fd93
        hash ^= hash >> 32
        return hash % 100 < UInt64(max(0, percent))
    }
}
