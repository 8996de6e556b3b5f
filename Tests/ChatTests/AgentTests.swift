import Artifacts
import IO
import JSON
import Store
import Testing
import Tools

@testable import Chat

/// Turns by an agent.
@Suite("Agents", .serialized)
struct AgentTests {
    private let bench: ChatBench
    private let artifacts: ArtifactStore

    init() async throws {
        bench = try await ChatBench()
        artifacts = ArtifactStore(database: bench.database, kinds: ArtifactKinds([AgentDefinition.kind]))
    }

    private let ann = ArtifactReader(tenant: "main", account: "ann")

    private func agent(_ definition: AgentDefinition, sharedWith people: [String] = []) async throws -> String {
        let draft = ArtifactDraft(name: "helper", visibility: people.isEmpty ? .private : .shared, sharedWith: people, schema: definition.schema)
        return try await artifacts.create(.agent, draft, by: ann, requestID: "r").id
    }

    private func ask(_ chat: ChatService, _ request: TurnRequest, of speaker: Speaker = ChatBench.ann, sink: any TurnSink = SilentSink()) async throws
        -> TurnReply
    {
        try await onLoop { try await chat.turn(request, origin(speaker), sink: sink) }
    }

    @Test("a turn by an agent has its instructions, its model, its tools and its bound, and says which version it was")
    func turn() async throws {
        var definition = AgentDefinition()
        (definition.model, definition.instructions, definition.tokensMax) = ("second", "You speak like a pirate.", 77)
        definition.tools = ["calc.evaluate", "gone.tool"]
        let id = try await agent(definition)
        let asked = Kept<ModelRequest>()
        let records = Kept<TurnRecord>()
        let answer: ScriptedModel.Answer = { request, tokens in
            asked.add(request)
            return try await ScriptedModel.say(["Arr."], tokens, model: request.model)
        }
        let chat = bench.service(
            [ScriptedModel("first", answer), ScriptedModel("second", answer)], toolbox: ScriptedTools(), artifacts: artifacts, records: records)
        var request = TurnRequest(content: "Hello")
        request.agent = id
        let events = KeptEvents()
        let reply = try await ask(chat, request, sink: events)
        let seen = try #require(asked.values.first)
        #expect(seen.model == "second" && seen.tokensMax == 77 && seen.tools.map(\.name) == ["calc.evaluate"])
        #expect(seen.messages[0].role == .system && seen.messages[0].content.hasPrefix("You speak like a pirate. "))
        #expect(reply.model == "second" && reply.workflow.contains { $0["missing_tools"] == ["gone.tool"] })
        let stored = try await bench.messages(reply.conversation)
        #expect(stored[1].meta["agent_id"] == .string(id) && stored[1].meta["agent_version"] == 1)
        #expect(records.values.first?.agent == id)
        #expect(try await bench.count("SELECT count(*) FROM chat_usage WHERE agent <> ''") == 1)
        // What a turn says itself goes before its agent, but no bound is lifted.
        (request.model, request.tokensMax) = ("first", 4000)
        _ = try await ask(chat, request)
        #expect(asked.values.last?.model == "first" && asked.values.last?.tokensMax == 77)
    }

    @Test("a turn keeps the agent that it began with, whatever becomes of it meanwhile; the next has the new one")
    func keeps() async throws {
        var definition = AgentDefinition()
        definition.instructions = "Version one."
        let id = try await agent(definition)
        let heard = Kept<String>()
        let (artifacts, ann) = (artifacts, ann)
        let chat = bench.service(
            [
                ScriptedModel { request, tokens in
                    heard.add(request.messages[0].content)
                    guard request.messages.last?.role == .tool else {
                        // Changed between the turn's two rounds.
                        _ = try await artifacts.change(
                            id, by: try JSONPatch([["op": "replace", "path": "/schema/instructions", "value": "Version two."]]), by: ann,
                            requestID: "r")
                        return ScriptedModel.ask("calc.evaluate", ["expression": "1"])
                    }
                    return try await ScriptedModel.say(["done"], tokens)
                }
            ], toolbox: ScriptedTools(), artifacts: artifacts)
        var request = TurnRequest(content: "Hello")
        request.agent = id
        let reply = try await ask(chat, request)
        #expect(heard.values.count == 2 && heard.values.allSatisfy { $0.hasPrefix("Version one.") })
        #expect(try await bench.messages(reply.conversation)[1].meta["agent_version"] == 1)
        request.conversation = reply.conversation
        _ = try await ask(chat, request)
        #expect(heard.values[2].hasPrefix("Version two."))
    }

    @Test("an agent that is not there, is not the caller's to read, or is no agent ends the turn before anything is stored (CHAT-12)")
    func missing() async throws {
        let chat = bench.service([ScriptedModel { _, tokens in try await ScriptedModel.say(["no"], tokens) }], artifacts: artifacts)
        let hidden = try await agent(AgentDefinition())
        let shared = try await agent(AgentDefinition(), sharedWith: ["bob"])
        let note = try await artifacts.create(.memory, ArtifactDraft(name: "n", schema: ["kind": "memory.note"]), by: ann, requestID: "r").id
        let retired = try await agent(AgentDefinition())
        try await artifacts.retire(retired, by: ann, requestID: "r")
        for (id, speaker) in [
            ("none", ChatBench.ann), (hidden, ChatBench.bob), (hidden, ChatBench.eve), (note, ChatBench.ann), (retired, ChatBench.ann),
        ] {
            var request = TurnRequest(content: "Hello")
            request.agent = id
            #expect(await failure { _ = try await ask(chat, request, of: speaker) } == .missing("agent"), "\(id)")
        }
        var unknown = AgentDefinition()
        unknown.model = "no such model"
        var request = TurnRequest(content: "Hello")
        request.agent = try await agent(unknown)
        guard case .model(let failure)? = await failure(of: { _ = try await ask(chat, request) }) else {
            Issue.record("an unknown model was taken")
            return
        }
        #expect(failure.code == .unknown)
        #expect(try await bench.count("SELECT count(*) FROM conversation") == 0)
        request.agent = shared
        #expect(try await ask(chat, request, of: ChatBench.bob).content == "no")
    }

    @Test("instructions take their place in the window: a question that no longer fits is refused before it is stored")
    func room() async throws {
        var definition = AgentDefinition()
        definition.instructions = String(repeating: "word ", count: 2_000)
        let id = try await agent(definition)
        let chat = bench.service(
            [ScriptedModel(windowTokens: 8_000) { _, tokens in try await ScriptedModel.say(["ok"], tokens) }], artifacts: artifacts)
        var request = TurnRequest(content: String(repeating: "more ", count: 2_500))
        #expect(try await ask(chat, request).content == "ok")
        request.agent = id
        guard case .contextOverflow? = await failure(of: { _ = try await ask(chat, request) }) else {
            Issue.record("there was room")
            return
        }
        #expect(try await bench.count("SELECT count(*) FROM conversation") == 1)
    }

    @Test(
        "what is wrong with an agent is said with its place",
        arguments: [
            (["kind": "agent.chat", "model": 5], "/model"), (["kind": "agent.chat", "tools": ["a", "a"]], "/tools"),
            (["kind": "agent.chat", "tools": [1]], "/tools"),
            (["kind": "agent.chat", "max_tokens": 0], "/max_tokens"), (["kind": "agent.chat", "max_tokens": 5000], "/max_tokens"),
            (["kind": "agent.chat", "instructions": []], "/instructions"), (["kind": "agent.chat", "wish/list": 1], "/wish~1list"),
            (["kind": "agent.chat", "context_ids": [""]], "/context_ids"), (["kind": "agent.chat", "workflow_id": ""], "/workflow_id"),
        ] as [(JSONValue, String)])
    func faults(schema: JSONValue, pointer: String) {
        #expect(AgentDefinition.check(schema).map(\.pointer) == [pointer])
    }
}
