internal import IO

/// A connection as one body sees it, out of reach when the body was abandoned.
final class SQLiteHandle: DatabaseConnection, @unchecked Sendable {
    // SAFETY: both members are touched only on the thread that serves the connection: a body runs nowhere else, and whoever revokes it is that thread.
    private var connection: SQLiteConnection?

    init(_ connection: SQLiteConnection) { self.connection = connection }

    /// Takes the connection away from a body that may still run.
    func revoke() { connection = nil }

    private func reached() throws(StoreError) -> SQLiteConnection {
        guard let connection else { throw StoreError(.timedOut, "the body used its connection after its deadline") }
        return connection
    }

    @discardableResult
    func execute(_ sql: SQL, _ parameters: [SQLValue]) throws(StoreError) -> Int { try reached().execute(sql, parameters) }

    func rows(_ sql: SQL, _ parameters: [SQLValue], max: Int) throws(StoreError) -> [Row] { try reached().rows(sql, parameters, max: max) }

    func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws(StoreError) -> Value {
        do { return try body() } catch { throw StoreError(wrapping: error) }
    }
}

extension InlineExecutor {
    /// Runs a body with a connection to its end; a body that waits for something else is ended by the deadline, with nothing in its hands.
    func run(
        _ connection: SQLiteConnection, until deadline: Deadline, _ body: @escaping @Sendable (SQLiteHandle) async throws -> Void
    ) -> Result<Void, StoreError> {
        let handle = SQLiteHandle(connection)
        defer { handle.revoke() }
        let outcome = Outcome()
        let isDone = run(until: deadline) {
            do {
                try await body(handle)
                outcome.result = .success(())
            } catch {
                outcome.result = .failure(StoreError(wrapping: error))
            }
        }
        return isDone ? outcome.result : .failure(StoreError(.timedOut, "the body waited for something other than its connection"))
    }

    /// What a body left.
    private final class Outcome: @unchecked Sendable {
        // SAFETY: set by the body and read behind it, on one thread.
        var result: Result<Void, StoreError> = .success(())
    }
}
