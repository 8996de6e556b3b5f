import IO
import Supervisor
import Synchronization

/// Decides whether a lone call may look at its worker's socket for a few microseconds before it sleeps.
///
/// Waking a sleeping thread costs about as much as a short call. A plugin whose answers come within the budget is worth waiting for awake; one whose answers do
/// not is tried again only now and then. Never more than one call looks at a time, so under load every core goes to the workers. Safe from any thread.
final class BusyPoll: Sendable {
    /// How long a call looks, in nanoseconds: what it would cost to be woken, and a little.
    static let budgetNanoseconds: UInt64 = 25_000
    private static let creditMax = 16
    private static let retryEvery = 256

    private let credit = Atomic<Int>(creditMax)
    private let skipped = Atomic<Int>(0)
    /// Calls of the whole service in flight.
    private let inFlight: InFlight

    /// Counts the calls of a service.
    final class InFlight: Sendable {
        private let count = Atomic<Int>(0)

        func enter() { count.add(1, ordering: .relaxed) }
        func leave() { count.subtract(1, ordering: .relaxed) }
        var isOne: Bool { count.load(ordering: .relaxed) == 1 }
    }

    init(_ inFlight: InFlight) { self.inFlight = inFlight }

    /// Whether this call should look.
    func mayTry() -> Bool {
        guard inFlight.isOne else { return false }
        if credit.load(ordering: .relaxed) > 0 { return true }
        return skipped.add(1, ordering: .relaxed).newValue % Self.retryEvery == 0
    }

    /// Learns from a try.
    func tried(_ came: Bool) {
        let now = credit.load(ordering: .relaxed)
        credit.store(came ? min(now + 2, Self.creditMax) : max(now - 4, 0), ordering: .relaxed)
    }
}

extension WorkerHandle {
    /// Reads until something comes or the budget is used up; true if something came.
    func look() throws(FrameEnd) -> Bool {
        let end = Moment.now.nanoseconds &+ BusyPoll.budgetNanoseconds
        repeat {
            if try receive() { return true }
        } while Moment.now.nanoseconds < end
        return false
    }
}
