import JSON

/// One word of an expression.
enum ExpressionToken: Equatable {
    case name(String)
    case text(String)
    case number(JSONNumber)
    /// An operator, a bracket, a comma or a dot.
    case sign(String)
    /// `and`, `or`, `not`, `in`, `true`, `false`, `null`.
    case keyword(String)
    case end
}

/// Cuts an expression into words. Reads bytes, never past the limit of length.
struct ExpressionScanner {
    private let bytes: [UInt8]
    private var place = 0
    /// Where the word that was read last begins.
    private(set) var offset = 0

    private static let keywords: Set<String> = ["and", "or", "not", "in", "true", "false", "null"]
    /// Longest first, so that `<=` is not read as `<`.
    private static let signs = ["==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",", "."]

    init(_ text: String) throws(ExpressionError) {
        guard text.utf8.count <= WorkflowLimits.expressionBytesMax else {
            throw ExpressionError(
                .limit, "an expression has at most \(WorkflowLimits.expressionBytesMax) bytes", at: WorkflowLimits.expressionBytesMax)
        }
        bytes = Array(text.utf8)
    }

    mutating func next() throws(ExpressionError) -> ExpressionToken {
        while place < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[place]) { place += 1 }
        offset = place
        guard place < bytes.count else { return .end }
        let byte = bytes[place]
        if Self.beginsName(byte) { return word() }
        if Self.isDigit(byte) { return try number() }
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { return try text(until: byte) }
        for sign in Self.signs where bytes[place...].starts(with: sign.utf8) {
            place += sign.utf8.count
            return .sign(sign)
        }
        throw ExpressionError(.syntax, "a character that no expression has", at: place)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    private static func beginsName(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
    }

    private mutating func word() -> ExpressionToken {
        let start = place
        while place < bytes.count, Self.beginsName(bytes[place]) || Self.isDigit(bytes[place]) { place += 1 }
        let word = String(decoding: bytes[start..<place], as: UTF8.self)
        return Self.keywords.contains(word) ? .keyword(word) : .name(word)
    }

    /// A number as JSON writes it, without a sign: that is an operator here.
    private mutating func number() throws(ExpressionError) -> ExpressionToken {
        let start = place
        func has(_ offset: Int, _ isFit: (UInt8) -> Bool) -> Bool { place + offset < bytes.count && isFit(bytes[place + offset]) }
        while has(0, Self.isDigit) { place += 1 }
        if has(0, { $0 == UInt8(ascii: ".") }), has(1, Self.isDigit) {
            place += 1
            while has(0, Self.isDigit) { place += 1 }
        }
        if has(0, { $0 | 0x20 == UInt8(ascii: "e") }) {
            place += 1
            if has(0, { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }) { place += 1 }
            while has(0, Self.isDigit) { place += 1 }
        }
        let isFollowedByName = has(0, Self.beginsName)
        guard let number = JSONNumber(literal: String(decoding: bytes[start..<place], as: UTF8.self)), !isFollowedByName, number.double.isFinite
        else {
            throw ExpressionError(.syntax, "this is no number", at: start)
        }
        return .number(number)
    }

    /// A text in either quotes, with the escapes `\\`, `\"`, `\'`, `\n`, `\t` and `\uXXXX`.
    private mutating func text(until quote: UInt8) throws(ExpressionError) -> ExpressionToken {
        let start = place
        place += 1
        var text: [UInt8] = []
        while place < bytes.count, bytes[place] != quote {
            guard bytes[place] == UInt8(ascii: "\\") else {
                text.append(bytes[place])
                place += 1
                continue
            }
            try escape(into: &text)
        }
        guard place < bytes.count else { throw ExpressionError(.syntax, "this text has no end", at: start) }
        place += 1
        return .text(String(decoding: text, as: UTF8.self))
    }

    private mutating func escape(into text: inout [UInt8]) throws(ExpressionError) {
        let start = place
        let plain: [UInt8: UInt8] = [
            UInt8(ascii: "\\"): UInt8(ascii: "\\"), UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "'"): UInt8(ascii: "'"),
            UInt8(ascii: "n"): 0x0a, UInt8(ascii: "t"): 0x09,
        ]
        guard place + 1 < bytes.count else { throw ExpressionError(.syntax, "this text has no end", at: start) }
        if let byte = plain[bytes[place + 1]] {
            text.append(byte)
            place += 2
            return
        }
        let digits = bytes[min(place + 2, bytes.count)..<min(place + 6, bytes.count)]
        guard bytes[place + 1] == UInt8(ascii: "u"), digits.count == 4, let number = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
            let scalar = Unicode.Scalar(number)
        else { throw ExpressionError(.syntax, "no such escape in a text", at: start) }
        text += Array(String(Character(scalar)).utf8)
        place += 6
    }
}
