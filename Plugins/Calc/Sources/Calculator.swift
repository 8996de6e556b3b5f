/// The calculator behind the tools: text in, text out, no state.
package struct Calculator: Sendable {
    private let catalog = UnitCatalog.standard

    package init() {}

    /// What an expression comes to.
    package struct Outcome: Hashable, Sendable {
        /// In decimals or as a fraction when exact, else rounded to the stated precision.
        package let value: String
        package let isExact: Bool
        /// A decimal approximation of a fraction; nil where `value` is in decimals.
        package let approximate: String?
        /// Empty for a plain number.
        package let unit: String
        /// "speed", "length", or base units; empty for a plain number.
        package let dimension: String
        package let steps: [String]
        package let stepsTruncated: Bool
    }

    /// Evaluates an expression; `precision` counts significant digits of what cannot be exact.
    package func evaluate(_ expression: String, precision: Int = Limits.precisionDefault, steps: Bool = false) throws(CalcError) -> Outcome {
        guard precision >= 1 && precision <= Limits.precisionMax else {
            throw CalcError(.argument, "The precision is from 1 to \(Limits.precisionMax) digits.")
        }
        let log = steps ? StepLog(precision: min(precision, 16)) : nil
        var evaluator = Evaluator(catalog: catalog, precision: precision, steps: log)
        let quantity = try evaluator.evaluate(Parser.parse(expression))
        return try outcome(quantity, precision: precision, log: evaluator.steps)
    }

    /// Converts a value, itself an expression of a plain number, from one unit to another.
    package func convert(_ value: String, from: String, to: String, precision: Int = Limits.precisionDefault) throws(CalcError) -> Outcome {
        guard precision >= 1 && precision <= Limits.precisionMax else {
            throw CalcError(.argument, "The precision is from 1 to \(Limits.precisionMax) digits.")
        }
        var evaluator = Evaluator(catalog: catalog, precision: precision)
        let number = try naming("value") { () throws(CalcError) in try Parser.parse(value) }
        let source = try naming("from") { () throws(CalcError) in try Parser.parseUnit(from) }
        let target = try naming("to") { () throws(CalcError) in try Parser.parseUnit(to) }
        let product = Expression(kind: .binary(.juxtapose, number, source), position: 0)
        let quantity = try evaluator.evaluate(Expression(kind: .convert(product, to: target, text: to), position: 0))
        return try outcome(quantity, precision: precision, log: nil)
    }

    /// The units whose name or dimension contains `query`, at most `countMax`.
    package func units(matching query: String, countMax: Int) -> [UnitCatalog.Entry] {
        let wanted = query.lowercased()
        let matches = catalog.entries.filter { entry in
            wanted.isEmpty || entry.unit.dimension.description == wanted
                || entry.names.contains { $0.lowercased().hasPrefix(wanted) }
        }
        return Array(matches.prefix(countMax))
    }

    /// Every function with its arguments and a few words.
    package static var functions: [(name: String, arguments: String, summary: String)] { Evaluator.functions }

    private func naming<T>(_ field: String, _ body: () throws(CalcError) -> T) throws(CalcError) -> T {
        do {
            return try body()
        } catch {
            throw CalcError(error.code, "In '\(field)': \(error.message)", at: error.position)
        }
    }

    private func outcome(_ quantity: Quantity, precision: Int, log: StepLog?) throws(CalcError) -> Outcome {
        let shown = quantity.shown
        guard shown.numerator.magnitude.decimalDigitsMax <= Limits.digitsMax * 2 else {
            throw CalcError(.tooLarge, "The result has more than \(Limits.digitsMax) digits.")
        }
        let inDecimals = quantity.isExact && shown.exactDecimalPlaces(placesMax: Limits.decimalPlacesMax) != nil
        let rounded = shown.approximateText(significantDigits: precision)
        return Outcome(
            value: quantity.isExact ? shown.exactText(placesMax: Limits.decimalPlacesMax) : rounded,
            isExact: quantity.isExact, approximate: quantity.isExact && !inDecimals ? rounded : nil,
            unit: quantity.unitText, dimension: quantity.isNumber ? "" : quantity.dimension.description,
            steps: log?.lines ?? [], stepsTruncated: log?.isTruncated ?? false)
    }
}
