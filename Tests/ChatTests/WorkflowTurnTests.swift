import Artifacts
import IO
import JSON
import Store
import StoreKit
import Testing
import Tools
import Workflows

@testable import Chat

@Suite("Turns through their workflow", .serialized)
struct WorkflowTurnTests {
    private static let ann = ArtifactReader(tenant: "main", account: "ann")
    private static let kind = ArtifactKind(
        WorkflowDefinition.kind, seeds: [ArtifactSeed(name: "default", description: "", schema: WorkflowDefinition.chatDefault)]
    ) { value in
        do throws(WorkflowDefinitionError) {
            _ = try WorkflowDefinition(value)
            return []
        } catch {
            return error.problems.map { ArtifactProblem($0.pointer, $0.message) }
        }
    }

    private func kept(_ bench: ChatBench) -> ArtifactStore {
        ArtifactStore(database: bench.database, kinds: ArtifactKinds([AgentDefinition.kind, Self.kind]))
    }

    private func keep(_ artifacts: ArtifactStore, entry: String, _ nodes: JSONValue) async throws -> String {
        let schema: JSONValue = ["kind": "workflow.chat", "entry": .string(entry), "nodes": nodes]
        return try await artifacts.create(.workflow, ArtifactDraft(name: "w", schema: schema), by: Self.ann, requestID: "r").id
    }

    private static let done: JSONValue = ["id": "done", "type": "end"]
    private static let reckon: JSONValue = [
        "id": "reckon", "type": "tool_call", "tool": "calc.evaluate", "inputs": ["expression": "${input.message}"], "output": "sum", "next": "say",
        "on_error": "sorry",
    ]
    private static let say: JSONValue = [
        "id": "say", "type": "tool_call", "tool": "chat.answer", "inputs": ["context": "${vars.sum}"], "next": "done", "on_error": "sorry",
    ]
    private static let sorry: JSONValue = ["id": "sorry", "type": "end", "outputs": ["content": "Sorry: ${vars.error.reason}."]]

    private func request(_ content: String, _ workflow: String?) -> TurnRequest {
        var request = TurnRequest(content: content)
        request.workflow = workflow
        return request
    }

    @Test("a turn goes through the tenant's own workflow, whose nodes show in the reply and as events, and which costs no statement more")
    func standard() async throws {
        let count = StatementCount()
        let bench = try await ChatBench(probe: count.probe)
        let models = [ScriptedModel { _, tokens in try await ScriptedModel.say(["Hello"], tokens) }]
        let (with, without) = (bench.service(models, artifacts: kept(bench)), bench.service(models))
        var costs: [Int] = []
        for chat in [with, without] {
            for content in ["warm", "counted"] {
                let (before, events) = (count.value, KeptEvents())
                let reply = try await onLoop { try await chat.turn(TurnRequest(content: content), origin(), sink: events) }
                costs.append(count.value - before)
                #expect(reply.content == "Hello")
                #expect(reply.workflow.map { $0["node"] } == ["answer", "done"] && reply.workflow.map { $0["outcome"] } == ["ok", "ok"])
                #expect(events.entries("workflow").map { $0["node"] } == ["answer", "done"])
                #expect(try await bench.messages(reply.conversation)[1].meta["trace"] == nil)
            }
        }
        #expect(costs[1] == costs[3], "\(costs)")
    }

    @Test("a workflow that is named calls its tools first and gives the model what they found as data; message, trace and version are kept")
    func named() async throws {
        let bench = try await ChatBench()
        let (artifacts, tools, seen) = (kept(bench), ScriptedTools(), Kept<ModelRequest>())
        let id = try await keep(artifacts, entry: "reckon", [Self.reckon, Self.say, Self.sorry, Self.done])
        let chat = bench.service(
            [
                ScriptedModel { request, tokens in
                    seen.add(request)
                    return try await ScriptedModel.say(["It is 42."], tokens)
                }
            ], toolbox: tools, artifacts: artifacts)
        let (request, from) = (request("6*7", id), origin())
        let reply = try await onLoop { try await chat.turn(request, from) }
        #expect(reply.content == "It is 42." && reply.workflow.compactMap { $0["node"]?.stringValue } == ["reckon", "say", "done"])
        #expect(tools.calls.values.map { String(decoding: $0.input, as: UTF8.self) } == [#"{"expression":"6*7"}"#])
        #expect(tools.calls.values.first?.caller == from.caller)
        let shown = try #require(seen.values.first?.messages.dropLast().last)
        #expect(shown.role == .system && shown.content.hasPrefix("[data ") && shown.content.contains("from the workflow]\n42\n"))
        let stored = try await bench.messages(reply.conversation)[1]
        #expect(stored.segments[0]?["tool"] == "calc.evaluate" && stored.meta["workflow_id"] == .string(id) && stored.meta["workflow_version"] == 1)
        #expect(stored.meta["trace"]?.arrayValue?.count { $0["kind"] == "node" } == 3)
    }

    @Test("what fails in a workflow goes where it says; without that the turn says what a turn would have said")
    func failures() async throws {
        let bench = try await ChatBench()
        let artifacts = kept(bench)
        let careful = try await keep(
            artifacts, entry: "say",
            [["id": "say", "type": "tool_call", "tool": "chat.answer", "next": "done", "on_error": "sorry"], Self.sorry, Self.done])
        let careless = try await keep(
            artifacts, entry: "say", [["id": "say", "type": "tool_call", "tool": "chat.answer", "next": "done"], Self.done])
        let lost = try await keep(artifacts, entry: "a", [["id": "a", "type": "tool_call", "tool": "no.tool", "next": "done"], Self.done])
        let odd = try await keep(
            artifacts, entry: "a",
            [["id": "a", "type": "tool_call", "tool": "chat.answer", "inputs": ["role": "system"], "next": "done"], Self.done])
        let chat = bench.service(
            [ScriptedModel { _, _ in throw ModelFailure(.unavailable, "away") }], artifacts: artifacts)
        func turn(_ workflow: String) async throws -> TurnReply {
            let request = request("x", workflow)
            return try await onLoop { try await chat.turn(request, origin()) }
        }
        #expect(try await turn(careful).content == "Sorry: unavailable.")
        #expect(await failure { _ = try await turn(careless) } == .model(ModelFailure(.unavailable, "away")))
        guard case .workflow(let gone) = await failure(of: { _ = try await turn(lost) }) else {
            Issue.record("a tool that is not there was called")
            return
        }
        #expect(gone.code == .notFound && gone.node == "a")
        guard case .workflow(let input) = await failure(of: { _ = try await turn(odd) }) else {
            Issue.record("an input that there is not was taken")
            return
        }
        #expect(input.code == .validation)
        let before = try await bench.count("SELECT count(*) FROM message")
        let note = try await artifacts.create(.memory, ArtifactDraft(name: "n", schema: ["kind": "memory.note"]), by: Self.ann, requestID: "r").id
        for missing in ["gone", note] { #expect(await failure { _ = try await turn(missing) } == .missing("workflow")) }
        #expect(try await bench.count("SELECT count(*) FROM message") == before)
    }

    @Test("a destructive tool of a turn's workflow asks the person as any does, and silence is a refusal")
    func approval() async throws {
        let bench = try await ChatBench()
        let (artifacts, tools) = (kept(bench), ScriptedTools(destructive: true))
        let id = try await keep(artifacts, entry: "reckon", [Self.reckon, Self.say, Self.sorry, Self.done])
        let chat = bench.service(
            [ScriptedModel { _, tokens in try await ScriptedModel.say(["no"], tokens) }], toolbox: tools, artifacts: artifacts,
            approvalMilliseconds: 50)
        let request = request("1", id)
        let reply = try await onLoop { try await chat.turn(request, origin()) }
        #expect(reply.content == "Sorry: approval." && tools.calls.values.isEmpty)
    }

    @Test("branches of a turn's workflow run at once; cancelled among them, the turn ends within 50 ms with what was said (WF-2)")
    func cancelled() async throws {
        let bench = try await ChatBench()
        let artifacts = kept(bench)
        let tools = ScriptedTools { _ in
            try? await EventLoop.current?.sleep(until: .after(milliseconds: 60_000))  // It ends when it is cancelled.
            return .failure(.cancelled)
        }
        func branch(_ id: String) -> JSONValue {
            ["id": .string(id), "type": "tool_call", "tool": "calc.evaluate", "next": "done", "on_error": "done"]
        }
        let id = try await keep(
            artifacts, entry: "say",
            [
                ["id": "say", "type": "tool_call", "tool": "chat.answer", "next": "both"],
                ["id": "both", "type": "parallel", "branches": ["l", "r"], "join": "done"], branch("l"), branch("r"), Self.done,
            ])
        let chat = bench.service(
            [ScriptedModel { _, tokens in try await ScriptedModel.say(["So far"], tokens) }], toolbox: tools, artifacts: artifacts)
        let (request, from) = (request("x", id), origin())
        let turn = OwnedTask(on: bench.loop) { try await chat.turn(request, from) }
        try await eventually { tools.calls.values.count == 2 }
        let told = ContinuousClock.now
        #expect(try await chat.cancel(requestID: from.requestID, conversation: nil, of: ChatBench.ann))
        let reply = try await turn.value
        #expect(ContinuousClock.now - told < .milliseconds(50))
        #expect(reply.isCancelled && reply.isTruncated && reply.content == "So far")
    }

    @Test("turns follow what the tenant makes of its own workflow, and an agent brings one of its own")
    func changed() async throws {
        let bench = try await ChatBench()
        let artifacts = kept(bench)
        let chat = bench.service([ScriptedModel { _, tokens in try await ScriptedModel.say(["model"], tokens) }], artifacts: artifacts)
        func say(_ request: TurnRequest) async throws -> String { try await onLoop { try await chat.turn(request, origin()) }.content }
        #expect(try await say(TurnRequest(content: "x")) == "model")
        let own = try await artifacts.seeded(kind: WorkflowDefinition.kind, name: "default", tenant: "main").id
        let admin = ArtifactReader(tenant: "main", account: "bob", isAdmin: true)
        let fixed: JSONValue = [
            "kind": "workflow.chat", "entry": "done", "nodes": [["id": "done", "type": "end", "outputs": ["content": "You said: ${input.message}"]]],
        ]
        _ = try await artifacts.change(
            own, by: JSONPatch([["op": "replace", "path": "/schema", "value": fixed]] as JSONValue), by: admin, requestID: "r")
        #expect(try await say(TurnRequest(content: "x")) == "You said: x")
        let flow = try await keep(artifacts, entry: "say", [["id": "say", "type": "tool_call", "tool": "chat.answer", "next": "done"], Self.done])
        let agent = try await artifacts.create(
            .agent, ArtifactDraft(name: "a", schema: ["kind": "agent.chat", "workflow_id": .string(flow)]), by: Self.ann, requestID: "r"
        ).id
        var request = TurnRequest(content: "x")
        request.agent = agent
        #expect(try await say(request) == "model")
    }
}
