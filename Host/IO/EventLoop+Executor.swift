extension EventLoop {
    /// Takes a piece of a task; from any thread.
    package func enqueue(_ job: consuming ExecutorJob) { enqueue(Job(job: UnownedJob(job), isSerial: false)) }

    func enqueue(_ job: Job) {
        if isCurrent {
            local.ready.append(job)
        } else {
            let isAlive = wakeIfNeeded { $0.jobs.append(job) }
            precondition(isAlive, "a task outlived its loop: its owner must await it before the loops are shut down")
        }
    }

    package func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }
}

/// A loop as the executor of actors that must live on it.
///
/// It is apart from `EventLoop` because a task that merely prefers the loop must not look isolated to it: each call of a
/// nonisolated function would then hop.
package final class EventLoopSerialExecutor: SerialExecutor, @unchecked Sendable {
    // SAFETY: the only member is set once, before the loop's initialiser returns; the loop owns this object and outlives its jobs.
    private unowned var attached: EventLoop?

    private var loop: EventLoop {
        guard let attached else { preconditionFailure("the executor of no loop") }
        return attached
    }

    func attach(to loop: EventLoop) { attached = loop }

    package func enqueue(_ job: consuming ExecutorJob) { loop.enqueue(EventLoop.Job(job: UnownedJob(job), isSerial: true)) }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    package func checkIsolated() { loop.assertOnLoop() }

    package func isIsolatingCurrentContext() -> Bool? { loop.isCurrent }
}
