internal import IO

/// A connection as one body sees it, out of reach when the body was abandoned.
final class SQLiteHandle: DatabaseConnection, @unchecked Sendable {
    // SAFETY: both members are touched only on the thread that serves the connection: a body runs nowhere else, and whoever revokes it is that thread.
    private var connection: SQLiteConnection?
    /// The first statement that failed; nothing is done behind it, as on PostgreSQL.
    private(set) var failure: StoreError?
    /// What is to be told once this is committed.
    private(set) var announced: [DatabaseNews] = []

    private let probe: StoreProbe?

    init(_ connection: SQLiteConnection, _ probe: StoreProbe?) { (self.connection, self.probe) = (connection, probe) }

    /// Takes the connection away from a body that may still run.
    func revoke() { connection = nil }

    private func reached() throws(StoreError) -> SQLiteConnection {
        guard let connection else { throw StoreError(.timedOut, "the body used its connection after its deadline") }
        return connection
    }

    private func run<Value>(_ sql: SQL, _ body: (SQLiteConnection) throws(StoreError) -> Value) throws(StoreError) -> Value {
        if let failure { throw failure }
        let connection = try reached()
        do throws(StoreError) {
            try probe?.see(.statement(sql))
            return try body(connection)
        } catch {
            failure = error
            throw error
        }
    }

    @discardableResult
    func execute(_ sql: SQL, _ parameters: [SQLValue]) throws(StoreError) -> Int {
        try run(sql) { (connection) throws(StoreError) in try connection.execute(sql, parameters) }
    }

    func rows(_ sql: SQL, _ parameters: [SQLValue], max: Int) throws(StoreError) -> [Row] {
        try run(sql) { (connection) throws(StoreError) in try connection.rows(sql, parameters, max: max) }
    }

    func batch(_ statements: [(SQL, [SQLValue])]) throws(StoreError) {
        for (sql, parameters) in statements { try execute(sql, parameters) }
    }

    func define(_ sql: SQL) throws(StoreError) {
        if sql.sqlite.utf8CodeUnitCount > 0 { try execute(sql, []) }
    }

    /// One writer is a lock already.
    func lock(_ lock: StoreLock) throws(StoreError) {}

    func confine(to tenant: String) throws(StoreError) {}

    func announce(_ topic: String, _ key: String) throws(StoreError) { announced.append(.changed(topic: topic, key: key)) }

    func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws(StoreError) -> Value {
        do { return try body() } catch { throw StoreError(wrapping: error) }
    }
}

extension InlineExecutor {
    /// Runs a body with a connection to its end; a body that waits for something else is ended by the deadline, with nothing in its hands.
    func run(
        _ connection: SQLiteConnection, until deadline: Deadline, _ probe: StoreProbe? = nil,
        _ body: @escaping @Sendable (SQLiteHandle) async throws -> Void
    ) -> Result<[DatabaseNews], StoreError> {
        let handle = SQLiteHandle(connection, probe)
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
        guard isDone else { return .failure(StoreError(.timedOut, "the body waited for something other than its connection")) }
        if let failure = handle.failure { return .failure(failure) }
        return outcome.result.map { handle.announced }
    }

    /// What a body left.
    private final class Outcome: @unchecked Sendable {
        // SAFETY: set by the body and read behind it, on one thread.
        var result: Result<Void, StoreError> = .success(())
    }
}
