package import JSON
package import LimenPlugin

/// The body of `POST …/chat/completions`.
package enum ChatCompletionRequest {
    /// Messages and tools in the provider's form, with what every server takes.
    package static func body(_ request: ModelChatRequest, _ names: ModelToolNames) -> JSONObject {
        var body: JSONObject = ["model": .string(request.model), "messages": .array(request.messages.map { message($0, names) }), "stream": true]
        if let tools = request.tools, !tools.isEmpty { body["tools"] = .array(tools.map { tool($0, names) }) }
        if let tokens = request.maxTokens { body["max_tokens"] = JSONValue(tokens) }
        if let temperature = request.temperature { body["temperature"] = JSONValue(temperature) }
        if let stop = request.stop, !stop.isEmpty { body["stop"] = .array(stop.map { .string($0) }) }
        return body
    }

    private static func message(_ message: ModelChatRequest.Message, _ names: ModelToolNames) -> JSONValue {
        var object: JSONObject = ["role": .string(message.role.rawValue), "content": .string(message.content)]
        if let calls = message.toolCalls, !calls.isEmpty {
            if message.content.isEmpty { object["content"] = .null }
            object["tool_calls"] = .array(
                calls.map { call in
                    [
                        "id": .string(call.id), "type": "function",
                        "function": ["name": .string(names.provider(call.name)), "arguments": .string(call.arguments.text)],
                    ]
                })
        }
        if let id = message.toolCallID { object["tool_call_id"] = .string(id) }
        return .object(object)
    }

    private static func tool(_ tool: ModelToolSpec, _ names: ModelToolNames) -> JSONValue {
        [
            "type": "function",
            "function": [
                "name": .string(names.provider(tool.name)), "description": .string(tool.description), "parameters": parameters(tool.inputSchema),
            ],
        ]
    }

    /// Providers want the schema of an object.
    package static func parameters(_ schema: JSONValue) -> JSONValue {
        guard case .object(var object) = schema else { return ["type": "object", "properties": [:]] }
        if object["type"] == nil { object["type"] = "object" }
        return .object(object)
    }
}

/// `POST …/embeddings`, which all of them have alike.
package enum Embeddings {
    /// Asks for the vectors of a request's texts.
    package static func ask(_ request: ModelEmbedRequest, _ server: Server, _ context: ToolContext) async throws -> ModelEmbedReply {
        let body: JSONObject = [
            "model": .string(request.model), "input": .array(request.input.map { .string($0) }), "encoding_format": "float",
        ]
        return try reply(try await server.json(try await server.post("/embeddings", body, context)), request, server.errors)
    }

    static func reply(_ value: JSONValue, _ request: ModelEmbedRequest, _ errors: ProviderError) throws -> ModelEmbedReply {
        if let error = value["error"], !error.isNull { throw errors.complained(value, sentTokens: false) }
        var vectors = [[Double]?](repeating: nil, count: request.input.count)
        for (position, item) in (value["data"]?.arrayValue ?? []).enumerated() {
            let index = item["index"]?.intValue ?? position
            guard vectors.indices.contains(index), let numbers = item["embedding"]?.arrayValue else { continue }
            let vector = numbers.compactMap(\.doubleValue)
            if vector.count == numbers.count, !vector.isEmpty { vectors[index] = vector }
        }
        let complete = vectors.compactMap { $0 }
        guard complete.count == request.input.count else {
            throw errors.malformed("\(complete.count) usable vectors for \(request.input.count) texts", sentTokens: false)
        }
        let counted = value["usage"]?["prompt_tokens"]?.intValue
        return ModelEmbedReply(
            model: value["model"]?.stringValue ?? request.model, embeddings: complete,
            usage: ModelUsage(tokensIn: counted.flatMap { $0 < 0 ? nil : $0 }))
    }
}

/// The one event of an answer that comes at once.
package struct WholeAnswer<Output: Codable & Sendable>: AsyncSequence, Sendable {
    package typealias Element = AdapterEvent<Output>
    private let output: Output

    package init(_ output: Output) { self.output = output }

    package func makeAsyncIterator() -> Iterator { Iterator(output: output) }

    package struct Iterator: AsyncIteratorProtocol {
        var output: Output?
        package mutating func next() async -> AdapterEvent<Output>? {
            defer { output = nil }
            return output.map { .output($0) }
        }
    }
}
