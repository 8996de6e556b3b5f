package import JSON
import Supervisor
package import Tools

/// A tool as a turn may use it.
package struct ChatTool: Sendable {
    package var id: String
    package var version: String
    package var description: String
    package var inputSchema: JSONValue
    /// Whether a person is asked before it runs.
    package var isDestructive: Bool

    package init(id: String, version: String, description: String, inputSchema: JSONValue, isDestructive: Bool) {
        (self.id, self.version, self.description, self.inputSchema, self.isDestructive) = (id, version, description, inputSchema, isDestructive)
    }
}

/// The tools of turns, behind the one call path.
package protocol ChatToolbox: Sendable {
    /// What can be called now and needs no privilege, sorted by id.
    func tools() -> [ChatTool]
    func call(_ call: ToolCall) async -> ToolOutcome
}

/// No tools.
package struct NoTools: ChatToolbox {
    package init() {}
    package func tools() -> [ChatTool] { [] }
    package func call(_ call: ToolCall) async -> ToolOutcome {
        ToolOutcome(result: .failure(ToolError(.notFound, "there are no tools here")), usage: .init(), tool: nil, version: nil)
    }
}
