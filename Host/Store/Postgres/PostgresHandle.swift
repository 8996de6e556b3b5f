internal import IO

/// A connection as one body sees it, out of reach once its time is over.
final class PostgresHandle: DatabaseConnection, @unchecked Sendable {
    // SAFETY: touched only on the connection's loop: a body runs nowhere else, and so does whoever revokes it.
    private var connection: PostgresConnection?
    private let deadline: Deadline
    private let pool: BlockingPool
    /// The first statement that failed; PostgreSQL does nothing in a transaction behind it.
    private(set) var failure: PostgresFailure?

    /// What this host is told as soon as it is committed.
    private(set) var announced: [DatabaseNews] = []

    private let probe: StoreProbe?

    init(_ connection: PostgresConnection, until deadline: Deadline, pool: BlockingPool, probe: StoreProbe?) {
        (self.connection, self.deadline, self.pool, self.probe) = (connection, deadline, pool, probe)
    }

    /// Takes the connection away from a body that may still run.
    func revoke() { connection = nil }

    @discardableResult
    func execute(_ sql: SQL, _ parameters: [SQLValue]) async throws(StoreError) -> Int { try await run(sql, parameters, max: 0).changed }

    func rows(_ sql: SQL, _ parameters: [SQLValue], max: Int) async throws(StoreError) -> [Row] { try await run(sql, parameters, max: max).rows }

    private func run(_ sql: SQL, _ parameters: [SQLValue], max: Int) async throws(StoreError) -> PostgresConnection.Answer {
        try await exchange([.statement(sql, try PostgresParameters(parameters))], max: max)[0]
    }

    func batch(_ statements: [(SQL, [SQLValue])]) async throws(StoreError) {
        var steps: [PostgresConnection.Step] = []
        for (sql, parameters) in statements { steps.append(.statement(sql, try PostgresParameters(parameters))) }
        _ = try await exchange(steps, max: 0)
    }

    func define(_ sql: SQL) async throws(StoreError) {
        let text = PostgresSchema.translated("\(sql.postgres)")
        if !text.isEmpty { _ = try await exchange([.define(text)], max: 0) }
    }

    func lock(_ key: StoreLock) async throws(StoreError) {
        _ = try await run("SELECT pg_advisory_xact_lock($1)", [.integer(key.number)], max: 1)
    }

    func confine(to tenant: String) async throws(StoreError) {
        // `*` is what a session begins with: all tenants.
        guard tenant != "*" else { throw StoreError(.invalid, "no tenant is called *") }
        // Ahead of the next statement, in its round trip.
        connection?.sendAhead(.statement("SELECT set_config('limen.tenant', $1, true)", try PostgresParameters([.text(tenant)])))
    }

    func announce(_ topic: String, _ key: String) async throws(StoreError) {
        announced.append(.changed(topic: topic, key: key))
        let payload = "\(topic) \(key)"
        try await batch([("SELECT pg_notify('limen', $1)", [.text(payload)])])
    }

    func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws(StoreError) -> Value {
        do { return try await pool.run(deadline: deadline, body) } catch { throw StoreError(wrapping: error) }
    }

    /// Whatever the body makes of a failure, the transaction is over: that is so on SQLite too (`SQLiteHandle`).
    func exchange(_ steps: [PostgresConnection.Step], max: Int) async throws(StoreError) -> [PostgresConnection.Answer] {
        if let failure { throw failure.error }
        guard let connection else { throw StoreError(.timedOut, "the body used its connection after its deadline") }
        for step in steps { if case .statement(let sql, _) = step { try see(.statement(sql)) } }
        do throws(PostgresFailure) {
            return try await connection.exchange(steps, rowsMax: max, until: deadline.adding(milliseconds: StoreLimits.answerGraceMilliseconds))
        } catch {
            failure = error
            throw error.error
        }
    }

    /// Shows a step to the probe; what that throws ends the connection, and is no reason to try again.
    func see(_ step: StoreProbe.Step) throws(StoreError) {
        guard let probe else { return }
        do throws(StoreError) { try probe.see(step) } catch {
            connection?.close()
            failure = PostgresFailure(kind: .lasting, error: error)
            throw error
        }
    }

    /// Shows the probe that the transaction is committed.
    func seeCommitted() { probe?.seeCommitted() }
}
