import IO
import JSON
import Workers

/// The spawner's report, read as people and `sandbox.require` name the layers.
struct Posture: Sendable {
    let rung: String
    let json: JSONValue
    let layers: [(name: String, isHeld: Bool, detail: String)]

    /// Waits for the spawner's report.
    /// - Throws: `CommandError` when it does not come.
    static func await(_ engine: Engine) async throws -> Posture {
        let deadline = Deadline.after(milliseconds: 10_000)
        while engine.workers.posture.isEmpty {
            guard !deadline.hasPassed, !engine.workers.isLost else { throw CommandError("the spawner has not said what it can enforce") }
            try await engine.loop.sleep(until: .after(milliseconds: 2))
        }
        return Posture(try JSONValue(parsing: engine.workers.posture))
    }

    private init(_ json: JSONValue) {
        self.json = json
        rung = json["rung"]?.stringValue ?? "unknown"
        layers = (json["layers"]?.arrayValue ?? []).map {
            ($0["name"]?.stringValue ?? "", $0["held"]?.boolValue ?? false, $0["detail"]?.stringValue ?? "")
        }
    }

    /// The spawner's layer that carries what `sandbox.require` calls by that name.
    static func layer(for requirement: String) -> String {
        switch requirement {
        case "user": "own user a slot"
        case "capabilities": "no capabilities"
        case "no_new_privileges": "no new privileges"
        case "mount", "pid", "network", "ipc", "uts", "cgroup": "namespaces"
        case "memory_limit", "cpu_limit", "task_limit": "cgroups"
        default: requirement
        }
    }

    /// Whether a required layer holds here.
    func holds(_ requirement: String) -> Bool { layers.contains { $0.name == Self.layer(for: requirement) && $0.isHeld } }
}

/// Refuses to start when a layer that the configuration requires is missing; nothing is weakened silently.
struct SandboxRequirement: Sendable {
    let layers: [String]

    /// - Throws: `CommandError` naming what is missing.
    func check(_ engine: Engine) async throws {
        let posture = try await Posture.await(engine)
        let missing = layers.filter { !posture.holds($0) }
        guard missing.isEmpty else {
            throw CommandError(
                "sandbox.require: this machine and account cannot enforce \(missing.joined(separator: ", ")); `limen doctor` shows why")
        }
    }
}
