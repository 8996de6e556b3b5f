import Supervisor
import TestKit
import Testing

@Suite struct BreakerTests {
    private func ms(_ value: Int) -> Moment { Moment.zero.adding(milliseconds: 1_000_000 + value) }

    private func fail(_ breaker: inout Breaker, at now: Moment) throws {
        guard case .admitted(let token) = breaker.admit(at: now) else { throw Refused() }
        breaker.recordFailure(token, at: now)
    }

    private struct Refused: Error {}

    @Test("a breaker opens after five failures in sixty seconds and not after four (TOOL-1)")
    func opens() throws {
        var breaker = Breaker()
        for index in 0..<4 { try fail(&breaker, at: ms(index * 10_000)) }
        #expect(breaker.phase(at: ms(40_000)) == .closed)
        try fail(&breaker, at: ms(59_999))
        #expect(breaker.phase(at: ms(59_999)) == .open)
        same(breaker.admit(at: ms(60_000)), .refused(retryAfterMilliseconds: 29_999))
    }

    @Test("failures older than sixty seconds do not count (TOOL-1)")
    func forgets() throws {
        var breaker = Breaker()
        for index in 0..<100 { try fail(&breaker, at: ms(index * 15_001)) }
        #expect(breaker.phase(at: ms(1_500_000)) == .closed)
    }

    @Test("after thirty seconds exactly one probe goes through; its success closes, its failure opens again (TOOL-1)", arguments: [true, false])
    func probes(succeeds: Bool) throws {
        var breaker = Breaker()
        for _ in 0..<5 { try fail(&breaker, at: ms(0)) }
        same(breaker.admit(at: ms(29_999)), .refused(retryAfterMilliseconds: 1))
        #expect(breaker.phase(at: ms(30_000)) == .halfOpen)
        guard case .admitted(let probe) = breaker.admit(at: ms(30_000)) else { throw Refused() }
        guard case .refused = breaker.admit(at: ms(30_001)) else { throw Refused() }
        if succeeds {
            breaker.recordSuccess(probe)
            #expect(breaker.phase(at: ms(30_002)) == .closed)
            guard case .admitted = breaker.admit(at: ms(30_002)) else { throw Refused() }
        } else {
            breaker.recordFailure(probe, at: ms(30_002))
            #expect(breaker.phase(at: ms(30_003)) == .open)
            guard case .refused = breaker.admit(at: ms(60_001)) else { throw Refused() }
        }
    }

    @Test("a cancelled probe makes room for another probe (TOOL-1)")
    func cancelledProbe() throws {
        var breaker = Breaker()
        for _ in 0..<5 { try fail(&breaker, at: ms(0)) }
        guard case .admitted(let probe) = breaker.admit(at: ms(31_000)) else { throw Refused() }
        breaker.recordNeither(probe)
        guard case .admitted = breaker.admit(at: ms(31_001)) else { throw Refused() }
    }

    @Test("a straggler admitted before the breaker opened neither closes nor reopens it (TOOL-1)")
    func straggler() throws {
        var breaker = Breaker()
        guard case .admitted(let early) = breaker.admit(at: ms(0)) else { throw Refused() }
        for _ in 0..<5 { try fail(&breaker, at: ms(1)) }
        breaker.recordSuccess(early)
        #expect(breaker.phase(at: ms(2)) == .open)
        guard case .admitted(let probe) = breaker.admit(at: ms(31_000)) else { throw Refused() }
        breaker.recordFailure(early, at: ms(31_001))
        breaker.recordSuccess(probe)
        #expect(breaker.phase(at: ms(31_002)) == .closed)
    }
}

@Suite struct RetryPolicyTests {
    private let now = Moment(nanoseconds: 1_000_000_000_000)

    @Test("back-off is one second, then four, with a fifth of jitter, and two retries by default (TOOL-8)", arguments: 0..<50)
    func backoff(_ round: Int) {
        var random = SeededRandom(seed: UInt64(round + 1))
        let policy = RetryPolicy(isIdempotent: true)
        let far = now.adding(milliseconds: 60_000)
        let first = policy.backoffMilliseconds(after: .inPlugin, tries: 1, random: random.next(), at: now, deadline: far)
        let second = policy.backoffMilliseconds(after: .inPlugin, tries: 2, random: random.next(), at: now, deadline: far)
        #expect((800...1_200).contains(first ?? -1))
        #expect((3_200...4_800).contains(second ?? -1))
        #expect(policy.backoffMilliseconds(after: .inPlugin, tries: 3, random: random.next(), at: now, deadline: far) == nil)
    }

    @Test("a tool that is not idempotent is tried again only if the call had not reached the plugin (TOOL-8)")
    func idempotence() {
        let policy = RetryPolicy(isIdempotent: false)
        let far = now.adding(milliseconds: 60_000)
        #expect(policy.backoffMilliseconds(after: .inPlugin, tries: 1, random: 0, at: now, deadline: far) == nil)
        #expect(policy.backoffMilliseconds(after: .beforePlugin, tries: 1, random: 0, at: now, deadline: far) == 800)
        #expect(RetryPolicy(isIdempotent: true).backoffMilliseconds(after: .final, tries: 1, random: 0, at: now, deadline: far) == nil)
    }

    @Test("never more than three retries, and none that would end after the deadline over all tries (TOOL-8, WF-2)")
    func budget() {
        let policy = RetryPolicy(retries: 99, isIdempotent: true)
        #expect(policy.retriesMax == 3)
        let far = now.adding(milliseconds: 60_000)
        #expect(policy.backoffMilliseconds(after: .inPlugin, tries: 4, random: 0, at: now, deadline: far) == nil)
        #expect(policy.backoffMilliseconds(after: .inPlugin, tries: 1, random: 0, at: now, deadline: now.adding(milliseconds: 800)) == nil)
        #expect(policy.backoffMilliseconds(after: .inPlugin, tries: 1, random: 0, at: now, deadline: now.adding(milliseconds: 801)) == 800)
        #expect(
            RetryPolicy(retries: -1, isIdempotent: true).backoffMilliseconds(after: .inPlugin, tries: 1, random: 0, at: now, deadline: far) == nil)
    }
}
