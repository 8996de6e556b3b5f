/// Why an expression is none, or has no value: what is wrong, and where.
package struct ExpressionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of fault.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// It is not of the language.
        case syntax
        /// A name stands at its beginning that this place does not have.
        case unknownName = "unknown_name"
        /// A function that does not exist, or with another number of arguments.
        case unknownFunction = "unknown_function"
        /// An operator or a function is given what it does not take.
        case type
        /// Division by zero, or a number too large.
        case arithmetic
        /// It is longer, deeper or costs more than allowed.
        case limit
    }

    /// What kind of fault.
    package let code: Code
    /// One sentence for whoever wrote it.
    package let message: String
    /// Byte of the expression's text where it lies.
    package let offset: Int

    init(_ code: Code, _ message: String, at offset: Int) { (self.code, self.message, self.offset) = (code, message, offset) }

    /// The sentence and the place.
    package var description: String { "\(message) (at byte \(offset))" }
}
