/// What a body of work may do inside its transaction: the few primitives that every engine offers.
///
/// A connection is used by one body at a time and must not be kept beyond it. The first statement that fails ends the transaction: those behind it fail as it did,
/// and nothing is committed, whatever the body makes of the error.
package protocol DatabaseConnection: AnyObject {
    /// Runs a statement that answers with nothing; returns how many rows it changed.
    @discardableResult
    func execute(_ sql: SQL, _ parameters: [SQLValue]) async throws(StoreError) -> Int

    /// Runs a query, or a statement with RETURNING, and returns its rows; more than `max` is an error, never a silent cut.
    func rows(_ sql: SQL, _ parameters: [SQLValue], max: Int) async throws(StoreError) -> [Row]

    /// Runs several statements in one round trip, in order.
    func batch(_ statements: [(SQL, [SQLValue])]) async throws(StoreError)

    /// Runs a statement of the schema; only a migration's body does.
    func define(_ sql: SQL) async throws(StoreError)

    /// Waits until nobody else holds the lock, which is held until the transaction ends.
    func lock(_ lock: StoreLock) async throws(StoreError)

    /// From here to its end the transaction sees, and writes, rows of this tenant alone where a table has tenants: PostgreSQL's row-level security, a second wall behind
    /// the statements' own conditions. SQLite has the first wall only.
    func confine(to tenant: String) async throws(StoreError)

    /// Tells every host, once this is committed, that something was changed (`Database.observe`). `topic` has no blank; both together have at most 7,000 bytes.
    func announce(_ topic: String, _ key: String) async throws(StoreError)

    /// Runs what blocks (files, key derivation) where it holds up nobody: at once on an engine whose bodies have threads of their own.
    func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws(StoreError) -> Value
}

extension DatabaseConnection {
    /// Runs a statement without parameters.
    @discardableResult
    package func execute(_ sql: SQL) async throws(StoreError) -> Int { try await execute(sql, []) }

    /// Runs a query of at most `StoreLimits.rowsMax` rows.
    package func rows(_ sql: SQL, _ parameters: [SQLValue] = []) async throws(StoreError) -> [Row] {
        try await rows(sql, parameters, max: StoreLimits.rowsMax)
    }

    /// Runs a query of at most one row.
    package func row(_ sql: SQL, _ parameters: [SQLValue] = []) async throws(StoreError) -> Row? {
        try await rows(sql, parameters, max: 1).first
    }
}
