/// Every bound of the table tools, in one place.
package enum Limits {
    /// Bytes of the table's text.
    package static let dataBytesMax = 1 << 20
    /// Rows read.
    package static let rowsMax = 200_000
    /// Columns read.
    package static let columnsMax = 256
    /// Cells read; an unaligned megabyte of commas has no more.
    package static let cellsMax = 1_100_000
    /// Bytes of one value that an expression makes.
    package static let valueBytesMax = 65_536
    /// Bytes of one expression.
    package static let expressionBytesMax = 4096
    /// Nested parentheses and operators of one expression.
    package static let depthMax = 64
    /// Parts of one expression.
    package static let nodesMax = 300
    /// Expressions of one list: selected columns, group keys, sort keys.
    package static let expressionsMax = 256
    /// Evaluated parts and touched bytes of one query.
    package static let workMax = 100_000_000
    /// Groups formed.
    package static let groupsMax = 100_000
    /// Rows returned when no limit is given.
    package static let resultRowsDefault = 100
    /// Rows returned at most.
    package static let resultRowsMax = 10_000
    /// Bytes of the result's cells; the reply stays below the jail's output limit.
    package static let resultBytesMax = 700_000
    /// Significant digits of a quotient.
    package static let quotientDigits = 20
    /// The magnitude that a number's decimal exponent may have.
    package static let exponentMax = 1000
}
