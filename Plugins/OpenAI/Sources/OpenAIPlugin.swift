package import JSON
public import LimenPlugin
package import ModelWire

/// Models of OpenAI and of every server that is compatible with it.
public let openAIPlugin = Plugin(name: "openai", version: "1.0.0", adapters: [Chat(), Embed()])

private func server(_ context: ToolContext) -> Server { Server("openai", config: context.config, base: "https://api.openai.com/v1") }

/// Chat completions.
struct Chat: Adapter {
    typealias Output = ModelChatReply
    static let type = AdapterType.modelChat

    func stream(_ input: ModelChatRequest, _ context: ToolContext) async throws -> ChatEvents<ChatCompletionReader> {
        let (server, names) = (server(context), ModelToolNames(input))
        let wish = ChatWish(context.config, server)
        let (body, applied) = wish.body(input, names)
        let stream = try await server.post("/chat/completions", body, context)
        let reader = ChatCompletionReader(model: input.model, names: names, adapters: applied, errors: server.errors)
        return ChatEvents(stream, reader, server.errors)
    }
}

/// Embeddings.
struct Embed: Adapter {
    typealias Output = ModelEmbedReply
    static let type = AdapterType.modelEmbed

    func stream(_ input: ModelEmbedRequest, _ context: ToolContext) async throws -> WholeAnswer<ModelEmbedReply> {
        WholeAnswer(try await Embeddings.ask(input, server(context), context))
    }
}

/// What servers that are compatible take differently, as the operator's `config` says.
package struct ChatWish: Sendable {
    /// How a server is told to lay weights over a model.
    enum Lora: String { case none, vllm, lorax }

    private let lora: Lora
    private let tokensField: String
    private let countsStream: Bool
    private let streams: Bool

    package init(_ config: JSONValue, _ server: Server) {
        lora = config["lora"]?.stringValue.flatMap(Lora.init) ?? .none
        // Newer models of OpenAI refuse the older name, most other servers know no other.
        tokensField =
            config["max_tokens_field"]?.stringValue ?? (server.base.hasPrefix("https://api.openai.com/") ? "max_completion_tokens" : "max_tokens")
        countsStream = config["stream_usage"]?.boolValue ?? true
        streams = config["stream"]?.boolValue ?? true
    }

    /// The request's body, and the weights that the server will lay over the model.
    package func body(_ input: ModelChatRequest, _ names: ModelToolNames) -> (JSONObject, [ModelChatReply.AppliedAdapter]) {
        var body = ChatCompletionRequest.body(input, names)
        if tokensField != "max_tokens", let tokens = body["max_tokens"] {
            body["max_tokens"] = nil
            body[tokensField] = tokens
        }
        body["stream"] = .bool(streams)
        if streams, countsStream { body["stream_options"] = ["include_usage": true] }
        // Both take one set of weights an answer, at full strength: the heaviest that was asked for.
        guard lora != .none, let chosen = (input.adapters ?? []).filter({ $0.weight > 0 }).max(by: { $0.weight < $1.weight }) else {
            return (body, [])
        }
        body["model"] = .string(chosen.name)
        if lora == .lorax { body["adapter_id"] = .string(chosen.name) }
        return (body, [ModelChatReply.AppliedAdapter(name: chosen.name, weight: 1)])
    }
}
