package import Chat
import JSON
import Store
import Workflows

extension APIError {
    /// What conversations refuse, in the contract's words.
    package init(_ error: ChatError) {
        switch error {
        case .missing(let kind): self = .missing(kind)
        case .agentGone:
            self.init(
                .conflict, "The agent of that answer is there no more; name another by `agent_id`, or none by null.",
                details: ["reason": "agent_gone"])
        case .archived: self.init(.conflict, "The conversation is archived; open it first.", details: ["reason": "archived"])
        case .turnRunning:
            self.init(
                .conflict, "This conversation is being answered; wait for the end, or cancel it.",
                details: ["reason": "turn_running", "retry_after_ms": 1000],
                headers: [("Retry-After", "1")])
        case .invalid(let field, let reason):
            let failure: JSONValue = [
                "instance_path": .string("/" + field), "keyword": "policy", "schema_path": "", "message": .string("the \(field) \(reason)"),
            ]
            self.init(.validationError, "The \(field) \(reason).", details: ["errors": [failure], "in": "body"])
        case .tooLong(let bytes, let max):
            self.init(
                .validationError, "The message has \(bytes) bytes; one may have \(max).",
                details: ["reason": "too_long", "bytes_max": JSONValue(max)])
        case .contextOverflow(let tokens, let max):
            self.init(
                .validationError, "What is asked has about \(tokens) tokens; this model's window leaves room for \(max).",
                details: ["reason": "context_overflow", "tokens_max": JSONValue(max)])
        case .toolRounds(let max):
            self.init(
                .conflict, "The model went on calling tools after \(max) rounds; the turn was ended there.",
                details: ["reason": "tool_rounds", "rounds_max": JSONValue(max)])
        case .budget(let spent):
            self.init(
                .rateLimited, "The \(spent.of.rawValue)'s budget of this month does not have what this may cost.",
                details: ["reason": "budget", "of": .string(spent.of.rawValue), "retry_after_ms": JSONValue(spent.retryAfterMilliseconds)],
                headers: [("Retry-After", String((spent.retryAfterMilliseconds + 999) / 1000))])
        case .model(let failure): self.init(failure)
        case .timedOut: self.init(.serverError, "The turn's time is over; what was written so far is kept.", details: ["reason": "timeout"])
        case .cancelled: self.init(.conflict, "The turn was cancelled.", details: ["reason": "cancelled"])
        case .full(let what, let max):
            self.init(.conflict, "There are as many \(what) as there may be: \(max).", details: ["reason": "full", "max": JSONValue(max)])
        case .workflow(let failure):
            var details = failure.details
            (details["reason"], details["node"]) = (.string(failure.reason ?? "workflow"), failure.node.map { .string($0) })
            let place = failure.node.map { " at `\($0)`" } ?? ""
            self.init(
                ErrorCode(rawValue: failure.code.rawValue) ?? .serverError, "The turn's workflow failed\(place): \(failure.message).",
                details: details)
        case .store(let error) where error.code == .invalid:
            self = .invalid("A text or an id has a character that cannot be kept, such as NUL.", reason: "character")
        case .store(let error): self.init(storing: error)
        }
    }

    /// A turn that failed: why, and where what is kept of it stands.
    package init(_ failure: TurnFailure) {
        self.init(failure.cause)
        guard let conversation = failure.conversation else { return }
        details["conversation_id"] = .string(conversation)
        if let message = failure.message { details["message_id"] = .string(message) }
        details["partial"] = .string(failure.partial)
        // The person's message is stored: the same key must not store it again.
        mayHaveActed = true
    }

    private init(_ failure: ModelFailure) {
        var details: JSONObject = ["reason": .string(failure.code.rawValue)]
        var headers: [(name: String, value: String)] = []
        if let milliseconds = failure.retryAfterMilliseconds {
            details["retry_after_ms"] = JSONValue(milliseconds)
            headers.append(("Retry-After", String(max(1, (milliseconds + 999) / 1000))))
        }
        let message = "The model could not answer: \(failure.message)"
        switch failure.code {
        case .unknown: self.init(.notFound, "There is no such model; GET /v1/models lists them.", details: details)
        case .rateLimited: self.init(.rateLimited, message, details: details, headers: headers.isEmpty ? [("Retry-After", "5")] : headers)
        case .invalidRequest, .contextOverflow: self.init(.validationError, message, details: details)
        case .unauthorized, .malformed: self.init(.serverError, message, details: details)
        case .unavailable:
            self.init(.serverError, status: 503, message, details: details, headers: headers.isEmpty ? [("Retry-After", "5")] : headers)
        case .cancelled: self.init(.conflict, message, details: details)
        }
    }
}
