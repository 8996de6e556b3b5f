internal import IO

/// Runs the pieces of a body on the thread that waits for it: that is how an `async` body uses a connection that belongs to one thread.
///
/// A body that waits for nothing but its connection never leaves the thread. What an abandoned body still has to do runs when the same executor is used next;
/// its connection is out of its reach by then.
final class InlineExecutor: TaskExecutor, @unchecked Sendable {
    // SAFETY: `jobs` is touched only while `condition` is held.
    private let condition = Condition()
    private var jobs: [UnownedJob] = []

    /// Set and read by the one thread that runs the body.
    private final class Flag: @unchecked Sendable {
        // SAFETY: a body and the loop that waits for it run on the same thread.
        var isSet = false
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

    /// Runs `body` to its end; false when it waited for something else at the deadline, and then it is cancelled and left behind. Blocks.
    func run(until deadline: Deadline, _ body: @escaping @Sendable () async -> Void) -> Bool {
        let done = Flag()
        let task = OwnedTask(preferring: self) {
            await body()
            done.isSet = true
        }
        while !done.isSet {
            guard let ready = next(until: deadline) else {
                task.cancel()
                return false
            }
            for job in ready { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
        return true
    }

    private func next(until deadline: Deadline) -> [UnownedJob]? {
        condition.withLock {
            while jobs.isEmpty {
                guard condition.wait(until: deadline) else { return nil }
            }
            var ready: [UnownedJob] = []
            swap(&ready, &jobs)
            return ready
        }
    }
}
