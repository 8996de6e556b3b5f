extension Evaluator {
    mutating func add(_ left: Quantity, _ right: Quantity, negated: Bool, _ position: Int) throws(CalcError) -> Quantity {
        try requireSame(left, right, negated ? "subtract" : "add", position)
        try charge(left.value, right.value, position)
        var result = left
        result.isExact = left.isExact && right.isExact
        result.value = negated ? left.value - right.value : left.value + right.value
        if left.dimension == Dimension(.temperature) {
            result = try temperatureSum(result, left, right, negated: negated, position)
        }
        return try settled(result, position)
    }

    /// Point minus point is a difference, point plus or minus difference a point, two points have no sum.
    private func temperatureSum(_ sum: Quantity, _ left: Quantity, _ right: Quantity, negated: Bool, _ position: Int) throws(CalcError)
        -> Quantity
    {
        var result = sum
        switch (left.scale, right.scale) {
        case (.point, .point) where negated:
            result.scale = .difference
            result.display = Quantity.coherent(result.dimension, catalog)
        case (.point, .point), (_, .point):
            throw CalcError(.domain, "Two temperatures on a scale have no sum; write the difference in K or delta_degC.", at: position)
        case (.point, _): result.scale = .point
        case (.plain, .plain): break
        default: result.scale = .difference
        }
        return result
    }

    mutating func multiply(_ left: Quantity, _ right: Quantity, _ position: Int) throws(CalcError) -> Quantity {
        try combine(left, right, sign: 1, position) { $0 * $1 }
    }

    mutating func divide(_ left: Quantity, _ right: Quantity, _ position: Int) throws(CalcError) -> Quantity {
        guard !right.value.isZero else { throw CalcError(.divisionByZero, "Division by zero.", at: position) }
        return try combine(left, right, sign: -1, position) { $0 / $1 }
    }

    private mutating func combine(
        _ left: Quantity, _ right: Quantity, sign: Int, _ position: Int, _ operation: (Rational, Rational) -> Rational
    ) throws(CalcError) -> Quantity {
        try refusePoint(left, position)
        try refusePoint(right, position)
        try charge(left.value, right.value, position)
        guard let dimension = left.dimension.adding(right.dimension, times: sign) else {
            throw CalcError(.tooLarge, "A unit's exponent is beyond \(Limits.unitExponentMax).", at: position)
        }
        var result = Quantity(operation(left.value, right.value), isExact: left.isExact && right.isExact)
        result.dimension = dimension
        result.display = dimension.isNone ? [] : Quantity.merged(left.display, right.display, sign: sign)
        result.display = fitting(result.display, dimension)
        if dimension == Dimension(.temperature), left.scale == .difference || right.scale == .difference { result.scale = .difference }
        return try settled(result, position)
    }

    /// The units if they are of that dimension and few enough, else coherent ones.
    private func fitting(_ display: [UnitFactor], _ dimension: Dimension) -> [UnitFactor] {
        var total: Dimension? = Dimension.none
        for factor in display {
            guard factor.exponent.magnitude <= Limits.unitExponentMax else { total = nil; break }
            total = total?.adding(factor.unit.dimension, times: factor.exponent)
        }
        let fits = total == dimension && display.count <= Limits.unitFactorsMax
        return fits ? display : Quantity.coherent(dimension, catalog)
    }

    mutating func floorDivide(_ left: Quantity, _ right: Quantity, _ position: Int) throws(CalcError)
        -> (quotient: Quantity, remainder: Quantity)
    {
        try requireSame(left, right, "divide with remainder", position)
        try refusePoint(left, position)
        try refusePoint(right, position)
        guard !right.value.isZero else { throw CalcError(.divisionByZero, "Division by zero.", at: position) }
        try charge(left.value, right.value, position)
        try charge(left.value, right.value, position)
        let exact = left.isExact && right.isExact
        let quotient = Rational((left.value / right.value).floor)
        var remainder = left
        remainder.value = left.value - quotient * right.value
        remainder.isExact = exact
        return (try settled(Quantity(quotient, isExact: exact), position), try settled(remainder, position))
    }

    mutating func power(_ base: Quantity, _ exponent: Quantity, _ position: Int) throws(CalcError) -> Quantity {
        try refusePoint(base, position)
        let exponentValue = try requireNumber(exponent, "An exponent", position)
        if exponentValue.isInteger {
            guard let whole = exponentValue.int else {
                return try tooLargePower(base, exponentValue, position)
            }
            return try wholePower(base, whole, exact: exponent.isExact, position)
        }
        if exponent.isExact, let degree = exponentValue.denominator.small, degree <= UInt64(Limits.rootDegreeMax),
            let times = exponentValue.numerator.int, times.magnitude <= Limits.digitsMax
        {
            return try wholePower(root(base, Int(degree), position), times, exact: true, position)
        }
        let value = try requireNumber(base, "The base of a fractional power", position)
        return try exponential(value, exponentValue, position)
    }

    private mutating func tooLargePower(_ base: Quantity, _ exponent: Rational, _ position: Int) throws(CalcError) -> Quantity {
        if base.isNumber, base.value.absolute == .one || (base.value.isZero && !exponent.isNegative) {
            let even = exponent.numerator.magnitude.isEven
            return Quantity(even ? base.value.absolute : base.value, isExact: base.isExact)
        }
        if base.isNumber, base.value.isZero { throw CalcError(.divisionByZero, "Zero has no negative power.", at: position) }
        throw CalcError(.tooLarge, "The exponent is too large.", at: position)
    }

    private mutating func wholePower(_ base: Quantity, _ exponent: Int, exact: Bool, _ position: Int) throws(CalcError) -> Quantity {
        if base.value.isZero && exponent < 0 { throw CalcError(.divisionByZero, "Zero has no negative power.", at: position) }
        guard let dimension = scaledDimension(base.dimension, exponent) else {
            throw CalcError(.tooLarge, "A unit's exponent is beyond \(Limits.unitExponentMax).", at: position)
        }
        let bits = max(base.value.numerator.magnitude.bitWidth, base.value.denominator.bitWidth)
        let (size, overflowed) = bits.multipliedReportingOverflow(by: Int(clamping: exponent.magnitude))
        guard bits == 1 || (!overflowed && size <= Limits.digitsMax * 10 / 3) else {
            if base.isNumber && (!base.value.isInteger || !base.isExact) {
                return try exponential(base.value, Rational(exponent), position)
            }
            throw CalcError(.tooLarge, "The result has more than \(Limits.digitsMax) digits.", at: position)
        }
        try charge(20 + (size / 64 + 1) * (size / 64 + 1) * 4, position)
        let small = bits == 1 ? (exponent.magnitude % 2 == 0 ? 2 : 1) * exponent.signum() : exponent
        var result = Quantity(base.value.power(small), isExact: base.isExact && exact)
        result.dimension = dimension
        result.display = fitting(base.display.map { UnitFactor(unit: $0.unit, exponent: $0.exponent * small) }, dimension)
        return try settled(result, position)
    }

    private func scaledDimension(_ dimension: Dimension, _ exponent: Int) -> Dimension? {
        if dimension.isNone { return dimension }
        return exponent.magnitude <= Limits.unitExponentMax ? Dimension.none.adding(dimension, times: exponent) : nil
    }

    /// `base` to any power by way of the logarithm.
    private mutating func exponential(_ base: Rational, _ exponent: Rational, _ position: Int) throws(CalcError) -> Quantity {
        if base.isZero { return Quantity(exponent.isNegative ? .zero : .zero) }
        guard !base.isNegative || exponent.isInteger else {
            throw CalcError(.domain, "A negative number has no real power with this exponent.", at: position)
        }
        try chargeSeries(base, position)
        let places = digits + 10
        let logarithm = Elementary.ln(base.absolute.rounded(significantDigits: places * 2 + 20), digits: places) * exponent
        try checkExponential(logarithm, position)
        let power = Elementary.exp(logarithm.rounded(places: places * 2), digits: places)
        let negative = base.isNegative && !exponent.numerator.magnitude.isEven
        return try settled(Quantity(negative ? -power : power, isExact: false), position)
    }

    func checkExponential(_ argument: Rational, _ position: Int) throws(CalcError) {
        guard argument.absolute <= Rational(Limits.exponentialArgumentMax) else {
            throw CalcError(.tooLarge, "The result has more than \(Limits.digitsMax) digits.", at: position)
        }
    }

    /// Pays for a power series to the working precision.
    mutating func chargeSeries(_ value: Rational, _ position: Int) throws(CalcError) {
        let limbs = digits / 19 + 3
        try charge(100_000 + digits * limbs * limbs * 40 + value.limbCount * value.limbCount * 100, position)
    }

    mutating func root(_ base: Quantity, _ degree: Int, _ position: Int) throws(CalcError) -> Quantity {
        try refusePoint(base, position)
        guard let dimension = base.dimension.root(degree) else {
            throw CalcError(.dimension, "\(base.dimension.description) has no root of degree \(degree).", at: position)
        }
        let negative = base.value.isNegative
        guard !negative || degree % 2 == 1 else {
            throw CalcError(.domain, "A negative number has no real root of even degree.", at: position)
        }
        let limbs = base.value.limbCount + digits * degree / 19 + 2
        try charge(1000 + limbs * limbs * 200, position)
        let (value, exact) = Elementary.root(base.value.absolute, degree: degree, digits: digits)
        var result = Quantity(negative ? -value : value, isExact: base.isExact && exact)
        result.dimension = dimension
        let halves = base.display.allSatisfy { $0.exponent % degree == 0 }
        result.display =
            halves
            ? base.display.map { UnitFactor(unit: $0.unit, exponent: $0.exponent / degree) } : Quantity.coherent(dimension, catalog)
        return try settled(result, position)
    }
}
