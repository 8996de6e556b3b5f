/// One question to the name service and whoever waits for its answer.
final class NameLookUp: Sendable {
    private struct State {
        var answer: ResolverCache.Answer?
        var waiting: [UInt64: UnsafeContinuation<ResolverCache.Answer, Never>] = [:]
        var next: UInt64 = 0
        /// Who gave up before waiting had begun.
        var early: [UInt64: ResolverError] = [:]
    }

    private let state = Lock(State())

    /// Waits for the answer, not past the deadline and not past the task's cancellation; the others wait on.
    func answer(until deadline: Deadline) async -> ResolverCache.Answer {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        let timer = deadline == .distantFuture ? nil : EventLoop.current?.schedule(at: deadline) { self.giveUp(id, .timedOut) }
        defer { timer?.cancel() }
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { wait(id, $0) }
        } onCancel: {
            giveUp(id, .cancelled)
        }
    }

    /// Gives everybody the answer.
    func finish(_ answer: ResolverCache.Answer) {
        let waiting = state.withLock { state in
            state.answer = answer
            defer { state.waiting = [:] }
            return state.waiting.values.map { $0 }
        }
        for continuation in waiting { continuation.resume(returning: answer) }
    }

    private func wait(_ id: UInt64, _ continuation: UnsafeContinuation<ResolverCache.Answer, Never>) {
        let early: ResolverCache.Answer? = state.withLock { state in
            if let answer = state.answer { return answer }
            if let error = state.early.removeValue(forKey: id) { return .failure(error) }
            state.waiting[id] = continuation
            return nil
        }
        if let early { continuation.resume(returning: early) }
    }

    private func giveUp(_ id: UInt64, _ code: IOError.Code) {
        let continuation = state.withLock { state in
            let continuation = state.waiting.removeValue(forKey: id)
            if continuation == nil && state.answer == nil { state.early[id] = .gaveUp(code) }
            return continuation
        }
        continuation?.resume(returning: .failure(.gaveUp(code)))
    }
}
