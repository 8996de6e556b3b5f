package import JSON
import Store

/// What became of one node of a run (WF-1). There is one for each node that was come to, at most `WorkflowLimits.nodesMax`, and each is bounded.
package struct WorkflowTraceEntry: Sendable, Hashable {
    /// How it ended.
    package enum Outcome: String, Sendable, Hashable, CaseIterable {
        case ok, error, timeout, cancelled
        /// It was begun and has not ended: of runs under way, and of what a run's end left behind.
        case running
    }

    package var node: String
    package var type: String
    package var outcome: Outcome
    /// Milliseconds since 1970-01-01 UTC.
    package var startedAt: Int64
    package var endedAt: Int64
    /// How often the tool was called; 0 where none was.
    package var tries = 0
    /// How often its time ran out: once at most, since that is counted over all tries.
    package var timeouts = 0
    package var tool: String?
    /// The version of the tool's plugin.
    package var version: String?
    /// Where it went on; nil at the end of a branch or of the run.
    package var next: String?
    package var failure: WorkflowFailure?

    /// As replies and events show it.
    package var json: JSONValue {
        var object: JSONObject = [
            "node": .string(node), "type": .string(type), "outcome": .string(outcome.rawValue),
            "started_at": .string(Timestamp.text(milliseconds: startedAt)), "wall_ms": JSONValue(max(0, endedAt - startedAt)),
            "tries": JSONValue(tries), "retries": JSONValue(max(0, tries - 1)), "timeouts": JSONValue(timeouts),
        ]
        if let tool { object["tool"] = .string(tool) }
        if let version { object["version"] = .string(version) }
        if let next { object["next"] = .string(next) }
        if let failure { object["error"] = failure.json }
        return .object(object)
    }
}
