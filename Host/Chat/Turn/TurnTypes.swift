package import JSON
package import Tools

/// What a person asks for in one turn, checked as far as HTTP can.
package struct TurnRequest: Sendable {
    /// Nil for a new conversation.
    package var conversation: String?
    package var content: String
    /// Parts of the message; empty when there is only text.
    package var segments: [JSONValue] = []
    /// `text` or `voice`.
    package var mode = "text"
    package var model: String?
    /// The agent whose turn it is.
    package var agent: String?
    /// Whether nobody named the agent now: it is that of the answer to be replaced.
    package var isAgentRemembered = false
    package var contexts: [String] = []
    /// The message that this one follows; `.some(nil)` begins a branch of its own, nil is the conversation's latest.
    package var parent: String??
    /// The message to be answered anew, instead of a new one.
    package var again: String?
    package var tokensMax: Int?
    /// The workflow that the turn runs by; nil for the agent's or the tenant's own.
    package var workflow: String?

    package init(conversation: String? = nil, content: String) { (self.conversation, self.content) = (conversation, content) }
}

/// Who asks, and by which request.
package struct TurnOrigin: Sendable {
    package var caller: Caller
    package var requestID: String
    package var traceparent: String
    /// The plan of whoever asks, which decides what he may spend.
    package var plan: String

    package init(caller: Caller, requestID: String, traceparent: String = "", plan: String = "free") {
        (self.caller, self.requestID, self.traceparent, self.plan) = (caller, requestID, traceparent, plan)
    }

    var speaker: Speaker { Speaker(tenant: caller.tenant, account: caller.user) }
}

/// What a turn tells while it runs.
package enum TurnEvent: Sendable, Hashable {
    /// The next piece of the text, and its number from 0.
    case token(String, index: Int)
    /// What was decided or done: `routing`, `workflow`, `tool` or `approval`.
    case trace(kind: String, entry: JSONValue)
}

/// Where a turn's events go; throws when nobody listens any more, which ends the turn.
package protocol TurnSink: Sendable {
    func send(_ event: TurnEvent) async throws
}

/// Keeps nothing.
package struct SilentSink: TurnSink {
    package init() {}
    package func send(_ event: TurnEvent) async throws {}
}

/// What a turn answered: the contract's chat reply.
package struct TurnReply: Sendable {
    package var conversation: String
    package var message: String
    package var content: String
    package var segments: [JSONValue]
    package var model: String
    package var adapters: [JSONValue] = []
    package var usage: MessageUsage
    package var snippets: [Passage] = []
    package var routing: [JSONValue] = []
    package var workflow: [JSONValue] = []
    package var isTruncated: Bool
    /// Whether somebody cancelled it.
    package var isCancelled = false
    /// Whose budget is nearly spent.
    package var warning: BudgetWarning?

    /// `message_done`'s data.
    package var json: JSONValue {
        guard let warning, var object = plain.objectValue else { return plain }
        object["budget_warning"] = warning.json
        return .object(object)
    }

    private var plain: JSONValue {
        [
            "conversation_id": .string(conversation), "message_id": .string(message), "content": .string(content),
            "content_struct": ["segments": .array(segments)], "model": .string(model), "adapters": .array(adapters), "adapter_gates": [],
            "usage": usage.json, "context_snippets": .array(snippets.map(\.json)), "routing_trace": .array(routing),
            "workflow_trace": .array(workflow),
            "truncated": .bool(isTruncated),
        ]
    }
}

/// How a turn ended, for the log and metrics: one line a turn (OPS-10, CHAT-13).
package struct TurnRecord: Sendable {
    package var requestID: String
    package var tenant: String
    package var account: String
    package var conversation: String
    package var message: String
    package var model: String
    /// The agent's id; nil without one.
    package var agent: String?
    package var usage: MessageUsage
    package var rounds: Int
    /// `ok`, `cancelled`, or the error's name.
    package var outcome: String
    /// From the request to the first piece of text; nil when there was none.
    package var firstTokenMilliseconds: Double?
}
