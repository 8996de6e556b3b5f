import Glibc

/// A pthread mutex with a condition, for the few places where a thread has to wait.
package final class Condition: @unchecked Sendable {
    // SAFETY: both allocations live as long as the object and are only handed to pthread functions.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init() {
        precondition(pthread_mutex_init(mutex, nil) == 0)
        precondition(pthread_cond_init(condition, nil) == 0)
    }

    /// Runs `body` with the mutex held.
    package func withLock<T, E: Error>(_ body: () throws(E) -> T) throws(E) -> T {
        precondition(pthread_mutex_lock(mutex) == 0)
        defer { precondition(pthread_mutex_unlock(mutex) == 0) }
        return try body()
    }

    /// Lets go of the mutex and waits for a signal; only inside `withLock`, in a loop over the reason.
    package func wait() { precondition(pthread_cond_wait(condition, mutex) == 0) }

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
