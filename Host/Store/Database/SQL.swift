/// A statement with parameters `$1`, `$2`, …
///
/// It can be written as a literal only, and a literal with an interpolation does not compile: there is no way to build SQL from strings
/// (STORE-11). The numbered form is the one that both SQLite and PostgreSQL read. Where one text does not do for both, `SQL(sqlite:postgres:)` holds two.
package struct SQL: Sendable, ExpressibleByStringLiteral {
    /// SQLite's text, which lives as long as the program; its address identifies the statement in caches. Empty in a migration: nothing to do there.
    package let sqlite: StaticString
    /// PostgreSQL's own text; nil where SQLite's does for both.
    package let postgresOnly: StaticString?

    /// PostgreSQL's text.
    package var postgres: StaticString { postgresOnly ?? sqlite }

    /// From a literal without interpolation, for both engines.
    package init(stringLiteral value: StaticString) { (sqlite, postgresOnly) = (value, nil) }

    /// From two literals without interpolation, one for each engine.
    package init(sqlite: StaticString, postgres: StaticString) { (self.sqlite, postgresOnly) = (sqlite, postgres) }
}

/// A value of a parameter or a column. Null, an empty text and an empty blob are three different things (STORE-15).
package enum SQLValue: Sendable, Hashable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, ExpressibleByNilLiteral {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])

    /// An integer.
    package init(integerLiteral value: Int64) { self = .integer(value) }
    /// A text.
    package init(stringLiteral value: String) { self = .text(value) }
    /// Null.
    package init(nilLiteral: ()) { self = .null }
    /// A text, or null.
    package init(_ text: String?) { self = text.map { .text($0) } ?? .null }
    /// An integer.
    package init(_ value: Int) { self = .integer(Int64(value)) }
    /// Throws `.invalid` for a text with a NUL: PostgreSQL cannot keep one, and SQLite's functions end there.
    static func check(_ text: String) throws(StoreError) {
        if text.utf8.contains(0) { throw StoreError(.invalid, "a text with a NUL character") }
    }

    /// True as 1, false as 0.
    package init(_ flag: Bool) { self = .integer(flag ? 1 : 0) }
}

/// One row of an answer, read by column number; a column of another type than asked for is a corrupt database.
package struct Row: Sendable, Hashable {
    /// The values in order.
    package let values: [SQLValue]

    /// Wraps values.
    package init(_ values: [SQLValue]) { self.values = values }

    /// An integer column.
    package func integer(_ column: Int) throws(StoreError) -> Int64 {
        guard case .integer(let value)? = at(column) else { throw mismatch(column, "an integer") }
        return value
    }

    /// An integer column as `Int`.
    package func int(_ column: Int) throws(StoreError) -> Int { Int(try integer(column)) }

    /// An integer column that holds 0 or 1.
    package func bool(_ column: Int) throws(StoreError) -> Bool { try integer(column) != 0 }

    /// A text column.
    package func text(_ column: Int) throws(StoreError) -> String {
        guard case .text(let value)? = at(column) else { throw mismatch(column, "a text") }
        return value
    }

    /// A text column that may be null.
    package func optionalText(_ column: Int) throws(StoreError) -> String? {
        if case .null? = at(column) { return nil }
        return try text(column)
    }

    /// A blob column.
    package func blob(_ column: Int) throws(StoreError) -> [UInt8] {
        guard case .blob(let value)? = at(column) else { throw mismatch(column, "a blob") }
        return value
    }

    private func at(_ column: Int) -> SQLValue? { values.indices.contains(column) ? values[column] : nil }

    private func mismatch(_ column: Int, _ wanted: String) -> StoreError { StoreError(.corrupt, "column \(column) is not \(wanted)") }
}
