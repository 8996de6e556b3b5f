extension Evaluator {
    /// Every function: its arguments and what it does, for the tool that lists them.
    static let functions: [(name: String, arguments: String, summary: String)] = [
        ("abs", "x", "magnitude"), ("sign", "x", "-1, 0 or 1"), ("min", "a, b, …", "least"), ("max", "a, b, …", "greatest"),
        ("sum", "a, b, …", "sum"), ("mean", "a, b, …", "arithmetic mean"), ("median", "a, b, …", "middle value"),
        ("round", "x, places = 0", "nearest, halves away from zero, in the unit shown"),
        ("floor", "x", "down to a whole number"), ("ceil", "x", "up to a whole number"), ("trunc", "x", "towards zero"),
        ("sqrt", "x", "square root; exact for squares of fractions"), ("cbrt", "x", "cube root"), ("root", "x, n", "n-th root"),
        ("gcd", "a, b, …", "greatest common divisor"), ("lcm", "a, b, …", "least common multiple"),
        ("factorial", "n", "also n!"), ("choose", "n, k", "binomial coefficient"), ("mod", "a, b", "remainder with the sign of b"),
        ("exp", "x", "e to the power x"), ("ln", "x", "natural logarithm"), ("log", "x, base = 10", "logarithm"),
        ("log2", "x", "binary logarithm"), ("log10", "x", "decimal logarithm"),
        ("sin", "x", "sine of an angle or of radians"), ("cos", "x", "cosine"), ("tan", "x", "tangent"),
        ("percent", "part, whole", "part as per cent of whole"), ("percent_change", "from, to", "change in per cent of from"),
    ]

    mutating func call(_ name: String, _ arguments: [Expression], _ position: Int) throws(CalcError) -> Quantity {
        var values: [Quantity] = []
        for argument in arguments { values.append(try evaluate(argument)) }
        let result = try dispatch(name, values, position)
        if steps != nil, let first = values.first, values.count == 1 { steps?.record(first, "→ \(name)", result) }
        return result
    }

    private mutating func dispatch(_ name: String, _ values: [Quantity], _ position: Int) throws(CalcError) -> Quantity {
        switch name {
        case "min", "max", "sum", "mean", "avg", "median": return try aggregate(name, values, position)
        case "gcd", "lcm": return try divisors(name, values, position)
        case "round": return try round(values, position)
        case "floor", "ceil", "trunc", "abs", "sign": return try wholes(name, one(values, name, position), position)
        case "sqrt": return try root(one(values, name, position), 2, position)
        case "cbrt": return try root(one(values, name, position), 3, position)
        case "factorial": return try factorial(one(values, name, position), position)
        case "exp", "ln", "log2", "log10", "sin", "cos", "tan": return try analytic(name, one(values, name, position), position)
        case "log" where values.count == 1: return try analytic("log10", values[0], position)
        case "log", "root", "choose", "mod", "percent", "percent_change":
            guard values.count == 2 else { throw arity(name, "2 arguments", position) }
            return try pair(name, values[0], values[1], position)
        default:
            let known = Evaluator.functions.map(\.name).filter { $0.hasPrefix(name.lowercased().prefix(2)) }.joined(separator: ", ")
            let hint = known.isEmpty ? "" : " Did you mean \(known)?"
            throw CalcError(.unknownName, "Unknown function '\(name.prefix(40))'.\(hint)", at: position)
        }
    }

    private func arity(_ name: String, _ wanted: String, _ position: Int) -> CalcError {
        CalcError(.argument, "\(name) takes \(wanted).", at: position)
    }

    private func one(_ values: [Quantity], _ name: String, _ position: Int) throws(CalcError) -> Quantity {
        guard values.count == 1 else { throw arity(name, "1 argument", position) }
        return values[0]
    }

    private mutating func pair(_ name: String, _ left: Quantity, _ right: Quantity, _ position: Int) throws(CalcError) -> Quantity {
        switch name {
        case "log":
            let bottom = try analytic("ln", right, position)
            guard !bottom.value.isZero else { throw CalcError(.domain, "A logarithm has no base 1.", at: position) }
            if let exact = try exactLogarithm(left, right, position) { return exact }
            return try divide(analytic("ln", left, position), bottom, position)
        case "root":
            guard let degree = try requireNumber(right, "The degree of a root", position).int, degree >= 1, degree <= Limits.rootDegreeMax
            else { throw CalcError(.argument, "The degree of a root is a whole number from 1 to \(Limits.rootDegreeMax).", at: position) }
            return try root(left, degree, position)
        case "choose": return try choose(left, right, position)
        case "mod": return try floorDivide(left, right, position).remainder
        case "percent":
            try requireSame(left, right, "compare", position)
            return try multiply(divide(left, right, position), Quantity(Rational(100)), position)
        default:
            try requireSame(left, right, "compare", position)
            let change = try add(right, left, negated: true, position)
            return try multiply(divide(change, left, position), Quantity(Rational(100)), position)
        }
    }

    private mutating func aggregate(_ name: String, _ values: [Quantity], _ position: Int) throws(CalcError) -> Quantity {
        guard var result = values.first else { throw arity(name, "at least 1 argument", position) }
        for value in values.dropFirst() {
            try requireSame(result, value, "compare", position)
            try charge(result.value, value.value, position)
            switch name {
            case "min": if value.value < result.value { result = value }
            case "max": if value.value > result.value { result = value }
            case "median": break
            default: result = try add(result, value, negated: false, position)
            }
        }
        if name == "median" { return try median(values, position) }
        let isMean = name == "mean" || name == "avg"
        return isMean ? try divide(result, Quantity(Rational(values.count)), position) : result
    }

    private mutating func median(_ values: [Quantity], _ position: Int) throws(CalcError) -> Quantity {
        let sorted = values.sorted { $0.value < $1.value }
        let middle = sorted.count / 2
        if sorted.count % 2 == 1 { return sorted[middle] }
        return try divide(add(sorted[middle - 1], sorted[middle], negated: false, position), Quantity(Rational(2)), position)
    }

    private func round(_ values: [Quantity], _ position: Int) throws(CalcError) -> Quantity {
        guard values.count == 1 || values.count == 2 else { throw arity("round", "1 or 2 arguments", position) }
        let places = values.count == 2 ? try requireNumber(values[1], "The number of places", position).int : 0
        guard let places, places.magnitude <= Limits.decimalPlacesMax else {
            throw CalcError(.argument, "The number of places is a whole number of at most \(Limits.decimalPlacesMax).", at: position)
        }
        return try settled(values[0].with(shown: values[0].shown.rounded(places: places)), position)
    }

    private func wholes(_ name: String, _ quantity: Quantity, _ position: Int) throws(CalcError) -> Quantity {
        let shown = quantity.shown
        switch name {
        case "abs":
            try refusePoint(quantity, position)
            return quantity.with(shown: shown.absolute)
        case "sign": return Quantity(Rational(shown.isZero ? 0 : shown.isNegative ? -1 : 1), isExact: quantity.isExact)
        case "floor": return quantity.with(shown: Rational(shown.floor))
        case "ceil": return quantity.with(shown: -Rational((-shown).floor))
        default:
            let whole = Rational(shown.absolute.floor)
            return quantity.with(shown: shown.isNegative ? -whole : whole)
        }
    }
}

extension Evaluator {
    private func integer(_ quantity: Quantity, _ name: String, _ position: Int) throws(CalcError) -> BigInteger {
        let value = try requireNumber(quantity, "An argument of \(name)", position)
        guard value.isInteger else { throw CalcError(.domain, "\(name) takes whole numbers.", at: position) }
        return value.numerator
    }

    private mutating func divisors(_ name: String, _ values: [Quantity], _ position: Int) throws(CalcError) -> Quantity {
        guard !values.isEmpty else { throw arity(name, "at least 1 argument", position) }
        var result: Natural = name == "gcd" ? .zero : .one
        for value in values {
            let number = try integer(value, name, position).magnitude
            let size = result.limbs.count + number.limbs.count
            try charge(20 + size * size * 40, position)
            let common = Natural.gcd(result, number)
            if name == "gcd" {
                result = common
            } else {
                result = common.isZero ? .zero : result * number.quotientAndRemainder(dividingBy: common).quotient
            }
            _ = try settled(Quantity(Rational(result.signed)), position)
        }
        return Quantity(Rational(result.signed), isExact: values.allSatisfy(\.isExact))
    }

    mutating func factorial(_ quantity: Quantity, _ position: Int) throws(CalcError) -> Quantity {
        let number = try integer(quantity, "factorial", position)
        guard !number.isNegative else { throw CalcError(.domain, "A negative number has no factorial.", at: position) }
        guard let count = number.int, count <= Limits.factorialMax else {
            throw CalcError(.tooLarge, "factorial goes up to \(Limits.factorialMax).", at: position)
        }
        try charge(count * count / 4 + 20, position)
        var product = Natural.one
        for factor in 1..<UInt64(max(count, 1) + 1) { product = product * Natural(factor) }
        return try settled(Quantity(Rational(product.signed), isExact: quantity.isExact), position)
    }

    private mutating func choose(_ left: Quantity, _ right: Quantity, _ position: Int) throws(CalcError) -> Quantity {
        let (top, bottom) = (try integer(left, "choose", position), try integer(right, "choose", position))
        guard let n = top.int, let k = bottom.int, n >= 0, k >= 0 else {
            throw CalcError(.domain, "choose takes whole numbers that are not negative.", at: position)
        }
        if k > n { return Quantity(.zero) }
        let count = min(k, n - k)
        guard count <= Limits.factorialMax else {
            throw CalcError(.tooLarge, "choose goes up to \(Limits.factorialMax) factors.", at: position)
        }
        var result = Natural.one
        for index in 0..<count {
            try charge(20 + result.limbs.count * 4, position)
            let product = result * Natural(UInt64(n - index))
            result = product.quotientAndRemainder(dividingBy: UInt64(index + 1)).quotient
            _ = try settled(Quantity(Rational(result.signed)), position)
        }
        return Quantity(Rational(result.signed))
    }

    private mutating func analytic(_ name: String, _ quantity: Quantity, _ position: Int) throws(CalcError) -> Quantity {
        if name == "sin" || name == "cos" || name == "tan" { return try trigonometric(name, quantity, position) }
        let value = try requireNumber(quantity, "The argument of \(name)", position)
        try chargeSeries(value, position)
        if name == "exp" {
            if value.isZero { return Quantity(.one, isExact: quantity.isExact) }
            try checkExponential(value, position)
            return try settled(Quantity(Elementary.exp(value.rounded(places: digits * 2), digits: digits), isExact: false), position)
        }
        guard !value.isNegative && !value.isZero else {
            throw CalcError(.domain, "Only a positive number has a logarithm.", at: position)
        }
        if value == .one { return Quantity(.zero, isExact: quantity.isExact) }
        if name == "ln" { return try logarithm(value, position) }
        let base = Quantity(Rational(name == "log2" ? 2 : 10))
        if let exact = try exactLogarithm(quantity, base, position) { return exact }
        return try divide(logarithm(value, position), logarithm(base.value, position), position)
    }

    private func logarithm(_ value: Rational, _ position: Int) throws(CalcError) -> Quantity {
        let rounded = value.rounded(significantDigits: digits * 2 + 20)
        return try settled(Quantity(Elementary.ln(rounded, digits: digits), isExact: false), position)
    }

    /// The logarithm where it is a whole number: log2(1024), log(0.001).
    private mutating func exactLogarithm(_ value: Quantity, _ base: Quantity, _ position: Int) throws(CalcError) -> Quantity? {
        guard value.isExact, base.isExact, base.value.isInteger, base.value > .one else { return nil }
        let inverted = value.value < .one
        let target = inverted ? value.value.reciprocal : value.value
        guard target.isInteger, let small = base.value.int else { return nil }
        let guess = (target.numerator.magnitude.bitWidth - 1) / max(1, base.value.numerator.magnitude.bitWidth - 1)
        try charge(guess * guess / 16 + 200, position)
        var (rest, count) = (target.numerator.magnitude, 0)
        while !rest.isOne {
            try charge(rest.limbs.count, position)
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: UInt64(small))
            if remainder != 0 { return nil }
            (rest, count) = (quotient, count + 1)
        }
        return Quantity(Rational(inverted ? -count : count))
    }

    private mutating func trigonometric(_ name: String, _ quantity: Quantity, _ position: Int) throws(CalcError) -> Quantity {
        guard quantity.isNumber || quantity.dimension == Dimension(.angle) else {
            throw CalcError(.dimension, "\(name) takes an angle, not \(quantity.dimension.description).", at: position)
        }
        guard quantity.value.decimalExponent < Limits.angleDigitsMax else {
            throw CalcError(.tooLarge, "The angle is too large.", at: position)
        }
        if let exact = try exactTrigonometric(name, quantity, position) { return exact }
        try chargeSeries(quantity.value, position)
        let scale = quantity.isNumber ? .one : Elementary.pi(digits: digits + Limits.angleDigitsMax) * Rational(2)
        let (sine, cosine) = Elementary.sineAndCosine((quantity.value * scale).rounded(places: digits * 2), digits: digits)
        switch name {
        case "sin": return try settled(Quantity(sine, isExact: false), position)
        case "cos": return try settled(Quantity(cosine, isExact: false), position)
        default: return try divide(Quantity(sine, isExact: false), Quantity(cosine, isExact: false), position)
        }
    }

    /// Multiples of a twelfth of a turn whose sine or cosine is rational (Niven's theorem says there are no others).
    private func exactTrigonometric(_ name: String, _ quantity: Quantity, _ position: Int) throws(CalcError) -> Quantity? {
        if quantity.isNumber { return quantity.value.isZero && quantity.isExact ? Quantity(Rational(name == "cos" ? 1 : 0)) : nil }
        let parts = quantity.value * Rational(24)
        guard quantity.isExact, parts.isInteger, let step = parts.numerator.flooredDivision(by: BigInteger(24)).remainder.int else {
            return nil
        }
        let half = Rational(BigInteger(1), Natural(2))
        let sines: [Int: Rational] = [0: .zero, 2: half, 6: .one, 10: half, 12: .zero, 14: -half, 18: -.one, 22: -half]
        let tangents: [Int: Rational] = [0: .zero, 3: .one, 9: -.one]
        if name == "tan" {
            if step % 12 == 6 { throw CalcError(.domain, "The tangent of a right angle is not finite.", at: position) }
            return tangents[step % 12].map { Quantity($0) }
        }
        return sines[name == "sin" ? step : (step + 6) % 24].map { Quantity($0) }
    }
}
