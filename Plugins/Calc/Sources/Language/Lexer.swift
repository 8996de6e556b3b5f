/// One word of an expression.
struct Token: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case number(Rational)
        case name(String)
        case symbol(String)
        case end
    }

    let kind: Kind
    /// Where it starts, in Unicode scalars.
    let position: Int

    func isSymbol(_ text: String) -> Bool { kind == .symbol(text) }
    func isName(_ text: String) -> Bool { kind == .name(text) }
}

/// Cuts an expression into tokens.
struct Lexer {
    private let scalars: [Unicode.Scalar]
    private var index = 0

    init(_ text: String) throws(CalcError) {
        guard text.utf8.count <= Limits.expressionCharactersMax * 4, text.unicodeScalars.count <= Limits.expressionCharactersMax else {
            throw CalcError(.tooLarge, "The expression is longer than \(Limits.expressionCharactersMax) characters.")
        }
        scalars = Array(text.unicodeScalars)
    }

    /// All tokens, the last of which is `end`.
    static func tokens(of text: String) throws(CalcError) -> [Token] {
        var lexer = try Lexer(text)
        var tokens: [Token] = []
        while true {
            let token = try lexer.next()
            tokens.append(token)
            if token.kind == .end { return tokens }
        }
    }

    private mutating func next() throws(CalcError) -> Token {
        while let scalar = peek(), scalar.properties.isWhitespace { index += 1 }
        guard let scalar = peek() else { return Token(kind: .end, position: index) }
        if Lexer.isDigit(scalar) || (scalar == "." && peek(1).map(Lexer.isDigit) == true) { return try number() }
        if Lexer.startsName(scalar) { return name() }
        return try symbol(scalar)
    }

    private func peek(_ offset: Int = 0) -> Unicode.Scalar? {
        index + offset < scalars.count ? scalars[index + offset] : nil
    }

    private mutating func name() -> Token {
        let start = index
        while let scalar = peek(), Lexer.startsName(scalar) || Lexer.isDigit(scalar) { index += 1 }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars[start..<index])
        return Token(kind: .name(String(text)), position: start)
    }

    private mutating func symbol(_ scalar: Unicode.Scalar) throws(CalcError) -> Token {
        let start = index
        let pair = peek(1).map { String(scalar) + String($0) }
        if pair == "**" || pair == "//" {
            index += 2
            return Token(kind: .symbol(pair == "**" ? "^" : "//"), position: start)
        }
        let symbols: [Unicode.Scalar: String] = [
            "+": "+", "-": "-", "*": "*", "/": "/", "%": "%", "^": "^", "(": "(", ")": ")", ",": ",", "!": "!", "×": "*", "·": "*",
            "÷": "/", "−": "-", "²": "²", "³": "³",
        ]
        guard let symbol = symbols[scalar] else {
            throw CalcError(.syntax, "Unexpected character \(Lexer.shown(scalar)).", at: start)
        }
        index += 1
        return Token(kind: .symbol(symbol), position: start)
    }

    private static func shown(_ scalar: Unicode.Scalar) -> String {
        scalar.properties.generalCategory == .control
            ? "U+" + String(scalar.value, radix: 16, uppercase: true) : "'\(scalar)'"
    }

    static func isDigit(_ scalar: Unicode.Scalar) -> Bool { scalar >= "0" && scalar <= "9" }

    static func startsName(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || scalar == "°" || scalar == "µ" || scalar == "μ" || scalar == "Ω" || scalar == "π" || scalar == "Å" || scalar == "Å"
            || scalar == "′" || scalar == "″" || (scalar.isASCII && scalar.properties.isAlphabetic)
    }
}

extension Lexer {
    private mutating func number() throws(CalcError) -> Token {
        let start = index
        if peek() == "0", let marker = peek(1), let base: UInt64 = ["x": 16, "X": 16, "o": 8, "b": 2][String(marker)],
            let digit = peek(2), Lexer.value(of: digit, base: base) != nil
        {
            index += 2
            return Token(kind: .number(Rational(Natural(digits: digits(base: base), base: base).signed)), position: start)
        }
        var all = digits(base: 10)
        var places = 0
        if peek() == "." {
            index += 1
            let fraction = digits(base: 10)
            places = fraction.count
            all += fraction
        }
        let exponent = try exponent(start)
        guard all.count <= Limits.digitsMax, exponent.magnitude + places.magnitude <= Limits.digitsMax else {
            throw CalcError(.tooLarge, "The number has more than \(Limits.digitsMax) digits.", at: start)
        }
        if peek() == "." { throw CalcError(.syntax, "A number has one decimal point.", at: index) }
        let value = Rational(Natural(digits: all, base: 10).signed, scale: places - exponent)
        return Token(kind: .number(value), position: start)
    }

    private mutating func exponent(_ start: Int) throws(CalcError) -> Int {
        guard peek() == "e" || peek() == "E" else { return 0 }
        let signed = peek(1) == "+" || peek(1) == "-"
        guard let first = peek(signed ? 2 : 1), Lexer.isDigit(first) else { return 0 }
        let negative = peek(1) == "-"
        index += signed ? 2 : 1
        let value = digits(base: 10).reduce(0) { min($0 * 10 + Int($1), Limits.digitsMax * 10) }
        guard value <= Limits.digitsMax else {
            throw CalcError(.tooLarge, "The exponent is beyond \(Limits.digitsMax).", at: start)
        }
        return negative ? -value : value
    }

    /// Digits, with single underscores between them.
    private mutating func digits(base: UInt64) -> [UInt8] {
        var digits: [UInt8] = []
        while let scalar = peek() {
            if let value = Lexer.value(of: scalar, base: base) {
                digits.append(value)
            } else if scalar != "_" || digits.isEmpty || peek(1).flatMap({ Lexer.value(of: $0, base: base) }) == nil {
                break
            }
            index += 1
        }
        return digits
    }

    private static func value(of scalar: Unicode.Scalar, base: UInt64) -> UInt8? {
        let value: UInt32
        switch scalar {
        case "0"..."9": value = scalar.value - 48
        case "a"..."f": value = scalar.value - 87
        case "A"..."F": value = scalar.value - 55
        default: return nil
        }
        return value < base ? UInt8(value) : nil
    }
}
