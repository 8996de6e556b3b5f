import JSON

/// Computes the value of a parsed expression, counting steps.
struct ExpressionEvaluator {
    let scope: ExpressionScope
    private var steps = 0

    init(scope: ExpressionScope) { self.scope = scope }

    private mutating func spend(_ count: Int = 1, at offset: Int) throws(ExpressionError) {
        steps += count
        if steps > WorkflowLimits.expressionStepsMax {
            throw ExpressionError(.limit, "this costs more than \(WorkflowLimits.expressionStepsMax) steps", at: offset)
        }
    }

    mutating func value(of node: ExpressionNode) throws(ExpressionError) -> JSONValue {
        switch node {
        case .literal(let value): return value
        case .path(let name, let way, let offset):
            try spend(1 + way.count, at: offset)
            return follow(way, from: scope.values[name] ?? .null)
        case .not(let operand, let offset): return .bool(try !boolean(operand, "`not`", offset))
        case .negate(let operand, let offset):
            try spend(at: offset)
            return try compute(.subtract, JSONNumber(0), try number(operand, "`-`", offset), offset)
        case .binary(let found, let left, let right, let offset):
            try spend(at: offset)
            return try binary(found, left, right, offset)
        case .call(let function, let arguments, let offset):
            try spend(at: offset)
            return try call(function, arguments, offset)
        }
    }

    private func follow(_ way: [ExpressionNode.PathStep], from value: JSONValue) -> JSONValue {
        var value = value
        for step in way {
            switch step {
            case .member(let name): value = value[name] ?? .null
            case .item(let index): value = value[index] ?? .null
            }
        }
        return value
    }

    // MARK: Operators

    private mutating func binary(
        _ found: BinaryOperator, _ left: ExpressionNode, _ right: ExpressionNode, _ offset: Int
    ) throws(ExpressionError) -> JSONValue {
        if found == .and || found == .or {
            let name = "`\(found.rawValue)`"
            let first = try boolean(left, name, offset)
            return first == (found == .or) ? .bool(first) : .bool(try boolean(right, name, offset))
        }
        let (one, other) = (try value(of: left), try value(of: right))
        switch found {
        case .equal: return .bool(try isEqual(one, other, offset))
        case .notEqual: return .bool(try !isEqual(one, other, offset))
        case .isIn: return .bool(try contains(other, one, offset))
        case .isNotIn: return .bool(try !contains(other, one, offset))
        case .less, .lessOrEqual, .greater, .greaterOrEqual: return .bool(try compare(found, one, other, offset))
        case .add:
            if case .string(let first) = one, case .string(let second) = other { return try join(first, second, offset) }
            return try arithmetic(found, one, other, offset)
        default: return try arithmetic(found, one, other, offset)
        }
    }

    private mutating func boolean(_ node: ExpressionNode, _ what: String, _ offset: Int) throws(ExpressionError) -> Bool {
        let value = try value(of: node)
        guard case .bool(let flag) = value else { throw Self.mismatch(what, "true or false", value, offset) }
        return flag
    }

    private mutating func number(_ node: ExpressionNode, _ what: String, _ offset: Int) throws(ExpressionError) -> JSONNumber {
        let value = try value(of: node)
        guard case .number(let number) = value else { throw Self.mismatch(what, "a number", value, offset) }
        return number
    }

    private static func mismatch(_ what: String, _ wanted: String, _ value: JSONValue, _ offset: Int) -> ExpressionError {
        ExpressionError(.type, "\(what) takes \(wanted), not \(ExpressionType(value).rawValue)", at: offset)
    }

    private mutating func isEqual(_ one: JSONValue, _ other: JSONValue, _ offset: Int) throws(ExpressionError) -> Bool {
        switch (one, other) {
        case (.string(let first), .string(let second)) where first.utf8.count != second.utf8.count: return false
        case (.array(let first), .array(let second)) where first.count != second.count: return false
        case (.object(let first), .object(let second)) where first.count != second.count: return false
        case (.string, .string), (.array, .array), (.object, .object):
            try spend(weight(one), at: offset)
            return one == other
        // Of other kinds, or small: nothing to look through.
        default:
            try spend(at: offset)
            return one == other
        }
    }

    private mutating func compare(_ found: BinaryOperator, _ one: JSONValue, _ other: JSONValue, _ offset: Int) throws(ExpressionError) -> Bool {
        let isLess: Bool
        let isMore: Bool
        switch (one, other) {
        case (.number(let first), .number(let second)): (isLess, isMore) = (first < second, second < first)
        case (.string(let first), .string(let second)):
            try spend(1 + min(first.utf8.count, second.utf8.count) / 64, at: offset)
            // By code points, as the store sorts: no locale decides.
            let (a, b) = (first.unicodeScalars, second.unicodeScalars)
            (isLess, isMore) = (a.lexicographicallyPrecedes(b), b.lexicographicallyPrecedes(a))
        default:
            throw ExpressionError(
                .type,
                "`\(found.rawValue)` takes two numbers or two texts, not \(ExpressionType(one).rawValue) and \(ExpressionType(other).rawValue)",
                at: offset)
        }
        switch found {
        case .less: return isLess
        case .lessOrEqual: return !isMore
        case .greater: return isMore
        default: return !isLess
        }
    }

    private mutating func join(_ first: String, _ second: String, _ offset: Int) throws(ExpressionError) -> JSONValue {
        // A text is paid for byte by byte where it is made, so that no chain of joins makes a long one cheaply.
        try spend(first.utf8.count + second.utf8.count, at: offset)
        return .string(first + second)
    }

    private func arithmetic(_ found: BinaryOperator, _ one: JSONValue, _ other: JSONValue, _ offset: Int) throws(ExpressionError) -> JSONValue {
        guard case .number(let first) = one, case .number(let second) = other else {
            let wanted = found == .add ? "two numbers or two texts" : "two numbers"
            throw ExpressionError(
                .type, "`\(found.rawValue)` takes \(wanted), not \(ExpressionType(one).rawValue) and \(ExpressionType(other).rawValue)", at: offset)
        }
        return try compute(found, first, second, offset)
    }

    private func compute(_ found: BinaryOperator, _ one: JSONNumber, _ other: JSONNumber, _ offset: Int) throws(ExpressionError) -> JSONValue {
        if found == .divide || found == .remainder, other.double == 0 { throw ExpressionError(.arithmetic, "division by zero", at: offset) }
        if let first = one.int64, let second = other.int64, let exact = Self.exact(found, first, second) { return JSONValue(exact) }
        let (first, second) = (one.double, other.double)
        let result: Double
        switch found {
        case .add: result = first + second
        case .subtract: result = first - second
        case .multiply: result = first * second
        case .divide: result = first / second
        default: result = first.truncatingRemainder(dividingBy: second)
        }
        guard result.isFinite else { throw ExpressionError(.arithmetic, "the number is too large", at: offset) }
        return JSONValue(result)
    }

    /// Of integers, where it is one of 64 bits.
    private static func exact(_ found: BinaryOperator, _ one: Int64, _ other: Int64) -> Int64? {
        let (value, isOver): (Int64, Bool)
        switch found {
        case .add: (value, isOver) = one.addingReportingOverflow(other)
        case .subtract: (value, isOver) = one.subtractingReportingOverflow(other)
        case .multiply: (value, isOver) = one.multipliedReportingOverflow(by: other)
        case .divide:
            let (quotient, over) = one.dividedReportingOverflow(by: other)
            if over || one % other != 0 { return nil }
            (value, isOver) = (quotient, false)
        default: (value, isOver) = one.remainderReportingOverflow(dividingBy: other)
        }
        return isOver ? nil : value
    }

    // MARK: Functions

    private mutating func call(_ function: ExpressionFunction, _ arguments: [ExpressionNode], _ offset: Int) throws(ExpressionError) -> JSONValue {
        var values: [JSONValue] = []
        for argument in arguments { values.append(try value(of: argument)) }
        switch function {
        case .len: return JSONValue(try length(values[0], offset))
        case .contains: return .bool(try contains(values[0], values[1], offset))
        case .cosineSimilarity: return JSONValue(try cosine(values[0], values[1], offset))
        case .clusterLabelContains:
            guard case .string(let part) = values[0] else { throw Self.mismatch("`\(function.rawValue)`", "a text", values[0], offset) }
            guard let label = scope.clusterLabel else { return false }
            return .bool(try contains(.string(label.lowercased()), .string(part.lowercased()), offset))
        }
    }

    private mutating func length(_ value: JSONValue, _ offset: Int) throws(ExpressionError) -> Int {
        switch value {
        case .string(let text):
            try spend(weight(value), at: offset)
            return text.unicodeScalars.count
        case .array(let items): return items.count
        case .object(let members): return members.count
        default: throw Self.mismatch("`len`", "a text, a list or an object", value, offset)
        }
    }

    /// Whether a text has a part, a list an item, an object a member.
    private mutating func contains(_ whole: JSONValue, _ part: JSONValue, _ offset: Int) throws(ExpressionError) -> Bool {
        switch (whole, part) {
        case (.string(let text), .string(let part)):
            let (bytes, wanted) = (Array(text.utf8), Array(part.utf8))
            try spend(1 + bytes.count / 16, at: offset)
            return try has(bytes, wanted, offset)
        case (.array(let items), _):
            for item in items where try isEqual(item, part, offset) { return true }
            return false
        case (.object(let members), .string(let name)): return members[name] != nil
        default:
            throw ExpressionError(
                .type, "\(ExpressionType(part).rawValue) cannot be looked for in \(ExpressionType(whole).rawValue)", at: offset)
        }
    }

    /// Whether bytes stand in others, compared as they are; each comparison that goes on past its first byte is paid for.
    private mutating func has(_ bytes: [UInt8], _ wanted: [UInt8], _ offset: Int) throws(ExpressionError) -> Bool {
        guard let first = wanted.first else { return true }
        guard bytes.count >= wanted.count else { return false }
        for start in 0...(bytes.count - wanted.count) where bytes[start] == first {
            var same = 1
            while same < wanted.count, bytes[start + same] == wanted[same] { same += 1 }
            if same == wanted.count { return true }
            try spend(1 + same / 16, at: offset)
        }
        return false
    }

    private mutating func cosine(_ one: JSONValue, _ other: JSONValue, _ offset: Int) throws(ExpressionError) -> Double {
        let (first, second) = (try vector(one, offset), try vector(other, offset))
        guard first.count == second.count, !first.isEmpty else {
            throw ExpressionError(.type, "`cosine_similarity` takes two lists of equally many numbers", at: offset)
        }
        var (product, ofFirst, ofSecond) = (0.0, 0.0, 0.0)
        for (x, y) in zip(first, second) {
            product += x * y
            ofFirst += x * x
            ofSecond += y * y
        }
        let norm = (ofFirst * ofSecond).squareRoot()
        guard norm > 0, norm.isFinite, product.isFinite else { return 0 }
        return max(-1, min(1, product / norm))
    }

    private mutating func vector(_ value: JSONValue, _ offset: Int) throws(ExpressionError) -> [Double] {
        guard case .array(let items) = value else { throw Self.mismatch("`cosine_similarity`", "two lists of numbers", value, offset) }
        try spend(items.count, at: offset)
        var numbers: [Double] = []
        numbers.reserveCapacity(items.count)
        for item in items {
            guard case .number(let number) = item else { throw Self.mismatch("`cosine_similarity`", "lists of numbers", item, offset) }
            numbers.append(number.double)
        }
        return numbers
    }

    /// Steps that it costs to look at all of a value; counted no further than an evaluation may go.
    private func weight(_ value: JSONValue) -> Int {
        var sum = 1
        switch value {
        case .null, .bool, .number: break
        case .string(let text): sum += text.utf8.count / 64
        case .array(let items):
            for item in items where sum <= WorkflowLimits.expressionStepsMax { sum += weight(item) }
        case .object(let members):
            for (name, member) in members where sum <= WorkflowLimits.expressionStepsMax { sum += 1 + name.utf8.count / 64 + weight(member) }
        }
        return sum
    }
}
