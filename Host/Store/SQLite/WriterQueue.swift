internal import IO

/// The queue before the one writer: bounded, first in first out, with a short wait for company.
final class WriterQueue: @unchecked Sendable {
    // SAFETY: every stored variable is touched only while `condition` is held.
    private let condition = Condition()
    private var jobs: [WriteJob] = []
    private var awaited = 0
    private var isStopping = false

    /// Writes that wait.
    var count: Int { condition.withLock { jobs.count } }

    /// Queues a job; returns why not when it cannot.
    func add(_ job: WriteJob) -> StoreError? {
        condition.withLock {
            if isStopping { return StoreError(.closed, "the store is closed") }
            guard jobs.count < StoreLimits.queueHardMax else { return StoreError(.overloaded, "\(jobs.count) writes are waiting") }
            jobs.append(job)
            if job.isAwaited { awaited += 1 }
            // The writer sleeps only on an empty queue or for company; wake it when either ends.
            if jobs.count == 1 || job.isAwaited || jobs.count == StoreLimits.batchMax { condition.signal() }
            return nil
        }
    }

    /// Ends the writer after what is queued.
    func stop() {
        condition.withLock {
            isStopping = true
            condition.broadcast()
        }
    }

    /// The next jobs in order; nil when stopped and empty. Waits at most `batchWindowMilliseconds` for company, and not at all when
    /// somebody waits for one of the jobs.
    func next() -> [WriteJob]? {
        condition.withLock {
            while jobs.isEmpty {
                if isStopping { return nil }
                condition.wait()
            }
            let until = jobs[0].queuedAt.adding(milliseconds: StoreLimits.batchWindowMilliseconds)
            while awaited == 0, !isStopping, jobs.count < StoreLimits.batchMax, !until.hasPassed {
                guard condition.wait(until: until) else { break }
            }
            let batch = Array(jobs.prefix(StoreLimits.batchMax))
            jobs.removeFirst(batch.count)
            for job in batch where job.isAwaited { awaited -= 1 }
            return batch
        }
    }
}
