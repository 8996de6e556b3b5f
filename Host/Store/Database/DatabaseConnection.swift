/// What a body of work may do inside its transaction: the few primitives that every engine offers.
///
/// A connection is used by one thread at a time and must not be kept beyond the body it was handed to.
package protocol DatabaseConnection: AnyObject {
    /// Runs a statement that answers with nothing; returns how many rows it changed.
    @discardableResult
    func execute(_ sql: SQL, _ parameters: [SQLValue]) throws(StoreError) -> Int

    /// Runs a query and returns its rows; more than `max` is an error, never a silent cut.
    func rows(_ sql: SQL, _ parameters: [SQLValue], max: Int) throws(StoreError) -> [Row]
}

extension DatabaseConnection {
    /// Runs a statement without parameters.
    @discardableResult
    package func execute(_ sql: SQL) throws(StoreError) -> Int { try execute(sql, []) }

    /// Runs a query of at most `StoreLimits.rowsMax` rows.
    package func rows(_ sql: SQL, _ parameters: [SQLValue] = []) throws(StoreError) -> [Row] {
        try rows(sql, parameters, max: StoreLimits.rowsMax)
    }

    /// Runs a query of at most one row.
    package func row(_ sql: SQL, _ parameters: [SQLValue] = []) throws(StoreError) -> Row? {
        try rows(sql, parameters, max: 1).first
    }
}
