extension Decimal {
    /// Reads a JSON number of at most 38 digits; nil for anything else, so that "007", "+1" and "1." stay text.
    package init?(_ bytes: some RandomAccessCollection<UInt8>) {
        var index = bytes.startIndex
        let end = bytes.endIndex
        func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }
        let negative = index < end && bytes[index] == UInt8(ascii: "-")
        if negative { index = bytes.index(after: index) }
        guard index < end, isDigit(bytes[index]) else { return nil }
        let zeroFirst = bytes[index] == UInt8(ascii: "0")
        var (value, digits, wide): (UInt64, Int, Int128) = (0, 0, 0)
        var (places, seenPoint) = (0, false)
        let first = index
        while index < end {
            let byte = bytes[index]
            if isDigit(byte) {
                if zeroFirst && !seenPoint && index != first { return nil }
                if digits < 18 {
                    value = value &* 10 &+ UInt64(byte &- 48)
                } else {
                    if digits == 18 { wide = Int128(value) }
                    guard digits < 38 else { return nil }
                    wide = wide * 10 + Int128(byte &- 48)
                }
                if digits > 0 || byte != UInt8(ascii: "0") { digits += 1 }
                if seenPoint { places += 1 }
            } else if byte == UInt8(ascii: "."), !seenPoint {
                seenPoint = true
            } else {
                break
            }
            index = bytes.index(after: index)
        }
        if seenPoint && places == 0 { return nil }
        guard let power = Decimal.exponent(bytes[index...]), (power - places).magnitude <= Limits.exponentMax else { return nil }
        let magnitude = digits > 18 ? wide : Int128(value)
        self.init(coefficient: negative ? -magnitude : magnitude, exponent: power - places)
    }

    /// The exponent part of a number, 0 if there is none; nil if it is not one.
    private static func exponent(_ bytes: some RandomAccessCollection<UInt8>) -> Int? {
        guard let marker = bytes.first else { return 0 }
        guard marker | 0x20 == UInt8(ascii: "e") else { return nil }
        var rest = bytes.dropFirst()
        let negative = rest.first == UInt8(ascii: "-")
        if negative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
        guard !rest.isEmpty, rest.count <= 4 else { return nil }
        var value = 0
        for byte in rest {
            guard byte &- 48 < 10 else { return nil }
            value = value * 10 + Int(byte &- 48)
        }
        return negative ? -value : value
    }

    /// The value as a JSON number, in plain decimals where that is short.
    package var text: String {
        let value = normalized
        let digits = String(value.coefficient.magnitude)
        let sign = value.isNegative ? "-" : ""
        if value.exponent >= 0 {
            if digits.utf8.count + value.exponent <= 40 { return sign + digits + String(repeating: "0", count: value.exponent) }
            return "\(sign)\(digits)e\(value.exponent)"
        }
        let places = -value.exponent
        if places > 60 { return "\(sign)\(digits)e-\(places)" }
        let padded = digits.utf8.count <= places ? String(repeating: "0", count: places + 1 - digits.utf8.count) + digits : digits
        let point = padded.utf8.index(padded.endIndex, offsetBy: -places)
        return sign + padded[..<point] + "." + padded[point...]
    }
}
