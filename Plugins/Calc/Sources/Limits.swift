/// Every bound of the calculator, in one place.
package enum Limits {
    /// Characters of an expression.
    package static let expressionCharactersMax = 4096
    /// Nested parentheses, signs, powers and calls.
    package static let depthMax = 100
    /// Numbers, names and operations of one expression.
    package static let nodesMax = 1000
    /// `!`, `%`, `²` after one value, and conversions after one another.
    package static let suffixesMax = 8
    /// Decimal digits of any numerator or denominator on the way.
    package static let digitsMax = 5000
    /// Digits after the point up to which an exact value is written in decimals rather than as a fraction.
    package static let decimalPlacesMax = 200
    /// Work of one evaluation in limb operations; about half a second.
    package static let workMax = 200_000_000
    /// Significant digits of an approximation.
    package static let precisionMax = 200
    /// Significant digits of an approximation when none are asked for.
    package static let precisionDefault = 34
    /// Digits kept beyond the precision in approximate intermediate results.
    package static let guardDigits = 20
    /// The degree up to which a root is tried exactly.
    package static let rootDegreeMax = 64
    /// The magnitude that the argument of `exp` may have.
    package static let exponentialArgumentMax = 10_000
    /// The digits before the point that the argument of a trigonometric function may have.
    package static let angleDigitsMax = 30
    /// The greatest number with a factorial; also the factors of a binomial coefficient.
    package static let factorialMax = 1500
    /// Steps shown.
    package static let stepsMax = 200
    /// Characters of one shown step.
    package static let stepCharactersMax = 400
    /// Arguments of one function call.
    package static let argumentsMax = 200
    /// The magnitude of a unit's exponent.
    package static let unitExponentMax = 20
    /// Different units in one result.
    package static let unitFactorsMax = 12
}
