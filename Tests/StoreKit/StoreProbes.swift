package import Store
import Synchronization

/// Fails the n-th statement or commit from the moment it is armed, as a disk that is gone does.
package final class StoreFuse: Sendable {
    private struct State: Sendable {
        var left: Int?
        var seen = 0
    }
    private let state = Mutex(State())

    package init() {}

    /// Statements and commits since it was armed.
    package var count: Int { state.withLock { $0.seen } }

    /// Begins to count anew, and fails at the n-th; never for nil.
    package func arm(_ number: Int?) { state.withLock { $0 = State(left: number) } }

    package var probe: StoreProbe {
        StoreProbe { [self] (step) throws(StoreError) in
            if case .committed = step { return }
            let burns = state.withLock { state -> Bool in
                state.seen += 1
                guard let number = state.left else { return false }
                state.left = number - 1
                return number == 1
            }
            if burns { throw StoreError(.unavailable, "the disk is gone") }
        }
    }
}

/// Counts the statements that bodies run.
package final class StatementCount: Sendable {
    private let count = Mutex(0)

    package init() {}

    package var value: Int { count.withLock { $0 } }
    package var probe: StoreProbe { StoreProbe { [self] (step) throws(StoreError) in if case .statement = step { count.withLock { $0 += 1 } } } }
}
