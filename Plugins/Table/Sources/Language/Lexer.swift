struct Token: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case number(Decimal)
        case text(String)
        /// A name; a quoted one is never a keyword.
        case name(String, quoted: Bool)
        case symbol(String)
        case end
    }

    let kind: Kind
    let position: Int

    func isSymbol(_ text: String) -> Bool { kind == .symbol(text) }
    func isKeyword(_ word: String) -> Bool {
        guard case .name(let name, quoted: false) = kind else { return false }
        return name.lowercased() == word
    }
}

/// Cuts an expression into tokens: 'text', "column" or `column`, numbers, names, symbols.
struct Lexer {
    private let scalars: [Unicode.Scalar]
    private var index = 0

    static func tokens(of text: String) throws(TableError) -> [Token] {
        guard text.utf8.count <= Limits.expressionBytesMax else {
            throw TableError(.tooLarge, "An expression has more than \(Limits.expressionBytesMax) bytes.")
        }
        var lexer = Lexer(scalars: Array(text.unicodeScalars))
        var tokens: [Token] = []
        while true {
            let token = try lexer.next()
            tokens.append(token)
            if token.kind == .end { return tokens }
        }
    }

    private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

    private func peek(_ offset: Int = 0) -> Unicode.Scalar? { index + offset < scalars.count ? scalars[index + offset] : nil }

    private mutating func next() throws(TableError) -> Token {
        while let scalar = peek(), scalar.properties.isWhitespace { index += 1 }
        guard let scalar = peek() else { return Token(kind: .end, position: index) }
        let start = index
        if Lexer.isDigit(scalar) || (scalar == "." && peek(1).map(Lexer.isDigit) == true) { return try number() }
        switch scalar {
        case "'": return Token(kind: .text(try quoted(scalar)), position: start)
        case "\"", "`": return Token(kind: .name(try quoted(scalar), quoted: true), position: start)
        default: break
        }
        if Lexer.isName(scalar) {
            while let scalar = peek(), Lexer.isName(scalar) || Lexer.isDigit(scalar) { index += 1 }
            return Token(kind: .name(string(start..<index), quoted: false), position: start)
        }
        return try symbol(scalar)
    }

    private func string(_ range: Range<Int>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[range])
        return String(view)
    }

    private mutating func number() throws(TableError) -> Token {
        let start = index
        while let scalar = peek(), Lexer.isDigit(scalar) || scalar == "." { index += 1 }
        if peek() == "e" || peek() == "E" {
            let signed = peek(1) == "+" || peek(1) == "-"
            if let digit = peek(signed ? 2 : 1), Lexer.isDigit(digit) {
                index += signed ? 2 : 1
                while let scalar = peek(), Lexer.isDigit(scalar) { index += 1 }
            }
        }
        var text = string(start..<index)
        if text.hasPrefix(".") { text = "0" + text }
        guard let value = Decimal(Array(text.utf8)) else {
            throw TableError(.syntax, "Not a number of at most 38 digits.", at: start)
        }
        return Token(kind: .number(value), position: start)
    }

    private mutating func quoted(_ quote: Unicode.Scalar) throws(TableError) -> String {
        let start = index
        var view = String.UnicodeScalarView()
        index += 1
        while let scalar = peek() {
            index += 1
            if scalar == quote {
                guard peek() == quote else { return String(view) }
                index += 1
            }
            view.append(scalar)
        }
        throw TableError(.syntax, "The quote that opens here does not close.", at: start)
    }

    private mutating func symbol(_ scalar: Unicode.Scalar) throws(TableError) -> Token {
        let start = index
        let pairs = ["==": "=", "!=": "!=", "<>": "!=", "<=": "<=", ">=": ">="]
        if let second = peek(1), let symbol = pairs[String(scalar) + String(second)] {
            index += 2
            return Token(kind: .symbol(symbol), position: start)
        }
        guard "=<>+-*/%(),".unicodeScalars.contains(scalar) else {
            throw TableError(.syntax, "Unexpected character U+\(String(scalar.value, radix: 16, uppercase: true)).", at: start)
        }
        index += 1
        return Token(kind: .symbol(String(scalar)), position: start)
    }

    static func isDigit(_ scalar: Unicode.Scalar) -> Bool { scalar >= "0" && scalar <= "9" }
    static func isName(_ scalar: Unicode.Scalar) -> Bool { scalar == "_" || scalar == "$" || scalar.properties.isAlphabetic }
}
