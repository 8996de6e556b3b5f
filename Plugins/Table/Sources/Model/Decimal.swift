/// An exact decimal number of up to 38 digits: a coefficient times a power of ten.
package struct Decimal: Sendable {
    package let coefficient: Int128
    package let exponent: Int

    package static let zero = Decimal(0)
    private static let ten: Int128 = 10

    package init(_ value: Int) { self.init(coefficient: Int128(value), exponent: 0) }

    package init(coefficient: Int128, exponent: Int) {
        self.coefficient = coefficient
        self.exponent = exponent
    }

    static let powers: [Int128] = (0...38).map { exponent in (0..<exponent).reduce(1) { power, _ in power * ten } }

    package var isZero: Bool { coefficient == 0 }
    package var isNegative: Bool { coefficient < 0 }

    /// The same value without zeros at the end of the coefficient.
    package var normalized: Decimal {
        if coefficient == 0 { return Decimal(coefficient: 0, exponent: 0) }
        var (rest, power) = (coefficient, exponent)
        while true {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
            if remainder != 0 { return Decimal(coefficient: rest, exponent: power) }
            (rest, power) = (quotient, power + 1)
        }
    }

    /// The number of decimal digits of the coefficient; 1 for zero.
    var digitCount: Int {
        let magnitude = coefficient.magnitude
        var (low, high) = (1, 39)
        while low < high {
            let middle = (low + high) / 2
            if middle < 39 && magnitude >= UInt128(Decimal.powers[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The value as a machine integer, where it is one and fits.
    package var int: Int? {
        let value = normalized
        guard value.exponent >= 0, value.exponent <= 18 else { return nil }
        let (product, overflowed) = value.coefficient.multipliedReportingOverflow(by: Decimal.powers[value.exponent])
        return overflowed ? nil : Int(exactly: product)
    }
}

extension Decimal: Hashable, Comparable {
    package static func == (left: Decimal, right: Decimal) -> Bool {
        if left.exponent == right.exponent { return left.coefficient == right.coefficient }
        let (a, b) = (left.normalized, right.normalized)
        return a.exponent == b.exponent && a.coefficient == b.coefficient
    }

    package func hash(into hasher: inout Hasher) {
        let value = normalized
        hasher.combine(value.coefficient)
        hasher.combine(value.exponent)
    }

    package static func < (left: Decimal, right: Decimal) -> Bool {
        if left.exponent == right.exponent { return left.coefficient < right.coefficient }
        if left.coefficient.signum() != right.coefficient.signum() { return left.coefficient.signum() < right.coefficient.signum() }
        if left.isZero { return false }
        let (a, b) = (left.normalized, right.normalized)
        let (sizeA, sizeB) = (a.digitCount + a.exponent, b.digitCount + b.exponent)
        if sizeA != sizeB { return (sizeA < sizeB) != left.isNegative }
        return a.coefficient * powers[38 - a.digitCount] < b.coefficient * powers[38 - b.digitCount]
    }
}

extension Decimal {
    package static prefix func - (value: Decimal) -> Decimal {
        Decimal(coefficient: -value.coefficient, exponent: value.exponent)
    }

    /// The exact sum; nil if it has more than 38 digits.
    package func adding(_ other: Decimal) -> Decimal? {
        if exponent == other.exponent {
            let (sum, overflowed) = coefficient.addingReportingOverflow(other.coefficient)
            if !overflowed { return Decimal(coefficient: sum, exponent: exponent).bounded }
        }
        return aligned(with: other) ?? normalized.aligned(with: other.normalized)
    }

    private func aligned(with other: Decimal) -> Decimal? {
        if isZero { return other }
        if other.isZero { return self }
        let (low, high) = exponent <= other.exponent ? (self, other) : (other, self)
        let shift = high.exponent - low.exponent
        guard shift <= 38 else { return nil }
        let (raised, overflowed) = high.coefficient.multipliedReportingOverflow(by: Decimal.powers[shift])
        guard !overflowed else { return nil }
        let (sum, overflowedAgain) = raised.addingReportingOverflow(low.coefficient)
        return overflowedAgain ? nil : Decimal(coefficient: sum, exponent: low.exponent).bounded
    }

    /// The exact product; nil if it has more than 38 digits.
    package func multiplied(by other: Decimal) -> Decimal? {
        product(other) ?? normalized.product(other.normalized)
    }

    private func product(_ other: Decimal) -> Decimal? {
        let (product, overflowed) = coefficient.multipliedReportingOverflow(by: other.coefficient)
        return overflowed ? nil : Decimal(coefficient: product, exponent: exponent + other.exponent).bounded
    }

    /// Nil beyond 38 digits or the greatest exponent.
    private var bounded: Decimal? {
        let limit = Decimal.powers[38]
        return coefficient < limit && coefficient > -limit && exponent.magnitude <= Limits.exponentMax ? self : nil
    }

    /// The quotient, exact or rounded to `Limits.quotientDigits` digits, halves away from zero; the divisor is not zero; nil when out of bounds.
    package func divided(by other: Decimal) -> Decimal? {
        let (top, bottom) = (normalized, other.normalized)
        let divisor = bottom.coefficient.magnitude
        guard divisor < UInt128(Decimal.powers[37]) else { return nil }
        var (quotient, rest) = top.coefficient.magnitude.quotientAndRemainder(dividingBy: divisor)
        var power = top.exponent - bottom.exponent
        let enough = UInt128(Decimal.powers[Limits.quotientDigits - 1])
        while rest != 0 && quotient < enough {
            let (digit, next) = (rest * 10).quotientAndRemainder(dividingBy: divisor)
            quotient = quotient * 10 + digit
            rest = next
            power -= 1
        }
        if rest >= divisor - rest { quotient += 1 }
        guard let magnitude = Int128(exactly: quotient) else { return nil }
        let negative = top.isNegative != bottom.isNegative
        return Decimal(coefficient: negative ? -magnitude : magnitude, exponent: power).bounded
    }

    /// The value with `places` digits after the point; halves away from zero unless told to go down or up.
    package func rounded(places: Int, _ mode: RoundingMode = .nearest) -> Decimal {
        let drop = -places - exponent
        if drop <= 0 { return self }
        if drop > 38 { return Decimal(coefficient: mode == .up && coefficient > 0 ? 1 : mode == .down && isNegative ? -1 : 0, exponent: -places) }
        let (quotient, rest) = coefficient.quotientAndRemainder(dividingBy: Decimal.powers[drop])
        var rounded = quotient
        switch mode {
        case .nearest:
            if rest.magnitude >= UInt128(Decimal.powers[drop]) - rest.magnitude { rounded += isNegative ? -1 : 1 }
        case .down: if rest < 0 { rounded -= 1 }
        case .up: if rest > 0 { rounded += 1 }
        }
        return Decimal(coefficient: rounded, exponent: -places)
    }

    package enum RoundingMode: Sendable { case nearest, down, up }
}
