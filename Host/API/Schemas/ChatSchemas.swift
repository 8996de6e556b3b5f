import Chat
import JSON

extension Schemas {
    private static let identifierOrNull: JSONValue = ["type": ["string", "null"], "minLength": 1, "maxLength": JSONValue(Limits.identifierBytesMax)]

    /// Body of a turn.
    static let chat: JSONValue = object(
        [
            "conversation_id": identifier,
            "message": object(
                [
                    "content": ["type": "string", "maxLength": JSONValue(ChatLimits.messageBytesMax)], "mode": ["enum": ["text", "voice"]],
                    "content_struct": object(
                        ["segments": ["type": "array", "maxItems": JSONValue(ChatLimits.segmentsMax), "items": Segments.schema]],
                        required: ["segments"],
                        closed: true),
                ], required: ["content"], closed: true),
            "context_ids": ["type": "array", "maxItems": JSONValue(ChatLimits.contextsMax), "items": identifier], "agent_id": identifier,
            "workflow_id": identifier,
            "model": identifier, "parent_message_id": identifierOrNull,
            "stream": flag, "client_request_id": identifier,
            "max_tokens": ["type": "integer", "minimum": 1, "maximum": JSONValue(ChatLimits.tokensMaxDefault)],
        ], required: ["message"], closed: true)

    /// Body of another answer.
    static let regenerate: JSONValue = object(
        ["model": identifier, "agent_id": identifierOrNull, "stream": flag, "client_request_id": identifier], closed: true)

    static let chatUsage: JSONValue = object(
        ["tokens_in": count, "tokens_out": count, "cost_micros": count, "currency": text, "tool_calls": count, "wall_ms": count],
        required: ["tokens_in", "tokens_out", "cost_micros", "currency", "tool_calls", "wall_ms"])

    private static let structure: JSONValue = object(
        ["segments": ["type": "array", "items": Segments.schema], "summary": text], required: ["segments"])

    /// What a turn answers.
    static let chatReply: JSONValue = object(
        [
            "conversation_id": text, "message_id": text, "content": text, "content_struct": structure, "model": text,
            "adapters": ["type": "array"], "adapter_gates": ["type": "array"], "usage": chatUsage, "context_snippets": ["type": "array"],
            "routing_trace": ["type": "array"], "workflow_trace": ["type": "array"], "truncated": flag,
            "budget_warning": object(
                ["of": ["enum": ["user", "tenant"]], "spent_micros": count, "budget_micros": count],
                required: ["of", "spent_micros", "budget_micros"]),
        ],
        required: [
            "conversation_id", "message_id", "content", "content_struct", "model", "adapters", "adapter_gates", "usage", "context_snippets",
            "routing_trace", "workflow_trace", "truncated",
        ])

    static let cancelTurn: JSONValue = [
        "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
        "properties": ["request_id": identifier, "conversation_id": identifier],
    ]

    static let conversation: JSONValue = object(
        [
            "id": text, "title": text, "status": ["enum": .array(ConversationStatus.allCases.map { .string($0.rawValue) })],
            "active_context_id": textOrNull, "created_at": text, "updated_at": text, "message_count": count,
            "usage": object(
                ["tokens_in": count, "tokens_out": count, "cost_micros": count, "currency": text],
                required: ["tokens_in", "tokens_out", "cost_micros", "currency"]),
        ], required: ["id", "title", "status", "active_context_id", "created_at", "updated_at", "message_count", "usage"])

    static let newConversation: JSONValue = object(
        ["title": ["type": "string", "maxLength": JSONValue(ChatLimits.titleMax)], "active_context_id": identifier], closed: true)

    static let message: JSONValue = object(
        [
            "id": text, "conversation_id": text, "parent_id": textOrNull, "seq": ["type": "integer", "minimum": 1], "sender": text,
            "role": ["enum": .array(MessageRole.allCases.map { .string($0.rawValue) })], "content": text, "content_struct": structure,
            "truncated": flag,
            "usage": ["anyOf": [chatUsage, ["type": "null"]]], "model": textOrNull, "created_at": text, "meta": anyObject,
        ],
        required: [
            "id", "conversation_id", "parent_id", "seq", "sender", "role", "content", "content_struct", "truncated", "usage", "created_at", "meta",
        ])

    static let searchHit: JSONValue = object(
        ["message_id": text, "conversation_id": text, "title": text, "role": text, "snippet": text, "created_at": text],
        required: ["message_id", "conversation_id", "title", "role", "snippet", "created_at"])

    static let newShare: JSONValue = object(
        [
            "expires_in_ms": [
                "type": "integer", "minimum": 60_000, "maximum": JSONValue(ChatLimits.shareMillisecondsMax),
                "default": JSONValue(ChatLimits.shareMillisecondsDefault),
            ]
        ], closed: true)

    private static let shareProperties: JSONObject = [
        "id": text, "conversation_id": text, "until_seq": count, "created_at": text, "expires_at": text,
    ]
    private static let shareRequired = ["id", "conversation_id", "until_seq", "created_at", "expires_at"]
    static let share: JSONValue = object(shareProperties, required: shareRequired)

    /// The same with the token itself, once.
    static let shownShare: JSONValue = {
        var properties = shareProperties
        (properties["token"], properties["path"]) = (text, text)
        return object(properties, required: shareRequired + ["token", "path"])
    }()

    /// What a link shows: nothing that says whose it is.
    static let publicShare: JSONValue = object(
        [
            "title": text, "created_at": text,
            "messages": list(
                of: object(
                    ["seq": count, "role": text, "content": text, "content_struct": structure, "truncated": flag, "created_at": text],
                    required: ["seq", "role", "content", "content_struct", "truncated", "created_at"])),
        ], required: ["title", "created_at", "messages"])

    static let approval: JSONValue = object(
        [
            "id": text, "conversation_id": textOrNull, "message_id": textOrNull, "tool": text, "version": text, "arguments": [:], "digest": text,
            "state": ["enum": ["pending", "approved", "denied", "used"]], "created_at": text, "expires_at": text,
        ], required: ["id", "conversation_id", "message_id", "tool", "version", "arguments", "digest", "state", "created_at", "expires_at"])

    static let decision: JSONValue = object(["decision": ["enum": ["approve", "deny"]]], required: ["decision"], closed: true)

    static let model: JSONValue = object(["name": text, "is_default": flag], required: ["name", "is_default"])

    /// A day in UTC.
    static let day: JSONValue = ["type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"]

    static let usageSum: JSONValue = object(
        [
            "key": text, "turns": count, "tokens_in": count, "tokens_out": count, "tool_calls": count, "cost_micros": count, "currency": text,
        ], required: ["key", "turns", "tokens_in", "tokens_out", "tool_calls", "cost_micros", "currency"])
}
