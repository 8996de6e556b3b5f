import Glibc
import Testing

@testable import IO

@Suite struct LoopLookTests {
    @Test("a loop looks as long as it finds something, rests when it does not, and tries again after 10 ms")
    func learns() {
        var look = LoopLook()
        for turn in 0..<1000 {
            #expect(look.mayLook(at: 0))
            look.looked(found: turn % 8 != 0, at: 0)
        }
        var misses = 0
        while look.mayLook(at: 100), misses < 100 {
            look.looked(found: false, at: 100)
            misses += 1
        }
        #expect(misses <= 4, "what is in vain ends soon")
        let rest = IOLimits.lookRestNanoseconds
        #expect(!look.mayLook(at: 99 + rest) && look.mayLook(at: 100 + rest))
        look.looked(found: false, at: 100 + rest)
        #expect(!look.mayLook(at: 200 + rest), "one try is all")
        look.looked(found: true, at: 300 + rest)
        #expect(look.mayLook(at: 300 + rest))
    }

    @Test("a loop that nobody needs sleeps: a second of it costs less than 30 ms of processor time")
    func sleeps() async throws {
        try await onLoop { loop in
            // As a server with a timer every few milliseconds, whose looks are all in vain.
            let before = Self.processorNanoseconds()
            for _ in 0..<100 { try await loop.sleep(until: .after(milliseconds: 10)) }
            #expect(Self.processorNanoseconds() - before < 30_000_000)
        }
    }

    private static func processorNanoseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
