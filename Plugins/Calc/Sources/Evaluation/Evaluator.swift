/// Walks a parsed expression; every operation is paid for in advance from a budget of work.
struct Evaluator {
    let catalog: UnitCatalog
    /// Significant digits of approximate intermediate results.
    let digits: Int
    var work = 0
    var steps: StepLog?

    init(catalog: UnitCatalog, precision: Int, steps: StepLog? = nil) {
        self.catalog = catalog
        digits = precision + Limits.guardDigits
        self.steps = steps
    }

    mutating func evaluate(_ expression: Expression) throws(CalcError) -> Quantity {
        switch expression.kind {
        case .number(let value): return Quantity(value)
        case .name(let name): return try named(name, expression.position)
        case .negate(let operand):
            var quantity = try evaluate(operand)
            try refusePoint(quantity, expression.position)
            quantity.value = -quantity.value
            return quantity
        case .percent(let operand):
            return try divide(evaluate(operand), Quantity(Rational(100)), expression.position)
        case .factorial(let operand): return try factorial(evaluate(operand), expression.position)
        case .call(let name, let arguments): return try call(name, arguments, expression.position)
        case .convert(let operand, let target, let text):
            let source = try evaluate(operand)
            let converted = try convert(source, to: target, text: text, expression.position)
            steps?.record(source, "in \(text)", converted)
            return converted
        case .binary: return try chain(expression)
        }
    }

    /// Evaluates `a op b op c …` without recursing along its left side.
    private mutating func chain(_ expression: Expression) throws(CalcError) -> Quantity {
        var links: [(operation: BinaryOperator, right: Expression, position: Int)] = []
        var first = expression
        while case .binary(let operation, let left, let right) = first.kind {
            links.append((operation, right, first.position))
            first = left
        }
        var value: Quantity?
        for link in links.reversed() {
            let left: Quantity
            if let value { left = value } else { left = try evaluate(first) }
            if link.operation == .juxtapose, case .name(let name) = link.right.kind, let unit = catalog.unit(name), unit.isScale {
                value = try point(left, unit, link.position)
                continue
            }
            value = try apply(link.operation, left, link.right, link.position)
        }
        guard let value else { return try evaluate(first) }
        return value
    }

    private mutating func apply(_ operation: BinaryOperator, _ left: Quantity, _ right: Expression, _ position: Int) throws(CalcError)
        -> Quantity
    {
        if operation == .add || operation == .subtract, case .percent(let rate) = right.kind {
            let share = try divide(evaluate(rate), Quantity(Rational(100)), position)
            let part = try multiply(left, share, position)
            let result = try add(left, part, negated: operation == .subtract, position)
            steps?.record(left, operation.rawValue, part, result)
            return result
        }
        let operand = try evaluate(right)
        let result = try apply(operation, left, operand, position)
        if operation != .juxtapose { steps?.record(left, operation.rawValue, operand, result) }
        return result
    }

    private mutating func apply(_ operation: BinaryOperator, _ left: Quantity, _ right: Quantity, _ position: Int) throws(CalcError)
        -> Quantity
    {
        switch operation {
        case .add: try add(left, right, negated: false, position)
        case .subtract: try add(left, right, negated: true, position)
        case .multiply, .juxtapose: try multiply(left, right, position)
        case .divide: try divide(left, right, position)
        case .floorDivide: try floorDivide(left, right, position).quotient
        case .modulo: try floorDivide(left, right, position).remainder
        case .power: try power(left, right, position)
        }
    }

    private func named(_ name: String, _ position: Int) throws(CalcError) -> Quantity {
        switch name {
        case "pi", "π": return Quantity(Elementary.pi(digits: digits), isExact: false)
        case "tau": return Quantity(Elementary.pi(digits: digits) * Rational(2), isExact: false)
        case "e": return Quantity(Elementary.exp(.one, digits: digits), isExact: false)
        default: break
        }
        guard let unit = catalog.unit(name) else {
            let similar = catalog.suggestions(for: name).map { "'\($0)'" }.joined(separator: ", ")
            let hint = similar.isEmpty ? "" : " Did you mean \(similar)?"
            throw CalcError(.unknownName, "Unknown name '\(name.prefix(40))'.\(hint)", at: position)
        }
        guard !unit.isScale else {
            throw CalcError(.domain, "\(name) is a scale and needs a number before it; a difference is written delta_\(unit.symbol).", at: position)
        }
        return Quantity(unit)
    }

    private func point(_ number: Quantity, _ unit: Unit, _ position: Int) throws(CalcError) -> Quantity {
        guard number.isNumber else {
            throw CalcError(.domain, "\(unit.symbol) takes part in no product; a difference is written delta_\(unit.symbol).", at: position)
        }
        var quantity = Quantity(unit)
        quantity.isExact = number.isExact
        quantity.scale = .point
        return try settled(quantity.with(shown: number.value), position)
    }
}

extension Evaluator {
    /// Pays for work in advance.
    mutating func charge(_ units: Int, _ position: Int) throws(CalcError) {
        work += units
        guard work <= Limits.workMax else {
            throw CalcError(.tooCostly, "The expression takes more work than one evaluation may.", at: position)
        }
    }

    /// Pays for a product or a sum of two fractions, with its reduction.
    mutating func charge(_ left: Rational, _ right: Rational, _ position: Int) throws(CalcError) {
        let size = left.limbCount + right.limbCount
        let reduces = !(left.isInteger && right.isInteger)
        try charge(20 + left.limbCount * right.limbCount * 4 + (reduces ? size * size * 40 : 0), position)
    }

    /// Rounds what is approximate and refuses what is too long.
    func settled(_ quantity: Quantity, _ position: Int) throws(CalcError) -> Quantity {
        var settled = quantity
        if !quantity.isExact { settled.value = quantity.value.rounded(significantDigits: digits) }
        let size = max(settled.value.numerator.magnitude.decimalDigitsMax, settled.value.denominator.decimalDigitsMax)
        guard size <= Limits.digitsMax + 1 else {
            throw CalcError(.tooLarge, "The result has more than \(Limits.digitsMax) digits.", at: position)
        }
        return settled
    }

    func refusePoint(_ quantity: Quantity, _ position: Int) throws(CalcError) {
        guard quantity.scale != .point else {
            throw CalcError(.domain, "A temperature on a scale can only be compared, converted, or have a difference added.", at: position)
        }
    }

    func requireSame(_ left: Quantity, _ right: Quantity, _ verb: String, _ position: Int) throws(CalcError) {
        guard left.dimension == right.dimension else {
            throw CalcError(
                .dimension, "Cannot \(verb) \(left.dimension.description) and \(right.dimension.description).", at: position)
        }
    }

    func requireNumber(_ quantity: Quantity, _ role: String, _ position: Int) throws(CalcError) -> Rational {
        guard quantity.isNumber else {
            throw CalcError(.dimension, "\(role) must be a plain number, not \(quantity.dimension.description).", at: position)
        }
        return quantity.value
    }
}

extension Rational {
    var limbCount: Int { numerator.magnitude.limbs.count + denominator.limbs.count }
}
