/// Reads expressions by precedence climbing; depth and size are bounded.
///
/// From the loosest: `or`, `and`, `not`, comparisons with `in` and `is null`, `+ -`, `* / %`, sign.
struct Parser {
    private let tokens: [Token]
    private let text: String
    private var index = 0
    private var depth = 0
    private(set) var nodes = 0

    private init(_ text: String) throws(TableError) {
        self.text = text
        tokens = try Lexer.tokens(of: text)
    }

    static func expression(_ text: String) throws(TableError) -> Node {
        var parser = try Parser(text)
        let node = try parser.binary(1)
        try parser.end()
        return node
    }

    /// `expression`, `expression as name`.
    static func selection(_ text: String) throws(TableError) -> Selection {
        var parser = try Parser(text)
        let node = try parser.binary(1)
        if parser.current.isKeyword("as") {
            parser.index += 1
            guard case .name(let name, _) = parser.current.kind, !name.isEmpty else { throw parser.unexpected("a name") }
            parser.index += 1
            try parser.end()
            return Selection(node: node, name: name)
        }
        try parser.end()
        if case .column(let name) = node.kind { return Selection(node: node, name: name) }
        return Selection(node: node, name: text)
    }

    /// `expression [asc|desc] [nulls first|nulls last]`.
    static func sortKey(_ text: String) throws(TableError) -> SortKey {
        var parser = try Parser(text)
        let node = try parser.binary(1)
        var (descending, nullsFirst) = (false, false)
        if parser.current.isKeyword("asc") || parser.current.isKeyword("desc") {
            descending = parser.current.isKeyword("desc")
            parser.index += 1
        }
        if parser.current.isKeyword("nulls") {
            parser.index += 1
            guard parser.current.isKeyword("first") || parser.current.isKeyword("last") else { throw parser.unexpected("'first' or 'last'") }
            nullsFirst = parser.current.isKeyword("first")
            parser.index += 1
        }
        try parser.end()
        return SortKey(node: node, isDescending: descending, nullsFirst: nullsFirst)
    }

    private var current: Token { tokens[min(index, tokens.count - 1)] }

    private func end() throws(TableError) {
        guard current.kind == .end else { throw unexpected("an operator") }
    }

    private func unexpected(_ wanted: String) -> TableError {
        let found =
            switch current.kind {
            case .end: "the end"
            case .number: "a number"
            case .text: "a text"
            case .name(let name, _): "'\(name.prefix(40))'"
            case .symbol(let symbol): "'\(symbol)'"
            }
        return TableError(.syntax, "Expected \(wanted), found \(found).", at: current.position)
    }

    private mutating func node(_ kind: Node.Kind, _ position: Int) throws(TableError) -> Node {
        nodes += 1
        guard nodes <= Limits.nodesMax else {
            throw TableError(.tooLarge, "The expression has more than \(Limits.nodesMax) parts.", at: position)
        }
        return Node(kind: kind, position: position)
    }

    private mutating func descend() throws(TableError) {
        depth += 1
        guard depth <= Limits.depthMax else {
            throw TableError(.tooLarge, "The expression nests deeper than \(Limits.depthMax).", at: current.position)
        }
    }
}

extension Parser {
    private var currentOperator: Operator? {
        switch current.kind {
        case .symbol(let symbol): Operator(rawValue: symbol)
        case .name: current.isKeyword("and") ? .and : current.isKeyword("or") ? .or : nil
        default: nil
        }
    }

    private mutating func binary(_ level: Int) throws(TableError) -> Node {
        if level == 3 { return try negation() }
        if level == 7 { return try signed() }
        var left = try binary(level + 1)
        if level == 4 { left = try suffixed(left) }
        while let operation = currentOperator, operation.level == level {
            let position = current.position
            index += 1
            let right = try binary(level + 1)
            left = try node(.binary(operation, left, right), position)
            if level == 4, let next = currentOperator, next.level == 4 {
                throw TableError(.syntax, "Comparisons do not chain; join them with 'and'.", at: current.position)
            }
        }
        return left
    }

    private mutating func negation() throws(TableError) -> Node {
        guard current.isKeyword("not") else { return try binary(4) }
        let position = current.position
        try descend()
        defer { depth -= 1 }
        index += 1
        return try node(.not(negation()), position)
    }

    /// `is [not] null`, `[not] in (…)`.
    private mutating func suffixed(_ left: Node) throws(TableError) -> Node {
        let position = current.position
        if current.isKeyword("is") {
            index += 1
            let negated = current.isKeyword("not")
            if negated { index += 1 }
            guard current.isKeyword("null") else { throw unexpected("'null'") }
            index += 1
            return try node(.isNull(left, negated: negated), position)
        }
        let negated = current.isKeyword("not")
        guard negated || current.isKeyword("in") else { return left }
        index += negated ? 2 : 1
        guard tokens[min(index - 1, tokens.count - 1)].isKeyword("in") else { throw unexpected("'in'") }
        guard current.isSymbol("(") else { throw unexpected("'('") }
        return try node(.among(left, list(), negated: negated), position)
    }

    /// `( a, b, … )`
    private mutating func list() throws(TableError) -> [Node] {
        try descend()
        defer { depth -= 1 }
        index += 1
        var items: [Node] = []
        if !current.isSymbol(")") {
            items.append(try binary(1))
            while current.isSymbol(",") {
                index += 1
                items.append(try binary(1))
            }
        }
        guard current.isSymbol(")") else { throw unexpected("',' or ')'") }
        index += 1
        return items
    }

    private mutating func signed() throws(TableError) -> Node {
        guard current.isSymbol("-") else { return try primary() }
        let position = current.position
        try descend()
        defer { depth -= 1 }
        index += 1
        if case .number(let value) = current.kind {
            index += 1
            return try node(.literal(.number(-value)), position)
        }
        return try node(.negate(signed()), position)
    }

    private mutating func primary() throws(TableError) -> Node {
        let token = current
        switch token.kind {
        case .number(let value):
            index += 1
            return try node(.literal(.number(value)), token.position)
        case .text(let value):
            index += 1
            return try node(.literal(.text(value)), token.position)
        case .symbol("("):
            try descend()
            defer { depth -= 1 }
            index += 1
            let inner = try binary(1)
            guard current.isSymbol(")") else { throw unexpected("')'") }
            index += 1
            return inner
        case .name(let name, let quoted):
            return try named(name, quoted: quoted, token.position)
        default:
            throw unexpected("a value")
        }
    }

    private mutating func named(_ name: String, quoted: Bool, _ position: Int) throws(TableError) -> Node {
        let word = name.lowercased()
        if !quoted {
            if ["and", "or", "in", "is", "as", "not", "asc", "desc"].contains(word) { throw unexpected("a value") }
            index += 1
            if current.isSymbol("(") { return try node(.call(word, list()), position) }
            switch word {
            case "null": return try node(.literal(.null), position)
            case "true", "false": return try node(.literal(.bool(word == "true")), position)
            default: return try node(.column(name), position)
            }
        }
        index += 1
        return try node(.column(name), position)
    }
}
