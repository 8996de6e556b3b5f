package import JSON

extension WorkflowDefinition {
    /// The tool that answers a turn of a conversation: no plugin's, but the host's own, and there in turns only.
    package static let answerTool = "chat.answer"

    /// What every tenant's turns run when nothing else is said: one answer, by the rounds of model and tools.
    package static let chatDefault: JSONValue = [
        "kind": .string(kind), "entry": "answer", "timeout_ms": .init(WorkflowLimits.nodeMillisecondsMax),
        "nodes": [
            [
                "id": "answer", "type": "tool_call", "tool": .string(answerTool), "retries": 0,
                "timeout_ms": .init(WorkflowLimits.nodeMillisecondsMax), "next": "done",
            ],
            ["id": "done", "type": "end"],
        ],
    ]
}
