import JSON
import JSONSchema
import Registry

/// The host's own copy of what adapters take and give: fixed, whatever a plugin says of itself.
///
/// It equals what the SDK derives from `ModelChatRequest` and its like; a test compares the two.
package enum AdapterContract {
    /// Input and output of a kind, as schemas.
    package static func texts(_ kind: AdapterKind) -> (input: String, output: String) {
        switch kind {
        case .modelChat: (chatInput, chatOutput)
        case .modelEmbed: (embedInput, embedOutput)
        // Not settled yet: any object.
        case .modelTrain, .parserDocument, .speechTranscribe, .speechSynthesize: (object, object)
        }
    }

    /// The same, compiled once.
    static func schemas(_ kind: AdapterKind) -> (input: CompiledSchema, output: CompiledSchema) {
        switch kind {
        case .modelChat: chat
        case .modelEmbed: embed
        case .modelTrain, .parserDocument, .speechTranscribe, .speechSynthesize: any
        }
    }

    private static let chat = compiled(.modelChat)
    private static let embed = compiled(.modelEmbed)
    private static let any = compiled(.parserDocument)

    private static func compiled(_ kind: AdapterKind) -> (input: CompiledSchema, output: CompiledSchema) {
        let texts = texts(kind)
        do {
            return (try CompiledSchema(JSONValue(parsing: texts.input)), try CompiledSchema(JSONValue(parsing: texts.output)))
        } catch {
            preconditionFailure("the contract of \(kind.rawValue) is no schema: \(error)")
        }
    }

    private static let object = #"{"type": "object"}"#

    private static let call = #"""
        {
          "type": "object",
          "properties": { "id": { "type": "string" }, "name": { "type": "string" }, "arguments": { "type": "object" } },
          "required": ["id", "name", "arguments"], "additionalProperties": false
        }
        """#

    private static let usage = #"""
        {
          "type": "object",
          "properties": {
            "tokens_in": { "type": ["integer", "null"], "minimum": 0 }, "tokens_out": { "type": ["integer", "null"], "minimum": 0 }
          },
          "additionalProperties": false
        }
        """#

    private static let chatInput = #"""
        {
          "type": "object",
          "properties": {
            "model": { "type": "string" },
            "messages": {
              "type": "array",
              "items": {
                "type": "object",
                "properties": {
                  "role": { "type": "string", "enum": ["system", "user", "assistant", "tool"] },
                  "content": { "type": "string" },
                  "tool_calls": { "type": "array", "items": \#(call) },
                  "tool_call_id": { "type": "string" }
                },
                "required": ["role", "content"], "additionalProperties": false
              }
            },
            "tools": {
              "type": "array",
              "items": {
                "type": "object",
                "properties": {
                  "name": { "type": "string", "minLength": 1 }, "description": { "type": "string" },
                  "input_schema": { "type": ["object", "boolean"] }
                },
                "required": ["name", "description", "input_schema"], "additionalProperties": false
              }
            },
            "max_tokens": { "type": "integer" },
            "temperature": { "type": "number" },
            "stop": { "type": "array", "items": { "type": "string" } },
            "adapters": {
              "type": "array",
              "items": {
                "type": "object",
                "properties": { "name": { "type": "string" }, "weight": { "type": "number" } },
                "required": ["name", "weight"], "additionalProperties": false
              }
            }
          },
          "required": ["model", "messages"], "additionalProperties": false
        }
        """#

    private static let chatOutput = #"""
        {
          "type": "object",
          "properties": {
            "content": { "type": "string" },
            "tool_calls": { "type": "array", "items": \#(call) },
            "finish_reason": { "type": "string", "enum": ["stop", "length", "tool_calls", "content_filter"] },
            "model": { "type": "string" },
            "adapters": {
              "type": "array",
              "items": {
                "type": "object",
                "properties": { "name": { "type": "string" }, "weight": { "type": "number" }, "hash": { "type": "string" } },
                "required": ["name", "weight"], "additionalProperties": false
              }
            },
            "usage": \#(usage)
          },
          "required": ["content", "tool_calls", "finish_reason", "model", "adapters", "usage"], "additionalProperties": false
        }
        """#

    private static let embedInput = #"""
        {
          "type": "object",
          "properties": { "model": { "type": "string" }, "input": { "type": "array", "items": { "type": "string" } } },
          "required": ["model", "input"], "additionalProperties": false
        }
        """#

    private static let embedOutput = #"""
        {
          "type": "object",
          "properties": {
            "model": { "type": "string" },
            "embeddings": { "type": "array", "items": { "type": "array", "items": { "type": "number" } } },
            "usage": \#(usage)
          },
          "required": ["model", "embeddings", "usage"], "additionalProperties": false
        }
        """#
}
