/// An integer of any size: a sign and a magnitude. Zero is never negative.
package struct BigInteger: Hashable, Sendable {
    package let isNegative: Bool
    package let magnitude: Natural

    package static let zero = BigInteger(0)
    package static let one = BigInteger(1)

    package init(_ value: Int) {
        self.init(negative: value < 0, Natural(UInt64(value.magnitude)))
    }

    package init(negative: Bool = false, _ magnitude: Natural) {
        isNegative = negative && !magnitude.isZero
        self.magnitude = magnitude
    }

    package var isZero: Bool { magnitude.isZero }

    /// The value where it fits.
    package var int: Int? {
        guard let small = magnitude.small, small <= UInt64(Int.max) else { return nil }
        return isNegative ? -Int(small) : Int(small)
    }

    package var text: String { (isNegative ? "-" : "") + magnitude.decimalText }
}

extension BigInteger: Comparable {
    package static func < (left: BigInteger, right: BigInteger) -> Bool {
        switch (left.isNegative, right.isNegative) {
        case (true, false): true
        case (false, true): false
        case (false, false): left.magnitude < right.magnitude
        case (true, true): right.magnitude < left.magnitude
        }
    }
}

extension BigInteger {
    package static prefix func - (value: BigInteger) -> BigInteger {
        BigInteger(negative: !value.isNegative, value.magnitude)
    }

    package static func + (left: BigInteger, right: BigInteger) -> BigInteger {
        if left.isNegative == right.isNegative {
            return BigInteger(negative: left.isNegative, left.magnitude + right.magnitude)
        }
        return left.magnitude >= right.magnitude
            ? BigInteger(negative: left.isNegative, left.magnitude - right.magnitude)
            : BigInteger(negative: right.isNegative, right.magnitude - left.magnitude)
    }

    package static func - (left: BigInteger, right: BigInteger) -> BigInteger { left + -right }

    package static func * (left: BigInteger, right: BigInteger) -> BigInteger {
        BigInteger(negative: left.isNegative != right.isNegative, left.magnitude * right.magnitude)
    }

    /// The quotient rounded towards negative infinity and its remainder, which has the divisor's sign.
    package func flooredDivision(by divisor: BigInteger) -> (quotient: BigInteger, remainder: BigInteger) {
        let (quotient, remainder) = magnitude.quotientAndRemainder(dividingBy: divisor.magnitude)
        let signsDiffer = isNegative != divisor.isNegative
        if remainder.isZero || !signsDiffer {
            return (BigInteger(negative: signsDiffer, quotient), BigInteger(negative: isNegative, remainder))
        }
        return (BigInteger(negative: true, quotient + .one), BigInteger(negative: divisor.isNegative, divisor.magnitude - remainder))
    }

    /// The quotient rounded to the nearest integer, halves away from zero.
    package func roundedDivision(by divisor: Natural) -> BigInteger {
        let (quotient, remainder) = magnitude.quotientAndRemainder(dividingBy: divisor)
        let up = remainder.shiftedLeft(1) >= divisor
        return BigInteger(negative: isNegative, up ? quotient + .one : quotient)
    }
}
