import Synchronization

/// Counters of a loop that any thread may read.
package final class EventLoopStatistics: Sendable {
    private let turnCount = Atomic<UInt64>(0)
    private let longTurnCount = Atomic<UInt64>(0)
    private let heldNanoseconds = Atomic<UInt64>(0)
    private let heldNanosecondsWorst = Atomic<UInt64>(0)
    private let registrationCount = Atomic<Int>(0)
    private let turnStart = Atomic<UInt64>(0)
    private let onLongTurn = Lock<(@Sendable (_ milliseconds: Int) -> Void)?>(nil)

    /// Turns since the start.
    package var turns: UInt64 { turnCount.load(ordering: .relaxed) }
    /// Turns longer than `IOLimits.turnMillisecondsMax`.
    package var longTurns: UInt64 { longTurnCount.load(ordering: .relaxed) }
    /// Nanoseconds spent outside epoll since the start.
    package var busyNanoseconds: UInt64 { heldNanoseconds.load(ordering: .relaxed) }
    /// Descriptors registered now.
    package var registrations: Int { registrationCount.load(ordering: .relaxed) }

    /// Nanoseconds for which the present turn has lasted: the loop's lag for whatever waits, 0 when it is idle.
    package var lagNanoseconds: UInt64 {
        let start = turnStart.load(ordering: .relaxed)
        let now = Deadline.now().nanoseconds
        return start == 0 || now < start ? 0 : now - start
    }

    /// The longest turn since the last call, in nanoseconds.
    package func takeWorstTurnNanoseconds() -> UInt64 {
        max(heldNanosecondsWorst.exchange(0, ordering: .relaxed), lagNanoseconds)
    }

    /// Sets what is called, on the loop, after a turn that was too long; the caller logs it.
    package func reportLongTurns(to report: @escaping @Sendable (_ milliseconds: Int) -> Void) {
        onLongTurn.withLock { $0 = report }
    }

    func turnBegan(at now: UInt64) { turnStart.store(now, ordering: .relaxed) }

    func turnEnded(at now: UInt64) {
        let start = turnStart.load(ordering: .relaxed)
        turnStart.store(0, ordering: .relaxed)
        guard start != 0, now > start else { return }
        let held = now - start
        turnCount.store(turnCount.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        heldNanoseconds.store(heldNanoseconds.load(ordering: .relaxed) &+ held, ordering: .relaxed)
        if held > heldNanosecondsWorst.load(ordering: .relaxed) { heldNanosecondsWorst.store(held, ordering: .relaxed) }
        if held > UInt64(IOLimits.turnMillisecondsMax) * 1_000_000 {
            longTurnCount.add(1, ordering: .relaxed)
            let report = onLongTurn.withLock { $0 }
            report?(Int(held / 1_000_000))
        }
    }

    func registrationsChanged(by delta: Int) { registrationCount.add(delta, ordering: .relaxed) }
}
