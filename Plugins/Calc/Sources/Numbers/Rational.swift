/// A fraction in lowest terms with a positive denominator.
package struct Rational: Hashable, Sendable {
    package let numerator: BigInteger
    package let denominator: Natural

    package static let zero = Rational(0)
    package static let one = Rational(1)

    package init(_ value: Int) { self.init(BigInteger(value)) }

    package init(_ value: BigInteger) {
        numerator = value
        denominator = .one
    }

    /// Reduces to lowest terms; the denominator is not zero.
    package init(_ numerator: BigInteger, _ denominator: Natural) {
        precondition(!denominator.isZero, "a denominator of zero is refused before it gets here")
        let common = denominator.isOne ? .one : Natural.gcd(numerator.magnitude, denominator)
        if common.isOne {
            self.numerator = numerator
            self.denominator = denominator
        } else {
            let reduced = numerator.magnitude.quotientAndRemainder(dividingBy: common).quotient
            self.numerator = BigInteger(negative: numerator.isNegative, reduced)
            self.denominator = denominator.quotientAndRemainder(dividingBy: common).quotient
        }
    }

    package var isZero: Bool { numerator.isZero }
    package var isInteger: Bool { denominator.isOne }
    package var isNegative: Bool { numerator.isNegative }
    package var absolute: Rational { isNegative ? -self : self }

    /// The value as a machine integer, where it is one and fits.
    package var int: Int? { isInteger ? numerator.int : nil }

    /// One over the value, which is not zero.
    package var reciprocal: Rational {
        Rational(reduced: BigInteger(negative: isNegative, denominator), numerator.magnitude)
    }

    private init(reduced numerator: BigInteger, _ denominator: Natural) {
        self.numerator = numerator
        self.denominator = denominator
    }

    /// The greatest integer that is not above the value.
    package var floor: BigInteger {
        isInteger ? numerator : numerator.flooredDivision(by: BigInteger(denominator)).quotient
    }

    /// The value to an integer power; not zero when the power is negative; the caller has bounded the size.
    package func power(_ exponent: Int) -> Rational {
        let count = Int(exponent.magnitude)
        let sign = isNegative && count % 2 == 1
        let raised = Rational(reduced: BigInteger(negative: sign, numerator.magnitude.power(count)), denominator.power(count))
        return exponent < 0 ? raised.reciprocal : raised
    }
}

extension Rational: Comparable {
    package static func < (left: Rational, right: Rational) -> Bool {
        if left.denominator == right.denominator { return left.numerator < right.numerator }
        return left.numerator * BigInteger(right.denominator) < right.numerator * BigInteger(left.denominator)
    }
}

extension Rational {
    package static prefix func - (value: Rational) -> Rational {
        Rational(reduced: -value.numerator, value.denominator)
    }

    package static func + (left: Rational, right: Rational) -> Rational {
        if left.denominator == right.denominator { return Rational(left.numerator + right.numerator, left.denominator) }
        let sum = left.numerator * BigInteger(right.denominator) + right.numerator * BigInteger(left.denominator)
        return Rational(sum, left.denominator * right.denominator)
    }

    package static func - (left: Rational, right: Rational) -> Rational { left + -right }

    package static func * (left: Rational, right: Rational) -> Rational {
        Rational(left.numerator * right.numerator, left.denominator * right.denominator)
    }

    /// The quotient; `right` is not zero.
    package static func / (left: Rational, right: Rational) -> Rational { left * right.reciprocal }
}
