import AnthropicPlugin
import JSON
import LimenPlugin
import ModelWire
import MoonshotPlugin
import OpenAIPlugin
import Testing
import ZhipuPlugin

@Suite("Models: requests and answers on the wire")
struct ModelWireTests {
    /// Feeds pieces to a reader until it has all; what was passed on, and the answer.
    private func read(_ reader: some ReplyReader, _ pieces: [[UInt8]]) throws -> (tokens: [String], reply: ModelChatReply) {
        var (reader, parser, tokens) = (reader, EventStreamParser(), [String]())
        for event in pieces.flatMap({ parser.feed($0) }) where !reader.isDone {
            for case .token(let text) in try reader.take(event) { tokens.append(text) }
        }
        return (tokens, try reader.answer())
    }

    private static let names = ModelToolNames(["calc.evaluate"])
    private static let errors = ProviderError(server: "s")

    private static let completion = """
        data: {"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"ü🙂"},"finish_reason":null}]}\n
        data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"calc__evaluate","arguments":"{\\"x\\""}}]}}]}\n
        data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":\\"\\\\u00e9\\"}"}}]}}]}\n
        data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n
        data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6}}\n
        data: [DONE]\n\n
        """

    private static let messages = """
        event: message_start\ndata: {"type":"message_start","message":{"model":"m","usage":{"input_tokens":5,"output_tokens":1}}}\n
        event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"ü🙂"}}\n
        event: content_block_start\ndata: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"calc__evaluate","input":{}}}\n
        event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\\"x\\""}}\n
        event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":":\\"\\\\u00e9\\"}"}}\n
        event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":6}}\n
        event: message_stop\ndata: {"type":"message_stop"}\n\n
        """

    @Test("an answer that is cut between any two bytes is the same answer, whatever ends its lines", arguments: ["\n", "\r\n", "\r"])
    func cuts(_ ending: String) throws {
        let expected = ModelChatReply(
            content: "ü🙂", toolCalls: [ModelToolCall(id: "a", name: "calc.evaluate", arguments: ["x": "é"])], finishReason: .toolCalls, model: "m",
            usage: ModelUsage(tokensIn: 5, tokensOut: 6))
        let readers: [(String, any ReplyReader)] = [
            (Self.completion, ChatCompletionReader(model: "?", names: Self.names, errors: Self.errors)),
            (Self.messages, MessagesReader(model: "?", names: Self.names, errors: Self.errors)),
        ]
        for (text, reader) in readers {
            let bytes = Array(text.replacing("\n", with: ending).utf8)
            for cut in 0...bytes.count {
                let (tokens, reply) = try read(reader, [Array(bytes[..<cut]), Array(bytes[cut...])])
                #expect(tokens == ["ü🙂"] && reply == expected, "cut at \(cut): \(reply)")
            }
        }
    }

    @Test("calls that a server numbers all alike, or not at all, or sends whole, stay apart", arguments: [#""index":0,"#, ""])
    func numbering(_ index: String) throws {
        let text = ["a", "b"].map { id in
            "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\(index)\"id\":\"\(id)\",\"function\":{\"name\":\"t\",\"arguments\":{\"of\":\"\(id)\"}}}]}}]}\n\n"
        }
        let end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
        let (_, reply) = try read(
            ChatCompletionReader(model: "m", names: Self.names, errors: Self.errors), [Array((text.joined() + end).utf8)])
        #expect(reply.toolCalls.map(\.arguments) == [["of": "a"], ["of": "b"]] && reply.finishReason == .toolCalls)
    }

    @Test("an answer without end is ended: too much text, too long an event")
    func bounds() throws {
        var reader = ChatCompletionReader(model: "m", names: Self.names, errors: Self.errors)
        let piece = ServerEvent(data: #"{"choices":[{"delta":{"content":"\#(String(repeating: "x", count: 1 << 20))"}}]}"#)
        let error = #expect(throws: PluginError.self) { for _ in 0..<8 { _ = try reader.take(piece) } }
        #expect(error?.code == "malformed_reply")
        var parser = EventStreamParser()
        for _ in 0..<5 { #expect(parser.feed([UInt8](repeating: 120, count: 1 << 20)).isEmpty) }
        #expect(parser.hasOverflown)
    }

    @Test("each provider gets what it takes: bounds of answers, temperatures, stop texts, system texts, turns")
    func requests() throws {
        let request = ModelChatRequest(
            model: "m",
            messages: [
                .init(role: .system, content: "a"), .init(role: .user, content: "b"), .init(role: .assistant, content: " "),
                .init(role: .user, content: "c"),
                .init(role: .system, content: "d"),
            ], maxTokens: 7, temperature: 1.5, stop: ["x", String(repeating: "y", count: 33), " "])
        let official = Server("openai", config: [:], base: "https://api.openai.com/v1/")
        #expect(ChatWish([:], official).body(request, Self.names).0["max_completion_tokens"] == 7)
        let other = Server("openai", config: ["base_url": "http://localhost:1/v1"], base: "")
        let (body, applied) = ChatWish([:], other).body(request, Self.names)
        #expect(body["max_tokens"] == 7 && body["temperature"] == 1.5 && body["stream_options"] == ["include_usage": true] && applied.isEmpty)
        let glm = zhipuBody(request, Self.names)
        #expect(glm["stop"] == ["x"] && glm["temperature"]?.doubleValue == 1 && glm["stream_options"] == nil)
        let kimi = moonshotBody(request, Self.names)
        #expect(kimi["stop"] == ["x", " "] && kimi["temperature"]?.doubleValue == 1)
        let claude = MessagesRequest().body(request, Self.names)
        #expect(claude["system"] == "a\n\nd" && claude["temperature"] == nil && claude["max_tokens"] == 7)
        #expect(claude["stop_sequences"]?.arrayValue?.count == 2)
        #expect(claude["messages"] == [["role": "user", "content": [["type": "text", "text": "b"], ["type": "text", "text": "c"]]]])
        let older = MessagesRequest(["version": "2023-06-01", "max_tokens": 9])
        #expect(older.body(request, Self.names)["temperature"]?.doubleValue == 1)
        #expect(older.body(ModelChatRequest(model: "m", messages: []), Self.names)["max_tokens"] == 9)
    }
}
