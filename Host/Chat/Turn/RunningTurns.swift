import IO

/// The turns that run in this process, by whom they are, so that they can be cancelled.
package final class RunningTurns: Sendable {
    /// Names a turn among all: its person's request.
    struct Key: Hashable, Sendable {
        let tenant: String
        let account: String
        let requestID: String
    }

    final class Turn: Sendable {
        private struct State {
            var isCancelled = false
            var conversation: String?
            var cancel: (@Sendable () -> Void)?
        }
        private let state = Lock(State())

        /// Whether somebody asked for its end.
        var isCancelled: Bool { state.withLock { $0.isCancelled } }
        var conversation: String? { state.withLock { $0.conversation } }

        func enter(_ conversation: String) { state.withLock { $0.conversation = conversation } }

        /// Runs `stop` when the turn is cancelled, at once if it was.
        func onCancel(_ stop: @escaping @Sendable () -> Void) {
            let isLate = state.withLock { state in
                state.cancel = stop
                return state.isCancelled
            }
            if isLate { stop() }
        }

        func cancel() {
            let stop = state.withLock { state in
                state.isCancelled = true
                return state.cancel
            }
            stop?()
        }
    }

    private let turns = Lock<[Key: Turn]>([:])

    package init() {}

    /// Turns that run now.
    package var count: Int { turns.withLock { $0.count } }

    func begin(_ key: Key) -> Turn {
        let turn = Turn()
        turns.withLock { $0[key] = turn }
        return turn
    }

    func end(_ key: Key, _ turn: Turn) { turns.withLock { turns in if turns[key] === turn { turns[key] = nil } } }

    /// Cancels the turns of a person's request, or of his conversation; how many.
    func cancel(tenant: String, account: String, requestID: String?, conversation: String?) -> Int {
        let found = turns.withLock { turns in
            turns.filter { key, turn in
                key.tenant == tenant && key.account == account
                    && (requestID.map { $0 == key.requestID } ?? (conversation != nil && turn.conversation == conversation))
            }.map(\.value)
        }
        for turn in found { turn.cancel() }
        return found.count
    }
}
