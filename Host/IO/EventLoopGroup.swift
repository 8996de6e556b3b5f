import Glibc
import Synchronization

/// The event loops of a process, one a core.
package final class EventLoopGroup: Sendable {
    /// The loops, in order of index.
    package let loops: [EventLoop]
    private let cursor = Atomic<Int>(0)
    private let threads: Lock<[UInt: ThreadBox]>

    /// Starts `count` loops (as many as there are usable cores when 0); throws when the system has no thread or descriptor left.
    package init(count: Int = 0) throws(IOError) {
        let wanted = min(IOLimits.loopsMax, count > 0 ? count : EventLoopGroup.coreCount())
        var loops: [EventLoop] = []
        var threads: [UInt: ThreadBox] = [:]
        for index in 0..<wanted {
            let loop = try EventLoop(index: index)
            loops.append(loop)
            do {
                threads[UInt(index)] = ThreadBox(try Thread(name: "loop-\(index)") { loop.run() })
            } catch {
                throw IOError(.system(error), "event loop")
            }
        }
        self.loops = loops
        self.threads = Lock(threads)
    }

    /// The next loop in turn.
    package func next() -> EventLoop {
        let turn = cursor.wrappingAdd(1, ordering: .relaxed).oldValue
        return loops[Int(UInt(bitPattern: turn) % UInt(loops.count))]
    }

    /// Ends the loops: whoever still waits on one is woken with `.closed`, what is ready runs, then the threads end.
    /// Call it from a thread that is none of the loops, after all owners have finished.
    package func shutdown() async { stop() }

    /// As `shutdown()`, for a caller without a task.
    package func stop() {
        precondition(EventLoop.current.map { current in loops.contains { $0 === current } } != true, "a loop cannot wait for its own end")
        for loop in loops { loop.stop() }
        let boxes = threads.withLock { threads in
            defer { threads = [:] }
            return threads
        }
        for box in boxes.values { box.join() }
    }

    /// Runs `body` as a task on the first loop and blocks this thread until it has ended; for `main`.
    package func runBlocking<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) throws -> T {
        precondition(EventLoop.current == nil, "a loop never blocks")
        let done = Condition()
        let result = ResultBox<T>()
        let task = OwnedTask(on: loops[0]) {
            let outcome: Result<T, any Error>
            do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
            result.set(outcome)
            done.withLock { done.broadcast() }
        }
        defer { task.cancel() }
        done.withLock {
            while result.isEmpty { done.wait() }
        }
        return try result.take()
    }

    /// Cores this process may run on.
    package static func coreCount() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

/// A thread handle that can lie in a dictionary.
private final class ThreadBox: Sendable {
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

/// A result that one thread leaves for another.
private final class ResultBox<T: Sendable>: Sendable {
    private let result = Lock<Result<T, any Error>?>(nil)
    var isEmpty: Bool { result.withLock { $0 == nil } }
    func set(_ value: Result<T, any Error>) { result.withLock { $0 = value } }
    func take() throws -> T {
        guard let value = result.withLock({ $0 }) else { throw IOError(.closed, "run") }
        return try value.get()
    }
}

extension EventLoop {
    /// Asks the loop to end after what is ready has run.
    func stop() { _ = wakeIfNeeded { $0.isStopping = true } }
}
