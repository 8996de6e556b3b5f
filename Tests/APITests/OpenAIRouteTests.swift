import Chat
import IO
import JSON
import Store
import Telemetry
import Testing

@testable import API

@Suite("API: as OpenAI's")
struct OpenAIRouteTests {
    private static let loops = Result { try EventLoopGroup(count: 1) }

    private func with(_ body: (Fixture, Database) async throws -> Void) async throws {
        try await withDatabase { database in
            let chat = ChatService(store: ConversationStore(database: database), loop: try Self.loops.get().loops[0])
            let live = LiveChat(chat, limiter: RateLimiter(policies: Fixture.roomy.rates), log: Log())
            try await body(Fixture(checks: [], chat: live), database)
        }
    }

    private static let path = "/openai/v1/chat/completions"

    private func ask(_ fixture: Fixture, _ body: JSONValue, key: String? = "user") async -> APIResponse {
        await fixture.send("POST", Self.path, body: body.text, key: key)
    }

    @Test("a completion is answered in OpenAI's shape, stores nothing but what it used, and calls no tool of ours")
    func completion() async throws {
        try await with { fixture, database in
            let body: JSONValue = [
                "model": "extractive", "user": "somebody", "seed": 7,
                "messages": [
                    ["role": "system", "content": "Be brief."], ["role": "user", "content": [["type": "text", "text": "The cat is called Tom."]]],
                    ["role": "user", "content": "What is the cat called?"],
                ],
            ]
            let response = await ask(fixture, body)
            let json = try response.json
            #expect(response.status == 200 && json["object"] == "chat.completion" && json["model"] == "extractive")
            #expect(json["choices"]?[0]?["message"]?["content"] == "The cat is called Tom. [1]" && json["choices"]?[0]?["finish_reason"] == "stop")
            let usage = json["usage"]
            #expect(
                (usage?["prompt_tokens"]?.intValue ?? 0) > 0 && (usage?["total_tokens"]?.intValue ?? 0) > (usage?["prompt_tokens"]?.intValue ?? 0))
            #expect(try await database.read { try await $0.row("SELECT count(*) FROM message")?.int(0) } == 0)
            try await database.flush()
            let rows = try await database.read { try await $0.rows("SELECT owner, turns, tokens_in FROM chat_usage") }
            let owner = try rows.first?.text(0)
            #expect(rows.count == 1 && owner == "id of user")
            // A tool of the caller's is the caller's to call.
            var tools = body.objectValue ?? [:]
            tools["messages"] = [["role": "user", "content": "/weather Berlin"]]
            tools["tools"] = [
                [
                    "type": "function",
                    "function": [
                        "name": "weather",
                        "parameters": ["type": "object", "properties": ["place": ["type": "string"]], "required": ["place"]],
                    ],
                ]
            ]
            let called = try await ask(fixture, .object(tools)).json["choices"]?[0]
            #expect(called?["finish_reason"] == "tool_calls" && called?["message"]?["content"] == .null)
            #expect(called?["message"]?["tool_calls"]?[0]?["function"] == ["name": "weather", "arguments": #"{"place":"Berlin"}"#])
            tools["messages"] = [
                ["role": "user", "content": "/weather Berlin"],
                ["role": "assistant", "content": .null, "tool_calls": called?["message"]?["tool_calls"] ?? []],
                ["role": "tool", "tool_call_id": "call_1", "content": "sunny"],
            ]
            #expect(try await ask(fixture, .object(tools)).json["choices"]?[0]?["message"]?["content"] == "weather: sunny")
        }
    }

    /// The data of each event of a stream.
    private func events(_ response: APIResponse) async throws -> [String] {
        guard case .dataEvents(let run) = response.body else {
            Issue.record("\(response.status)")
            return []
        }
        let events = Lock<[String]>([])
        try await run { data in events.withLock { $0.append(data) } }
        return events.withLock { $0 }
    }

    @Test("a stream is chunks of data that end with [DONE], with the sums when they were asked for")
    func stream() async throws {
        try await with { fixture, _ in
            let body: JSONValue = [
                "model": "default", "stream": true, "stream_options": ["include_usage": true],
                "messages": [["role": "user", "content": "The cat is called Tom."], ["role": "user", "content": "What is the cat called?"]],
            ]
            let response = await ask(fixture, body)
            #expect(response.header("Content-Type") == "text/event-stream" && response.header("Content-Disposition") == nil)
            let events = try await self.events(response)
            #expect(events.last == "[DONE]")
            let chunks = try events.dropLast().map { try JSONValue(parsing: $0) }
            #expect(chunks.allSatisfy { $0["object"] == "chat.completion.chunk" && $0["id"] == chunks[0]["id"] })
            #expect(chunks.compactMap { $0["choices"]?[0]?["delta"]?["content"]?.stringValue }.joined() == "The cat is called Tom. [1]")
            #expect(chunks.dropLast().last?["choices"]?[0]?["finish_reason"] == "stop")
            #expect(chunks[0]["model"] == "default" && chunks.suffix(2).allSatisfy { $0["model"] == "extractive" })
            #expect(chunks.last?["choices"] == [] && chunks.last?["usage"]?["total_tokens"] != nil)
        }
    }

    @Test("whatever goes wrong beneath /openai/v1 is an error in OpenAI's shape, with its type, code and place")
    func errors() async throws {
        try await with { fixture, _ in
            func error(_ response: APIResponse) throws -> (Int, JSONValue?) {
                let json = try response.json
                #expect(json.objectValue?.keys == ["error"])
                return (response.status, json["error"])
            }
            let said: JSONValue = [["role": "user", "content": "x"]]
            let unknown = try error(await ask(fixture, ["model": "gpt-9", "messages": said]))
            #expect(unknown.0 == 404 && unknown.1?["type"] == "invalid_request_error" && unknown.1?["code"] == "model_not_found")
            let streamed = try error(await ask(fixture, ["model": "gpt-9", "messages": said, "stream": true]))
            #expect(streamed.0 == 404)
            let stranger = try error(await ask(fixture, ["model": "extractive", "messages": said], key: nil))
            #expect(stranger.0 == 401 && stranger.1?["type"] == "authentication_error" && stranger.1?["code"] == "invalid_api_key")
            for body: JSONValue in [
                ["model": "extractive"], ["model": "extractive", "messages": said, "n": 2],
                ["model": "extractive", "messages": said, "logprobs": true],
                ["model": "extractive", "messages": [["role": "robot", "content": "x"]]],
                ["model": "extractive", "messages": said, "response_format": ["type": "json_schema"]],
                ["model": "extractive", "messages": said, "tool_choice": "required"],
                ["model": "extractive", "messages": said, "functions": [["name": "f"]]],
                ["model": "extractive", "messages": [["role": "tool", "content": "x"]]],
            ] {
                let refused = try error(await ask(fixture, body))
                #expect(refused.0 == 400 && refused.1?["type"] == "invalid_request_error", "\(body)")
            }
            let robot = try error(await ask(fixture, ["model": "extractive", "messages": [["role": "robot", "content": "x"]]]))
            #expect(robot.1?["param"] == "messages[0].role")
            let long: JSONValue = [["role": "user", "content": .string(String(repeating: "word ", count: 20_000))]]
            for stream in [false, true] {
                let refused = try error(await ask(fixture, ["model": "extractive", "messages": long, "stream": .bool(stream)]))
                #expect(refused.0 == 400 && refused.1?["code"] == "context_length_exceeded", "\(stream)")
            }
            let call: JSONValue = ["role": "assistant", "tool_calls": [["id": "c", "function": ["name": "f", "arguments": "{"]]]]
            #expect(try error(await ask(fixture, ["model": "extractive", "messages": [call]])).1?["code"] == "invalid_arguments")
            #expect(try error(await fixture.send("GET", "/openai/v1/nothing", key: "user")).0 == 404)
            #expect(try error(await fixture.send("GET", "/openai/v1", key: "user")).0 == 404)
            // What only begins alike is the contract's.
            #expect(try await fixture.send("GET", "/openai/v10", key: "user").json["status"] == "error")
            let models = try await fixture.send("GET", "/openai/v1/models", key: "user").json
            #expect(models["object"] == "list" && models["data"]?.arrayValue?.map { $0["id"] } == ["default", "extractive"])
        }
    }

    @Test("a model that fails in mid-stream ends it with an error in OpenAI's shape; one that nobody may ask so often is 429 with Retry-After")
    func failures() async throws {
        try await withDatabase { database in
            let limited = ModelFailure(.rateLimited, "slow down", retryAfterMilliseconds: 2_500)
            let models = FailingModels(failure: limited)
            let chat = ChatService(store: ConversationStore(database: database), loop: try Self.loops.get().loops[0], models: models)
            let fixture = try Fixture(checks: [], chat: LiveChat(chat, limiter: RateLimiter(policies: Fixture.roomy.rates), log: Log()))
            let body: JSONObject = ["model": "failing", "messages": [["role": "user", "content": "x"]]]
            let refused = await ask(fixture, .object(body))
            #expect(refused.status == 429 && refused.header("Retry-After") == "3")
            #expect(try refused.json["error"]?["code"] == "rate_limit_exceeded")
            var streamed = body
            streamed["stream"] = true
            let stream = await ask(fixture, .object(streamed))
            let last = try JSONValue(parsing: try await events(stream).last ?? "")
            #expect(last["error"]?["type"] == "rate_limit_error" && last["error"]?["message"]?.stringValue?.contains("slow down") == true)
            let rates = try Fixture.with { $0.rates[.chat] = RatePolicy(1, perSeconds: 60) }
            _ = await ask(rates, .object(body))
            let second = await ask(rates, .object(body))
            #expect(second.status == 429 && second.header("Retry-After") != nil)
            #expect(try second.json["error"]?["code"] == "rate_limit_exceeded")
        }
    }
}

/// A model that fails.
private struct FailingModels: ModelCatalogue {
    let failure: ModelFailure
    var names: [String] { ["failing"] }
    func chain(for name: String?) -> [any ChatModel] { [Failing(failure: failure)] }

    private struct Failing: ChatModel {
        let failure: ModelFailure
        let name = "failing"
        let windowTokens = 1_000

        func answer(_ request: ModelRequest, for call: ModelCall, tokens: any TokenSink) async throws(ModelFailure) -> ModelReply { throw failure }
    }
}
