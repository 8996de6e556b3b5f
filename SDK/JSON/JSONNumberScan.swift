/// One number found in a text: where it ends, and its value when that fits a few machine words.
struct NumberScan {
    /// Why no number was found.
    enum Fault { case end, byte, tooLong }

    /// The offset just past the literal, or that of the fault.
    var end: Int
    /// The significant digits as an integer; meaningful while `digitCount` is at most 19.
    var mantissa: UInt64 = 0
    /// Digits in the mantissa, leading zeros aside.
    var digitCount = 0
    /// The power of ten that belongs to the mantissa.
    var scale = 0
    /// Whether there was a minus sign.
    var isNegative = false
    /// Nil when the literal is in the grammar and within the limits.
    var fault: Fault?

    /// This scan when it found a number.
    var success: NumberScan? { fault == nil ? self : nil }

    /// Reads the number that starts at `start`, as RFC 8259 section 6 spells it.
    @inline(__always)
    init(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int, limits: JSONLimits) {
        end = start
        guard bytes.count > 0, let base = bytes.baseAddress else {
            fault = .end
            return
        }
        scan(base, count: bytes.count)
        if fault == nil, end &- start > limits.numberBytesMax { fault = .tooLong }
    }

    @inline(__always)
    private mutating func scan(_ base: UnsafePointer<UInt8>, count: Int) {
        if end < count, base[end] == UInt8(ascii: "-") {
            isNegative = true
            end &+= 1
        }
        guard end < count else { return fault = .end }
        if base[end] == UInt8(ascii: "0") {
            end &+= 1
        } else {
            let first = end
            readDigits(base, count)
            guard end > first else { return fault = .byte }
        }
        if end < count, base[end] == UInt8(ascii: ".") {
            end &+= 1
            let first = end
            readDigits(base, count)
            guard end > first else { return fault = end < count ? .byte : .end }
            scale = first &- end
        }
        if end < count, base[end] | 0x20 == UInt8(ascii: "e") { readExponent(base, count) }
    }

    @inline(__always)
    private mutating func readDigits(_ base: UnsafePointer<UInt8>, _ count: Int) {
        while end < count {
            let digit = base[end] &- UInt8(ascii: "0")
            guard digit < 10 else { return }
            mantissa = mantissa &* 10 &+ UInt64(digit)
            if mantissa != 0 || digitCount != 0 { digitCount &+= 1 }
            end &+= 1
        }
    }

    private mutating func readExponent(_ base: UnsafePointer<UInt8>, _ count: Int) {
        end += 1
        var negative = false
        if end < count, base[end] == UInt8(ascii: "-") || base[end] == UInt8(ascii: "+") {
            negative = base[end] == UInt8(ascii: "-")
            end += 1
        }
        let first = end
        var value = 0, significant = 0
        while end < count {
            let digit = base[end] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            if digit != 0 || significant != 0 { significant += 1 }
            if significant <= JSONLimits.exponentDigitsMax { value = value * 10 + Int(digit) }
            end += 1
        }
        guard end > first else { return fault = end < count ? .byte : .end }
        guard significant <= JSONLimits.exponentDigitsMax else { return fault = .tooLong }
        scale += negative ? -value : value
    }
}
