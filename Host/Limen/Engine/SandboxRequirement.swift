import JSON
import Telemetry

/// Refuses to start when a layer that the configuration requires is missing; nothing is weakened silently.
struct SandboxRequirement: Sendable {
    let layers: [String]

    /// - Throws: `CommandError` with a line for each missing layer: its name, why, and how to enable it.
    func check(_ engine: Engine) async throws {
        let posture = try await Posture.await(engine)
        if let refusal = posture.refusal { engine.log.error("plugins are refused", [("reason", .string(refusal))]) }
        let lines = layers.compactMap { name -> String? in
            guard let layer = posture.layer(name) else { return "\(name): the spawner does not know it" }
            return layer.state == .missing ? "\(name): \(layer.detail); to enable it: \(layer.remedy)" : nil
        }
        guard lines.isEmpty else {
            throw CommandError(
                "sandbox.require: this machine and account cannot enforce\n"
                    + lines.map { "  \($0)\n" }.joined() + "`limen doctor` shows every layer; the server does not start without these")
        }
    }
}
