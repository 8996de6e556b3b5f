/// Reads an expression by recursive descent; depth and size are bounded.
///
/// From the loosest: `in`/`to`/`as`, `+ -`, `* / // % of`, a number beside its unit, sign, `^` (to the right), `!` and per cent.
struct Parser {
    private let tokens: [Token]
    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var depth = 0
    private var nodes = 0

    static func parse(_ text: String) throws(CalcError) -> Expression {
        var parser = try Parser(text)
        if parser.current.kind == .end { throw CalcError(.syntax, "The expression is empty.", at: 0) }
        let expression = try parser.conversion()
        guard parser.current.kind == .end else { throw parser.unexpected("an operator") }
        return expression
    }

    /// Reads what may stand after `in`: a unit expression.
    static func parseUnit(_ text: String) throws(CalcError) -> Expression {
        var parser = try Parser(text)
        if parser.current.kind == .end { throw CalcError(.syntax, "The unit is empty.", at: 0) }
        let expression = try parser.product()
        guard parser.current.kind == .end else { throw parser.unexpected("the end of the unit") }
        return expression
    }

    private init(_ text: String) throws(CalcError) {
        tokens = try Lexer.tokens(of: text)
        scalars = Array(text.unicodeScalars)
    }

    private var current: Token { tokens[min(index, tokens.count - 1)] }
    private func token(_ offset: Int) -> Token { tokens[min(index + offset, tokens.count - 1)] }

    private mutating func node(_ kind: Expression.Kind, _ position: Int) throws(CalcError) -> Expression {
        nodes += 1
        guard nodes <= Limits.nodesMax else {
            throw CalcError(.tooLarge, "The expression has more than \(Limits.nodesMax) parts.", at: position)
        }
        return Expression(kind: kind, position: position)
    }

    private mutating func descend() throws(CalcError) {
        depth += 1
        guard depth <= Limits.depthMax else {
            throw CalcError(.tooLarge, "The expression nests deeper than \(Limits.depthMax).", at: current.position)
        }
    }

    private func check(suffixes: Int) throws(CalcError) {
        guard suffixes <= Limits.suffixesMax + 1 else {
            throw CalcError(.tooLarge, "More than \(Limits.suffixesMax) suffixes or conversions in a row.", at: current.position)
        }
    }

    private func unexpected(_ wanted: String) -> CalcError {
        switch current.kind {
        case .end: CalcError(.syntax, "Expected \(wanted), found the end.", at: current.position)
        case .name(let name): CalcError(.syntax, "Expected \(wanted), found '\(name)'.", at: current.position)
        case .number: CalcError(.syntax, "Expected \(wanted), found a number.", at: current.position)
        case .symbol(","):
            CalcError(.syntax, "Expected \(wanted), found ','. Thousands are grouped with '_'.", at: current.position)
        case .symbol(let symbol): CalcError(.syntax, "Expected \(wanted), found '\(symbol)'.", at: current.position)
        }
    }
}

extension Parser {
    private mutating func conversion() throws(CalcError) -> Expression {
        var value = try sum()
        var count = 0
        while isConversionWord {
            let position = current.position
            count += 1
            try check(suffixes: count)
            index += 1
            let start = current.position
            let unit = try product()
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars[start..<current.position])
            value = try node(.convert(value, to: unit, text: String(text)), position)
        }
        return value
    }

    /// Whether `in`, `to` or `as` stands here as a word and not, as `in` may, as the inch.
    private var isConversionWord: Bool {
        if current.isName("to") || current.isName("as") { return true }
        guard current.isName("in") else { return false }
        switch token(1).kind {
        case .name("to"), .name("as"): return false
        case .name("in"): return token(2).kind == .end || token(2).isSymbol(")")
        case .name, .number: return true
        case .symbol(let symbol): return symbol == "("
        case .end: return false
        }
    }

    private mutating func sum() throws(CalcError) -> Expression {
        var left = try product()
        while case .symbol(let symbol) = current.kind, let operation = BinaryOperator(rawValue: symbol),
            operation == .add || operation == .subtract
        {
            let position = current.position
            index += 1
            let right = try product()
            left = try node(.binary(operation, left, right), position)
        }
        return left
    }

    private mutating func product() throws(CalcError) -> Expression {
        var left = try juxtaposition()
        while let operation = productOperator {
            let position = current.position
            index += 1
            let right = try juxtaposition()
            if operation == .divide && endsInNumber(left) && startsWithNumber(right) {
                throw CalcError(.syntax, "Write (a/b) unit or a/(b unit): without parentheses both could be meant.", at: position)
            }
            left = try node(.binary(operation, left, right), position)
        }
        return left
    }

    private func endsInNumber(_ expression: Expression) -> Bool {
        switch expression.kind {
        case .number: true
        case .binary(.multiply, _, let right): endsInNumber(right)
        default: false
        }
    }

    /// Whether this is a bare number beside a unit.
    private func startsWithNumber(_ expression: Expression) -> Bool {
        guard case .binary(.juxtapose, let left, _) = expression.kind else { return false }
        if case .number = left.kind { return true }
        return startsWithNumber(left)
    }

    private var productOperator: BinaryOperator? {
        switch current.kind {
        case .symbol("*"), .name("of"): .multiply
        case .symbol("/"), .name("per"): .divide
        case .symbol("//"): .floorDivide
        case .symbol("%"), .name("mod"): .modulo
        default: nil
        }
    }

    private mutating func juxtaposition() throws(CalcError) -> Expression {
        var left = try signed()
        while startsFactor {
            let right = try power()
            left = try node(.binary(.juxtapose, left, right), right.position)
        }
        return left
    }

    /// Whether a name stands here that multiplies what is before it: a unit or a constant.
    private var startsFactor: Bool {
        guard case .name(let name) = current.kind else { return false }
        if ["to", "as", "of", "per", "mod"].contains(name) || isConversionWord { return false }
        return true
    }

    private mutating func signed() throws(CalcError) -> Expression {
        guard current.isSymbol("-") || current.isSymbol("+") else { return try power() }
        let position = current.position
        let negative = current.isSymbol("-")
        try descend()
        defer { depth -= 1 }
        index += 1
        if negative, case .number(let value) = current.kind, !binds(token(1)) {
            index += 1
            return try node(.number(-value), position)
        }
        let operand = try signed()
        return negative ? try node(.negate(operand), position) : operand
    }

    private func binds(_ token: Token) -> Bool {
        ["^", "!", "²", "³", "%"].contains { token.isSymbol($0) }
    }

    private mutating func power() throws(CalcError) -> Expression {
        let base = try postfix()
        guard current.isSymbol("^") else { return base }
        let position = current.position
        try descend()
        defer { depth -= 1 }
        index += 1
        let exponent = try signedPower()
        return try node(.binary(.power, base, exponent), position)
    }

    private mutating func signedPower() throws(CalcError) -> Expression {
        guard current.isSymbol("-") || current.isSymbol("+") else { return try power() }
        let position = current.position
        let negative = current.isSymbol("-")
        try descend()
        defer { depth -= 1 }
        index += 1
        let operand = try signedPower()
        return negative ? try node(.negate(operand), position) : operand
    }

    private mutating func postfix() throws(CalcError) -> Expression {
        var value = try primary()
        var count = 0
        while true {
            count += 1
            try check(suffixes: count)
            let position = current.position
            if current.isSymbol("!") {
                value = try node(.factorial(value), position)
            } else if current.isSymbol("²") || current.isSymbol("³") {
                let exponent = try node(.number(Rational(current.isSymbol("²") ? 2 : 3)), position)
                value = try node(.binary(.power, value, exponent), position)
            } else if current.isSymbol("%") && !startsOperand(token(1)) {
                value = try node(.percent(value), position)
            } else {
                return value
            }
            index += 1
        }
    }

    /// Whether `%` before this token is the remainder and not per cent.
    private func startsOperand(_ token: Token) -> Bool {
        switch token.kind {
        case .number: true
        case .name(let name): !["of", "in", "to", "as", "per", "mod"].contains(name)
        case .symbol(let symbol): symbol == "("
        case .end: false
        }
    }

    private mutating func primary() throws(CalcError) -> Expression {
        let token = current
        switch token.kind {
        case .number(let value):
            index += 1
            return try node(.number(value), token.position)
        case .name(let name):
            index += 1
            if current.isSymbol("(") { return try call(name, token.position) }
            return try node(.name(name), token.position)
        case .symbol("("):
            try descend()
            defer { depth -= 1 }
            index += 1
            let inner = try conversion()
            guard current.isSymbol(")") else { throw unexpected("')'") }
            index += 1
            return inner
        default:
            throw unexpected("a number, a name or '('")
        }
    }

    private mutating func call(_ name: String, _ position: Int) throws(CalcError) -> Expression {
        try descend()
        defer { depth -= 1 }
        index += 1
        var arguments: [Expression] = []
        if !current.isSymbol(")") {
            arguments.append(try conversion())
            while current.isSymbol(",") {
                index += 1
                arguments.append(try conversion())
                guard arguments.count <= Limits.argumentsMax else {
                    throw CalcError(.tooLarge, "More than \(Limits.argumentsMax) arguments.", at: position)
                }
            }
        }
        guard current.isSymbol(")") else { throw unexpected("',' or ')'") }
        index += 1
        return try node(.call(name, arguments), position)
    }
}
