/// Finds units by name, with prefixes.
package struct UnitCatalog: Sendable {
    /// One unit as `units` lists it.
    package struct Entry: Sendable {
        package let unit: Unit
        /// Every name, the shown symbol first.
        package let names: [String]
        let symbols: [String]
        let prefixes: Prefixes
    }

    package private(set) var entries: [Entry] = []
    private var byName: [String: Int] = [:]

    /// The built-in units.
    package static let standard = UnitCatalog()

    private init() {
        for line in UnitTable.text.split(separator: "\n") { define(String(line)) }
        for scale in UnitTable.scales {
            let unit = Unit(symbol: scale.names[0], factor: scale.degree, dimension: Dimension(.temperature), offset: scale.zero)
            add(Entry(unit: unit, names: scale.names, symbols: [], prefixes: .none))
        }
    }

    private mutating func add(_ entry: Entry) {
        for name in entry.names {
            precondition(byName[name] == nil, "two units are called \(name)")
            byName[name] = entries.count
        }
        entries.append(entry)
    }

    private mutating func define(_ line: String) {
        let parts = line.split(separator: "|").map { $0.split(separator: " ").map(String.init) }
        let names = parts[0].split(separator: ";", omittingEmptySubsequences: false)
        let symbols = Array(names[0])
        guard let prefixes = Prefixes(rawValue: parts[1][0]) else { preconditionFailure("unknown prefixes in \(line)") }
        let unit = size(symbol: symbols[0], parts[2])
        add(Entry(unit: unit, names: symbols + Array(names[1]), symbols: symbols, prefixes: prefixes))
    }

    private func size(symbol: String, _ words: [String]) -> Unit {
        if words[0].hasPrefix("#") {
            let base = Dimension.Base.allCases.first { "#\($0)" == words[0] }
            guard let base else { preconditionFailure("unknown base in \(words)") }
            let factor = words.count > 1 ? Rational(BigInteger(1), Natural(1000)) : .one
            return Unit(symbol: symbol, factor: factor, dimension: Dimension(base))
        }
        do {
            var evaluator = Evaluator(catalog: self, precision: Limits.precisionMax + Limits.guardDigits)
            let quantity = try evaluator.evaluate(Parser.parse(words.joined(separator: " ")))
            return Unit(
                symbol: symbol, factor: quantity.value, dimension: quantity.dimension, isExact: quantity.isExact,
                isDifference: symbol.hasPrefix("delta_"))
        } catch {
            preconditionFailure("the unit \(symbol) is ill-defined: \(error)")
        }
    }
}

extension UnitCatalog {
    /// The unit of that name, with or without a prefix; nil if there is none.
    package func unit(_ name: String) -> Unit? {
        if let index = byName[name] {
            let unit = entries[index].unit
            return Unit(
                symbol: UnitCatalog.ascii(name, unit), factor: unit.factor, dimension: unit.dimension, offset: unit.offset,
                isExact: unit.isExact, isDifference: unit.isDifference)
        }
        return prefixed(name)
    }

    /// Long words are shown by their symbol, short names as written.
    private static func ascii(_ name: String, _ unit: Unit) -> String {
        name.utf8.count > 4 || name.hasSuffix("s") && name != "s" ? unit.symbol : name
    }

    private func prefixed(_ name: String) -> Unit? {
        for prefix in UnitTable.metricPrefixes {
            let size = Rational(BigInteger(1), scale: -prefix.exponent)
            if let unit = scaled(name, prefix.symbol, prefix.word, size, metric: true) { return unit }
        }
        for prefix in UnitTable.binaryPrefixes {
            let size = Rational(Natural.one.shiftedLeft(prefix.power).signed)
            if let unit = scaled(name, prefix.symbol, prefix.word, size, metric: false) { return unit }
        }
        return nil
    }

    private func scaled(_ name: String, _ symbol: String, _ word: String, _ size: Rational, metric: Bool) -> Unit? {
        for (prefix, isSymbol) in [(symbol, true), (word, false)] where name.hasPrefix(prefix) {
            let rest = String(name.dropFirst(prefix.count))
            guard let index = byName[rest] else { continue }
            let entry = entries[index]
            guard entry.prefixes == .binary || (metric && entry.prefixes == .metric), entry.symbols.contains(rest) == isSymbol else {
                continue
            }
            let shown = isSymbol ? name : symbol + entry.unit.symbol
            return Unit(symbol: shown, factor: entry.unit.factor * size, dimension: entry.unit.dimension, isExact: entry.unit.isExact)
        }
        return nil
    }

    /// Up to `countMax` known names that resemble a mistyped one.
    func suggestions(for name: String, countMax: Int = 3) -> [String] {
        let wanted = name.lowercased()
        guard wanted.utf8.count <= 40 else { return [] }
        let names = byName.keys.filter { $0.lowercased() == wanted || ($0.utf8.count > 3 && $0.lowercased().hasPrefix(wanted)) }
        return Array(names.sorted { ($0.utf8.count, $0) < ($1.utf8.count, $1) }.prefix(countMax))
    }
}
