import JSON

extension Schemas {
    /// A tool, as SPEC 12 shapes it.
    static let tool: JSONValue = object(
        [
            "id": text, "name": text, "title": text, "description": text, "plugin": text, "version": text,
            "input_schema": ["type": ["object", "boolean"]], "output_schema": ["type": ["object", "boolean", "null"]],
            "annotations": object(["read_only": flag, "destructive": flag, "idempotent": flag, "open_world": flag]),
            "content_type": ["enum": ["json", "text", "html_untrusted"]], "privileged": flag,
            "state": ["enum": ["ready", "broken", "disabled"]],
            "breaker": ["enum": ["closed", "open", "half_open"]],
            "timeout_ms": count, "retries": count, "examples": ["type": "array"],
        ],
        required: [
            "id", "name", "title", "description", "plugin", "version", "input_schema", "output_schema", "annotations", "content_type",
            "privileged", "state", "breaker",
        ])

    private static let callProperties: JSONObject = [
        "input": ["description": "Checked against the tool's input_schema."],
        "conversation_id": ["type": "string", "minLength": 1, "maxLength": JSONValue(Limits.identifierBytesMax)],
        "context_ids": [
            "type": "array", "maxItems": 64, "items": ["type": "string", "minLength": 1, "maxLength": JSONValue(Limits.identifierBytesMax)],
        ],
    ]

    /// Body of an invocation.
    static let toolCall: JSONValue = object(callProperties, required: ["input"], closed: true)

    /// Body of a run: an invocation that names its tool.
    static let toolRun: JSONValue = {
        var properties = callProperties
        properties["tool_id"] = toolID
        return object(properties, required: ["tool_id", "input"], closed: true)
    }()

    /// What a call cost.
    static let usage: JSONValue = object(
        [
            "wall_ms": milliseconds, "cpu_ms": milliseconds, "peak_memory_bytes": count, "input_bytes": count, "output_bytes": count,
            "egress_requests": count, "egress_bytes": count, "retries": count, "worker_start_ms": milliseconds,
        ],
        required: [
            "wall_ms", "cpu_ms", "peak_memory_bytes", "input_bytes", "output_bytes", "egress_requests", "egress_bytes", "retries",
            "worker_start_ms",
        ])

    /// What a call answers.
    static let toolReply: JSONValue = object(
        [
            "output": [:], "content_type": ["enum": ["json", "text", "html_untrusted"]],
            "attachments": [
                "type": "array",
                "items": object(
                    ["name": text, "content_type": text, "size": count, "data_base64": text], required: ["name", "content_type", "size"]),
            ],
            "usage": usage,
        ], required: ["output", "content_type", "attachments", "usage"])
}
