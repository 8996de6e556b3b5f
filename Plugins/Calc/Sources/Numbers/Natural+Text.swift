extension Natural {
    private static let chunkDigits = 19
    private static let chunk: UInt64 = 10_000_000_000_000_000_000

    /// 10 to a power; the caller has bounded it.
    package static func powerOfTen(_ exponent: Int) -> Natural {
        exponent <= chunkDigits ? Natural(powersOfTen[exponent]) : Natural(10).power(exponent)
    }

    private static let powersOfTen: [UInt64] = (0...chunkDigits).map { exponent in
        (0..<exponent).reduce(1) { power, _ in power * 10 }
    }

    /// Reads digits of a base of at most 16, each given as its value.
    package init(digits: [UInt8], base: UInt64) {
        self = .zero
        var (pending, scale): (UInt64, UInt64) = (0, 1)
        for digit in digits {
            pending = pending * base + UInt64(digit)
            scale *= base
            if scale > UInt64.max / (base * base) {
                self = self * Natural(scale) + Natural(pending)
                (pending, scale) = (0, 1)
            }
        }
        self = self * Natural(scale) + Natural(pending)
    }

    /// The decimal digits, without leading zeros.
    package var decimalText: String {
        if isZero { return "0" }
        var chunks: [UInt64] = []
        var rest = self
        while !rest.isZero {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: Natural.chunk)
            chunks.append(remainder)
            rest = quotient
        }
        var text = String(chunks[chunks.count - 1])
        for chunk in chunks.dropLast().reversed() {
            let digits = String(chunk)
            text += String(repeating: "0", count: Natural.chunkDigits - digits.utf8.count) + digits
        }
        return text
    }
}
