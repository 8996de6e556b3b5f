/// A parsed expression; each node knows its place in the text.
struct Expression: Sendable {
    indirect enum Kind: Sendable {
        case number(Rational)
        case name(String)
        case negate(Expression)
        case binary(BinaryOperator, Expression, Expression)
        case percent(Expression)
        case factorial(Expression)
        case call(String, [Expression])
        case convert(Expression, to: Expression, text: String)
    }

    let kind: Kind
    /// Where the node starts, or where its operator stands, in Unicode scalars.
    let position: Int
}

enum BinaryOperator: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case modulo = "%"
    case power = "^"
    /// A number beside its unit: `5 km`.
    case juxtapose = " "
}
