package import Artifacts
package import JSON

/// What models' tokens cost a tenant: an artifact of the kind `policy.prices`.
///
/// Money is whole micro-units of one currency. A reply costs what its tokens cost together, rounded up to the next micro-unit, once a reply: sums of what was
/// stored are therefore exact, and a budget is never passed by a fraction. A model that no entry names costs nothing.
package struct PriceTable: Sendable, Hashable {
    /// Micro-units of a million tokens.
    package struct Price: Sendable, Hashable {
        package var input: Int64
        package var output: Int64

        package init(input: Int64, output: Int64) { (self.input, self.output) = (input, output) }

        package static let free = Price(input: 0, output: 0)

        /// What so many tokens cost. No number of tokens and no price overflows: the product is 128 bits wide, and what passes 64 is the most that there is.
        package func cost(tokensIn: Int, tokensOut: Int) -> Int64 {
            let sum = Int128(max(0, tokensIn)) * Int128(input) + Int128(max(0, tokensOut)) * Int128(output)
            return Int64(clamping: (sum + 999_999) / 1_000_000)
        }
    }

    /// ISO 4217.
    package let currency: String
    private let entries: [(pattern: ModelPattern, price: Price)]

    /// Nothing costs anything.
    package static let free = PriceTable(currency: "USD", entries: [])

    private init(currency: String, entries: [(ModelPattern, Price)]) { (self.currency, self.entries) = (currency, entries.map { ($0.0, $0.1) }) }

    /// The price of a model, by the first entry that names it.
    package func price(of model: String) -> Price { entries.first { $0.pattern.matches(model) }?.price ?? .free }

    package static func == (left: PriceTable, right: PriceTable) -> Bool {
        left.currency == right.currency && left.entries.elementsEqual(right.entries) { $0.pattern == $1.pattern && $0.price == $1.price }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(currency)
        for entry in entries { hasher.combine(entry.pattern) }
    }
}

extension PriceTable {
    /// The name of the kind.
    package static let kindName = "policy.prices"
    /// How a table is checked, and the one that every tenant begins with.
    package static let kind = ArtifactKind(
        kindName,
        seeds: [
            ArtifactSeed(
                name: "default", description: "What the tokens of models cost; a model that no entry names costs nothing.",
                schema: [
                    "kind": .string(kindName), "currency": "USD",
                    "models": [["model": .string(ExtractiveModel.name), "input_micros_per_million": 0, "output_micros_per_million": 0]],
                ])
        ]
    ) { check($0) }

    /// Reads a definition.
    /// - Throws: Everything that is wrong with it, each with its place.
    package init(_ schema: JSONValue) throws(PriceTableError) {
        let problems = Self.check(schema)
        guard problems.isEmpty else { throw PriceTableError(problems: problems) }
        let entries = (schema["models"]?.arrayValue ?? []).compactMap { entry -> (ModelPattern, Price)? in
            guard let pattern = ModelPattern(entry["model"]?.stringValue ?? "") else { return nil }
            return (pattern, Price(input: entry[Self.input]?.int64Value ?? 0, output: entry[Self.output]?.int64Value ?? 0))
        }
        self.init(currency: schema["currency"]?.stringValue ?? "", entries: entries)
    }

    private static let input = "input_micros_per_million"
    private static let output = "output_micros_per_million"

    /// What is wrong with a definition; nothing when it can be used.
    package static func check(_ schema: JSONValue) -> [ArtifactProblem] {
        guard let object = schema.objectValue else { return [ArtifactProblem("", "has to be an object")] }
        var problems: [ArtifactProblem] = []
        for name in object.keys where !["kind", "currency", "models"].contains(name) {
            problems.append(ArtifactProblem("/\(JSONPointer.escape(name))", "is no field of a price table; those are currency and models"))
        }
        let currency = object["currency"]?.stringValue ?? ""
        if currency.utf8.count != 3 || !currency.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) {
            problems.append(ArtifactProblem("/currency", "has to be three capital letters (ISO 4217), such as USD"))
        }
        guard let models = object["models"]?.arrayValue, models.count <= ChatLimits.pricesMax else {
            return problems + [ArtifactProblem("/models", "has to be a list of at most \(ChatLimits.pricesMax) prices")]
        }
        for (index, entry) in models.enumerated() { problems += check(entry, at: "/models/\(index)") }
        return problems
    }

    private static func check(_ entry: JSONValue, at place: String) -> [ArtifactProblem] {
        guard let object = entry.objectValue else { return [ArtifactProblem(place, "has to be an object of model, \(input) and \(output)")] }
        var problems: [ArtifactProblem] = []
        for name in object.keys where !["model", input, output].contains(name) {
            problems.append(ArtifactProblem("\(place)/\(JSONPointer.escape(name))", "is no field of a price"))
        }
        if ModelPattern(object["model"]?.stringValue ?? "") == nil {
            problems.append(
                ArtifactProblem("\(place)/model", "has to name models in 1 to \(ChatLimits.modelNameMax) bytes, with `*` for any characters"))
        }
        for name in [input, output] where object[name]?.int64Value.map({ (0...ChatLimits.priceMicrosMax).contains($0) }) != true {
            problems.append(
                ArtifactProblem("\(place)/\(name)", "has to be a whole number of micro-units, 0 to \(ChatLimits.priceMicrosMax)"))
        }
        return problems
    }
}

/// Why a definition is no price table.
package struct PriceTableError: Error, Sendable, Hashable {
    package let problems: [ArtifactProblem]
}
