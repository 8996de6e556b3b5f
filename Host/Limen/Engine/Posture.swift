import IO
import JSON
import Workers

/// The spawner's report, read as people and `sandbox.require` name the layers.
struct Posture: Sendable {
    /// One protection.
    struct Layer: Sendable {
        enum State: String { case held, missing, notNeeded = "not_needed" }

        let name: String
        let state: State
        /// What holds it, or why it is missing.
        let detail: String
        /// How to enable one that is missing.
        let remedy: String
    }

    /// A rung that was tried, and the step at which it fell.
    struct Attempt: Sendable {
        let rung: String
        let holds: Bool
        let reason: String
    }

    let rung: String
    /// Why no plugin is started; nil when plugins are.
    let refusal: String?
    let json: JSONValue
    let layers: [Layer]
    let attempts: [Attempt]

    /// Waits for the spawner's report.
    /// - Throws: `CommandError` when it does not come.
    static func await(_ engine: Engine) async throws -> Posture {
        let deadline = Deadline.after(milliseconds: 30_000)
        while engine.workers.posture.isEmpty {
            guard !deadline.hasPassed, !engine.workers.isLost else { throw CommandError("the spawner has not said what it can enforce") }
            try await engine.loop.sleep(until: .after(milliseconds: 2))
        }
        return Posture(try JSONValue(parsing: engine.workers.posture))
    }

    private init(_ json: JSONValue) {
        self.json = json
        rung = json["rung"]?.stringValue ?? "none"
        let words = json["refusal"]?.stringValue ?? ""
        refusal = words.isEmpty ? nil : words
        layers = (json["layers"]?.arrayValue ?? []).map {
            Layer(
                name: $0["name"]?.stringValue ?? "", state: ($0["state"]?.stringValue).flatMap(Layer.State.init) ?? .missing,
                detail: $0["detail"]?.stringValue ?? "", remedy: $0["remedy"]?.stringValue ?? "")
        }
        attempts = (json["attempts"]?.arrayValue ?? []).map {
            Attempt(
                rung: $0["rung"]?.stringValue ?? "", holds: $0["holds"]?.boolValue ?? false, reason: $0["reason"]?.stringValue ?? "")
        }
    }

    /// The layer that `sandbox.require` calls by that name.
    func layer(_ name: String) -> Layer? { layers.first { $0.name == name } }

    /// Layers that are missing, apart from those that an ordinary account cannot have and the rung replaces.
    var missing: [Layer] { layers.filter { $0.state == .missing && $0.name != "user" } }
}
