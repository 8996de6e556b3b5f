import JSON
public import LimenPlugin
import ModelWire

/// Models of Anthropic, by its messages API.
public let anthropicPlugin = Plugin(name: "anthropic", version: "1.0.0", adapters: [Chat()])

/// Messages.
struct Chat: Adapter {
    typealias Output = ModelChatReply
    static let type = AdapterType.modelChat

    func stream(_ input: ModelChatRequest, _ context: ToolContext) async throws -> ChatEvents<MessagesReader> {
        let server = Server("anthropic", config: context.config, base: "https://api.anthropic.com")
        let names = ModelToolNames(input)
        let wish = MessagesRequest(context.config)
        let stream = try await server.post("/v1/messages", wish.body(input, names), headers: ["anthropic-version": wish.version], context)
        return ChatEvents(stream, MessagesReader(model: input.model, names: names, errors: server.errors), server.errors)
    }
}
