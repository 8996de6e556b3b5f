package import JSON
public import LimenPlugin
import ModelWire

/// The Kimi models of Moonshot.
public let moonshotPlugin = Plugin(name: "moonshot", version: "1.0.0", adapters: [Chat()])

/// Chat completions.
struct Chat: Adapter {
    typealias Output = ModelChatReply
    static let type = AdapterType.modelChat

    func stream(_ input: ModelChatRequest, _ context: ToolContext) async throws -> ChatEvents<ChatCompletionReader> {
        let server = Server("moonshot", config: context.config, base: "https://api.moonshot.ai/v1")
        let names = ModelToolNames(input)
        let stream = try await server.post("/chat/completions", moonshotBody(input, names), context)
        return ChatEvents(stream, ChatCompletionReader(model: input.model, names: names, errors: server.errors), server.errors)
    }
}

/// The request in the form that Kimi takes: a temperature from 0 to 1, at most five stop texts of 32 bytes.
package func moonshotBody(_ input: ModelChatRequest, _ names: ModelToolNames) -> JSONObject {
    var body = ChatCompletionRequest.body(input, names)
    body["stream_options"] = ["include_usage": true]
    if let temperature = input.temperature { body["temperature"] = JSONValue(min(max(temperature, 0), 1)) }
    if let stop = input.stop {
        let usable = stop.filter { $0.utf8.count <= 32 }.prefix(5)
        body["stop"] = usable.isEmpty ? nil : .array(usable.map { .string($0) })
    }
    return body
}
