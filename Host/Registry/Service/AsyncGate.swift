internal import IO

/// Lets one task at a time pass; the others wait in order. Held for file work of bounded length only.
final class AsyncGate: Sendable {
    private struct Waiting: Sendable {
        var isTaken = false
        var queue: [CheckedContinuation<Void, Never>] = []
    }
    private let waiting = Lock(Waiting())

    /// Runs `body` alone.
    func run<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        await enter()
        defer { leave() }
        return try await body()
    }

    private func enter() async {
        await withCheckedContinuation { continuation in
            let mayPass = waiting.withLock { state -> Bool in
                if state.isTaken {
                    state.queue.append(continuation)
                    return false
                }
                state.isTaken = true
                return true
            }
            if mayPass { continuation.resume() }
        }
    }

    private func leave() {
        let next = waiting.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.queue.isEmpty else {
                state.isTaken = false
                return nil
            }
            return state.queue.removeFirst()
        }
        next?.resume()
    }
}
