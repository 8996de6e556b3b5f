/// Sees each statement that bodies have run, and each commit, before it is: for tests that count queries, or that end a transaction at the n-th statement.
package struct StoreProbe: Sendable {
    /// Where a transaction is.
    package enum Step: Sendable {
        /// A statement of a body is about to be run.
        case statement(SQL)
        /// The transaction is about to be committed.
        case commit
        /// It is durable; its caller does not know yet.
        case committed
    }

    private let look: @Sendable (Step) throws(StoreError) -> Void

    /// Calls `look` where the statement is run. What it throws stands for the statement's own failure: nothing of the transaction is kept, and it is not run again. On
    /// PostgreSQL the connection is broken off then, as by the death of its process.
    package init(_ look: @escaping @Sendable (Step) throws(StoreError) -> Void) { self.look = look }

    func see(_ step: Step) throws(StoreError) { try look(step) }

    /// What is committed is committed: nothing that is thrown here changes it.
    func seeCommitted() {
        do throws(StoreError) { try look(.committed) } catch { assertionFailure("a probe threw behind a commit: \(error)") }
    }
}
