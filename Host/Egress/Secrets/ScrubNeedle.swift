/// One text that a reply must not hold, and the ways in which each of its bytes may be written.
///
/// Every byte may stand for itself or be escaped as in a URL (`%41`), in JSON and JavaScript (`\u0041`, `\x41`, `\/`) or in HTML (`&#65;`, `&#x41;`, `&amp;`),
/// each byte in a way of its own: so one search finds the value raw, escaped by any of them, and escaped in part.
struct ScrubNeedle: Sendable {
    /// Which bytes count as the same.
    enum Fold: Sendable {
        /// Only itself; a plus sign is a blank, as forms write it.
        case exact
        /// Hexadecimal digits in either case.
        case hex
        /// Both alphabets of base64; and lines may be broken, raw or as JSON has them.
        case base64
    }

    let bytes: [UInt8]
    let fold: Fold

    /// The needles of a value: itself, its hexadecimal digits, and what every base64 text has in common that holds it at one of the three alignments.
    static func all(of value: [UInt8]) -> [ScrubNeedle] {
        let digits = value.flatMap { Array(Base64Text.hex($0).utf8).map(Characters.lower) }
        return [ScrubNeedle(bytes: value, fold: .exact), ScrubNeedle(bytes: digits, fold: .hex)]
            + (0..<3).map { ScrubNeedle(bytes: core(of: value, behind: $0), fold: .base64) }
    }

    /// The characters that depend on the value alone, behind so many other bytes. The ones at its ends, of at most four bits of it, also hold bits of a neighbour.
    private static func core(of value: [UInt8], behind count: Int) -> [UInt8] {
        let characters = Base64Text.characters([UInt8](repeating: 0, count: count) + value)
        let isWhole = (count + value.count) % 3 == 0
        return Array(characters.dropFirst([0, 2, 3][count]).dropLast(isWhole ? 0 : 1))
    }

    /// Whether a byte that was read, perhaps from an escape, is one that was looked for.
    func isSame(_ found: UInt8, _ wanted: UInt8) -> Bool {
        if found == wanted { return true }
        switch fold {
        case .exact: return wanted == 0x20 && found == UInt8(ascii: "+")
        case .hex: return Characters.lower(found) == wanted
        case .base64:
            return wanted == UInt8(ascii: "+") ? found == UInt8(ascii: "-") : wanted == UInt8(ascii: "/") && found == UInt8(ascii: "_")
        }
    }

    /// All bytes that count as one that is looked for.
    private func variants(_ wanted: UInt8) -> [UInt8] { (0x20...0x7e).filter { isSame($0, wanted) } }

    /// Every way to write one byte that is looked for.
    func forms(_ wanted: UInt8) -> [[UInt8]] {
        var forms: [[UInt8]] = []
        for byte in variants(wanted) {
            let capitals = Array(Base64Text.hex(byte).utf8)
            let small = capitals.map(Characters.lower)
            forms.append([byte])
            for digits in [capitals, small, [capitals[0], small[1]], [small[0], capitals[1]]] {
                for start in ["%", #"\u00"#, #"\x"#] { forms.append(Array(start.utf8) + digits) }
                for start in ["&#x", "&#X"] {
                    for zeros in 0...2 {
                        forms.append(Array(start.utf8) + [UInt8](repeating: 0x30, count: zeros) + digits + [UInt8(ascii: ";")])
                    }
                }
            }
            for zeros in 0...2 {
                forms.append(Array("&#".utf8) + [UInt8](repeating: 0x30, count: zeros) + Array("\(byte);".utf8))
            }
            if ScrubEscape.isPlainEscaped(byte) { forms.append([UInt8(ascii: "\\"), byte]) }
            for (name, value) in ScrubEscape.entities where value == byte { forms.append([UInt8(ascii: "&")] + name) }
        }
        return forms
    }

    /// What may stand between two characters of base64.
    static let breaks: [[UInt8]] = ["\r\n", "\n", #"\r\n"#, #"\n"#].map { Array($0.utf8) }
}

/// Reads one escaped byte.
enum ScrubEscape {
    /// What was read at a place.
    enum Reading {
        case none
        /// The input ends within what may be an escape.
        case open
        case byte(UInt8, end: Int)
    }

    /// Names of characters in HTML, without the ampersand.
    static let entities: [(name: [UInt8], value: UInt8)] = [
        ("amp;", "&"), ("lt;", "<"), ("gt;", ">"), ("quot;", "\""), ("apos;", "'"),
    ].map { (Array($0.0.utf8), UInt8(ascii: $0.1)) }

    /// Most digits of a numeric character reference that are read; more are nobody's way to write ASCII.
    private static let digitsMax = 7

    /// Bytes that JSON and JavaScript write as themselves behind a backslash.
    static func isPlainEscaped(_ byte: UInt8) -> Bool {
        [UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "'")].contains(byte)
    }

    static func isStart(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "%") || byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "&") }

    /// Reads the escape that begins at a place.
    static func read(_ input: UnsafeBufferPointer<UInt8>, _ place: Int) -> Reading {
        switch input[place] {
        case UInt8(ascii: "%"): return hex(input, place + 1, digits: 2)
        case UInt8(ascii: "\\"): return backslash(input, place + 1)
        case UInt8(ascii: "&"): return ampersand(input, place + 1)
        default: return .none
        }
    }

    /// Exactly so many digits, of one byte's value.
    private static func hex(_ input: UnsafeBufferPointer<UInt8>, _ start: Int, digits: Int) -> Reading {
        var value = 0
        for place in start..<(start + digits) {
            guard place < input.count else { return .open }
            guard let digit = Characters.hexValue(input[place]) else { return .none }
            value = value << 4 | Int(digit)
        }
        return value < 0x80 ? .byte(UInt8(value), end: start + digits) : .none
    }

    private static func backslash(_ input: UnsafeBufferPointer<UInt8>, _ place: Int) -> Reading {
        guard place < input.count else { return .open }
        switch input[place] {
        case UInt8(ascii: "u"): return hex(input, place + 1, digits: 4)
        case UInt8(ascii: "x"): return hex(input, place + 1, digits: 2)
        case let byte where isPlainEscaped(byte): return .byte(byte, end: place + 1)
        default: return .none
        }
    }

    private static func ampersand(_ input: UnsafeBufferPointer<UInt8>, _ start: Int) -> Reading {
        guard start < input.count else { return .open }
        if input[start] == UInt8(ascii: "#") { return number(input, start + 1) }
        for (name, value) in entities {
            let count = min(name.count, input.count - start)
            guard input[start..<(start + count)].elementsEqual(name[..<count]) else { continue }
            return count == name.count ? .byte(value, end: start + count) : .open
        }
        return .none
    }

    private static func number(_ input: UnsafeBufferPointer<UInt8>, _ start: Int) -> Reading {
        guard start < input.count else { return .open }
        let isHex = input[start] | 0x20 == UInt8(ascii: "x")
        var (place, value) = (isHex ? start + 1 : start, 0)
        let first = place
        while place < input.count {
            let byte = input[place]
            if byte == UInt8(ascii: ";") { return place > first && value < 0x80 ? .byte(UInt8(value), end: place + 1) : .none }
            guard place - first < digitsMax, let digit = Characters.hexValue(byte), isHex || digit < 10 else { return .none }
            value = value * (isHex ? 16 : 10) + Int(digit)
            place += 1
        }
        return .open
    }
}
