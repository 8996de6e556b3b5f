import CLinux
import Glibc

/// A descriptor that a loop watches, edge-triggered, until `deregister()`.
///
/// It belongs to its loop: every method but `abandon()` must run on the loop's thread. It does not own the descriptor; deregister before
/// closing. At most one task waits for each direction.
package final class FDRegistration: TimerEntry, @unchecked Sendable {
    // SAFETY: all state is touched only on the loop's thread, which each entry point checks.
    package let loop: EventLoop
    package let fd: Int32
    private var id: UInt64 = 0
    private var events: UInt32 = 0
    package private(set) var isOpen = true
    /// The last read of a stream took all there was and no edge has come since: another one would find nothing.
    var isDry = false
    var read = Direction()
    var write = Direction()
    /// Called once on the loop when the peer is gone (`isHalf` false) or has shut down its sending side (`isHalf` true).
    package var onHangup: ((_ isHalf: Bool) -> Void)?
    /// Called once on the loop, in place of a task that waits, when a parked registration has something to read or may wait no longer.
    package var onWake: ((Outcome) -> Void)?
    private var isParked = false
    /// Whether the peer has shut down its sending side, or all.
    package private(set) var hasHungUp = false

    /// One direction of a descriptor.
    struct Direction {
        /// An edge has come since the last look.
        var isReady = false
        var waiter: UnsafeContinuation<Outcome, Never>?
        var deadline: UInt64 = .max
        /// Tells one wait from the next, so that a late cancellation cannot end a wait that is not its own.
        var sequence: UInt32 = 0
    }

    /// Which of the two.
    enum Side { case read, write }

    /// One direction by name, in place.
    subscript(side: Side) -> Direction {
        get { side == .read ? read : write }
        _modify { if side == .read { yield &read } else { yield &write } }
    }

    /// How a wait ended.
    package enum Outcome: UInt8 { case ready, timedOut, cancelled, closed }

    /// Adds `fd` to the loop's epoll with one system call.
    init(loop: EventLoop, fd: Int32) throws(IOError) {
        loop.assertOnLoop()
        self.loop = loop
        self.fd = fd
        super.init()
        id = loop.local.registrations.insert(self)
        events = clinux_epoll_in | clinux_epoll_rdhup | clinux_epoll_et
        do {
            try Syscall.retrying { clinux_epoll_add(loop.epoll, fd, events, id) }
        } catch {
            loop.local.registrations.remove(id)
            isOpen = false
            throw IOError(.system(error), "register")
        }
        loop.statistics.registrationsChanged(by: 1)
    }

    /// Stops watching and ends waits with `.closed`; a second call does nothing.
    ///
    /// With `closingNext` the owner closes the descriptor right after, which also removes it from epoll, and a system call is saved.
    package func deregister(closingNext: Bool = false) {
        loop.assertOnLoop()
        guard isOpen else { return }
        isOpen = false
        onHangup = nil
        if !closingNext { unwatch() }
        forget()
    }

    /// Stops watching from any thread, while nobody waits on it; the descriptor may be closed right after.
    ///
    /// The kernel forgets it at once. The loop does when it next runs for another reason: it is not worth a wake-up.
    package func abandon() {
        if loop.isCurrent { return deregister() }
        unwatch()
        loop.executeLazily {
            guard self.isOpen else { return }
            self.isOpen = false
            self.onHangup = nil
            self.forget()
        }
    }

    /// Forgets what came before the next wait, so that a registration that is kept begins like a new one.
    package func renew() {
        loop.assertOnLoop()
        read.isReady = false
    }

    private func unwatch() {
        if clinux_epoll_remove(loop.epoll, fd) != 0 { assert(errno == ENOENT || errno == EBADF, "epoll_ctl(DEL) failed") }
    }

    private func forget() {
        loop.local.registrations.remove(id)
        loop.local.timers.remove(self)
        loop.statistics.registrationsChanged(by: -1)
        finish(.read, .closed)
        finish(.write, .closed)
        onWake = nil
    }

    /// Waits for the next edge of something to read without a task: `onWake` hears of it. Only after a call has said "would block".
    /// `deadline` counts from now on; false, and nothing waits, when an edge has come already.
    package func park(until deadline: Deadline) -> Bool {
        loop.assertOnLoop()
        precondition(read.waiter == nil && !isParked, "one waits for a direction")
        guard isOpen, !read.isReady else {
            read.isReady = false
            return false
        }
        isParked = true
        read.deadline = deadline.nanoseconds
        arm(deadline.nanoseconds)
        return true
    }

    private func isWaiting(_ side: Side) -> Bool { self[side].waiter != nil || (side == .read && isParked) }

    /// Ends waits with `.cancelled` while the registration stays.
    package func interrupt() {
        loop.assertOnLoop()
        finish(.read, .cancelled)
        finish(.write, .cancelled)
    }

    /// As `interrupt`, for a wait to read alone: a write under way goes on.
    package func interruptRead() {
        loop.assertOnLoop()
        finish(.read, .cancelled)
    }

    /// Takes what epoll reported.
    func handle(events: UInt32) {
        let gone = events & (clinux_epoll_hup | clinux_epoll_err) != 0
        let half = events & clinux_epoll_rdhup != 0
        // First, because whoever is parked goes on at once.
        if gone || half {
            hasHungUp = true
            onHangup?(!gone)
        }
        if events & clinux_epoll_in != 0 || gone || half { becomeReady(.read) }
        if events & clinux_epoll_out != 0 || gone { becomeReady(.write) }
    }

    /// The deadline of a wait has perhaps come; waits that were prolonged meanwhile arm the timer again.
    override func fire(now: UInt64) {
        if now == .max { return }
        if isWaiting(.read) && read.deadline <= now { finish(.read, .timedOut) }
        if isWaiting(.write) && write.deadline <= now { finish(.write, .timedOut) }
        let next = min(isWaiting(.read) ? read.deadline : .max, isWaiting(.write) ? write.deadline : .max)
        if isOpen && next != .max { loop.local.timers.insert(self, due: next) }
    }

    /// Makes sure that the timer fires no later than `deadline`; one that fires earlier stays and is prolonged when it fires.
    func arm(_ deadline: UInt64) {
        if deadline == .max || (isArmed && due <= deadline) { return }
        if isArmed { loop.local.timers.remove(self) }
        loop.local.timers.insert(self, due: deadline)
    }

    /// Asks epoll for room-to-write events too, the first time a write would block.
    func watchWrites() throws(IOError) {
        if events & clinux_epoll_out != 0 { return }
        do {
            try Syscall.retrying { clinux_epoll_modify(loop.epoll, fd, events | clinux_epoll_out, id) }
            events |= clinux_epoll_out
        } catch {
            throw IOError(.system(error), "watch writes")
        }
    }

    private func becomeReady(_ side: Side) {
        if side == .read { isDry = false }
        if isWaiting(side) {
            finish(side, .ready)
        } else {
            self[side].isReady = true
        }
    }

    func finish(_ side: Side, _ outcome: Outcome) {
        if side == .read && isParked {
            isParked = false
            read.isReady = false
            onWake?(outcome)
            return
        }
        guard let waiter = self[side].waiter else { return }
        self[side].waiter = nil
        self[side].isReady = false
        waiter.resume(returning: outcome)
    }
}

extension EventLoop {
    /// Watches `fd` on this loop, whose thread this must be; the descriptor must be non-blocking and stays the caller's.
    package func register(_ fd: Int32) throws(IOError) -> FDRegistration { try FDRegistration(loop: self, fd: fd) }
}
