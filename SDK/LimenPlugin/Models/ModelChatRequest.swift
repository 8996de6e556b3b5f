public import JSON

/// The input of a `model.chat` adapter: a conversation and what the answer may be.
///
/// The host validates it against its own copy of the schema that is derived from this type.
public struct ModelChatRequest: Codable, Sendable, Hashable {
    /// Who said a message.
    public enum Role: String, Codable, Sendable, Hashable, CaseIterable {
        case system, user, assistant, tool
    }

    /// One message of the conversation.
    public struct Message: Codable, Sendable, Hashable {
        /// Who said it.
        public var role: Role
        /// What was said; may be empty beside tool calls.
        public var content: String
        /// The tools that the assistant called with this message.
        public var toolCalls: [ModelToolCall]?
        /// The call that a message of the role `tool` answers.
        public var toolCallID: String?

        /// Makes a message.
        public init(role: Role, content: String, toolCalls: [ModelToolCall]? = nil, toolCallID: String? = nil) {
            self.role = role
            self.content = content
            self.toolCalls = toolCalls
            self.toolCallID = toolCallID
        }

        enum CodingKeys: String, CodingKey {
            case role, content
            case toolCalls = "tool_calls"
            case toolCallID = "tool_call_id"
        }
    }

    /// Weights that are to be laid over the model for this answer, such as a LoRA.
    public struct AdapterWeight: Codable, Sendable, Hashable {
        /// The name that the server knows them by.
        public var name: String
        /// How strongly, from 0 to 1.
        public var weight: Double

        /// Names weights.
        public init(name: String, weight: Double) {
            self.name = name
            self.weight = weight
        }
    }

    /// The model's name as the adapter knows it, without the plugin's name before it.
    public var model: String
    /// The conversation, oldest first.
    public var messages: [Message]
    /// The tools that the model may call.
    public var tools: [ModelToolSpec]?
    /// The most tokens of the answer; the server's own limit when nil.
    public var maxTokens: Int?
    /// How freely the model chooses; the server's default when nil.
    public var temperature: Double?
    /// Texts at which the answer ends.
    public var stop: [String]?
    /// Weights to lay over the model.
    public var adapters: [AdapterWeight]?

    /// Makes a request.
    public init(
        model: String, messages: [Message], tools: [ModelToolSpec]? = nil, maxTokens: Int? = nil, temperature: Double? = nil, stop: [String]? = nil,
        adapters: [AdapterWeight]? = nil
    ) {
        self.model = model
        self.messages = messages
        self.tools = tools
        self.maxTokens = maxTokens
        self.temperature = temperature
        self.stop = stop
        self.adapters = adapters
    }

    enum CodingKeys: String, CodingKey {
        case model, messages, tools
        case maxTokens = "max_tokens"
        case temperature, stop, adapters
    }
}

/// A call of a tool, as a model asks for it.
public struct ModelToolCall: SchemaProviding, Sendable, Hashable {
    /// Ties the tool's answer to the call.
    public var id: String
    /// The tool's id, such as `calc.evaluate`.
    public var name: String
    /// The tool's input: an object.
    public var arguments: JSONValue

    /// Makes a call; `arguments` is an object.
    public init(id: String, name: String, arguments: JSONValue) {
        self.id = id
        self.name = name
        self.arguments = arguments
    }

    /// The three members, all of them required.
    public static var jsonSchema: JSONValue {
        [
            "type": "object", "properties": ["id": ["type": "string"], "name": ["type": "string"], "arguments": ["type": "object"]],
            "required": ["id", "name", "arguments"], "additionalProperties": false,
        ]
    }

    /// A call without arguments.
    public static var schemaExample: ModelToolCall { ModelToolCall(id: "", name: "", arguments: .object([:])) }
}

/// A tool that a model may call.
public struct ModelToolSpec: SchemaProviding, Sendable, Hashable {
    /// The tool's id, such as `calc.evaluate`. What a provider does not take as a name (``ModelToolNames``), the adapter writes otherwise.
    public var name: String
    /// What it does, for the model.
    public var description: String
    /// The JSON Schema of its input: an object or a boolean.
    public var inputSchema: JSONValue

    /// Makes a tool.
    public init(name: String, description: String, inputSchema: JSONValue) {
        self.name = name
        self.description = description
        self.inputSchema = inputSchema
    }

    enum CodingKeys: String, CodingKey {
        case name, description
        case inputSchema = "input_schema"
    }

    /// The three members, all of them required.
    public static var jsonSchema: JSONValue {
        [
            "type": "object",
            "properties": [
                "name": ["type": "string", "minLength": 1], "description": ["type": "string"], "input_schema": ["type": ["object", "boolean"]],
            ],
            "required": ["name", "description", "input_schema"], "additionalProperties": false,
        ]
    }

    /// A tool that takes anything.
    public static var schemaExample: ModelToolSpec { ModelToolSpec(name: "x", description: "", inputSchema: true) }
}
