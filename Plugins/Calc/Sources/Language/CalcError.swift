/// Why an expression has no value, and where in its text.
package struct CalcError: Error, Hashable, Sendable {
    package enum Code: String, Sendable {
        case syntax = "syntax_error"
        case unknownName = "unknown_name"
        case dimension = "dimension_mismatch"
        case domain = "domain_error"
        case divisionByZero = "division_by_zero"
        case tooLarge = "too_large"
        case tooCostly = "too_costly"
        case argument = "argument_error"
    }

    package let code: Code
    package let message: String
    /// The place in the expression, in Unicode scalars from 0; nil when it is about the whole.
    package var position: Int?

    package init(_ code: Code, _ message: String, at position: Int? = nil) {
        self.code = code
        self.message = message
        self.position = position
    }
}
