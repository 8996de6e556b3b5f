internal import Glibc
internal import IO

/// The queue before the one writer: bounded, first in first out, with a short wait for company.
final class WriterQueue: @unchecked Sendable {
    // SAFETY: every stored variable is touched only while `mutex` is held; both allocations live as long as the object.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs: [WriteJob] = []
    private var awaited = 0
    private var isStopping = false

    init() {
        var attributes = pthread_condattr_t()
        precondition(pthread_condattr_init(&attributes) == 0)
        precondition(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0)
        precondition(pthread_cond_init(condition, &attributes) == 0)
        pthread_condattr_destroy(&attributes)
        precondition(pthread_mutex_init(mutex, nil) == 0)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        precondition(pthread_mutex_lock(mutex) == 0)
        defer { precondition(pthread_mutex_unlock(mutex) == 0) }
        return body()
    }

    /// Writes that wait.
    var count: Int { locked { jobs.count } }

    /// Queues a job; returns why not when it cannot.
    func add(_ job: WriteJob) -> StoreError? {
        locked {
            if isStopping { return StoreError(.closed, "the store is closed") }
            guard jobs.count < StoreLimits.queueHardMax else { return StoreError(.overloaded, "\(jobs.count) writes are waiting") }
            jobs.append(job)
            if job.isAwaited { awaited += 1 }
            // The writer sleeps only on an empty queue or for company; wake it when either ends.
            if jobs.count == 1 || job.isAwaited || jobs.count == StoreLimits.batchMax { pthread_cond_signal(condition) }
            return nil
        }
    }

    /// Ends the writer after what is queued.
    func stop() {
        locked {
            isStopping = true
            pthread_cond_broadcast(condition)
        }
    }

    /// The next jobs in order; nil when stopped and empty. Waits at most `batchWindowMilliseconds` for company, and not at all when
    /// somebody waits for one of the jobs.
    func next() -> [WriteJob]? {
        locked {
            while jobs.isEmpty {
                if isStopping { return nil }
                pthread_cond_wait(condition, mutex)
            }
            let until = jobs[0].queuedAt.adding(milliseconds: StoreLimits.batchWindowMilliseconds)
            while awaited == 0, !isStopping, jobs.count < StoreLimits.batchMax, !until.hasPassed {
                var time = timespec(tv_sec: Int(until.nanoseconds / 1_000_000_000), tv_nsec: Int(until.nanoseconds % 1_000_000_000))
                pthread_cond_timedwait(condition, mutex, &time)
            }
            let batch = Array(jobs.prefix(StoreLimits.batchMax))
            jobs.removeFirst(batch.count)
            for job in batch where job.isAwaited { awaited -= 1 }
            return batch
        }
    }
}
