import Synchronization

/// One answer that arrives by a C callback, awaited by one task.
///
/// The first of answer and cancellation wins; the other is ignored. The callback's context owns one reference.
final class Reply<Value: Sendable>: Sendable {
    private enum State {
        /// Nobody waits yet. Next: waiting, resolved.
        case idle
        /// A task waits. Next: finished.
        case waiting(CheckedContinuation<Value, any Error>)
        /// Resolved before a task waited. Next: finished.
        case resolved(Result<Value, any Error>)
        /// The task has its answer.
        case finished
    }

    private let state = Mutex(State.idle)
    private let executor: MainExecutor

    init(executor: MainExecutor) {
        self.executor = executor
    }

    /// Sends the request and waits for `resolve`.
    func wait(sending request: (_ context: UnsafeMutableRawPointer) -> Void) async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if install(continuation) { request(Unmanaged.passRetained(self).toOpaque()) }
            }
        } onCancel: {
            resolve(.failure(CancellationError()))
        }
    }

    /// Sends the request now; `value` waits for the answer.
    func send(_ request: (_ context: UnsafeMutableRawPointer) -> Void) { request(Unmanaged.passRetained(self).toOpaque()) }

    /// The answer to what `send` sent.
    func value() async throws -> Value { try await wait { Unmanaged<Reply<Value>>.fromOpaque($0).release() } }

    /// Main thread only: takes over the reference that the callback's context owns, resolves, and runs what became ready.
    static func finish(_ context: UnsafeMutableRawPointer?, _ result: Result<Value, any Error>) {
        guard let context else { return }
        let reply = Unmanaged<Reply<Value>>.fromOpaque(context).takeRetainedValue()
        reply.executor.run { reply.resolve(result) }
    }

    /// False when the wait was over before it began.
    private func install(_ continuation: CheckedContinuation<Value, any Error>) -> Bool {
        let early: Result<Value, any Error>? = state.withLock { state in
            if case .resolved(let result) = state {
                state = .finished
                return result
            }
            state = .waiting(continuation)
            return nil
        }
        guard let early else { return true }
        continuation.resume(with: early)
        return false
    }

    private func resolve(_ result: Result<Value, any Error>) {
        let continuation: CheckedContinuation<Value, any Error>? = state.withLock { state in
            switch state {
            case .idle:
                state = .resolved(result)
                return nil
            case .waiting(let continuation):
                state = .finished
                return continuation
            case .resolved, .finished:
                return nil
            }
        }
        continuation?.resume(with: result)
    }
}
