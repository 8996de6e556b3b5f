/// A callback that falls due on a loop.
package final class Timer: TimerEntry, @unchecked Sendable {
    // SAFETY: `body` and the place in the wheel are touched only on the loop's thread.
    private let loop: EventLoop
    private var body: (@Sendable () -> Void)?

    init(loop: EventLoop, body: @escaping @Sendable () -> Void) {
        self.loop = loop
        self.body = body
    }

    override func fire(now: UInt64) {
        let body = body
        self.body = nil
        // A loop that ends drops its callbacks: there is no "later" on it any more.
        if now != .max { body?() }
    }

    func arm(at deadline: Deadline) {
        if body != nil && deadline != .distantFuture { loop.local.timers.insert(self, due: deadline.nanoseconds) }
    }

    /// Drops the callback; on the loop's thread it will certainly not run, from elsewhere it may be running already.
    package func cancel() {
        if loop.isCurrent {
            body = nil
            loop.local.timers.remove(self)
        } else {
            loop.execute { self.cancel() }
        }
    }
}

/// A task that sleeps.
private final class Sleeper: TimerEntry, @unchecked Sendable {
    // SAFETY: all members are touched only on the loop's thread.
    private var continuation: UnsafeContinuation<IOError.Code?, Never>?
    private var isCancelled = false

    func begin(on loop: EventLoop, until deadline: Deadline, _ continuation: UnsafeContinuation<IOError.Code?, Never>) {
        if isCancelled { return continuation.resume(returning: .cancelled) }
        if loop.local.isStopping { return continuation.resume(returning: .closed) }
        self.continuation = continuation
        if deadline != .distantFuture {
            loop.local.timers.insert(self, due: deadline.nanoseconds)
        } else {
            loop.local.timers.insert(self, due: .max - 1)
        }
    }

    func cancel(on loop: EventLoop) {
        isCancelled = true
        loop.local.timers.remove(self)
        finish(.cancelled)
    }

    override func fire(now: UInt64) { finish(now == .max ? .closed : nil) }

    private func finish(_ code: IOError.Code?) {
        let continuation = continuation
        self.continuation = nil
        continuation?.resume(returning: code)
    }
}

extension EventLoop {
    /// The time at which the present turn began; cheaper than asking the clock, and at most one turn old.
    package var turnDeadline: Deadline { isCurrent ? Deadline(nanoseconds: local.now) : .now() }

    /// Calls `body` on the loop when the deadline has come; from any thread.
    @discardableResult
    package func schedule(at deadline: Deadline, _ body: @escaping @Sendable () -> Void) -> Timer {
        let timer = Timer(loop: self, body: body)
        if isCurrent {
            timer.arm(at: deadline)
        } else {
            execute { timer.arm(at: deadline) }
        }
        return timer
    }

    /// Sleeps; throws `.cancelled` at once when the task is cancelled and `.closed` when the loop ends. From any task.
    package func sleep(until deadline: Deadline) async throws(IOError) {
        let sleeper = Sleeper()
        let code = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                if isCurrent {
                    sleeper.begin(on: self, until: deadline, continuation)
                } else {
                    execute { sleeper.begin(on: self, until: deadline, continuation) }
                }
            }
        } onCancel: {
            execute { sleeper.cancel(on: self) }
        }
        if let code { throw IOError(code, "sleep") }
    }
}
