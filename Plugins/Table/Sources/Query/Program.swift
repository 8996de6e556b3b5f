/// An expression whose columns, keys and aggregates are resolved to places.
indirect enum Program: Sendable {
    case literal(Value)
    case column(Int)
    /// The value of a group key.
    case key(Int)
    /// The value of an aggregate.
    case aggregate(Int)
    case not(Program, Int)
    case negate(Program, Int)
    case binary(Operator, Program, Program, Int)
    case isNull(Program, negated: Bool)
    case among(Program, [Program], negated: Bool)
    case call(Function, [Program], Int)

    /// The number of parts, which is the price of one evaluation.
    var cost: Int {
        switch self {
        case .literal, .column, .key, .aggregate: 1
        case .not(let operand, _), .negate(let operand, _), .isNull(let operand, _): 1 + operand.cost
        case .binary(_, let left, let right, _): 1 + left.cost + right.cost
        case .among(let operand, let list, _): 1 + operand.cost + list.reduce(0) { $0 + $1.cost }
        case .call(_, let arguments, _): 1 + arguments.reduce(0) { $0 + $1.cost }
        }
    }
}

/// The functions of a single row.
package enum Function: String, CaseIterable, Sendable {
    case len, lower, upper, trim, contains, concat, substr, replace, abs, round, floor, ceil, coalesce, number, text
    case startsWith = "starts_with"
    case endsWith = "ends_with"
    case choose = "if"

    /// How many arguments it takes.
    var arity: ClosedRange<Int> {
        switch self {
        case .len, .lower, .upper, .trim, .abs, .floor, .ceil, .number, .text: 1...1
        case .contains, .startsWith, .endsWith: 2...2
        case .round: 1...2
        case .substr: 2...3
        case .replace, .choose: 3...3
        case .concat, .coalesce: 1...50
        }
    }
}

/// The functions of a group of rows.
package enum AggregateFunction: String, CaseIterable, Sendable {
    case count, sum, avg, min, max, first, last
    case countDistinct = "count_distinct"
}

struct Aggregate: Hashable, Sendable {
    let function: AggregateFunction
    /// Nil only for `count()`.
    let argument: Node?
}

/// Turns nodes into programs.
struct Compiler {
    private let columns: [String: Int]
    /// Group keys; nil where rows are not grouped.
    var keys: [Node: Int]?
    private(set) var aggregates: [Aggregate] = []

    init(_ table: Table) {
        columns = Dictionary(table.columns.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    mutating func compile(_ node: Node) throws(TableError) -> Program {
        if let key = keys?[node] { return .key(key) }
        switch node.kind {
        case .literal(let value): return .literal(value)
        case .column(let name): return try column(name, node.position)
        case .not(let operand): return .not(try compile(operand), node.position)
        case .negate(let operand): return .negate(try compile(operand), node.position)
        case .binary(let operation, let left, let right):
            return .binary(operation, try compile(left), try compile(right), node.position)
        case .isNull(let operand, let negated): return .isNull(try compile(operand), negated: negated)
        case .among(let operand, let list, let negated): return .among(try compile(operand), try compile(list), negated: negated)
        case .call(let name, let arguments): return try call(name, arguments, node.position)
        }
    }

    private mutating func compile(_ nodes: [Node]) throws(TableError) -> [Program] {
        var programs: [Program] = []
        for node in nodes { programs.append(try compile(node)) }
        return programs
    }

    private func column(_ name: String, _ position: Int) throws(TableError) -> Program {
        guard let index = columns[name] else {
            let similar = columns.keys.filter { $0.lowercased() == name.lowercased() }
            let known = similar.isEmpty ? columns.keys.sorted().prefix(12) : similar[...]
            throw TableError(
                .unknownColumn, "Unknown column '\(name.prefix(80))'; known: \(known.map { "'\($0.prefix(40))'" }.joined(separator: ", ")).",
                at: position)
        }
        guard keys == nil else {
            throw TableError(.syntax, "'\(name.prefix(80))' is neither a group key nor inside an aggregate.", at: position)
        }
        return .column(index)
    }

    private mutating func call(_ name: String, _ arguments: [Node], _ position: Int) throws(TableError) -> Program {
        if let function = AggregateFunction(rawValue: name) { return try aggregate(function, arguments, position) }
        guard let function = Function(rawValue: name) else {
            throw TableError(.unknownFunction, "Unknown function '\(name.prefix(40))'.", at: position)
        }
        guard function.arity.contains(arguments.count) else {
            throw TableError(.syntax, "\(name) takes \(function.arity.lowerBound) to \(function.arity.upperBound) arguments.", at: position)
        }
        return .call(function, try compile(arguments), position)
    }

    private mutating func aggregate(_ function: AggregateFunction, _ arguments: [Node], _ position: Int) throws(TableError) -> Program {
        guard keys != nil else {
            throw TableError(.syntax, "\(function.rawValue) is an aggregate; it has no place here.", at: position)
        }
        guard arguments.count == 1 || (arguments.isEmpty && function == .count) else {
            throw TableError(.syntax, "\(function.rawValue) takes 1 argument.", at: position)
        }
        let aggregate = Aggregate(function: function, argument: arguments.first)
        if let index = aggregates.firstIndex(of: aggregate) { return .aggregate(index) }
        aggregates.append(aggregate)
        return .aggregate(aggregates.count - 1)
    }
}

extension Node {
    /// Whether an aggregate stands somewhere in the expression.
    var hasAggregate: Bool {
        switch kind {
        case .literal, .column: false
        case .not(let operand), .negate(let operand), .isNull(let operand, _): operand.hasAggregate
        case .binary(_, let left, let right): left.hasAggregate || right.hasAggregate
        case .among(let operand, let list, _): operand.hasAggregate || list.contains(where: \.hasAggregate)
        case .call(let name, let arguments): AggregateFunction(rawValue: name) != nil || arguments.contains(where: \.hasAggregate)
        }
    }
}
