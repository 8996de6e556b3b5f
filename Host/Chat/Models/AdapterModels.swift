import IO
import JSON
import Registry
package import Tools
import WorkerProtocol

/// The built-in model and those that adapter plugins offer, asked through the one call path.
package struct AdapterModels: ModelCatalogue {
    private let service: ToolService
    private let standard: [String]
    private let tokenizers: ModelTokenizers

    /// - Parameters:
    ///   - standard: Models that answer whoever names none, each tried when those before it cannot; the built-in one for an empty list.
    ///   - tokenizers: What counts the tokens of which models.
    package init(_ service: ToolService, standard: [String] = [], tokenizers: ModelTokenizers = .init()) {
        (self.service, self.standard, self.tokenizers) = (service, standard, tokenizers)
    }

    package func chain(for name: String?) -> [any ChatModel] {
        guard let name else { return standard.isEmpty ? [ExtractiveModel()] : standard.flatMap { chain(for: $0) } }
        if name == ExtractiveModel.name { return [ExtractiveModel()] }
        guard let whole = wholeName(name, of: .modelChat) else { return [] }
        return [AdapterModel(name: name, wholeName: whole, counter: tokenizers.counter(for: whole), service: service)]
    }

    /// `plugin/model` of a name that some plugin takes; whether it can answer now shows when it is asked.
    private func wholeName(_ name: String, of kind: AdapterKind) -> String? {
        for view in service.adapters(of: kind) {
            guard let model = view.model else {
                if name.hasPrefix(view.plugin + "/"), name.utf8.count > view.plugin.utf8.count + 1 { return name }
                continue
            }
            if name == model || name == view.name { return view.name }
        }
        return nil
    }

    package var embedders: [String] { service.adapters(of: .modelEmbed).filter { $0.state == "ready" }.map(\.name).sorted() }

    package func embedder(_ name: String) -> String? { wholeName(name, of: .modelEmbed) }

    package func embed(_ texts: [String], model: String, for call: ModelCall) async throws(ModelFailure) -> Embeddings {
        let input: JSONValue = ["model": .string(model), "input": .array(texts.map { .string($0) })]
        let value = try await service.answer(.modelEmbed, model, input, for: call, events: nil)
        let vectors = (value["embeddings"]?.arrayValue ?? []).map { ($0.arrayValue ?? []).map { $0.doubleValue ?? .nan } }
        return Embeddings(
            model: AdapterModel.model(value["model"]?.stringValue, model), vectors: vectors,
            tokensIn: AdapterModel.tokens(value["usage"]?["tokens_in"]))
    }

    package var names: [String] { ([ExtractiveModel.name] + service.adapters(of: .modelChat).filter { $0.state == "ready" }.map(\.name)).sorted() }
}

/// A model behind an adapter plugin.
struct AdapterModel: ChatModel {
    let name: String
    /// `plugin/model`, however it was asked for.
    let wholeName: String
    let counter: TokenCounter
    let service: ToolService

    /// Providers do not say; what all of them take. A longer window is theirs to refuse, a shorter one shows as `context_overflow`.
    var windowTokens: Int { 32_768 }

    func answer(_ request: ModelRequest, for call: ModelCall, tokens: any TokenSink) async throws(ModelFailure) -> ModelReply {
        var asked = request
        asked.model = name
        let value = try await service.answer(.modelChat, name, asked.json, for: call, events: TokenRelay(tokens: tokens))
        return Self.reply(value, name)
    }

    /// The adapter's output, which the call path has checked against the contract.
    static func reply(_ value: JSONValue, _ name: String) -> ModelReply {
        var reply = ModelReply(content: value["content"]?.stringValue ?? "", model: Self.model(value["model"]?.stringValue, name))
        reply.toolCalls = (value["tool_calls"]?.arrayValue ?? []).map { call in
            ModelToolCall(
                id: call["id"]?.stringValue ?? "", name: call["name"]?.stringValue ?? "", arguments: call["arguments"] ?? [:])
        }
        reply.finish = value["finish_reason"]?.stringValue.flatMap { ModelReply.Finish(rawValue: $0) } ?? .stop
        reply.adapters = value["adapters"]?.arrayValue ?? []
        reply.tokensIn = tokens(value["usage"]?["tokens_in"])
        reply.tokensOut = tokens(value["usage"]?["tokens_out"])
        return reply
    }

    /// The name that the provider says, as far as one is kept; ours where it says none.
    static func model(_ said: String?, _ name: String) -> String {
        let text = (said ?? "").replacing("\0", with: "")
        return text.isEmpty ? name : String(String.UnicodeScalarView(text.unicodeScalars.prefix(ChatLimits.modelNameMax)))
    }

    /// A number of tokens that can be one, and that can be added to others.
    static func tokens(_ value: JSONValue?) -> Int? {
        guard let value, let number = value.numberValue else { return nil }
        return min(max(0, number.int64.map { Int(clamping: $0) } ?? ChatLimits.tokensCountedMax), ChatLimits.tokensCountedMax)
    }

    static func failure(_ error: ToolError) -> ModelFailure {
        let word = (error.details["plugin_code"] ?? error.details["reason"])?.stringValue ?? ""
        let wait = error.details["retry_after_ms"]?.intValue
        let code: ModelFailure.Code =
            switch word {
            case "rate_limited", "queue_full": .rateLimited
            case "unauthorized": .unauthorized
            case "invalid_request", "invalid_input": .invalidRequest
            case "context_overflow": .contextOverflow
            case "malformed_reply": .malformed
            case "cancelled": .cancelled
            case "unknown_model", "ambiguous_model", "broken", "disabled": .unknown
            default: error.code == .notFound ? .unknown : .unavailable
            }
        return ModelFailure(code, error.message, retryAfterMilliseconds: wait)
    }
}

extension ToolService {
    /// What a model's adapter answers, within the call's time.
    fileprivate func answer(
        _ kind: AdapterKind, _ model: String, _ input: JSONValue, for call: ModelCall, events: TokenRelay?
    ) async throws(ModelFailure) -> JSONValue {
        let now = Deadline.now()
        let left = call.deadline.hasPassed ? 1 : Int(max(1, (call.deadline.nanoseconds &- now.nanoseconds) / 1_000_000))
        let asked = AdapterCall(
            kind: kind, model: model, input: input.serialized(), caller: call.caller, requestID: call.requestID, traceparent: call.traceparent,
            timeoutMilliseconds: left)
        let outcome = if let events { await self.call(asked, events: events) } else { await self.call(asked) }
        switch outcome.result {
        case .success(let reply):
            do {
                return try JSONValue(parsing: reply.output, limits: JSONLimits(bytesMax: max(1, reply.output.count)))
            } catch {
                throw ModelFailure(.malformed, "the adapter's answer cannot be read")
            }
        case .failure(let error): throw AdapterModel.failure(error)
        }
    }
}

/// Passes an adapter's tokens on.
private struct TokenRelay: ToolEventSink {
    let tokens: any TokenSink

    func send(_ event: ToolEvent, until deadline: Deadline) async throws {
        guard event.kind == .token else { return }
        let value = try JSONValue(parsing: event.json, limits: JSONLimits(bytesMax: ToolLimits.eventBytesMax))
        // A token without a text is an adapter's mistake, and nothing to say.
        guard let text = value["text"]?.stringValue, !text.isEmpty else { return }
        try await tokens.take(text)
    }
}
