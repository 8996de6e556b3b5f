package import JSON
package import LimenPlugin
import ModelWire

/// The body of `POST /v1/messages`.
package struct MessagesRequest: Sendable {
    /// The version of the API. The one before took a temperature, which this one refuses.
    let version: String
    /// The API wants a bound; who asks for none gets this.
    private let tokensDefault: Int

    package init(_ config: JSONValue = [:]) {
        version = config["version"]?.stringValue ?? "2026-10-21"
        tokensDefault = config["max_tokens"]?.intValue ?? 4_096
    }

    /// System texts stand apart, tools' answers are blocks of the person's turn, and turns alternate.
    package func body(_ request: ModelChatRequest, _ names: ModelToolNames) -> JSONObject {
        var body: JSONObject = [
            "model": .string(request.model), "max_tokens": JSONValue(request.maxTokens ?? tokensDefault),
            "messages": .array(Self.turns(request.messages, names)), "stream": true,
        ]
        let system = request.messages.filter { $0.role == .system && !$0.content.isEmpty }.map(\.content)
        if !system.isEmpty { body["system"] = .string(system.joined(separator: "\n\n")) }
        if let tools = request.tools, !tools.isEmpty {
            body["tools"] = .array(
                tools.map { tool in
                    [
                        "name": .string(names.provider(tool.name)), "description": .string(tool.description),
                        "input_schema": ChatCompletionRequest.parameters(tool.inputSchema),
                    ]
                })
        }
        if version == "2023-06-01", let temperature = request.temperature { body["temperature"] = JSONValue(min(max(temperature, 0), 1)) }
        let stop = (request.stop ?? []).filter { !$0.allSatisfy(\.isWhitespace) }
        if !stop.isEmpty { body["stop_sequences"] = .array(stop.map { .string($0) }) }
        return body
    }

    private static func turns(_ messages: [ModelChatRequest.Message], _ names: ModelToolNames) -> [JSONValue] {
        var turns: [(role: String, blocks: [JSONValue])] = []
        for message in messages where message.role != .system {
            let role = message.role == .assistant ? "assistant" : "user"
            let blocks = blocks(message, names)
            if blocks.isEmpty { continue }
            if turns.last?.role == role {
                turns[turns.count - 1].blocks += blocks
            } else {
                turns.append((role, blocks))
            }
        }
        return turns.map { ["role": .string($0.role), "content": .array($0.blocks)] }
    }

    /// Empty texts are refused by the API.
    private static func blocks(_ message: ModelChatRequest.Message, _ names: ModelToolNames) -> [JSONValue] {
        if message.role == .tool, let id = message.toolCallID {
            return [["type": "tool_result", "tool_use_id": .string(id), "content": .string(message.content)]]
        }
        var blocks: [JSONValue] = []
        if !message.content.allSatisfy(\.isWhitespace) { blocks.append(["type": "text", "text": .string(message.content)]) }
        for call in message.toolCalls ?? [] {
            blocks.append(["type": "tool_use", "id": .string(call.id), "name": .string(names.provider(call.name)), "input": call.arguments])
        }
        return blocks
    }
}
