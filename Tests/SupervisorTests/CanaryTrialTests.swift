import TestKit
import Testing

import Supervisor

@Suite struct CanaryTrialTests {
    /// Plays a trial: `share` of the calls go to the new version, each fails with its version's probability. Answers the calls of the new version until it was
    /// rolled back, or nil.
    private func play(
        stable: Double, canary: Double, share: Int, calls: Int, _ random: inout SeededRandom
    ) -> (rolledBackAfter: Int?, judgements: Int) {
        var trial = CanaryTrial()
        var judgements = 0
        var after: Int?
        for _ in 0..<calls {
            let isCanary = Int.random(in: 0..<100, using: &random) < share
            let isFailure = Double.random(in: 0..<1, using: &random) < (isCanary ? canary : stable)
            if case .rollBack = trial.record(isCanary: isCanary, isFailure: isFailure) {
                judgements += 1
                after = trial.canary.calls
            }
        }
        return (after, judgements)
    }

    @Test("a version that is no worse is not rolled back, however long it is watched", arguments: [0.0, 0.001, 0.01, 0.05, 0.2, 0.5, 0.9])
    func noFalseAlarm(rate: Double) {
        var random = SeededRandom()
        var alarms = 0
        for _ in 0..<300 {
            if play(stable: rate, canary: rate, share: 10, calls: 3_000, &random).rolledBackAfter != nil { alarms += 1 }
        }
        // The promise is at most 0.1 %; three of 300 have a probability of less than 0.01 % then.
        #expect(alarms <= 2, "seed \(random.seed)")
    }

    @Test(
        "a version that is worse is rolled back, the sooner the worse it is",
        arguments: [(0.0, 1.0, 12), (0.0, 0.5, 40), (0.01, 0.2, 200), (0.05, 0.15, 1_500), (0.2, 0.6, 200)])
    func alarm(stable: Double, canary: Double, callsMax: Int) {
        var random = SeededRandom()
        for _ in 0..<50 {
            let played = play(stable: stable, canary: canary, share: 20, calls: callsMax * 5 + 2_000, &random)
            #expect(played.rolledBackAfter != nil, "seed \(random.seed)")
            #expect(played.judgements == 1, "it is told once")
        }
        // With the stable version well known, the typical trial ends within the bound.
        var ends: [Int] = []
        for _ in 0..<51 {
            var trial = CanaryTrial()
            for _ in 0..<2_000 { _ = trial.record(isCanary: false, isFailure: Double.random(in: 0..<1, using: &random) < stable) }
            while trial.ended == nil, trial.canary.calls < 10 * callsMax {
                _ = trial.record(isCanary: true, isFailure: Double.random(in: 0..<1, using: &random) < canary)
            }
            ends.append(trial.canary.calls)
        }
        #expect(ends.sorted()[25] <= callsMax, "seed \(random.seed): \(ends.sorted())")
    }

    @Test("the bounds hold what was seen between them, and draw together as calls come in", arguments: 0..<200)
    func bounds(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed + 1))
        let calls = Int.random(in: 1...5_000, using: &random)
        let tally = CanaryTrial.Tally(calls: calls, failures: Int.random(in: 0...calls, using: &random))
        let seen = Double(tally.failures) / Double(calls)
        let (least, greatest) = (CanaryTrial.leastRate(tally), CanaryTrial.greatestRate(tally))
        #expect(0 <= least && least <= seen && seen <= greatest && greatest <= 1, "\(tally): \(least) \(greatest)")
        let more = CanaryTrial.Tally(calls: calls * 4, failures: tally.failures * 4)
        #expect(CanaryTrial.greatestRate(more) - CanaryTrial.leastRate(more) <= greatest - least)
    }

    @Test("nothing is concluded from nothing: no call of the version in force, or no failure of the new one")
    func nothing() {
        var alone = CanaryTrial()
        for _ in 0..<10_000 { #expect(alone.record(isCanary: true, isFailure: true) == .goOn) }
        var perfect = CanaryTrial()
        for index in 0..<10_000 { #expect(perfect.record(isCanary: index % 2 == 0, isFailure: index % 2 == 1) == .goOn) }
        #expect(CanaryTrial.leastRate(.init()) == 0 && CanaryTrial.greatestRate(.init()) == 1)
    }

    @Test("an opened breaker and a version that does not load end a trial at once, and only once (TOOL-1)")
    func atOnce() {
        var trial = CanaryTrial()
        guard case .rollBack(let reason) = trial.breakerOpened("demo.shout") else { return #expect(Bool(false), "it goes on") }
        #expect(reason.contains("demo.shout"))
        #expect(trial.breakerOpened("demo.other") == .goOn && trial.broke("x") == .goOn)
        #expect(trial.record(isCanary: true, isFailure: true) == .goOn && trial.ended == reason)
    }

    @Test("a share is the share, the same call is always chosen alike, and another trial chooses others", arguments: [1, 10, 50, 99])
    func share(percent: Int) {
        let ids = (0..<20_000).map { "018f6f9c-\($0)" }
        let chosen = ids.filter { CanaryShare.holds(percent, trial: 7, call: $0) }
        let expected = 200 * percent
        #expect(abs(chosen.count - expected) < 300, "\(chosen.count) of 20000")
        #expect(chosen == ids.filter { CanaryShare.holds(percent, trial: 7, call: $0) })
        let others = ids.filter { CanaryShare.holds(percent, trial: 8, call: $0) }
        #expect(others != chosen)
        #expect(!ids.contains { CanaryShare.holds(0, trial: 7, call: $0) } && !ids.contains { !CanaryShare.holds(100, trial: 7, call: $0) })
    }
}
