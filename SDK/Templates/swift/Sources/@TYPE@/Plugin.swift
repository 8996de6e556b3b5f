import LimenPlugin

/// What this library offers.
public let plugin = Plugin(name: "@NAME@", version: "0.1.0", tools: [Greet()])

/// Greets a person.
struct Greet: Tool {
    static let name = "greet"
    static let description = "Greets a person."
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]

    /// JSON Schemas are derived from these types: `limen plugin schema` prints them.
    struct Input: Codable, Sendable {
        @Field("Whom to greet.", minLength: 1, maxLength: 100) var name: String
        @Field("How often.", minimum: 1, maximum: 10) var times: Int = 1
    }

    struct Output: Codable, Sendable {
        var greeting: String
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        guard input.name != "nobody" else { throw PluginError("nobody_there", "There is nobody to greet.") }
        var greetings: [String] = []
        for round in 1...input.times {
            try context.checkCancellation()
            context.progress(Double(round) / Double(input.times), "greeting \(round)")
            greetings.append("Hello, \(input.name)!")
        }
        return Output(greeting: greetings.joined(separator: " "))
    }
}
