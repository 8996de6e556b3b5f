package import JSON
package import LimenPlugin
package import ModelWire

/// Answers of `POST /v1/messages`, streamed or whole.
package struct MessagesReader: ReplyReader, Sendable {
    private let errors: ProviderError
    private let names: ModelToolNames
    private var model: String
    private var content = ""
    private var calls = ToolCallParts()
    private var stopReason: String?
    private var usage = ModelUsage()
    package private(set) var isDone = false

    package init(model: String, names: ModelToolNames, errors: ProviderError) {
        (self.model, self.names, self.errors) = (model, names, errors)
    }

    package var sentTokens: Bool { !content.isEmpty }
    package var mayEnd: Bool { stopReason != nil }

    package mutating func take(_ event: ServerEvent) throws -> [AdapterEvent<ModelChatReply>] {
        let value = try errors.parsed(event, sentTokens: sentTokens)
        switch value["type"]?.stringValue ?? event.name {
        case "message_start":
            if let name = value["message"]?["model"]?.stringValue { model = name }
            note(value["message"]?["usage"])
        case "content_block_start": return try begin(value["content_block"], at: value["index"]?.intValue)
        case "content_block_delta": return try add(value["delta"], at: value["index"]?.intValue)
        case "message_delta":
            if let reason = value["delta"]?["stop_reason"]?.stringValue { stopReason = reason }
            note(value["usage"])
        case "message_stop":
            guard mayEnd else { throw errors.cut(nil, sentTokens: sentTokens) }
            isDone = true
        case "error": throw errors.complained(value, sentTokens: sentTokens)
        case "ping": return [.progress(0)]
        // The API says that there may be more types one day.
        default: break
        }
        return []
    }

    package mutating func take(whole value: JSONValue) throws -> [AdapterEvent<ModelChatReply>] {
        if value["type"] == "error" { throw errors.complained(value, sentTokens: false) }
        guard let blocks = value["content"]?.arrayValue else { throw errors.malformed("a reply without content", sentTokens: false) }
        if let name = value["model"]?.stringValue { model = name }
        note(value["usage"])
        stopReason = value["stop_reason"]?.stringValue ?? "end_turn"
        isDone = true
        var events: [AdapterEvent<ModelChatReply>] = []
        for (index, block) in blocks.enumerated() {
            events += try begin(block, at: index)
            if block["type"] == "tool_use", let input = block["input"] { calls.add(key: index, id: nil, name: nil, arguments: input.text) }
        }
        return events
    }

    private mutating func begin(_ block: JSONValue?, at index: Int?) throws -> [AdapterEvent<ModelChatReply>] {
        switch block?["type"]?.stringValue {
        case "text": return try say(block?["text"]?.stringValue)
        case "tool_use":
            // Streamed, `input` is an empty object here and comes in pieces.
            calls.add(key: index, id: block?["id"]?.stringValue, name: block?["name"]?.stringValue, arguments: nil)
            return [.progress(0)]
        default: return [.progress(0)]
        }
    }

    private mutating func add(_ delta: JSONValue?, at index: Int?) throws -> [AdapterEvent<ModelChatReply>] {
        switch delta?["type"]?.stringValue {
        case "text_delta": return try say(delta?["text"]?.stringValue)
        case "input_json_delta":
            calls.add(key: index, id: nil, name: nil, arguments: delta?["partial_json"]?.stringValue)
            if calls.isTooMuch { throw errors.malformed("an answer that is too long", sentTokens: sentTokens) }
            return [.progress(0)]
        // Somebody is at work, who has nothing to show yet.
        default: return [.progress(0)]
        }
    }

    private mutating func say(_ text: String?) throws -> [AdapterEvent<ModelChatReply>] {
        guard let text, !text.isEmpty else { return [] }
        content += text
        if content.utf8.count > Limits.answerBytesMax { throw errors.malformed("an answer that is too long", sentTokens: true) }
        return [.token(text)]
    }

    /// What was read from a cache or written into one was sent as well.
    private mutating func note(_ counts: JSONValue?) {
        guard let counts, counts.objectValue != nil else { return }
        if let sent = counts["input_tokens"]?.intValue {
            let cached = ["cache_read_input_tokens", "cache_creation_input_tokens"].compactMap { counts[$0]?.intValue }
            usage.tokensIn = max(0, cached.reduce(sent) { $0.addingReportingOverflow(max(0, $1)).partialValue })
        }
        if let written = counts["output_tokens"]?.intValue, written >= 0 { usage.tokensOut = written }
    }

    package func answer() throws -> ModelChatReply {
        guard let stopReason else { throw errors.cut(nil, sentTokens: sentTokens) }
        let reason: ModelChatReply.FinishReason =
            switch stopReason {
            case "max_tokens", "model_context_window_exceeded": .length
            case "tool_use": .toolCalls
            case "refusal": .contentFilter
            default: .stop
            }
        do {
            let complete = try calls.calls(names, isCut: reason == .length)
            return ModelChatReply(content: content, toolCalls: complete, finishReason: reason, model: model, usage: usage)
        } catch {
            throw errors.malformed(error.what, sentTokens: sentTokens)
        }
    }
}
