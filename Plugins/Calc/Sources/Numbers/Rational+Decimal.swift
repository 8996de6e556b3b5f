extension Rational {
    /// A numerator over a power of ten; a negative scale multiplies.
    package init(_ numerator: BigInteger, scale: Int) {
        if scale <= 0 {
            self.init(numerator * BigInteger(Natural.powerOfTen(-scale)))
        } else {
            self.init(numerator, Natural.powerOfTen(scale))
        }
    }

    /// The power of ten of the leading digit: 0 for 1 to 9.99, -1 for 0.1; 0 for zero.
    package var decimalExponent: Int {
        if isZero { return 0 }
        let magnitude = absolute
        var exponent = magnitude.numerator.magnitude.decimalDigitsMax - denominator.decimalDigitsMax - 2
        while magnitude >= Rational(.one, scale: -(exponent + 1)) { exponent += 1 }
        return exponent
    }

    /// The value times ten to the power `digits`, rounded to an integer, halves away from zero.
    package func scaled(_ digits: Int) -> BigInteger {
        digits >= 0
            ? (numerator * BigInteger(Natural.powerOfTen(digits))).roundedDivision(by: denominator)
            : numerator.roundedDivision(by: denominator * Natural.powerOfTen(-digits))
    }

    /// The nearest value with that many digits after the point (before it, when negative), halves away from zero.
    package func rounded(places: Int) -> Rational {
        Rational(scaled(places), scale: places)
    }

    /// The nearest value with that many significant digits.
    package func rounded(significantDigits: Int) -> Rational {
        isZero ? self : rounded(places: significantDigits - 1 - decimalExponent)
    }

    /// How many decimals the value needs; nil if no number of them is enough or more than `placesMax`.
    package func exactDecimalPlaces(placesMax: Int) -> Int? {
        var rest = denominator
        var (twos, fives) = (0, 0)
        while rest.isEven, twos <= placesMax {
            rest = rest.shiftedRight(1)
            twos += 1
        }
        while fives <= placesMax {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 5 as UInt64)
            if remainder != 0 { break }
            rest = quotient
            fives += 1
        }
        let places = max(twos, fives)
        return rest.isOne && places <= placesMax ? places : nil
    }

    /// The value in decimals where that is exact and of bounded length, else as a fraction `n/d`.
    package func exactText(placesMax: Int) -> String {
        guard let places = exactDecimalPlaces(placesMax: placesMax) else {
            return numerator.text + "/" + denominator.decimalText
        }
        return Rational.decimalText(scaled(places), places: places)
    }

    /// The value rounded to a number of significant digits, in decimals or, when long, with an exponent.
    package func approximateText(significantDigits: Int) -> String {
        let rounded = rounded(significantDigits: significantDigits)
        let exponent = rounded.decimalExponent
        if exponent >= -7 && exponent < max(significantDigits, 21) {
            let places = max(0, significantDigits - 1 - exponent)
            return Rational.trimmed(Rational.decimalText(rounded.scaled(places), places: places))
        }
        let digits = rounded.scaled(significantDigits - 1 - exponent)
        let mantissa = Rational.trimmed(Rational.decimalText(digits, places: significantDigits - 1))
        return mantissa + "e" + String(exponent)
    }

    private static func decimalText(_ scaled: BigInteger, places: Int) -> String {
        if places == 0 { return scaled.text }
        var digits = scaled.magnitude.decimalText
        if digits.utf8.count <= places {
            digits = String(repeating: "0", count: places + 1 - digits.utf8.count) + digits
        }
        let point = digits.utf8.index(digits.endIndex, offsetBy: -places)
        return (scaled.isNegative ? "-" : "") + digits[..<point] + "." + digits[point...]
    }

    private static func trimmed(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: ".")) else { return text }
        var bytes = Substring(text)
        while bytes.utf8.last == UInt8(ascii: "0") { bytes.removeLast() }
        if bytes.utf8.last == UInt8(ascii: ".") { bytes.removeLast() }
        return String(bytes)
    }
}
