/// Evaluates programs; a null operand makes the result null, as in SQL.
struct Evaluator {
    let columns: [[Value]]
    var row = 0
    var keys: [Value] = []
    var aggregates: [Value] = []
    private(set) var work = 0

    init(_ table: Table) { columns = table.columns.map(\.values) }

    /// Pays for work in advance.
    mutating func charge(_ units: Int) throws(TableError) {
        work += units
        guard work <= Limits.workMax else { throw TableError(.tooCostly, "The query takes more work than one call may.") }
    }

    mutating func evaluate(_ program: Program) throws(TableError) -> Value {
        switch program {
        case .literal(let value): return value
        case .column(let index): return columns[index][row]
        case .key(let index): return keys[index]
        case .aggregate(let index): return aggregates[index]
        case .not(let operand, let position):
            guard let value = try truth(evaluate(operand), position) else { return .null }
            return .bool(!value)
        case .negate(let operand, let position):
            guard let value = try number(evaluate(operand), position) else { return .null }
            return .number(-value)
        case .binary(let operation, let left, let right, let position): return try binary(operation, left, right, position)
        case .isNull(let operand, let negated): return .bool(try evaluate(operand).isNull != negated)
        case .among(let operand, let list, let negated): return try among(operand, list, negated)
        case .call(let function, let arguments, let position): return try call(function, arguments, position)
        }
    }

    /// Whether a condition holds; null does not.
    mutating func holds(_ program: Program) throws(TableError) -> Bool {
        switch try evaluate(program) {
        case .bool(let value): return value
        case .null: return false
        case let other: throw TableError(.type, "The condition is \(other.typeName), not bool.", line: row + 1)
        }
    }

    private mutating func among(_ operand: Program, _ list: [Program], _ negated: Bool) throws(TableError) -> Value {
        let value = try evaluate(operand)
        if value.isNull { return .null }
        for item in list where try evaluate(item) == value { return .bool(!negated) }
        return .bool(negated)
    }

    private mutating func binary(_ operation: Operator, _ left: Program, _ right: Program, _ position: Int) throws(TableError) -> Value {
        if operation == .and || operation == .or { return try logic(operation, left, right, position) }
        let (a, b) = (try evaluate(left), try evaluate(right))
        if a.isNull || b.isNull { return .null }
        switch operation {
        case .equal: return .bool(a == b)
        case .notEqual: return .bool(a != b)
        case .less, .lessOrEqual, .greater, .greaterOrEqual: return try .bool(ordered(operation, a, b, position))
        default: return try arithmetic(operation, a, b, position)
        }
    }

    /// Three-valued logic: `false and null` is false, `true or null` is true.
    private mutating func logic(_ operation: Operator, _ left: Program, _ right: Program, _ position: Int) throws(TableError) -> Value {
        let decisive = operation == .or
        let first = try truth(evaluate(left), position)
        if first == decisive { return .bool(decisive) }
        let second = try truth(evaluate(right), position)
        if second == decisive { return .bool(decisive) }
        return first == nil || second == nil ? .null : .bool(!decisive)
    }

    private func ordered(_ operation: Operator, _ a: Value, _ b: Value, _ position: Int) throws(TableError) -> Bool {
        let (less, equal): (Bool, Bool)
        switch (a, b) {
        case (.number(let a), .number(let b)): (less, equal) = (a < b, a == b)
        case (.text(let a), .text(let b)): (less, equal) = (a < b, a == b)
        default:
            throw TableError(.type, "Cannot compare \(a.typeName) with \(b.typeName).", at: position, line: row + 1)
        }
        switch operation {
        case .less: return less
        case .lessOrEqual: return less || equal
        case .greater: return !less && !equal
        default: return !less
        }
    }

    private func arithmetic(_ operation: Operator, _ a: Value, _ b: Value, _ position: Int) throws(TableError) -> Value {
        guard let left = try number(a, position), let right = try number(b, position) else { return .null }
        let result: Decimal?
        switch operation {
        case .add: result = left.adding(right)
        case .subtract: result = left.adding(-right)
        case .multiply: result = left.multiplied(by: right)
        default:
            guard !right.isZero else { throw TableError(.divisionByZero, "Division by zero.", at: position, line: row + 1) }
            result = operation == .divide ? left.divided(by: right) : Evaluator.remainder(left, right)
        }
        guard let result else {
            throw TableError(.overflow, "The result has more than 38 digits.", at: position, line: row + 1)
        }
        return .number(result)
    }

    /// The remainder with the sign of the divisor.
    private static func remainder(_ left: Decimal, _ right: Decimal) -> Decimal? {
        let exponent = min(left.exponent, right.exponent)
        func scaled(_ value: Decimal) -> Int128? {
            let shift = value.exponent - exponent
            guard shift <= 38 else { return nil }
            let (product, overflowed) = value.coefficient.multipliedReportingOverflow(by: Decimal.powers[shift])
            return overflowed ? nil : product
        }
        guard let a = scaled(left), let b = scaled(right) else { return nil }
        let rest = a % b
        return Decimal(coefficient: rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest, exponent: exponent)
    }

    func truth(_ value: Value, _ position: Int) throws(TableError) -> Bool? {
        switch value {
        case .bool(let value): return value
        case .null: return nil
        default: throw TableError(.type, "Expected bool, found \(value.typeName).", at: position, line: row + 1)
        }
    }

    func number(_ value: Value, _ position: Int) throws(TableError) -> Decimal? {
        switch value {
        case .number(let value): return value
        case .null: return nil
        default: throw TableError(.type, "Expected a number, found \(value.typeName).", at: position, line: row + 1)
        }
    }

    func text(_ value: Value, _ position: Int) throws(TableError) -> String? {
        switch value {
        case .text(let value): return value
        case .null: return nil
        default: throw TableError(.type, "Expected text, found \(value.typeName); text(…) converts.", at: position, line: row + 1)
        }
    }
}
