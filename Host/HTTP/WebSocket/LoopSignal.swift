import IO

/// Lets tasks of one loop wait until something has changed; each looks again when it wakes.
final class LoopSignal: @unchecked Sendable {
    // SAFETY: every member that changes is touched only on `loop`'s thread, which each entry point checks.
    private let loop: EventLoop
    private var waiters: [UInt64: Waiter] = [:]
    private var next: UInt64 = 0

    private struct Waiter {
        let continuation: UnsafeContinuation<IOError.Code?, Never>
        var timer: Timer?
    }

    init(loop: EventLoop) { self.loop = loop }

    /// Wakes all that wait.
    func signal() {
        precondition(loop.isCurrent, "a signal is given on its loop")
        if waiters.isEmpty { return }
        for id in Array(waiters.keys) { end(id, nil) }
    }

    /// Waits for the next signal; throws `.timedOut`, or `.cancelled` with its task.
    func wait(until deadline: Deadline, _ operation: StaticString) async throws(IOError) {
        precondition(loop.isCurrent, "a signal is awaited on its loop")
        next += 1
        let id = next
        let code = await withTaskCancellationHandler {
            await withUnsafeContinuation { begin(id, until: deadline, $0) }
        } onCancel: {
            loop.execute { self.end(id, .cancelled) }
        }
        if let code { throw IOError(code, operation) }
    }

    private func begin(_ id: UInt64, until deadline: Deadline, _ continuation: UnsafeContinuation<IOError.Code?, Never>) {
        if Task.isCancelled { return continuation.resume(returning: .cancelled) }
        var waiter = Waiter(continuation: continuation)
        if deadline != .distantFuture { waiter.timer = loop.schedule(at: deadline) { [weak self] in self?.end(id, .timedOut) } }
        waiters[id] = waiter
    }

    private func end(_ id: UInt64, _ code: IOError.Code?) {
        guard let waiter = waiters.removeValue(forKey: id) else { return }
        waiter.timer?.cancel()
        waiter.continuation.resume(returning: code)
    }
}
