/// A number with a dimension, kept in coherent units, and the units to show it in.
struct Quantity: Sendable {
    /// Whether a temperature is a point on a scale or a distance between two.
    enum Scale: Sendable { case plain, point, difference }

    /// The size in coherent units (for a point on a temperature scale, in kelvins above absolute zero).
    var value: Rational
    var isExact = true
    var dimension = Dimension.none
    var display: [UnitFactor] = []
    var scale = Scale.plain

    init(_ value: Rational, isExact: Bool = true) {
        self.value = value
        self.isExact = isExact
    }

    init(_ unit: Unit) {
        value = unit.factor
        isExact = unit.isExact
        dimension = unit.dimension
        display = unit.dimension.isNone ? [] : [UnitFactor(unit: unit, exponent: 1)]
        scale = unit.isDifference ? .difference : .plain
    }

    var isNumber: Bool { dimension.isNone }

    /// The size in the units shown.
    var shown: Rational {
        if scale == .point, let unit = display.first?.unit { return (value - unit.offset) / unit.factor }
        return value / Quantity.factor(display)
    }

    /// How many coherent units one of the shown ones is.
    static func factor(_ display: [UnitFactor]) -> Rational {
        display.reduce(.one) { $0 * $1.unit.factor.power($1.exponent) }
    }

    var unitText: String { UnitFactor.text(display) }

    /// The same quantity with a new size, given in the units shown.
    func with(shown: Rational) -> Quantity {
        var copy = self
        if scale == .point, let unit = display.first?.unit {
            copy.value = shown * unit.factor + unit.offset
        } else {
            copy.value = shown * Quantity.factor(display)
        }
        return copy
    }

    /// Units for a dimension for which none were written: products of base units.
    static func coherent(_ dimension: Dimension, _ catalog: UnitCatalog) -> [UnitFactor] {
        Dimension.Base.allCases.compactMap { base in
            guard dimension[base] != 0, let unit = catalog.unit(base.unit) else { return nil }
            return UnitFactor(unit: unit, exponent: dimension[base])
        }
    }

    /// Units of a product: equal ones are joined, and those of one kind take the first one's unit.
    static func merged(_ left: [UnitFactor], _ right: [UnitFactor], sign: Int) -> [UnitFactor] {
        var merged = left
        for factor in right {
            if let index = merged.firstIndex(where: { $0.unit.dimension == factor.unit.dimension }) {
                merged[index].exponent += factor.exponent * sign
            } else {
                merged.append(UnitFactor(unit: factor.unit, exponent: factor.exponent * sign))
            }
        }
        return merged.filter { $0.exponent != 0 }
    }
}
