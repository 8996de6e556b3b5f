/// The operations of an evaluation, in order, as text; bounded in number and length.
struct StepLog: Sendable {
    private(set) var lines: [String] = []
    private(set) var isTruncated = false
    let precision: Int

    init(precision: Int) { self.precision = precision }

    mutating func record(_ left: Quantity, _ operation: String, _ right: Quantity, _ result: Quantity) {
        record("\(text(left)) \(operation) \(text(right)) = \(text(result))")
    }

    mutating func record(_ operand: Quantity, _ suffix: String, _ result: Quantity) {
        record("\(text(operand)) \(suffix) = \(text(result))")
    }

    mutating func record(_ line: String) {
        guard lines.count < Limits.stepsMax else {
            isTruncated = true
            return
        }
        lines.append(line.utf8.count <= Limits.stepCharactersMax ? line : String(line.prefix(Limits.stepCharactersMax)) + "…")
    }

    private func text(_ quantity: Quantity) -> String {
        if quantity.value.limbCount > 40 { return "(a number of many digits)" }
        let size = ResultText.value(quantity, precision: precision)
        return quantity.isNumber ? size : "\(size) \(quantity.unitText)"
    }
}

/// How quantities are written.
enum ResultText {
    static func value(_ quantity: Quantity, precision: Int) -> String {
        quantity.isExact
            ? quantity.shown.exactText(placesMax: Limits.decimalPlacesMax)
            : "≈" + quantity.shown.approximateText(significantDigits: precision)
    }
}
