/// What a quantity measures: whole exponents of the base dimensions.
package struct Dimension: Hashable, Sendable {
    /// The base dimensions: SI's seven, information and plane angle.
    package enum Base: Int, CaseIterable, Sendable {
        case length, mass, time, current, temperature, amount, luminosity, information, angle

        /// The coherent unit in which values are kept.
        var unit: String {
            switch self {
            case .length: "m"
            case .mass: "kg"
            case .time: "s"
            case .current: "A"
            case .temperature: "K"
            case .amount: "mol"
            case .luminosity: "cd"
            case .information: "bit"
            case .angle: "turn"
            }
        }
    }

    private var exponents = SIMD16<Int8>()

    package static let none = Dimension()

    package init() {}

    package init(_ base: Base) { exponents[base.rawValue] = 1 }

    package subscript(base: Base) -> Int { Int(exponents[base.rawValue]) }

    package var isNone: Bool { self == .none }

    /// Adds `other` times `factor`; nil if an exponent leaves its bounds.
    func adding(_ other: Dimension, times factor: Int = 1) -> Dimension? {
        var sum = self
        for base in Base.allCases {
            let exponent = self[base] + other[base] * factor
            guard exponent.magnitude <= Limits.unitExponentMax else { return nil }
            sum.exponents[base.rawValue] = Int8(exponent)
        }
        return sum
    }

    /// The dimension whose power `degree` this is; nil if there is none.
    func root(_ degree: Int) -> Dimension? {
        var root = self
        for base in Base.allCases {
            guard self[base] % degree == 0 else { return nil }
            root.exponents[base.rawValue] = Int8(self[base] / degree)
        }
        return root
    }

    /// A name such as "speed", else the product of base units.
    package var description: String {
        if isNone { return "a plain number" }
        return Dimension.names[self]
            ?? Base.allCases.compactMap { base in
                self[base] == 0 ? nil : self[base] == 1 ? base.unit : "\(base.unit)^\(self[base])"
            }.joined(separator: " ")
    }

    private static let names: [Dimension: String] = {
        var names: [Dimension: String] = [:]
        for base in Base.allCases { names[Dimension(base)] = "\(base)" }
        let derived: [(String, [(Base, Int)])] = [
            ("area", [(.length, 2)]), ("volume", [(.length, 3)]), ("speed", [(.length, 1), (.time, -1)]),
            ("acceleration", [(.length, 1), (.time, -2)]), ("force", [(.mass, 1), (.length, 1), (.time, -2)]),
            ("energy", [(.mass, 1), (.length, 2), (.time, -2)]), ("power", [(.mass, 1), (.length, 2), (.time, -3)]),
            ("pressure", [(.mass, 1), (.length, -1), (.time, -2)]), ("frequency", [(.time, -1)]),
            ("data rate", [(.information, 1), (.time, -1)]), ("density", [(.mass, 1), (.length, -3)]),
            ("angular speed", [(.angle, 1), (.time, -1)]),
        ]
        for (name, factors) in derived {
            var dimension = Dimension()
            for (base, exponent) in factors { dimension.exponents[base.rawValue] = Int8(exponent) }
            names[dimension] = name
        }
        return names
    }()
}
