/// What a body of work may do inside its transaction: the few primitives that every engine offers.
///
/// A connection is used by one body at a time and must not be kept beyond it.
package protocol DatabaseConnection: AnyObject {
    /// Runs a statement that answers with nothing; returns how many rows it changed.
    @discardableResult
    func execute(_ sql: SQL, _ parameters: [SQLValue]) async throws(StoreError) -> Int

    /// Runs a query, or a statement with RETURNING, and returns its rows; more than `max` is an error, never a silent cut.
    func rows(_ sql: SQL, _ parameters: [SQLValue], max: Int) async throws(StoreError) -> [Row]

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
