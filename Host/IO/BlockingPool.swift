import Synchronization

/// A few threads for what would block a loop, with a bounded queue before them.
package final class BlockingPool: Sendable {
    /// What the pool is doing and has done.
    package struct Metrics: Sendable, Hashable {
        /// Jobs that wait for a thread.
        package var queued = 0
        /// Jobs that a thread is running.
        package var running = 0
        /// Jobs that a thread has run.
        package var completed: UInt64 = 0
        /// Jobs refused because the queue was full.
        package var refused: UInt64 = 0
        /// Jobs whose caller stopped waiting (deadline or cancellation).
        package var abandoned: UInt64 = 0
        /// Sum of the time jobs waited in the queue, in nanoseconds.
        package var waitNanoseconds: UInt64 = 0

        /// Nothing done.
        package init() {}
    }

    private final class Shared: @unchecked Sendable {
        // SAFETY: `queue`, `metrics` and `isStopping` are touched only while `condition` is held.
        let condition = Condition()
        var queue = JobQueue()
        var metrics = Metrics()
        var isStopping = false
    }

    package let name: String
    package let queueMax: Int
    private let shared = Shared()
    private let threads: Lock<[PoolThread]>

    private final class PoolThread: Sendable {
        private let thread: Lock<Thread?>
        init(_ thread: consuming Thread) { self.thread = Lock(thread) }
        func join() {
            let thread = self.thread.withLock { thread -> Thread? in
                var out: Thread? = nil
                swap(&out, &thread)
                return out
            }
            thread?.join()
        }
    }

    /// Starts `threads` threads; at most `queueMax` jobs wait for one of them.
    package init(name: String, threads count: Int, queueMax: Int) throws(IOError) {
        precondition((1...IOLimits.poolThreadsMax).contains(count) && queueMax > 0)
        self.name = name
        self.queueMax = queueMax
        var threads: [PoolThread] = []
        let shared = self.shared
        do {
            for index in 0..<count {
                threads.append(PoolThread(try Thread(name: "\(name)-\(index)") { BlockingPool.serve(shared) }))
            }
        } catch {
            shared.condition.withLock {
                shared.isStopping = true
                shared.condition.broadcast()
            }
            throw IOError(.system(error), "blocking pool")
        }
        self.threads = Lock(threads)
    }

    package var metrics: Metrics { shared.condition.withLock { shared.metrics } }

    /// Runs `body` on a pool thread and waits for its result.
    ///
    /// Throws `.overloaded` when the queue is full, `.timedOut` when the deadline passes and `.cancelled` when the task is
    /// cancelled; a body that has begun runs on to its end then, and its result is dropped. Off a loop the deadline only
    /// bounds the time in the queue.
    package func run<T: Sendable>(deadline: Deadline = .distantFuture, _ body: @escaping @Sendable () throws -> T) async throws -> T {
        let job = PoolJob(deadline: deadline, body: body)
        let timer =
            deadline == .distantFuture
            ? nil
            : EventLoop.current?.schedule(at: deadline) { [shared] in
                if job.abandon(.timedOut) { BlockingPool.count(shared) { $0.abandoned += 1 } }
            }
        defer { timer?.cancel() }
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                job.wait(with: continuation)
                submit(job)
            }
        } onCancel: { [shared] in
            if job.abandon(.cancelled) { BlockingPool.count(shared) { $0.abandoned += 1 } }
        }
    }

    /// Ends the threads after what is queued has run; new jobs get `.closed`. Blocks, so not from a loop.
    package func shutdown() {
        shared.condition.withLock {
            shared.isStopping = true
            shared.condition.broadcast()
        }
        let threads = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in threads { thread.join() }
    }

    private func submit(_ job: AnyPoolJob) {
        let refusal: IOError.Code? = shared.condition.withLock {
            if shared.isStopping { return .closed }
            if shared.queue.count >= queueMax {
                shared.metrics.refused += 1
                return .overloaded
            }
            shared.queue.append(job)
            shared.metrics.queued += 1
            shared.condition.signal()
            return nil
        }
        if let refusal { _ = job.abandon(refusal) }
    }

    private static func count(_ shared: Shared, _ change: (inout Metrics) -> Void) {
        shared.condition.withLock { change(&shared.metrics) }
    }

    /// The life of a pool thread.
    private static func serve(_ shared: Shared) {
        while true {
            let job: AnyPoolJob? = shared.condition.withLock {
                while shared.queue.isEmpty && !shared.isStopping { shared.condition.wait() }
                guard let job = shared.queue.popFirst() else { return nil }
                shared.metrics.queued -= 1
                shared.metrics.running += 1
                shared.metrics.waitNanoseconds &+= Deadline.now().nanoseconds &- job.enqueuedAt
                return job
            }
            guard let job else { return }
            let didRun = job.perform()
            count(shared) { metrics in
                metrics.running -= 1
                if didRun { metrics.completed += 1 }
            }
        }
    }
}
