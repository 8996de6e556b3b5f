/// Functions whose values are not rational, to a number of significant digits that the caller states.
///
/// All work on integers scaled by a power of ten, with guard digits; the last stated digit is right unless the true value lies
/// within 1e-10 of it from a rounding border.
package enum Elementary {
    static let guardDigits = 12

    /// Archimedes' constant by Machin's formula.
    package static func pi(digits: Int) -> Rational {
        let places = digits + guardDigits
        let value = BigInteger(16) * inverseArctangent(5, places) - BigInteger(4) * inverseArctangent(239, places)
        return Rational(value, scale: places)
    }

    /// The natural logarithm of 2.
    package static func ln2(digits: Int) -> Rational {
        let places = digits + guardDigits
        let parts = [(18, 26), (-2, 4801), (8, 8749)].map { BigInteger($0) * inverseHyperbolicArctangent($1, places) }
        return Rational(parts.reduce(.zero, +), scale: places)
    }

    /// e to the power `x`, for |x| of at most 100,000.
    package static func exp(_ x: Rational, digits: Int) -> Rational {
        let places = digits + guardDigits + 6
        let log = ln2(digits: places)
        let twos = (x / log).rounded(places: 0)
        let rest = x - twos * log
        var (term, sum) = (Natural.powerOfTen(places).signed, Natural.powerOfTen(places).signed)
        let step = rest.scaled(places)
        var index: UInt64 = 1
        while !term.isZero {
            term = (term * step).roundedDivision(by: Natural.powerOfTen(places) * Natural(index))
            sum = sum + term
            index += 1
        }
        let power = twos.int ?? 0
        return Rational(sum, scale: places) * Rational(2).power(power)
    }

    /// The natural logarithm of a positive number.
    package static func ln(_ x: Rational, digits: Int) -> Rational {
        let places = digits + guardDigits + 6
        var twos = x.numerator.magnitude.bitWidth - x.denominator.bitWidth
        var rest = x / Rational(2).power(twos)
        if rest > Rational(BigInteger(3), Natural(2)) {
            rest = rest / Rational(2)
            twos += 1
        }
        let ratio = ((rest - .one) / (rest + .one)).scaled(places)
        let unit = Natural.powerOfTen(places)
        let square = (ratio * ratio).roundedDivision(by: unit)
        var (power, sum) = (ratio, BigInteger.zero)
        var odd: UInt64 = 1
        while !power.isZero {
            sum = sum + power.roundedDivision(by: Natural(odd))
            power = (power * square).roundedDivision(by: unit)
            odd += 2
        }
        let whole = Rational(twos) * ln2(digits: places)
        return Rational(sum * BigInteger(2), scale: places) + whole
    }

    /// Sine and cosine of an angle in radians of at most 1e30.
    package static func sineAndCosine(_ x: Rational, digits: Int) -> (sine: Rational, cosine: Rational) {
        let places = digits + guardDigits
        let quarter = pi(digits: places + max(0, x.decimalExponent)) / Rational(2)
        let turns = (x / quarter).rounded(places: 0)
        let angle = (x - turns * quarter).scaled(places)
        let sine = Rational(alternatingSeries(angle, first: angle, index: 1, places), scale: places)
        let cosine = Rational(alternatingSeries(angle, first: Natural.powerOfTen(places).signed, index: 0, places), scale: places)
        switch turns.numerator.flooredDivision(by: BigInteger(4)).remainder.int {
        case 1: return (cosine, -sine)
        case 2: return (-sine, -cosine)
        case 3: return (-cosine, sine)
        default: return (sine, cosine)
        }
    }

    /// The root of a non-negative number, exact where it is rational.
    package static func root(_ x: Rational, degree: Int, digits: Int) -> (value: Rational, isExact: Bool) {
        let top = x.numerator.magnitude.root(degree)
        let bottom = x.denominator.root(degree)
        if top.power(degree) == x.numerator.magnitude && bottom.power(degree) == x.denominator {
            return (Rational(top.signed, bottom), true)
        }
        let places = max(0, digits + guardDigits - x.decimalExponent / degree)
        let scaled = x.numerator.magnitude * Natural.powerOfTen(places * degree)
        let root = scaled.quotientAndRemainder(dividingBy: x.denominator).quotient.root(degree)
        return (Rational(root.signed, scale: places), false)
    }
}

extension Elementary {
    /// `angle^index/index! - angle^(index+2)/(index+2)! + ...`
    private static func alternatingSeries(_ angle: BigInteger, first: BigInteger, index: UInt64, _ places: Int) -> BigInteger {
        let unit = Natural.powerOfTen(places)
        let square = (angle * angle).roundedDivision(by: unit)
        var (term, sum, next) = (first, first, index)
        while !term.isZero {
            next += 2
            term = -(term * square).roundedDivision(by: unit * Natural(next * (next - 1)))
            sum = sum + term
        }
        return sum
    }

    private static func inverseArctangent(_ x: Int, _ places: Int) -> BigInteger {
        series(x, places, alternating: true)
    }

    private static func inverseHyperbolicArctangent(_ x: Int, _ places: Int) -> BigInteger {
        series(x, places, alternating: false)
    }

    private static func series(_ x: Int, _ places: Int, alternating: Bool) -> BigInteger {
        let square = UInt64(x) * UInt64(x)
        var power = Natural.powerOfTen(places).quotientAndRemainder(dividingBy: UInt64(x)).quotient
        var sum = BigInteger.zero
        var odd: UInt64 = 1
        while !power.isZero {
            let term = power.quotientAndRemainder(dividingBy: odd).quotient
            sum = sum + BigInteger(negative: alternating && odd % 4 == 3, term)
            power = power.quotientAndRemainder(dividingBy: square).quotient
            odd += 2
        }
        return sum
    }
}

extension Natural {
    var signed: BigInteger { BigInteger(self) }
}
