/// Why a table or a query was refused, and where.
package struct TableError: Error, Hashable, Sendable {
    package enum Code: String, Sendable {
        case data = "invalid_data"
        case syntax = "syntax_error"
        case unknownColumn = "unknown_column"
        case unknownFunction = "unknown_function"
        case type = "type_mismatch"
        case divisionByZero = "division_by_zero"
        case tooLarge = "too_large"
        case tooCostly = "too_costly"
        case overflow = "number_overflow"
    }

    package let code: Code
    package let message: String
    /// The place in the expression, in Unicode scalars from 0.
    package var position: Int?
    /// Which expression: `filter`, `select/0`.
    package var field: String?
    /// The line of the table's text or the row of the data, from 1.
    package var line: Int?

    package init(_ code: Code, _ message: String, at position: Int? = nil, field: String? = nil, line: Int? = nil) {
        self.code = code
        self.message = message
        self.position = position
        self.field = field
        self.line = line
    }
}
