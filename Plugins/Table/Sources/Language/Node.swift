/// A parsed expression. Two nodes are equal if they say the same, wherever they stand.
struct Node: Hashable, Sendable {
    indirect enum Kind: Hashable, Sendable {
        case literal(Value)
        case column(String)
        case not(Node)
        case negate(Node)
        case binary(Operator, Node, Node)
        case isNull(Node, negated: Bool)
        case among(Node, [Node], negated: Bool)
        case call(String, [Node])
    }

    let kind: Kind
    /// Where it starts, in Unicode scalars.
    let position: Int

    static func == (left: Node, right: Node) -> Bool { left.kind == right.kind }
    func hash(into hasher: inout Hasher) { hasher.combine(kind) }
}

enum Operator: String, Sendable {
    case or, and
    case equal = "=", notEqual = "!=", less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">="
    case add = "+", subtract = "-", multiply = "*", divide = "/", modulo = "%"

    /// How tightly it binds.
    var level: Int {
        switch self {
        case .or: 1
        case .and: 2
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: 4
        case .add, .subtract: 5
        case .multiply, .divide, .modulo: 6
        }
    }
}

/// A column of the result: an expression and its name.
struct Selection: Sendable {
    let node: Node
    let name: String
}

/// One sort key.
struct SortKey: Sendable {
    let node: Node
    let isDescending: Bool
    let nullsFirst: Bool
}
