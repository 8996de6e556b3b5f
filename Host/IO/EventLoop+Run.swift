import CLinux
import Glibc

extension EventLoop {
    /// Runs until the group stops it; called once, on the loop's own thread.
    func run() {
        let me = Unmanaged.passUnretained(self).toOpaque()
        clinux_loop_set_current(me)
        local.hasSlice = clinux_thread_slice(IOLimits.sliceNanoseconds) == 0
        defer { clinux_loop_set_current(nil) }
        let events = UnsafeMutableBufferPointer<clinux_ready>.allocate(capacity: IOLimits.eventsPerTurnMax)
        defer { events.deallocate() }
        statistics.turnBegan(at: Deadline.now().nanoseconds)
        while true {
            runReady()
            takeInbox()
            if local.isStopping && !hasWork {
                if !wakeEveryWaiter() && hasEnded() { return }
                continue
            }
            waitAndDispatch(events)
        }
    }

    private var hasWork: Bool { !local.ready.isEmpty || !local.callbacks.isEmpty }

    /// Runs what was ready when the turn began; what becomes ready meanwhile waits for the next turn, so that descriptors get theirs.
    private func runReady() {
        if !local.callbacks.isEmpty {
            var callbacks: [@Sendable () -> Void] = []
            swap(&callbacks, &local.callbacks)
            for body in callbacks { body() }
        }
        guard !local.ready.isEmpty else { return }
        var jobs = spareJobs.take()
        swap(&jobs, &local.ready)
        for entry in jobs { run(entry) }
        jobs.removeAll(keepingCapacity: true)
        spareJobs.give(jobs)
    }

    private func run(_ entry: Job) {
        local.isInTask = true
        if entry.isSerial {
            entry.job.runSynchronously(isolatedTo: serialExecutor.asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        } else {
            entry.job.runSynchronously(on: asUnownedTaskExecutor())
        }
        local.isInTask = false
    }

    /// Runs at once the piece of a task that `start` makes ready, when the loop is between pieces; else it waits for its turn like any.
    func runNow(_ start: () -> Void) {
        assertOnLoop()
        let before = local.ready.count
        start()
        guard !local.isInTask, local.ready.count == before + 1 else { return }
        run(local.ready.removeLast())
    }

    private func takeInbox() {
        let (jobs, callbacks, isStopping) = inbox.withLock { inbox in
            defer {
                if !inbox.jobs.isEmpty { inbox.jobs = [] }
                if !inbox.callbacks.isEmpty { inbox.callbacks = [] }
            }
            inbox.isWaiting = false
            return (inbox.jobs, inbox.callbacks, inbox.isStopping)
        }
        if !jobs.isEmpty { local.ready.append(contentsOf: jobs) }
        if !callbacks.isEmpty { local.callbacks.append(contentsOf: callbacks) }
        local.isStopping = isStopping
    }

    private func waitAndDispatch(_ events: UnsafeMutableBufferPointer<clinux_ready>) {
        let timeout = hasWork ? 0 : waitMilliseconds()
        let ended = Deadline.now().nanoseconds
        statistics.turnEnded(at: ended)
        yieldIfLong(ended)
        var count = timeout == 0 ? 0 : look(events, from: ended)
        if count == 0 { count = clinux_epoll_wait(epoll, events.baseAddress, Int32(events.count), timeout) }
        // Every descriptor here is ours and open, so EINTR is the only error there is.
        precondition(count >= 0 || errno == EINTR, "epoll_wait failed")
        local.now = Deadline.now().nanoseconds
        if local.now &- ended > IOLimits.sliceNanoseconds { local.busySince = local.now }
        statistics.turnBegan(at: local.now)
        for index in 0..<max(0, Int(count)) {
            dispatch(events[index])
        }
        while let entry = local.timers.popDue(now: local.now) { entry.fire(now: local.now) }
    }

    /// A loop that has not waited for a while lets others run. With more threads than processors it would otherwise be stopped at some tick of the
    /// scheduler and wait for several of them, with all its connections. Without short turns a yield would give away a long one, so it is left out.
    private func yieldIfLong(_ now: UInt64) {
        guard local.hasSlice, now &- local.busySince > IOLimits.yieldNanoseconds else { return }
        sched_yield()
        local.busySince = now
    }

    /// How long epoll may wait; not at all when another thread left something meanwhile.
    private func waitMilliseconds() -> Int32 {
        var wait = IOLimits.waitMillisecondsMax
        if let due = local.timers.nextDue {
            let now = Deadline.now().nanoseconds
            if due <= now { return 0 }
            wait = min(wait, Int((due - now + 999_999) / 1_000_000))
        }
        let mayWait = inbox.withLock { inbox in
            inbox.isWaiting = inbox.jobs.isEmpty && inbox.callbacks.isEmpty && !inbox.isStopping
            return inbox.isWaiting
        }
        return mayWait ? Int32(wait) : 0
    }

    private func dispatch(_ event: clinux_ready) {
        if event.data == RegistrationTable.wakeupID { return drainWakeup() }
        guard let registration = local.registrations.find(event.data) else { return }
        registration.handle(events: event.events)
    }

    /// A stopping loop lets go of whoever still waits; true when somebody did.
    private func wakeEveryWaiter() -> Bool {
        var found = false
        while let entry = local.timers.popAny() {
            found = true
            entry.fire(now: .max)
        }
        for registration in local.registrations.all {
            found = true
            registration.deregister()
        }
        return found
    }

    /// Closes the inbox if it is empty.
    private func hasEnded() -> Bool {
        inbox.withLock { inbox in
            inbox.hasEnded = inbox.jobs.isEmpty && inbox.callbacks.isEmpty
            return inbox.hasEnded
        }
    }
}

/// An array kept for reuse, so that a turn does not allocate.
struct SpareJobs {
    private var jobs: [EventLoop.Job] = []

    mutating func take() -> [EventLoop.Job] {
        var out: [EventLoop.Job] = []
        swap(&out, &jobs)
        return out
    }

    mutating func give(_ array: [EventLoop.Job]) { jobs = array }
}
