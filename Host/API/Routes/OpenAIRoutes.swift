import JSON

extension Routes {
    /// What OpenAI's clients ask, answered by the models of this host. Their own error shape, and no envelope.
    static func openAIRoutes(_ chat: LiveChat) -> [Route] {
        let completions = Route.post(
            "/openai/v1/chat/completions", "openAIChatCompletions", tag: "openai",
            "Chat completions as OpenAI's API has them, streaming and tools included; tools are the caller's own. Nothing is stored but what it used.",
            access: .user, limitClass: .chat, body: Schemas.completion, data: Schemas.anyObject, produces: [.json, .events]
        ) { context throws(APIError) in try await chat.complete(context) }.taking(.decodes)
        let models = Route.get(
            "/openai/v1/models", "openAIModels", tag: "openai", "The models, as OpenAI's API lists them.", access: .user, data: Schemas.anyObject,
            enveloped: false
        ) { _ throws(APIError) in chat.openAIModels() }
        let embeddings = Route.post(
            "/openai/v1/embeddings", "openAIEmbeddings", tag: "openai",
            "Vectors of texts by any adapter that makes them, as OpenAI's API has them. Nothing is stored but what it used.", access: .user,
            limitClass: .chat, body: Schemas.embedding, data: Schemas.anyObject
        ) { context throws(APIError) in try await chat.embeddings(context) }
        return [completions.asItIs, embeddings.asItIs, models]
    }
}

extension Route {
    /// The same route without envelope.
    fileprivate var asItIs: Route {
        var route = self
        route.enveloped = false
        return route
    }
}

extension Schemas {
    /// The body of a request for vectors; tokens instead of texts, and vectors of another length, are refused.
    static let embedding: JSONValue = {
        let some: JSONValue = ["type": "string", "minLength": 1]
        return object(
            [
                "model": ["type": "string", "minLength": 1, "maxLength": 255],
                "input": ["anyOf": [some, ["type": "array", "minItems": 1, "maxItems": JSONValue(Limits.openAIInputsMax), "items": some]]],
                "encoding_format": ["enum": ["float", "base64", .null]], "dimensions": ["type": "null"],
            ], required: ["model", "input"])
    }()

    /// The body of a completion, as far as it means something here. Hints at how to choose words (`top_p`, `seed`, penalties) and what is OpenAI's own (`user`,
    /// `store`, `service_tier`) may be there and change nothing; what would change what the answer is, and cannot be had, is refused.
    static let completion: JSONValue = {
        let null: JSONValue = ["type": "null"]
        let part = object(["type": ["const": "text"], "text": text], required: ["type", "text"])
        let content: JSONValue = ["anyOf": [text, null, ["type": "array", "maxItems": JSONValue(Limits.openAIPartsMax), "items": part]]]
        let call = object(
            ["id": text, "type": ["const": "function"], "function": object(["name": text, "arguments": text], required: ["name", "arguments"])],
            required: ["id", "function"])
        let message = object(
            [
                "role": ["enum": ["system", "developer", "user", "assistant", "tool"]], "content": content, "name": textOrNull,
                "tool_calls": ["type": ["array", "null"], "maxItems": JSONValue(Limits.openAIToolsMax), "items": call],
                "tool_call_id": textOrNull, "function_call": null, "audio": null,
            ], required: ["role"])
        let tool = object(
            [
                "type": ["const": "function"],
                "function": object(
                    ["name": ["type": "string", "pattern": "^[A-Za-z0-9_.-]{1,128}$"], "description": textOrNull, "parameters": anyObject],
                    required: ["name"]),
            ], required: ["type", "function"])
        let most: JSONValue = ["type": ["integer", "null"], "minimum": 1]
        return object(
            [
                "model": ["type": "string", "minLength": 1, "maxLength": 255],
                "messages": ["type": "array", "minItems": 1, "maxItems": JSONValue(Limits.openAIMessagesMax), "items": message],
                "tools": ["type": ["array", "null"], "maxItems": JSONValue(Limits.openAIToolsMax), "items": tool],
                "tool_choice": ["enum": ["auto", "none", .null]], "max_tokens": most, "max_completion_tokens": most,
                "temperature": ["type": ["number", "null"], "minimum": 0, "maximum": 2],
                "stop": ["anyOf": [text, null, ["type": "array", "maxItems": 4, "items": text]]],
                "stream": ["type": ["boolean", "null"]], "stream_options": ["type": ["object", "null"]],
                "n": ["enum": [1, .null]], "logprobs": ["enum": [false, .null]], "functions": null, "function_call": null, "audio": null,
                "modalities": ["type": ["array", "null"], "items": ["const": "text"]],
                "response_format": ["type": ["object", "null"], "properties": ["type": ["const": "text"]]],
            ], required: ["model", "messages"])
    }()
}
