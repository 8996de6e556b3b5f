import Synchronization

/// A task with an owner: whoever holds this cancels it by letting go, and can wait for its end.
///
/// This is the one place where an unstructured task begins; everything else uses it, `TaskScope` or a task group.
package final class OwnedTask<Success: Sendable>: Sendable {
    private let task: Task<Success, any Error>

    /// Starts `body` on `loop`, or where the caller's executor preference says when nil.
    package init(on loop: EventLoop? = EventLoop.current, _ body: @escaping @Sendable () async throws -> Success) {
        task = Task(executorPreference: loop, operation: body)
    }

    /// Starts `body` on an executor that is no loop.
    package init(preferring executor: some TaskExecutor, _ body: @escaping @Sendable () async throws -> Success) {
        task = Task(executorPreference: executor, operation: body)
    }

    /// Asks the task to stop; it ends when its body returns.
    package func cancel() { task.cancel() }

    /// What the body returned or threw; waits for it.
    package var value: Success { get async throws { try await task.value } }

    /// Waits for the end, however it ended.
    package func finish() async { _ = await task.result }

    deinit { task.cancel() }
}

/// Owns a changing number of tasks that report nothing: one scope a connection, a server or a service.
package final class TaskScope: Sendable {
    private struct State {
        var tasks: [UInt64: Task<Void, Never>] = [:]
        var next: UInt64 = 0
        var isCancelled = false
        var idle: [UnsafeContinuation<Void, Never>] = []
    }

    private let state = Lock(State())

    package init() {}

    /// How many tasks run now.
    package var count: Int { state.withLock { $0.tasks.count } }

    /// Starts `body` on `loop`; false, and nothing starts, after `cancel()`.
    @discardableResult
    package func start(on loop: EventLoop? = EventLoop.current, _ body: @escaping @Sendable () async -> Void) -> Bool {
        state.withLock { state in
            if state.isCancelled { return false }
            let id = state.next
            state.next += 1
            // The task's end takes this lock too, so it cannot be forgotten before it is remembered.
            state.tasks[id] = Task(executorPreference: loop) {
                await body()
                self.ended(id)
            }
            return true
        }
    }

    /// Cancels all tasks and refuses new ones.
    package func cancel() {
        let tasks = state.withLock { state in
            state.isCancelled = true
            return Array(state.tasks.values)
        }
        for task in tasks { task.cancel() }
    }

    /// Waits until no task runs.
    package func finish() async {
        await withUnsafeContinuation { continuation in
            let isIdle = state.withLock { state in
                if !state.tasks.isEmpty { state.idle.append(continuation) }
                return state.tasks.isEmpty
            }
            if isIdle { continuation.resume() }
        }
    }

    private func ended(_ id: UInt64) {
        let waiting = state.withLock { state -> [UnsafeContinuation<Void, Never>] in
            state.tasks[id] = nil
            guard state.tasks.isEmpty else { return [] }
            defer { state.idle = [] }
            return state.idle
        }
        for continuation in waiting { continuation.resume() }
    }

    deinit { cancel() }
}
