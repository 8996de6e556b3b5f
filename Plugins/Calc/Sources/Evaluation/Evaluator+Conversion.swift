extension Evaluator {
    /// Shows a quantity in other units of its dimension.
    mutating func convert(_ source: Quantity, to target: Expression, text: String, _ position: Int) throws(CalcError) -> Quantity {
        var result = source
        if case .name(let name) = target.kind, let unit = catalog.unit(name), unit.isScale {
            guard source.dimension == unit.dimension else { throw mismatch(source, unit.dimension, target.position) }
            guard source.scale != .difference else {
                throw CalcError(.domain, "A temperature difference converts to K, delta_degC or delta_degF.", at: target.position)
            }
            result.display = [UnitFactor(unit: unit, exponent: 1)]
            result.scale = .point
            return result
        }
        let hushed = steps
        steps = nil
        let unit = try evaluate(target)
        steps = hushed
        guard source.dimension == unit.dimension else { throw mismatch(source, unit.dimension, target.position) }
        guard unit.value == Quantity.factor(unit.display) || unit.display.isEmpty else {
            throw CalcError(.syntax, "What follows 'in' is a unit, without a number.", at: target.position)
        }
        if unit.isNumber { return try convertToNumber(source, unit, target) }
        result.display = unit.display
        result.isExact = source.isExact && unit.isExact
        if source.scale == .point { result.scale = unit.scale == .difference ? .difference : .plain }
        if source.scale == .point && unit.scale == .difference {
            throw CalcError(.domain, "A temperature on a scale is no difference.", at: target.position)
        }
        try charge(source.value, Quantity.factor(unit.display), position)
        return result
    }

    /// `in percent`, `in dozen`: units without a dimension.
    private func convertToNumber(_ source: Quantity, _ unit: Quantity, _ target: Expression) throws(CalcError) -> Quantity {
        guard case .name(let name) = target.kind, let known = catalog.unit(name) else {
            throw CalcError(.syntax, "What follows 'in' is a unit.", at: target.position)
        }
        var result = source
        result.display = [UnitFactor(unit: known, exponent: 1)]
        return result
    }

    private func mismatch(_ source: Quantity, _ target: Dimension, _ position: Int) -> CalcError {
        CalcError(.dimension, "Cannot convert \(source.dimension.description) to \(target.description).", at: position)
    }
}
