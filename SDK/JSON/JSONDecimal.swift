/// The exact value of a number in normal form: no leading or trailing zero digits, so that equal values have equal fields.
package struct JSONDecimal: Sendable, Hashable {
    /// Whether the value is below zero; false for zero.
    package let isNegative: Bool
    /// The significant digits, each 0...9, most significant first; empty for zero.
    package let digits: [UInt8]
    /// The value is `digits` as an integer times ten to this power; 0 for zero.
    package let exponent: Int

    /// Reads a literal that is in the grammar; exponents are bounded by `JSONLimits.exponentDigitsMax`.
    package init(_ literal: String) {
        var copy = literal
        self = copy.withUTF8 { JSONDecimal($0) }
    }

    /// Reads the bytes of a literal that is in the grammar.
    package init(_ bytes: UnsafeBufferPointer<UInt8>) {
        var negative = false, seenPoint = false, fraction = 0, exponent = 0
        var digits: [UInt8] = []
        digits.reserveCapacity(min(bytes.count, 24))
        var index = 0
        scan: while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "-"): negative = true
            case UInt8(ascii: "."): seenPoint = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                exponent = JSONDecimal.exponent(bytes, from: index + 1)
                break scan
            default:
                if seenPoint { fraction += 1 }
                let digit = bytes[index] &- UInt8(ascii: "0")
                if digit != 0 || !digits.isEmpty { digits.append(digit) }
            }
            index += 1
        }
        var power = exponent - fraction
        while digits.last == 0 {
            digits.removeLast()
            power += 1
        }
        self.digits = digits
        self.isNegative = negative && !digits.isEmpty
        self.exponent = digits.isEmpty ? 0 : power
    }

    private static func exponent(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var value = 0, negative = false
        for index in start..<bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "-"): negative = true
            case UInt8(ascii: "+"): break
            case let byte: if value < 1_000_000_000_000_000_000 / 10 { value = value * 10 + Int(byte &- UInt8(ascii: "0")) }
            }
        }
        return negative ? -value : value
    }

    /// Whether the value is zero.
    package var isZero: Bool { digits.isEmpty }

    /// Whether the value has no fractional part.
    package var isInteger: Bool { exponent >= 0 }

    /// The magnitude when it is an integer that fits, else nil.
    private var magnitude: UInt64? {
        guard exponent >= 0, digits.count + exponent <= 20 else { return nil }
        var value: UInt64 = 0
        for place in 0..<(digits.count + exponent) {
            let digit = place < digits.count ? digits[place] : 0
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            if overflow || carry { return nil }
            value = sum
        }
        return value
    }

    /// The value when it fits, else nil.
    package var int64: Int64? {
        guard let magnitude else { return nil }
        if isNegative { return magnitude <= 1 << 63 ? Int64(truncatingIfNeeded: 0 &- magnitude) : nil }
        return Int64(exactly: magnitude)
    }

    /// The value when it fits, else nil.
    package var uint64: UInt64? { isNegative ? nil : magnitude }
}

extension JSONDecimal: Comparable {
    /// Compares exactly in time linear in the digits, whatever the exponents.
    package static func < (left: JSONDecimal, right: JSONDecimal) -> Bool {
        if left.isNegative != right.isNegative { return left.isNegative }
        return left.isNegative ? right.isMagnitudeLess(than: left) : left.isMagnitudeLess(than: right)
    }

    private func isMagnitudeLess(than other: JSONDecimal) -> Bool {
        if isZero || other.isZero { return isZero && !other.isZero }
        let place = digits.count + exponent, otherPlace = other.digits.count + other.exponent
        return place == otherPlace ? digits.lexicographicallyPrecedes(other.digits) : place < otherPlace
    }
}

extension JSONDecimal {
    /// Whether the value is an integer times `divisor`, exactly; work is bounded by the two literals' digits, not by their exponents.
    package func isMultiple(of divisor: JSONDecimal) -> Bool {
        if isZero { return true }
        // Without trailing zeros in `digits`, a smaller power of ten leaves a factor of ten that cannot divide.
        guard !divisor.isZero, exponent >= divisor.exponent else { return false }
        let modulus = Limbs(digits: divisor.digits)
        // More zeros than the divisor has bits cannot add a needed factor of two or five.
        let zeros = min(exponent - divisor.exponent, divisor.digits.count * 4 + 1)
        return modulus.divides(digits, followedByZeros: zeros)
    }
}

/// A natural number of any size, least significant 32 bits first; just what exact divisibility needs.
private struct Limbs {
    var words: [UInt32] = []

    init(digits: [UInt8]) { for digit in digits { shiftIn(digit) } }

    /// self = self * 10 + digit
    mutating func shiftIn(_ digit: UInt8) {
        var carry = UInt64(digit)
        for index in words.indices {
            let sum = UInt64(words[index]) * 10 + carry
            words[index] = UInt32(truncatingIfNeeded: sum)
            carry = sum >> 32
        }
        if carry != 0 { words.append(UInt32(carry)) }
    }

    func isLess(than other: Limbs) -> Bool {
        if words.count != other.words.count { return words.count < other.words.count }
        for index in words.indices.reversed() where words[index] != other.words[index] { return words[index] < other.words[index] }
        return false
    }

    /// self = self - other, for other <= self
    mutating func subtract(_ other: Limbs) {
        var borrow: Int64 = 0
        for index in words.indices {
            let difference = Int64(words[index]) - (index < other.words.count ? Int64(other.words[index]) : 0) - borrow
            borrow = difference < 0 ? 1 : 0
            words[index] = UInt32(truncatingIfNeeded: difference)
        }
        while words.last == 0 { words.removeLast() }
    }

    /// Whether self divides the number written by `digits` and then `zeros` zeros.
    func divides(_ digits: [UInt8], followedByZeros zeros: Int) -> Bool {
        if words.count == 1, let modulus = words.first.map(UInt64.init) {
            var remainder: UInt64 = 0
            for digit in digits { remainder = (remainder * 10 + UInt64(digit)) % modulus }
            for _ in 0..<zeros where remainder != 0 { remainder = remainder * 10 % modulus }
            return remainder == 0
        }
        var remainder = Limbs(digits: [])
        for place in 0..<(digits.count + zeros) {
            if place >= digits.count && remainder.words.isEmpty { return true }
            remainder.shiftIn(place < digits.count ? digits[place] : 0)
            while !remainder.isLess(than: self) { remainder.subtract(self) }
        }
        return remainder.words.isEmpty
    }
}
