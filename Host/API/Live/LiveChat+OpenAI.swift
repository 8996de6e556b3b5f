import Chat
import Crypto
import IO
import JSON
import Store
import Tools

/// OpenAI's chat completions (platform.openai.com/docs/api-reference/chat) over the models of this host.
extension LiveChat {
    /// A name that stands for whatever model answers who names none.
    private static let standard = "default"

    func complete(_ context: RequestContext) async throws(APIError) -> Reply {
        let service = try serving()
        let request = try Self.request(context.body)
        let name = context.body["model"]?.stringValue
        let model = name == Self.standard ? nil : name
        let origin = TurnOrigin(context)
        let completion = Completion(id: "chatcmpl-\(context.requestID)", created: StoreClock.nowMilliseconds() / 1000)
        guard context.body["stream"]?.boolValue == true || context.accepts == .events else {
            let done = try await checked { () async throws(ChatError) in
                try await service.complete(request, model: model, origin, tokens: NoTokens())
            }
            return .data(completion.whole(done), warning: done.warning)
        }
        // What can be told before the head is sent is told by its status.
        try await checked { () async throws(ChatError) in try await service.precheck(request, model: model, origin) }
        let wantsUsage = context.body["stream_options"]?["include_usage"]?.boolValue == true
        return .dataEvents { write in
            try await Self.stream(request, model: model, origin, service, completion, wantsUsage: wantsUsage, write)
        }
    }

    func openAIModels() -> Reply {
        let embedders = embedderNames.filter { !modelNames.contains($0) }
        let names = [Self.standard] + modelNames + embedders
        return .data([
            "object": "list", "data": .array(names.map { ["id": .string($0), "object": "model", "created": 0, "owned_by": "limen"] }),
        ])
    }

    func embeddings(_ context: RequestContext) async throws(APIError) -> Reply {
        let service = try serving()
        let input = context.body["input"]
        let texts = input?.arrayValue?.compactMap(\.stringValue) ?? input?.stringValue.map { [$0] } ?? []
        let isText = context.body["encoding_format"]?.stringValue != "base64"
        let origin = TurnOrigin(context)
        // As long as the longest number is written.
        let room = outputBytesMax / (isText ? Limits.embeddingNumberBytes : 6)
        let found = try await checked { () async throws(ChatError) in
            try await service.embed(texts, model: context.body["model"]?.stringValue ?? "", origin, numbersMax: room)
        }
        let data = found.embeddings.vectors.enumerated().map { index, vector -> JSONValue in
            let numbers: JSONValue = isText ? .array(vector.map { JSONValue($0) }) : .string(Base64.encode(Self.littleEndian(vector)))
            return ["object": "embedding", "index": JSONValue(index), "embedding": numbers]
        }
        let reply: JSONValue = [
            "object": "list", "data": .array(data), "model": .string(found.embeddings.model),
            "usage": Completion.usage(found.usage, found.warning, hasAnswer: false),
        ]
        return .data(reply, warning: found.warning)
    }

    /// Numbers of 32 bits, as OpenAI's clients unpack them.
    private static func littleEndian(_ numbers: [Double]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 * numbers.count)
        for number in numbers {
            let bits = Float(number).bitPattern
            for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(shift))) }
        }
        return bytes
    }

    private static func stream(
        _ request: ModelRequest, model: String?, _ origin: TurnOrigin, _ service: ChatService, _ completion: Completion, wantsUsage: Bool,
        _ write: @escaping DataWriter
    ) async throws {
        let name = model ?? standard
        try await write(completion.chunk(name, delta: ["role": "assistant", "content": ""]).text)
        let done: Completed
        do throws(ChatError) {
            done = try await service.complete(
                request, model: model, origin,
                tokens: ChunkTokens { try await write(completion.chunk(name, delta: ["content": .string($0)]).text) })
        } catch {
            // The head has gone: what failed is the last event, as OpenAI's servers do it.
            throw APIError(error)
        }
        // The last pieces name the model that did answer, which may be another of the chain.
        let answered = done.reply.model
        for (index, call) in done.reply.toolCalls.enumerated() {
            try await write(completion.chunk(name, delta: ["tool_calls": [Completion.json(call, index: index)]]).text)
        }
        try await write(completion.chunk(answered, delta: [:], finish: done.reply.finish.rawValue).text)
        if wantsUsage { try await write(completion.usage(answered, done).text) }
        try await write("[DONE]")
    }

    /// The body as a model is asked.
    private static func request(_ body: JSONValue) throws(APIError) -> ModelRequest {
        var messages: [ModelMessage] = []
        for (index, message) in (body["messages"]?.arrayValue ?? []).enumerated() { messages.append(try Self.message(message, index)) }
        var request = ModelRequest(model: body["model"]?.stringValue ?? "", messages: messages)
        if body["tool_choice"]?.stringValue != "none" {
            request.tools = (body["tools"]?.arrayValue ?? []).map { tool in
                ModelTool(
                    name: tool["function"]?["name"]?.stringValue ?? "", description: tool["function"]?["description"]?.stringValue ?? "",
                    inputSchema: tool["function"]?["parameters"] ?? ["type": "object", "properties": [:]])
            }
        }
        request.tokensMax = (body["max_completion_tokens"]?.intValue ?? body["max_tokens"]?.intValue) ?? ChatLimits.tokensMaxDefault
        request.temperature = body["temperature"]?.doubleValue
        request.stop = body["stop"]?.arrayValue?.compactMap(\.stringValue) ?? body["stop"]?.stringValue.map { [$0] } ?? []
        return request
    }

    private static func message(_ message: JSONValue, _ index: Int) throws(APIError) -> ModelMessage {
        let role: MessageRole =
            switch message["role"]?.stringValue {
            case "assistant": .assistant
            case "tool": .tool
            case "user": .user
            default: .system
            }
        let parts = message["content"]?.arrayValue?.compactMap { $0["text"]?.stringValue }.joined()
        var made = ModelMessage(role, NormalForm.of(message["content"]?.stringValue ?? parts ?? ""))
        made.toolCallID = message["tool_call_id"]?.stringValue
        guard role != .tool || made.toolCallID != nil else {
            throw .invalid("Message \(index) of the role tool has no tool_call_id.", reason: "missing_tool_call_id")
        }
        for call in message["tool_calls"]?.arrayValue ?? [] {
            let arguments = try Self.arguments(call["function"]?["arguments"]?.stringValue ?? "", index)
            made.toolCalls.append(
                ModelToolCall(id: call["id"]?.stringValue ?? "", name: call["function"]?["name"]?.stringValue ?? "", arguments: arguments))
        }
        return made
    }

    /// A call's arguments, which are an object as text.
    private static func arguments(_ text: String, _ index: Int) throws(APIError) -> JSONValue {
        let reason: String
        do {
            let value = try JSONValue(parsing: text.isEmpty ? "{}" : text)
            if value.objectValue != nil { return value }
            reason = "no object"
        } catch {
            reason = "not JSON: \(error.message)"
        }
        throw .invalid("The arguments of a tool call of message \(index) are \(reason).", reason: "invalid_arguments")
    }
}

/// The shapes of one completion.
private struct Completion: Sendable {
    let id: String
    /// Seconds since 1970.
    let created: Int64

    func whole(_ done: Completed) -> JSONValue {
        let reply = done.reply
        var message: JSONObject = [
            "role": "assistant", "content": reply.content.isEmpty && !reply.toolCalls.isEmpty ? .null : .string(reply.content), "refusal": .null,
        ]
        if !reply.toolCalls.isEmpty { message["tool_calls"] = .array(reply.toolCalls.map { Self.json($0, index: nil) }) }
        return [
            "id": .string(id), "object": "chat.completion", "created": JSONValue(created), "model": .string(reply.model),
            "choices": [["index": 0, "message": .object(message), "logprobs": .null, "finish_reason": .string(reply.finish.rawValue)]],
            "usage": Self.usage(done.usage, done.warning),
        ]
    }

    func chunk(_ model: String, delta: JSONObject, finish: String? = nil) -> JSONValue {
        frame(model, [["index": 0, "delta": .object(delta), "logprobs": .null, "finish_reason": finish.map { .string($0) } ?? .null]])
    }

    /// The last chunk of who asked for it: no choice, the sums.
    func usage(_ model: String, _ done: Completed) -> JSONValue {
        var value = frame(model, []).objectValue ?? [:]
        value["usage"] = Self.usage(done.usage, done.warning)
        return .object(value)
    }

    private func frame(_ model: String, _ choices: [JSONValue]) -> JSONValue {
        [
            "id": .string(id), "object": "chat.completion.chunk", "created": JSONValue(created), "model": .string(model), "choices": .array(choices),
        ]
    }

    static func json(_ call: ModelToolCall, index: Int?) -> JSONValue {
        var object: JSONObject = [
            "id": .string(call.id), "type": "function", "function": ["name": .string(call.name), "arguments": .string(call.arguments.text)],
        ]
        if let index { object["index"] = JSONValue(index) }
        return .object(object)
    }

    /// OpenAI's counts, and beside them what it cost and whose budget is nearly spent; its clients pass over what they do not know.
    static func usage(_ usage: MessageUsage, _ warning: BudgetWarning?, hasAnswer: Bool = true) -> JSONValue {
        var object: JSONObject = ["prompt_tokens": JSONValue(usage.tokensIn), "total_tokens": JSONValue(usage.tokensIn + usage.tokensOut)]
        if hasAnswer { object["completion_tokens"] = JSONValue(usage.tokensOut) }
        (object["cost_micros"], object["currency"]) = (JSONValue(usage.costMicros), .string(usage.currency))
        if let warning { object["budget_warning"] = warning.json }
        return .object(object)
    }
}

/// For who waits for the whole answer.
private struct NoTokens: TokenSink {
    func take(_ text: String) async throws {}
}

/// Makes a chunk of each piece.
private struct ChunkTokens: TokenSink {
    let send: @Sendable (String) async throws -> Void
    func take(_ text: String) async throws { try await send(text) }
}
