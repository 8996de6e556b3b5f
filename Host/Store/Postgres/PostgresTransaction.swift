internal import IO

/// One attempt of one body, on the connection's loop.
final class PostgresTransaction: @unchecked Sendable {
    // SAFETY: made and used in one task, on the connection's loop.
    private let connection: PostgresConnection
    private let handle: PostgresHandle
    private let mode: PostgresEngine.Mode
    private let deadline: Deadline
    private let takesTurn: Bool
    /// What every host is asked about at the commit, if anything is announced.
    private let change: AwaitedChange?
    /// Whether the connection may serve others.
    private(set) var isGood = true

    init(
        connection: PostgresConnection, handle: PostgresHandle, mode: PostgresEngine.Mode, deadline: Deadline, takesTurn: Bool,
        change: AwaitedChange? = nil
    ) {
        (self.connection, self.handle, self.mode) = (connection, handle, mode)
        (self.deadline, self.takesTurn, self.change) = (deadline, takesTurn, change)
    }

    private var patience: Deadline { deadline.adding(milliseconds: StoreLimits.answerGraceMilliseconds) }

    func run<Value: Sendable>(_ body: Database.Body<Value>) async -> PostgresEngine.Attempt<Value> {
        do {
            // A transaction that lost to others again and again takes its turn before its snapshot, as every batch of appends does.
            if takesTurn { try await takeTurn() }
            connection.sendAhead(.control(mode.begin))
            connection.sendAhead(
                .statement(
                    Self.timeout, try PostgresParameters([.text(String(min(deadline.remainingMilliseconds, StoreLimits.statementMillisecondsMax)))])))
            let value = try await body(handle)
            if let failure = handle.failure { return await undone(failure) }
            if mode != .snapshot { try handle.see(.commit) }
            if let change, !handle.announced.isEmpty { connection.sendAhead(try PostgresEngine.question(change)) }
            return await commit(value)
        } catch {
            if let failure = handle.failure { return await undone(failure) }
            guard isGood else { return .failed(StoreError(wrapping: error)) }
            return await undone(PostgresFailure(kind: .lasting, error: StoreError(wrapping: error)))
        }
    }

    static let timeout: SQL = "SELECT set_config('statement_timeout', $1, true)"

    private func commit<Value: Sendable>(_ value: Value) async -> PostgresEngine.Attempt<Value> {
        do throws(PostgresFailure) {
            if mode == .snapshot {
                // What was read is read: nobody needs to wait for the end.
                try await connection.sendOff(.control("COMMIT"), until: patience)
            } else {
                _ = try await connection.exchange([.control("COMMIT")], until: patience)
                if !handle.announced.isEmpty { change?.wasAnnounced() }
                handle.seeCommitted()
                try await endTurn()
            }
            return .done(value)
        } catch {
            guard error.kind != .lost else {
                isGood = false
                // It may have been committed, so it is not for us to do it again.
                return mode == .snapshot
                    ? .done(value) : .failed(StoreError(error.error.code, "whether it was committed is unknown: \(error.error.message)"))
            }
            return await undone(error)
        }
    }

    /// By itself: what is sent together with BEGIN would be in its transaction.
    private func takeTurn() async throws {
        do throws(PostgresFailure) {
            _ = try await connection.exchange([.control("SELECT pg_advisory_lock(7811)")], until: patience)
        } catch {
            isGood = false
            throw error.error
        }
    }

    private func endTurn() async throws(PostgresFailure) {
        if takesTurn { try await connection.sendOff(.control("SELECT pg_advisory_unlock(7811)"), until: patience) }
    }

    private func undone<Value: Sendable>(_ failure: PostgresFailure) async -> PostgresEngine.Attempt<Value> {
        if failure.kind == .lost {
            isGood = false
            return failure.error.code == .timedOut ? .failed(failure.error) : .again(failure.error, isLost: true)
        }
        do throws(PostgresFailure) {
            _ = try await connection.exchange([.control("ROLLBACK")], until: patience)
            try await endTurn()
        } catch {
            isGood = false
        }
        return failure.kind == .conflict ? .again(failure.error, isLost: false) : .failed(failure.error)
    }
}
