public import JSON

/// The output of a `model.chat` adapter: the whole answer, after its pieces came as tokens.
public struct ModelChatReply: Codable, Sendable, Hashable {
    /// Why the answer ended.
    public enum FinishReason: String, Codable, Sendable, Hashable, CaseIterable {
        /// The model said all it wanted, or came to a stop text.
        case stop
        /// The answer is as long as it may be.
        case length
        /// The model waits for the tools that it called.
        case toolCalls = "tool_calls"
        /// The provider held something back.
        case contentFilter = "content_filter"
    }

    /// Weights that were laid over the model.
    public struct AppliedAdapter: Codable, Sendable, Hashable {
        /// Their name.
        public var name: String
        /// How strongly.
        public var weight: Double
        /// The digest of the weights, where the server says it.
        public var hash: String?

        /// Names weights.
        public init(name: String, weight: Double, hash: String? = nil) {
            self.name = name
            self.weight = weight
            self.hash = hash
        }
    }

    /// The answer's text: all tokens together.
    public var content: String
    /// The tools that the model calls.
    public var toolCalls: [ModelToolCall]
    /// Why the answer ended.
    public var finishReason: FinishReason
    /// The model that answered, in the server's words.
    public var model: String
    /// The weights that were really applied.
    public var adapters: [AppliedAdapter]
    /// What it cost.
    public var usage: ModelUsage

    /// Makes a reply.
    public init(
        content: String, toolCalls: [ModelToolCall] = [], finishReason: FinishReason, model: String, adapters: [AppliedAdapter] = [],
        usage: ModelUsage = ModelUsage()
    ) {
        self.content = content
        self.toolCalls = toolCalls
        self.finishReason = finishReason
        self.model = model
        self.adapters = adapters
        self.usage = usage
    }

    enum CodingKeys: String, CodingKey {
        case content
        case toolCalls = "tool_calls"
        case finishReason = "finish_reason"
        case model, adapters, usage
    }
}

/// Tokens read and written, as the server counts them; nil where it does not say.
public struct ModelUsage: SchemaProviding, Sendable, Hashable {
    /// Tokens of what was sent.
    public var tokensIn: Int?
    /// Tokens of what came back.
    public var tokensOut: Int?

    /// Makes a count.
    public init(tokensIn: Int? = nil, tokensOut: Int? = nil) {
        self.tokensIn = tokensIn
        self.tokensOut = tokensOut
    }

    enum CodingKeys: String, CodingKey {
        case tokensIn = "tokens_in"
        case tokensOut = "tokens_out"
    }

    /// Both numbers may be absent or null.
    public static var jsonSchema: JSONValue {
        let count: JSONValue = ["type": ["integer", "null"], "minimum": 0]
        return ["type": "object", "properties": ["tokens_in": count, "tokens_out": count], "additionalProperties": false]
    }

    /// Nothing said.
    public static var schemaExample: ModelUsage { ModelUsage() }
}
