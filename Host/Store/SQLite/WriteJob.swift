internal import IO

/// One queued write: what to do, by when, and whom to tell.
struct WriteJob: Sendable {
    /// Runs inside the job's own savepoint.
    let body: Database.Body<Void>
    /// Called once, after the batch was committed or the job failed; on the writer's thread, so it must be quick.
    let finish: @Sendable (Result<Void, StoreError>) -> Void
    /// Whether somebody waits for it: then the batch is not held back for company.
    let isAwaited: Bool
    /// A job whose deadline has passed before it began is not run.
    let deadline: Deadline
    /// When it was queued.
    let queuedAt: Deadline
}

/// Carries a write's value from the writer's thread to the task that waits, exactly once, or a deadline instead.
final class WriteTicket<Value: Sendable>: Sendable {
    private enum State: Sendable {
        /// Next: waiting, decided.
        case new
        /// Next: decided.
        case waiting(CheckedContinuation<Value, any Error>)
        /// The end.
        case decided(Result<Value, StoreError>?)
    }
    private let state = Lock(State.new)
    private let value = Lock<Value?>(nil)

    /// Keeps what the body returned until the commit decides.
    func keep(_ value: Value) { self.value.withLock { $0 = value } }

    /// Settles with the kept value or an error; later calls are without effect.
    func settle(_ outcome: Result<Void, StoreError>) {
        let kept = value.withLock { $0 }
        let result: Result<Value, StoreError> =
            switch outcome {
            case .failure(let error): .failure(error)
            case .success: kept.map { .success($0) } ?? .failure(StoreError(.statement, "a write ended without a value"))
            }
        let waiting = state.withLock { state -> CheckedContinuation<Value, any Error>? in
            switch state {
            case .new:
                state = .decided(result)
                return nil
            case .waiting(let continuation):
                state = .decided(nil)
                return continuation
            case .decided: return nil
            }
        }
        waiting?.resume(with: result.mapError { $0 as any Error })
    }

    /// Hands over the waiting task.
    func wait(with continuation: CheckedContinuation<Value, any Error>) {
        let decided = state.withLock { state -> Result<Value, StoreError>? in
            if case .decided(let result) = state { return result }
            state = .waiting(continuation)
            return nil
        }
        if let decided { continuation.resume(with: decided.mapError { $0 as any Error }) }
    }
}
