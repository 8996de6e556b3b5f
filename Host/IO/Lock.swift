// Thread Sanitizer does not see inside the futex of `Synchronization.Mutex` and reports races on a contended one, so a
// build with `-D LIMEN_TSAN` puts a pthread mutex in its place. Everything else uses this type and never knows.
#if LIMEN_TSAN
    import Glibc

    /// A value that only one thread at a time can reach.
    package struct Lock<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
        // SAFETY: both allocations live as long as the lock; `value` is touched only while `mutex` is held.
        private let mutex: UnsafeMutablePointer<pthread_mutex_t>
        private let value: UnsafeMutablePointer<Value>

        /// Guards `initial`.
        package init(_ initial: consuming sending Value) {
            mutex = .allocate(capacity: 1)
            value = .allocate(capacity: 1)
            value.initialize(to: initial)
            precondition(pthread_mutex_init(mutex, nil) == 0)
        }

        /// Runs `body` while no other thread runs one on this lock; keep it short and never wait inside.
        package borrowing func withLock<Result: ~Copyable, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            precondition(pthread_mutex_lock(mutex) == 0)
            defer { precondition(pthread_mutex_unlock(mutex) == 0) }
            return try body(&value.pointee)
        }

        deinit {
            pthread_mutex_destroy(mutex)
            mutex.deallocate()
            value.deinitialize(count: 1)
            value.deallocate()
        }
    }
#else
    public import Synchronization

    /// A value that only one thread at a time can reach.
    ///
    /// Public, unlike all else here, because the optimiser takes nothing that is `package` into another module: every call of `withLock` would look up its
    /// metadata and go through witnesses.
    public struct Lock<Value: ~Copyable>: ~Copyable, Sendable {
        @usableFromInline let mutex: Mutex<Value>

        /// Guards `initial`.
        @inlinable public init(_ initial: consuming sending Value) { mutex = Mutex(initial) }

        /// Runs `body` while no other thread runs one on this lock; keep it short and never wait inside.
        @inlinable
        public borrowing func withLock<Result: ~Copyable, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            try mutex.withLock(body)
        }
    }
#endif
