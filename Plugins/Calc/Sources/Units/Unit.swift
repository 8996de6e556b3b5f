/// A unit of measure: its size in coherent units and how it is written.
package struct Unit: Hashable, Sendable {
    /// As written by the caller or shown to one.
    package let symbol: String
    /// How many coherent units one of it is.
    package let factor: Rational
    package let dimension: Dimension
    /// What is added after multiplying: 273.15 for degrees Celsius. Zero for all but temperature scales.
    package var offset: Rational = .zero
    /// False for units that involve pi.
    package var isExact = true
    /// A unit of temperature differences only.
    package var isDifference = false

    /// A scale whose zero is not the absence of the quantity.
    package var isScale: Bool { !offset.isZero }
}

/// Which prefixes a unit takes.
enum Prefixes: String, Sendable {
    case none = "-"
    case metric = "si"
    case binary = "iec"
}

/// One power of a unit in the way a quantity is shown.
struct UnitFactor: Hashable, Sendable {
    let unit: Unit
    var exponent: Int

    /// `kg m/s^2`, which the calculator reads back.
    static func text(_ factors: [UnitFactor]) -> String {
        let above = factors.filter { $0.exponent > 0 }.map { $0.text(1) }
        let below = factors.filter { $0.exponent < 0 }.map { $0.text(-1) }
        let top = above.joined(separator: " ")
        if below.isEmpty { return top }
        let bottom = below.count == 1 ? below[0] : "(" + below.joined(separator: " ") + ")"
        return (top.isEmpty ? "1" : top) + "/" + bottom
    }

    private func text(_ sign: Int) -> String {
        exponent * sign == 1 ? unit.symbol : "\(unit.symbol)^\(exponent * sign)"
    }
}
