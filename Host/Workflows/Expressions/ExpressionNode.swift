import JSON

/// A part of a parsed expression, with the byte where it begins for what goes wrong there.
indirect enum ExpressionNode: Sendable {
    case literal(JSONValue)
    /// A name of the scope and the way into its value.
    case path(String, [PathStep], Int)
    case not(ExpressionNode, Int)
    case negate(ExpressionNode, Int)
    case binary(BinaryOperator, ExpressionNode, ExpressionNode, Int)
    case call(ExpressionFunction, [ExpressionNode], Int)

    /// A step from a value to one inside it.
    enum PathStep: Sendable, Hashable {
        case member(String)
        case item(Int)
    }

    /// The names that paths in it begin with; as deep as an expression may be.
    var names: Set<String> {
        switch self {
        case .literal: []
        case .path(let name, _, _): [name]
        case .not(let operand, _), .negate(let operand, _): operand.names
        case .binary(_, let left, let right, _): left.names.union(right.names)
        case .call(_, let arguments, _): arguments.reduce(into: []) { $0.formUnion($1.names) }
        }
    }
}

/// What stands between two parts.
enum BinaryOperator: String, Sendable {
    case or, and
    case equal = "==", notEqual = "!=", less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">=", isIn = "in", isNotIn = "not in"
    case add = "+", subtract = "-", multiply = "*", divide = "/", remainder = "%"

    /// Higher binds tighter.
    var precedence: Int {
        switch self {
        case .or: 1
        case .and: 2
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .isIn, .isNotIn: 4
        case .add, .subtract: 5
        case .multiply, .divide, .remainder: 6
        }
    }

    /// The type of its value; nil for either of two.
    var result: ExpressionType {
        switch self {
        case .or, .and, .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .isIn, .isNotIn: .boolean
        case .add: .any
        case .subtract, .multiply, .divide, .remainder: .number
        }
    }
}

/// The functions there are: no other can be reached.
enum ExpressionFunction: String, Sendable, CaseIterable {
    case len, contains
    case cosineSimilarity = "cosine_similarity"
    case clusterLabelContains = "cluster_label_contains"

    /// What it takes.
    var parameters: [Set<ExpressionType>] {
        switch self {
        case .len: [[.text, .list, .object]]
        case .contains: [[.text, .list, .object], [.text, .number, .boolean, .null, .list, .object]]
        case .cosineSimilarity: [[.list], [.list]]
        case .clusterLabelContains: [[.text]]
        }
    }

    var result: ExpressionType {
        switch self {
        case .len, .cosineSimilarity: .number
        case .contains, .clusterLabelContains: .boolean
        }
    }
}

/// The types of the language; `any` is what only the evaluation can tell.
package enum ExpressionType: String, Sendable, Hashable {
    case null, boolean, number, text, list, object, any

    init(_ value: JSONValue) {
        self =
            switch value {
            case .null: .null
            case .bool: .boolean
            case .number: .number
            case .string: .text
            case .array: .list
            case .object: .object
            }
    }
}
