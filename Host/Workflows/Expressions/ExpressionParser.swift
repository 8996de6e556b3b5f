import JSON

/// Reads an expression by operator precedence (V. Pratt, 1973), depth and size bounded while it reads, and checks the types that the text alone tells.
///
///     expression = [ "not" ] comparison { ( "and" | "or" ) … }
///     operators, from loose to tight: or, and, not, comparisons and in (which do not chain), + -, * / %, unary -
struct ExpressionParser {
    private var scanner: ExpressionScanner
    private var token = ExpressionToken.end
    private var offset = 0
    private var depth = 0
    private var nodes = 0
    private let names: Set<String>

    /// Reads `text`, in which paths begin with one of `names`.
    static func parse(_ text: String, names: Set<String>) throws(ExpressionError) -> ExpressionNode {
        var parser = ExpressionParser(scanner: try ExpressionScanner(text), names: names)
        try parser.advance()
        let node = try parser.expression(0)
        guard parser.token == .end else { throw parser.unexpected() }
        return node
    }

    private init(scanner: ExpressionScanner, names: Set<String>) { (self.scanner, self.names) = (scanner, names) }

    private mutating func advance() throws(ExpressionError) {
        token = try scanner.next()
        offset = scanner.offset
    }

    private func unexpected() -> ExpressionError {
        switch token {
        case .end: ExpressionError(.syntax, "the expression ends too early", at: offset)
        case .sign(let sign): ExpressionError(.syntax, "`\(sign)` does not belong here", at: offset)
        case .keyword(let word): ExpressionError(.syntax, "`\(word)` does not belong here", at: offset)
        case .name, .text, .number: ExpressionError(.syntax, "an operator is missing here", at: offset)
        }
    }

    /// Takes a sign if it is next.
    private mutating func take(_ sign: String) throws(ExpressionError) -> Bool {
        guard token == .sign(sign) else { return false }
        try advance()
        return true
    }

    private mutating func expect(_ sign: String) throws(ExpressionError) {
        if try !take(sign) { throw ExpressionError(.syntax, "`\(sign)` is missing here", at: offset) }
    }

    private mutating func count() throws(ExpressionError) {
        nodes += 1
        if nodes > WorkflowLimits.expressionNodesMax {
            throw ExpressionError(.limit, "an expression has at most \(WorkflowLimits.expressionNodesMax) parts", at: offset)
        }
    }

    // MARK: Operators

    /// An expression of operators that bind tighter than `loosest`.
    private mutating func expression(_ loosest: Int) throws(ExpressionError) -> ExpressionNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= WorkflowLimits.expressionDepthMax else {
            throw ExpressionError(.limit, "an expression is at most \(WorkflowLimits.expressionDepthMax) deep", at: offset)
        }
        var left = try prefix()
        var chain = depth
        while let found = try binary(), found.precedence > loosest {
            let place = offset
            try skip(found)
            try count()
            let right = try expression(found.precedence)
            try Self.check(found, left, right, at: place)
            left = .binary(found, left, right, place)
            // A chain of operators leans to the left: its depth grows with its length.
            chain += 1
            guard chain <= WorkflowLimits.expressionNodesMax else { throw ExpressionError(.limit, "too long a chain of operators", at: place) }
            if found.precedence == BinaryOperator.equal.precedence, let next = try binary(), next.precedence == found.precedence {
                throw ExpressionError(.syntax, "comparisons do not chain: write `a < b and b < c`", at: offset)
            }
        }
        return left
    }

    /// The operator that is next, not yet taken.
    private mutating func binary() throws(ExpressionError) -> BinaryOperator? {
        switch token {
        case .sign(let sign): return BinaryOperator(rawValue: sign)
        case .keyword("and"): return .and
        case .keyword("or"): return .or
        case .keyword("in"): return .isIn
        // Between two parts `not` is the first word of `not in`.
        case .keyword("not"): return .isNotIn
        default: return nil
        }
    }

    private mutating func skip(_ found: BinaryOperator) throws(ExpressionError) {
        try advance()
        guard found == .isNotIn else { return }
        guard token == .keyword("in") else { throw ExpressionError(.syntax, "`in` is missing after `not`", at: offset) }
        try advance()
    }

    private mutating func prefix() throws(ExpressionError) -> ExpressionNode {
        let place = offset
        if token == .keyword("not") {
            try advance()
            try count()
            // Looser than comparisons: `not a == b` is `not (a == b)`.
            let operand = try expression(3)
            try Self.check(operand, [.boolean], "`not`", at: place)
            return .not(operand, place)
        }
        if token == .sign("-") {
            try advance()
            try count()
            let operand = try expression(6)
            try Self.check(operand, [.number], "`-`", at: place)
            return .negate(operand, place)
        }
        return try operand()
    }

    // MARK: Operands

    private mutating func operand() throws(ExpressionError) -> ExpressionNode {
        try count()
        switch token {
        case .number(let number): return try literal(.number(number))
        case .text(let text): return try literal(.string(text))
        case .keyword("true"): return try literal(true)
        case .keyword("false"): return try literal(false)
        case .keyword("null"): return try literal(.null)
        case .name(let name): return try named(name)
        case .sign("("):
            try advance()
            let inner = try expression(0)
            try expect(")")
            return inner
        case .sign("["): return try list()
        default: throw unexpected()
        }
    }

    private mutating func literal(_ value: JSONValue) throws(ExpressionError) -> ExpressionNode {
        try advance()
        return .literal(value)
    }

    /// A list of literals.
    private mutating func list() throws(ExpressionError) -> ExpressionNode {
        let place = offset
        try advance()
        var items: [JSONValue] = []
        while token != .sign("]") {
            if !items.isEmpty { try expect(",") }
            guard case .literal(let value) = try expression(0) else {
                throw ExpressionError(.syntax, "a list in an expression has numbers, texts, true, false and null only", at: place)
            }
            items.append(value)
        }
        try advance()
        return .literal(.array(items))
    }

    private mutating func named(_ name: String) throws(ExpressionError) -> ExpressionNode {
        let place = offset
        try advance()
        if try take("(") { return try call(name, place) }
        guard names.contains(name) else {
            let known = names.sorted().map { "`\($0)`" }.joined(separator: ", ")
            throw ExpressionError(.unknownName, "there is no `\(name)` here; there is \(known)", at: place)
        }
        return .path(name, try steps(), place)
    }

    private mutating func steps() throws(ExpressionError) -> [ExpressionNode.PathStep] {
        var steps: [ExpressionNode.PathStep] = []
        while true {
            if try take(".") {
                switch token {
                case .name(let member), .keyword(let member): steps.append(.member(member))
                default: throw ExpressionError(.syntax, "a member's name is missing here", at: offset)
                }
                try advance()
            } else if try take("[") {
                switch token {
                case .text(let member): steps.append(.member(member))
                case .number(let number):
                    guard let index = number.int64.flatMap({ Int(exactly: $0) }) else { throw unexpected() }
                    steps.append(.item(index))
                default: throw ExpressionError(.syntax, "in brackets stands a text or a number", at: offset)
                }
                try advance()
                try expect("]")
            } else {
                return steps
            }
            try count()
        }
    }

    private mutating func call(_ name: String, _ place: Int) throws(ExpressionError) -> ExpressionNode {
        guard let function = ExpressionFunction(rawValue: name) else {
            let known = ExpressionFunction.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
            throw ExpressionError(.unknownFunction, "there is no function `\(name)`; there is \(known)", at: place)
        }
        var arguments: [ExpressionNode] = []
        while token != .sign(")") {
            if !arguments.isEmpty { try expect(",") }
            arguments.append(try expression(0))
        }
        try advance()
        let parameters = function.parameters
        guard arguments.count == parameters.count else {
            throw ExpressionError(.unknownFunction, "`\(name)` takes \(parameters.count) argument\(parameters.count == 1 ? "" : "s")", at: place)
        }
        for (argument, types) in zip(arguments, parameters) { try Self.check(argument, types, "`\(name)`", at: place) }
        return .call(function, arguments, place)
    }
}

extension ExpressionParser {
    /// What the text alone tells of a part's type.
    static func type(of node: ExpressionNode) -> ExpressionType {
        switch node {
        case .literal(let value): return ExpressionType(value)
        case .path: return .any
        case .not: return .boolean
        case .negate: return .number
        case .binary(.add, let left, let right, _):
            // Asked once a side: a chain leans to the left, and asking twice would double with every link.
            let first = type(of: left)
            return first == .any ? type(of: right) : first
        case .binary(let found, _, _, _): return found.result
        case .call(let function, _, _): return function.result
        }
    }

    private static func check(_ node: ExpressionNode, _ types: Set<ExpressionType>, _ what: String, at offset: Int) throws(ExpressionError) {
        let type = type(of: node)
        guard type == .any || types.contains(type) else {
            let wanted = types.map(\.rawValue).sorted().joined(separator: " or ")
            throw ExpressionError(.type, "\(what) takes \(wanted), not \(type.rawValue)", at: offset)
        }
    }

    private static func check(_ found: BinaryOperator, _ left: ExpressionNode, _ right: ExpressionNode, at offset: Int) throws(ExpressionError) {
        let name = "`\(found.rawValue)`"
        switch found {
        case .or, .and:
            for side in [left, right] { try check(side, [.boolean], name, at: offset) }
        case .subtract, .multiply, .divide, .remainder:
            for side in [left, right] { try check(side, [.number], name, at: offset) }
        case .less, .lessOrEqual, .greater, .greaterOrEqual, .add:
            for side in [left, right] { try check(side, [.number, .text], name, at: offset) }
            let (one, other) = (type(of: left), type(of: right))
            guard one == .any || other == .any || one == other else {
                throw ExpressionError(.type, "\(name) takes two numbers or two texts", at: offset)
            }
        case .isIn, .isNotIn: try check(right, [.list, .text, .object], name, at: offset)
        case .equal, .notEqual: break
        }
    }
}
