package import JSON

/// A message as a model is given it.
package struct ModelMessage: Sendable, Hashable {
    package var role: MessageRole
    package var content: String
    /// Tools that an assistant's message asked for.
    package var toolCalls: [ModelToolCall] = []
    /// Which of them a tool's message answers.
    package var toolCallID: String?
    /// Where it is kept, for citations; nil for what is not kept.
    package var source: String?

    package init(_ role: MessageRole, _ content: String, toolCalls: [ModelToolCall] = [], toolCallID: String? = nil, source: String? = nil) {
        (self.role, self.content, self.toolCalls, self.toolCallID, self.source) = (role, content, toolCalls, toolCallID, source)
    }

    /// As an adapter's `messages` has it.
    var json: JSONValue {
        var object: JSONObject = ["role": .string(role.rawValue), "content": .string(content)]
        if !toolCalls.isEmpty { object["tool_calls"] = .array(toolCalls.map(\.json)) }
        if let toolCallID { object["tool_call_id"] = .string(toolCallID) }
        return .object(object)
    }
}

/// A tool that a model asks for.
package struct ModelToolCall: Sendable, Hashable {
    /// The model's own name of the call.
    package var id: String
    /// Id of the tool.
    package var name: String
    /// What it is called with; checked against the tool's schema by the call path.
    package var arguments: JSONValue

    package init(id: String, name: String, arguments: JSONValue) { (self.id, self.name, self.arguments) = (id, name, arguments) }

    var json: JSONValue { ["id": .string(id), "name": .string(name), "arguments": arguments] }
}

/// A tool as a model is shown it.
package struct ModelTool: Sendable, Hashable {
    package var name: String
    package var description: String
    package var inputSchema: JSONValue

    package init(name: String, description: String, inputSchema: JSONValue) {
        (self.name, self.description, self.inputSchema) = (name, description, inputSchema)
    }
}

/// Something that an answer may be made of and cite.
package struct Passage: Sendable, Hashable {
    /// Where it is from: a message, a file, a page.
    package var source: String
    package var title: String
    package var text: String

    package init(source: String, title: String, text: String) { (self.source, self.title, self.text) = (source, title, text) }

    /// The contract's `context_snippets` entry.
    package var json: JSONValue { ["source": .string(source), "title": .string(title), "text": .string(text)] }
}

/// What a model is asked.
package struct ModelRequest: Sendable {
    /// The model's name.
    package var model: String
    /// Oldest first.
    package var messages: [ModelMessage]
    package var tools: [ModelTool] = []
    package var passages: [Passage] = []
    package var tokensMax = ChatLimits.tokensMaxDefault
    package var temperature: Double?
    package var stop: [String] = []

    package init(model: String, messages: [ModelMessage]) { (self.model, self.messages) = (model, messages) }

    /// The input of a `model.chat` adapter.
    package var json: JSONValue {
        var object: JSONObject = [
            "model": .string(model), "messages": .array(messages.map(\.json)), "max_tokens": JSONValue(tokensMax),
        ]
        if !tools.isEmpty {
            object["tools"] = .array(
                tools.map { ["name": .string($0.name), "description": .string($0.description), "input_schema": $0.inputSchema] })
        }
        if let temperature { object["temperature"] = JSONValue(temperature) }
        if !stop.isEmpty { object["stop"] = .array(stop.map { .string($0) }) }
        return .object(object)
    }
}

/// What a model answers.
package struct ModelReply: Sendable {
    /// Why it stopped.
    package enum Finish: String, Sendable {
        case stop, length
        case toolCalls = "tool_calls"
        case contentFilter = "content_filter"
    }

    /// All of the text, the streamed tokens put together.
    package var content: String
    package var toolCalls: [ModelToolCall] = []
    package var finish = Finish.stop
    /// The model that really answered.
    package var model: String
    /// Adapters that were really applied, as JSON.
    package var adapters: [JSONValue] = []
    /// Nil where the server does not say.
    package var tokensIn: Int?
    package var tokensOut: Int?
    /// What the text cites, as segments.
    package var citations: [JSONValue] = []

    package init(content: String, model: String) { (self.content, self.model) = (content, model) }
}

/// How a model failed.
package struct ModelFailure: Error, Sendable, Hashable {
    package enum Code: String, Sendable, Hashable {
        /// There is no such model here.
        case unknown = "unknown_model"
        /// The provider has had too many requests.
        case rateLimited = "rate_limited"
        /// It cannot be reached, failed or fell silent.
        case unavailable
        /// The provider refused the key.
        case unauthorized
        /// The provider refused the request.
        case invalidRequest = "invalid_request"
        /// The messages are longer than the model takes.
        case contextOverflow = "context_overflow"
        /// Its answer breaks its own protocol.
        case malformed = "malformed_reply"
        /// Whoever asked gave up.
        case cancelled
    }

    package var code: Code
    /// For the person who asked.
    package var message: String
    package var retryAfterMilliseconds: Int?

    package init(_ code: Code, _ message: String, retryAfterMilliseconds: Int? = nil) {
        (self.code, self.message, self.retryAfterMilliseconds) = (code, message, retryAfterMilliseconds)
    }

    /// Whether another model of a chain may do better.
    var isWorthAnother: Bool {
        switch code {
        case .unknown, .rateLimited, .unavailable, .unauthorized, .malformed: true
        case .invalidRequest, .contextOverflow, .cancelled: false
        }
    }
}
