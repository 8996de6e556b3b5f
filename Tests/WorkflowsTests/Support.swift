import IO
import JSON
import Store
import Testing
import Workflows

/// Tools that tests invent: what each answers, how long it takes, and how often it was called.
final class FakeTools: WorkflowActions {
    struct Tool: Sendable {
        var isRepeatable = true
        var refusal: WorkflowFailure?
        var milliseconds = 0
        /// Whether it goes on when it is told to end.
        var isDeaf = false
        var answer: @Sendable (JSONValue, Int) -> Result<JSONValue, WorkflowFailure> = { input, _ in .success(input) }
    }

    private let state: Lock<(tools: [String: Tool], calls: [(tool: String, input: JSONValue)], live: Int, most: Int)>
    let loop: EventLoop

    init(_ tools: [String: Tool] = [:], loop: EventLoop) {
        state = Lock((tools, [], 0, 0))
        self.loop = loop
    }

    subscript(tool: String) -> Tool? {
        get { state.withLock { $0.tools[tool] } }
        set { state.withLock { $0.tools[tool] = newValue } }
    }

    /// The tools that were called, in their order.
    var called: [String] { state.withLock { $0.calls.map(\.tool) } }
    var inputs: [JSONValue] { state.withLock { $0.calls.map(\.input) } }
    /// Calls under way, and the most that were.
    var live: Int { state.withLock { $0.live } }
    var most: Int { state.withLock { $0.most } }

    func tool(_ id: String) -> WorkflowTool? {
        self[id].map { WorkflowTool(id: id, version: "1.0.0", isRepeatable: $0.isRepeatable, refusal: $0.refusal) }
    }

    func call(_ call: WorkflowCall) async -> WorkflowReply {
        guard let tool = self[call.tool] else { return WorkflowReply(.failure(WorkflowFailure(.notFound, "gone")), tries: 0) }
        let count = state.withLock { state in
            state.calls.append((call.tool, call.input))
            state.live += 1
            state.most = max(state.most, state.live)
            return state.calls.count { $0.tool == call.tool }
        }
        defer { state.withLock { $0.live -= 1 } }
        let end = Deadline.after(milliseconds: tool.milliseconds)
        while !end.hasPassed {
            do {
                try await loop.sleep(until: tool.isDeaf ? .after(milliseconds: 1) : end)
            } catch {
                if !tool.isDeaf { return WorkflowReply(.failure(.cancelled), version: "1.0.0") }
            }
        }
        return WorkflowReply(tool.answer(call.input, count), version: "1.0.0")
    }
}

extension JSONValue {
    static func call(
        _ id: String, _ tool: String = "t.echo", inputs: JSONValue = [:], output: String? = nil, next: String, onError: String? = nil,
        timeout: Int? = nil, retries: Int? = nil
    ) -> JSONValue {
        var node: JSONObject = [
            "id": .string(id), "type": "tool_call", "tool": .string(tool), "inputs": inputs, "next": .string(next),
        ]
        if let output { node["output"] = .string(output) }
        if let onError { node["on_error"] = .string(onError) }
        if let timeout { node["timeout_ms"] = JSONValue(timeout) }
        if let retries { node["retries"] = JSONValue(retries) }
        return .object(node)
    }

    static func end(_ id: String = "done", _ outputs: JSONValue = [:]) -> JSONValue { ["id": .string(id), "type": "end", "outputs": outputs] }

    static func choose(_ id: String, _ cases: [(String, String)], otherwise: String, onError: String? = nil) -> JSONValue {
        var node: JSONObject = [
            "id": .string(id), "type": "switch", "default": .string(otherwise),
            "cases": .array(cases.map { ["when": .string($0.0), "next": .string($0.1)] }),
        ]
        if let onError { node["on_error"] = .string(onError) }
        return .object(node)
    }

    static func fork(
        _ id: String, _ branches: [String], join: String, output: String? = nil, onError: String? = nil, policy: String? = nil
    ) -> JSONValue {
        var node: JSONObject = [
            "id": .string(id), "type": "parallel", "branches": .array(branches.map { .string($0) }), "join": .string(join),
        ]
        if let output { node["output"] = .string(output) }
        if let onError { node["on_error"] = .string(onError) }
        if let policy { node["on_branch_error"] = .string(policy) }
        return .object(node)
    }

    static func workflow(entry: String, _ nodes: [JSONValue], timeout: Int? = nil) -> JSONValue {
        var value: JSONObject = ["kind": "workflow.chat", "entry": .string(entry), "nodes": .array(nodes)]
        if let timeout { value["timeout_ms"] = JSONValue(timeout) }
        return .object(value)
    }
}

/// A loop for tests, ended with them.
func withLoop<Value: Sendable>(_ body: @escaping @Sendable (EventLoop) async throws -> Value) async throws -> Value {
    let group = try EventLoopGroup(count: 1)
    defer { group.stop() }
    let loop = group.loops[0]
    return try await OwnedTask(on: loop) { try await body(loop) }.value
}

func now() -> Int64 { StoreClock.nowMilliseconds() }

extension WorkflowRunner {
    /// Runs a definition in one go.
    static func run(
        _ value: JSONValue, _ tools: FakeTools, input: JSONValue = [:], milliseconds: Int = 20_000, journal: (any WorkflowJournal)? = nil
    ) async throws -> WorkflowResult {
        try await WorkflowRunner(tools, journal: journal, loop: tools.loop, now: now).run(
            WorkflowDefinition(value), input: input, deadline: .after(milliseconds: milliseconds))
    }
}

extension WorkflowMachine.End {
    var outputs: JSONValue? { if case .done(let value) = self { value } else { nil } }
    var failure: WorkflowFailure? { if case .failed(let failure) = self { failure } else { nil } }
}
