import IO

/// Bounds calls in flight by user, so that one cannot take every worker and queue place.
final class CallGate: Sendable {
    private struct Key: Hashable {
        let tenant: String
        let user: String
    }

    private let perCallerMax: Int
    private let state = Lock<[Key: Int]>([:])

    init(perCallerMax: Int) { self.perCallerMax = perCallerMax }

    /// Takes a place; false if the caller has all of his.
    func enter(_ caller: Caller) -> Bool {
        state.withLock { state in
            let key = Key(tenant: caller.tenant, user: caller.user)
            let count = state[key] ?? 0
            guard count < perCallerMax else { return false }
            state[key] = count + 1
            return true
        }
    }

    /// Gives the place back.
    func leave(_ caller: Caller) {
        state.withLock { state in
            let key = Key(tenant: caller.tenant, user: caller.user)
            guard let count = state[key] else { return }
            state[key] = count > 1 ? count - 1 : nil
        }
    }

    /// Calls in flight.
    var count: Int { state.withLock { $0.values.reduce(0, +) } }
}
