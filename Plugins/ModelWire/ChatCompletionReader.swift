package import JSON
package import LimenPlugin

/// Answers of `POST …/chat/completions`, streamed or whole, as OpenAI and those who are compatible with it send them.
package struct ChatCompletionReader: ReplyReader, Sendable {
    private let errors: ProviderError
    private let names: ModelToolNames
    private let adapters: [ModelChatReply.AppliedAdapter]
    private var model: String
    private var content = ""
    private var calls = ToolCallParts()
    private var finish: String?
    private var usage = ModelUsage()
    package private(set) var isDone = false

    package init(model: String, names: ModelToolNames, adapters: [ModelChatReply.AppliedAdapter] = [], errors: ProviderError) {
        (self.model, self.names, self.adapters, self.errors) = (model, names, adapters, errors)
    }

    package var sentTokens: Bool { !content.isEmpty }
    /// Some servers end their stream without `[DONE]`.
    package var mayEnd: Bool { finish != nil }

    package mutating func take(_ event: ServerEvent) throws -> [AdapterEvent<ModelChatReply>] {
        if event.data == "[DONE]" {
            guard mayEnd else { throw errors.cut(nil, sentTokens: sentTokens) }
            isDone = true
            return []
        }
        let value = try errors.parsed(event, sentTokens: sentTokens)
        try check(value)
        // The choice that was asked for; the chunk with the counts has none.
        guard let choice = value["choices"]?.arrayValue?.first else { return [] }
        note(choice["usage"])
        if let reason = choice["finish_reason"]?.stringValue { finish = reason }
        guard let delta = choice["delta"] ?? choice["message"] else { return [] }
        return try take(delta: delta)
    }

    package mutating func take(whole value: JSONValue) throws -> [AdapterEvent<ModelChatReply>] {
        try check(value)
        guard let choice = value["choices"]?.arrayValue?.first, let message = choice["message"] else {
            throw errors.malformed("a reply without a message", sentTokens: false)
        }
        finish = choice["finish_reason"]?.stringValue ?? "stop"
        isDone = true
        return try take(delta: message)
    }

    /// What every chunk may carry beside the answer.
    private mutating func check(_ value: JSONValue) throws {
        if let error = value["error"], !error.isNull { throw errors.complained(value, sentTokens: sentTokens) }
        guard value.objectValue != nil else { throw errors.malformed("an event that is no object", sentTokens: sentTokens) }
        if let name = value["model"]?.stringValue, !name.isEmpty { model = name }
        note(value["usage"])
    }

    private mutating func note(_ counts: JSONValue?) {
        guard let counts, counts.objectValue != nil else { return }
        if let count = counts["prompt_tokens"]?.intValue, count >= 0 { usage.tokensIn = count }
        if let count = counts["completion_tokens"]?.intValue, count >= 0 { usage.tokensOut = count }
    }

    private mutating func take(delta: JSONValue) throws -> [AdapterEvent<ModelChatReply>] {
        var events: [AdapterEvent<ModelChatReply>] = []
        // A refusal is what the model says to the person, too.
        for text in [delta["content"]?.stringValue, delta["refusal"]?.stringValue].compactMap({ $0 }) where !text.isEmpty {
            content += text
            events.append(.token(text))
        }
        for call in delta["tool_calls"]?.arrayValue ?? [] {
            let function = call["function"]
            // There are servers that send the arguments as the object itself.
            let arguments = function?["arguments"].flatMap { value in value.isNull ? nil : value.stringValue ?? value.text }
            calls.add(key: call["index"]?.intValue, id: call["id"]?.stringValue, name: function?["name"]?.stringValue, arguments: arguments)
        }
        if content.utf8.count > Limits.answerBytesMax || calls.isTooMuch {
            throw errors.malformed("an answer that is too long", sentTokens: sentTokens)
        }
        // Thoughts, and the pieces of a call, are no text; the host should know that somebody is at work.
        return events.isEmpty ? [.progress(0)] : events
    }

    package func answer() throws -> ModelChatReply {
        guard let finish else { throw errors.cut(nil, sentTokens: sentTokens) }
        var reason = try Self.reason(finish, self)
        let complete: [ModelToolCall]
        do {
            complete = try calls.calls(names, isCut: reason == .length)
        } catch {
            throw errors.malformed(error.what, sentTokens: sentTokens)
        }
        if reason == .stop, !complete.isEmpty { reason = .toolCalls }
        return ModelChatReply(content: content, toolCalls: complete, finishReason: reason, model: model, adapters: adapters, usage: usage)
    }

    private static func reason(_ text: String, _ reader: ChatCompletionReader) throws -> ModelChatReply.FinishReason {
        switch text {
        case "length", "max_tokens", "model_length", "model_context_window_exceeded": return .length
        case "tool_calls", "function_call": return .toolCalls
        case "content_filter", "sensitive": return .contentFilter
        case "network_error", "abort", "error": throw reader.errors.cut(nil, sentTokens: reader.sentTokens)
        default: return .stop
        }
    }
}
