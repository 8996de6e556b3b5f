package import JSON
public import LimenPlugin
import ModelWire

/// The GLM models of Zhipu.
public let zhipuPlugin = Plugin(name: "zhipu", version: "1.0.0", adapters: [Chat(), Embed()])

private func server(_ context: ToolContext) -> Server { Server("zhipu", config: context.config, base: "https://open.bigmodel.cn/api/paas/v4") }

/// Chat completions.
struct Chat: Adapter {
    typealias Output = ModelChatReply
    static let type = AdapterType.modelChat

    func stream(_ input: ModelChatRequest, _ context: ToolContext) async throws -> ChatEvents<ChatCompletionReader> {
        let (server, names) = (server(context), ModelToolNames(input))
        let stream = try await server.post("/chat/completions", zhipuBody(input, names), context)
        return ChatEvents(stream, ChatCompletionReader(model: input.model, names: names, errors: server.errors), server.errors)
    }
}

/// The request in the form that GLM takes: its counts come unasked, one stop text at most, a temperature from 0 to 1 where 0 means to choose nothing.
package func zhipuBody(_ input: ModelChatRequest, _ names: ModelToolNames) -> JSONObject {
    var body = ChatCompletionRequest.body(input, names)
    if let stop = input.stop, stop.count > 1 { body["stop"] = [.string(stop[0])] }
    if let temperature = input.temperature {
        if temperature <= 0 {
            body["temperature"] = nil
            body["do_sample"] = false
        } else {
            body["temperature"] = JSONValue(min(temperature, 1))
        }
    }
    return body
}

/// Embeddings.
struct Embed: Adapter {
    typealias Output = ModelEmbedReply
    static let type = AdapterType.modelEmbed

    func stream(_ input: ModelEmbedRequest, _ context: ToolContext) async throws -> WholeAnswer<ModelEmbedReply> {
        WholeAnswer(try await Embeddings.ask(input, server(context), context))
    }
}
