import JSON
package import LimenPlugin

/// The plugin as its entry symbol serves it.
package let calcPlugin = Plugin(name: "calc", version: "1.0.0", tools: [EvaluateTool(), ConvertTool(), UnitsTool()])

extension CalcError {
    /// The error as callers see it, with the place in the expression.
    var reported: PluginError {
        PluginError(
            code.rawValue, position.map { "\(message) (at character \($0 + 1))" } ?? message,
            details: position.map { ["position": .number(JSONNumber($0))] } ?? [:])
    }
}

/// What an expression comes to, as callers see it.
struct CalcOutput: Codable, Sendable {
    @Field("The value in the unit: in decimals, or as a fraction n/d, when exact; else rounded to the precision.") var value: String
    @Field("Whether the value is exact.") var exact: Bool
    @Field("A decimal approximation where the value is a fraction.") var approximate: String?
    @Field("The unit, in the calculator's own notation; empty for a plain number.") var unit: String
    @Field("What the unit measures; empty for a plain number.") var dimension: String
    @Field("Each operation with its result, when asked for.") var steps: [String]?
    @Field("Whether further steps were left out.") var stepsTruncated: Bool?

    enum CodingKeys: String, CodingKey {
        case value, exact, approximate, unit, dimension, steps
        case stepsTruncated = "steps_truncated"
    }

    init(_ outcome: Calculator.Outcome, withSteps: Bool) {
        _value = .value(outcome.value)
        _exact = .value(outcome.isExact)
        _approximate = .value(outcome.approximate)
        _unit = .value(outcome.unit)
        _dimension = .value(outcome.dimension)
        _steps = .value(withSteps ? outcome.steps : nil)
        _stepsTruncated = .value(withSteps ? outcome.stepsTruncated : nil)
    }
}

struct EvaluateTool: Tool {
    static let name = "evaluate"
    static let title: String? = "Evaluate an expression"
    static let description = """
        Evaluates a written expression exactly: integers and fractions of any size, + - * / // % ^, percentages (200 + 10%, 10% of 50), \
        functions (sqrt, round, gcd, choose, ln, sin, ...), pi and e, and units (5 km / 20 min in mph, 20 degC in degF, 3 GiB in MB).
        """
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]
    static let timeoutMilliseconds: Int? = 5000

    struct Input: Codable, Sendable {
        @Field("The expression, for example \"5 km / 20 min in mph\".", minLength: 1, maxLength: 4096) var expression: String
        @Field("Significant digits of what cannot be exact.", minimum: 1, maximum: 200) var precision: Int = 34
        @Field("Whether to show each operation.") var steps: Bool = false
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> CalcOutput {
        do {
            let outcome = try Calculator().evaluate(input.expression, precision: input.precision, steps: input.steps)
            return CalcOutput(outcome, withSteps: input.steps)
        } catch {
            throw error.reported
        }
    }
}

struct ConvertTool: Tool {
    static let name = "convert"
    static let title: String? = "Convert a unit"
    static let description =
        "Converts a value exactly from one unit to another of the same dimension: lengths, masses, times, speeds, temperatures, data sizes and more."
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]
    static let timeoutMilliseconds: Int? = 5000

    struct Input: Codable, Sendable {
        @Field("The value: a number or an expression without units.", minLength: 1, maxLength: 4096) var value: String
        @Field("Its unit, for example \"km/h\".", minLength: 1, maxLength: 200) var from: String
        @Field("The unit wanted, for example \"mph\".", minLength: 1, maxLength: 200) var to: String
        @Field("Significant digits of what cannot be exact.", minimum: 1, maximum: 200) var precision: Int = 34
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> CalcOutput {
        do {
            return CalcOutput(try Calculator().convert(input.value, from: input.from, to: input.to, precision: input.precision), withSteps: false)
        } catch {
            throw error.reported
        }
    }
}

struct UnitsTool: Tool {
    static let name = "units"
    static let title: String? = "List units and functions"
    static let description = "Lists the units the calculator knows, by the start of a name or by dimension, and its functions."
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]
    static let timeoutMilliseconds: Int? = 5000

    struct Input: Codable, Sendable {
        @Field("The start of a unit's name, or a dimension such as \"length\" or \"speed\"; empty for all.", maxLength: 100) var query: String = ""
        @Field("Units listed at most.", minimum: 1, maximum: 200) var limit: Int = 200
    }

    struct Entry: Codable, Sendable {
        @Field("The symbol.") var symbol: String
        @Field("Every name, the symbol among them.") var names: [String]
        @Field("What it measures.") var dimension: String
        @Field("Which prefixes it takes: none, metric, or metric and binary.") var prefixes: String

        init(_ entry: UnitCatalog.Entry) {
            _symbol = .value(entry.unit.symbol)
            _names = .value(entry.names)
            _dimension = .value(entry.unit.dimension.description)
            _prefixes = .value(entry.prefixes == .none ? "none" : entry.prefixes == .metric ? "metric" : "metric and binary")
        }
    }

    struct Output: Codable, Sendable {
        @Field("The units found.") var units: [Entry]
        @Field("Every function with its arguments.") var functions: [String]
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        let entries = Calculator().units(matching: input.query, countMax: input.limit).map(Entry.init)
        return Output(units: .value(entries), functions: .value(Calculator.functions.map { "\($0.name)(\($0.arguments)): \($0.summary)" }))
    }
}
