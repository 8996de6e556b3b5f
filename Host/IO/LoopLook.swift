import CLinux
import Glibc
import Synchronization

/// Decides whether a loop with nothing to do looks for events for some microseconds before it sleeps: being woken costs more than a short request.
///
/// Where looking was worth it, it goes on; where it was not, it is tried again only now and then. No I/O, no clock.
struct LoopLook {
    private var credit = IOLimits.lookCreditMax
    private var restsUntil: UInt64 = 0

    /// Whether the loop should look now.
    func mayLook(at now: UInt64) -> Bool { credit > 0 || now >= restsUntil }

    /// Learns from a look that ended at `now`.
    mutating func looked(found: Bool, at now: UInt64) {
        credit = found ? min(credit + 1, IOLimits.lookCreditMax) : max(credit - IOLimits.lookMissCost, 0)
        if credit == 0 { restsUntil = now + IOLimits.lookRestNanoseconds }
    }
}

extension EventLoop {
    /// Never more than one loop of the process looks, so that the other processors are left to whoever answers.
    private static let isLooked = Atomic<Bool>(false)

    /// Takes what is ready without sleeping, looking for it a little while if that has been worth it; 0 when there was nothing.
    func look(_ events: UnsafeMutableBufferPointer<clinux_ready>, from began: UInt64) -> Int32 {
        guard local.look.mayLook(at: began), Self.isLooked.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
            return 0
        }
        defer { Self.isLooked.store(false, ordering: .releasing) }
        var now = began
        while true {
            let count = clinux_epoll_wait(epoll, events.baseAddress, Int32(events.count), 0)
            let last = now
            now = Deadline.now().nanoseconds
            if count != 0 || now &- began > IOLimits.lookNanoseconds || now &- last > IOLimits.lookStepNanoseconds {
                local.look.looked(found: count > 0, at: now)
                return count
            }
            // Whoever wants this processor gets it, and the loop sleeps after the next step then.
            sched_yield()
        }
    }
}
