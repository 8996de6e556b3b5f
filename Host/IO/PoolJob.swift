/// A job in a blocking pool's queue.
class AnyPoolJob: @unchecked Sendable {
    // SAFETY: the subclass keeps its state in a lock; this member is constant.
    let enqueuedAt = Deadline.now().nanoseconds

    /// Runs the body unless its caller has given up; true when it ran.
    func perform() -> Bool { false }
    /// Ends the caller's wait; false when it had ended before.
    func abandon(_ code: IOError.Code) -> Bool { false }
}

/// A job with its result and the one continuation that takes it.
final class PoolJob<T: Sendable>: AnyPoolJob, @unchecked Sendable {
    // SAFETY: `state` is a lock; the rest is constant.
    private enum State {
        /// Goes to `waiting`, or `over` when given up before.
        case new
        /// Goes to `over`.
        case waiting(UnsafeContinuation<T, any Error>)
        /// Nobody waits; nothing follows.
        case over(IOError.Code?)
    }

    private let deadline: Deadline
    private let body: @Sendable () throws -> T
    private let state = Lock<State>(.new)

    init(deadline: Deadline, body: @escaping @Sendable () throws -> T) {
        self.deadline = deadline
        self.body = body
    }

    /// Says who waits; resumes at once when the job was given up before.
    func wait(with continuation: UnsafeContinuation<T, any Error>) {
        let early: IOError.Code? = state.withLock { state in
            if case .over(let code) = state { return code ?? .cancelled }
            state = .waiting(continuation)
            return nil
        }
        if let early { continuation.resume(throwing: IOError(early, "blocking job")) }
    }

    override func perform() -> Bool {
        guard isWanted else { return false }
        if deadline.hasPassed { return !abandon(.timedOut) && false }
        let result = Result { try body() }
        take(nil)?.resume(with: result)
        return true
    }

    override func abandon(_ code: IOError.Code) -> Bool {
        let (wasOpen, continuation) = state.withLock { state -> (Bool, UnsafeContinuation<T, any Error>?) in
            defer { if case .over = state {} else { state = .over(code) } }
            switch state {
            case .new: return (true, nil)
            case .waiting(let continuation): return (true, continuation)
            case .over: return (false, nil)
            }
        }
        continuation?.resume(throwing: IOError(code, "blocking job"))
        return wasOpen
    }

    private var isWanted: Bool {
        state.withLock { state in
            if case .over = state { false } else { true }
        }
    }

    private func take(_ code: IOError.Code?) -> UnsafeContinuation<T, any Error>? {
        state.withLock { state in
            guard case .waiting(let continuation) = state else { return nil }
            state = .over(code)
            return continuation
        }
    }
}

/// A first-in first-out queue of jobs.
struct JobQueue {
    private var items: [AnyPoolJob?] = []
    private var head = 0

    var count: Int { items.count - head }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ job: AnyPoolJob) { items.append(job) }

    mutating func popFirst() -> AnyPoolJob? {
        guard head < items.count else { return nil }
        let job = items[head]
        items[head] = nil
        head += 1
        if head == items.count {
            items.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 64 && head * 2 > items.count {
            items.removeFirst(head)
            head = 0
        }
        return job
    }
}
