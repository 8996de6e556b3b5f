import CLinux
import Glibc
import Synchronization

/// One thread that waits in epoll and runs the tasks, timers and callbacks of the descriptors it owns.
///
/// It is a `TaskExecutor`: a task that prefers it, and all its children, run on this thread, so that an async handler
/// reads and writes its connection without a hop. Nothing that runs here may block.
package final class EventLoop: TaskExecutor, @unchecked Sendable {
    // SAFETY: `local` is touched only on the loop's own thread (checked by `assertOnLoop`); all else is a lock, an atomic or constant.

    /// What only the loop's thread touches.
    struct Local: ~Copyable {
        var ready: [Job] = []
        var callbacks: [@Sendable () -> Void] = []
        var timers = TimerWheel(now: Deadline.now().nanoseconds)
        var registrations = RegistrationTable()
        var now: UInt64 = Deadline.now().nanoseconds
        var isStopping = false
        /// Whether a piece of a task runs just now.
        var isInTask = false
        /// Whether the scheduler gives this thread short turns, and since when it has not waited or yielded.
        var hasSlice = false
        var busySince: UInt64 = 0
        var look = LoopLook()
    }

    /// A piece of a task that waits to run, and under which executor it asked to run.
    struct Job {
        let job: UnownedJob
        let isSerial: Bool
    }

    /// What other threads leave for the loop.
    struct Inbox: Sendable {
        var jobs: [Job] = []
        var callbacks: [@Sendable () -> Void] = []
        /// Whether the loop is in, or about to enter, a wait that only the eventfd ends.
        var isWaiting = false
        var isStopping = false
        var hasEnded = false
    }

    /// Its place in the group, for names and metrics.
    package let index: Int
    package let statistics = EventLoopStatistics()
    let inbox = Lock(Inbox())
    let epoll: Int32
    private let wakeup: Int32
    var local = Local()
    var spareJobs = SpareJobs()
    /// This loop as an actor's executor.
    package let serialExecutor = EventLoopSerialExecutor()

    /// Opens the epoll and eventfd descriptors; `run()` must then be called on a thread of its own.
    init(index: Int) throws(IOError) {
        self.index = index
        do {
            epoll = try Syscall.retrying { clinux_epoll_create() }
            wakeup = try Syscall.retrying { clinux_eventfd() }
            try Syscall.retrying { [epoll, wakeup] in clinux_epoll_add(epoll, wakeup, clinux_epoll_in, RegistrationTable.wakeupID) }
        } catch {
            throw IOError(.system(error), "event loop")
        }
        serialExecutor.attach(to: self)
    }

    deinit {
        close(epoll)
        close(wakeup)
    }

    /// The loop whose thread this is, nil elsewhere.
    package static var current: EventLoop? {
        clinux_loop_current().map { Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Whether the caller runs on this loop's thread.
    package var isCurrent: Bool {
        clinux_loop_current() == UnsafeMutableRawPointer(Unmanaged.passUnretained(self).toOpaque())
    }

    /// Traps off the loop; for state that only the loop may touch.
    func assertOnLoop() { precondition(isCurrent, "this may only be used on the loop that owns it") }

    /// Runs `body` on the loop soon; from any thread, in the order of the calls of one thread.
    /// False, and it never runs, when the loop has ended.
    @discardableResult
    package func execute(_ body: @escaping @Sendable () -> Void) -> Bool {
        if isCurrent {
            local.callbacks.append(body)
            return true
        }
        return wakeIfNeeded { $0.callbacks.append(body) }
    }

    /// Runs `body` on the loop when something else next wakes it; from any other thread. Never when the loop has ended.
    func executeLazily(_ body: @escaping @Sendable () -> Void) {
        inbox.withLock { inbox in
            if !inbox.hasEnded { inbox.callbacks.append(body) }
        }
    }

    /// Changes the inbox and ends the loop's wait if it is in one; false when the loop has ended.
    func wakeIfNeeded(_ change: (inout Inbox) -> Void) -> Bool {
        let (isAlive, mustWake) = inbox.withLock { inbox in
            if inbox.hasEnded { return (false, false) }
            change(&inbox)
            defer { inbox.isWaiting = false }
            return (true, inbox.isWaiting)
        }
        if mustWake { wake() }
        return isAlive
    }

    private func wake() {
        var one: UInt64 = 1
        // An eventfd that is full (EAGAIN) already wakes the loop.
        let written = Glibc.write(wakeup, &one, 8)
        assert(written == 8 || errno == EAGAIN)
    }

    /// Empties the eventfd after a wake-up.
    func drainWakeup() {
        var count: UInt64 = 0
        let got = Glibc.read(wakeup, &count, 8)
        assert(got == 8 || errno == EAGAIN)
    }
}
