import Glibc

/// A pthread mutex with a condition, for the few places where a thread has to wait.
package final class Condition: @unchecked Sendable {
    // SAFETY: both allocations live as long as the object and are only handed to pthread functions.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init() {
        precondition(pthread_mutex_init(mutex, nil) == 0)
        var attributes = pthread_condattr_t()
        precondition(pthread_condattr_init(&attributes) == 0)
        precondition(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0)
        precondition(pthread_cond_init(condition, &attributes) == 0)
        pthread_condattr_destroy(&attributes)
    }

    /// Runs `body` with the mutex held.
    package func withLock<T, E: Error>(_ body: () throws(E) -> T) throws(E) -> T {
        precondition(pthread_mutex_lock(mutex) == 0)
        defer { precondition(pthread_mutex_unlock(mutex) == 0) }
        return try body()
    }

    /// Lets go of the mutex and waits for a signal; only inside `withLock`, in a loop over the reason.
    package func wait() { precondition(pthread_cond_wait(condition, mutex) == 0) }

    /// As `wait()`, but false when the deadline came first.
    package func wait(until deadline: Deadline) -> Bool {
        if deadline == .distantFuture {
            wait()
            return true
        }
        var time = timespec(tv_sec: Int(deadline.nanoseconds / 1_000_000_000), tv_nsec: Int(deadline.nanoseconds % 1_000_000_000))
        return pthread_cond_timedwait(condition, mutex, &time) != ETIMEDOUT
    }

    /// Wakes one waiting thread.
    package func signal() { precondition(pthread_cond_signal(condition) == 0) }

    /// Wakes all waiting threads.
    package func broadcast() { precondition(pthread_cond_broadcast(condition) == 0) }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }
}
