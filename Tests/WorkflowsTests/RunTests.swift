import IO
import JSON
import Testing
import Workflows

@Suite("Runs of workflows")
struct RunTests {
    @Test("a run calls its tools in order, keeps what they answer, chooses its way and ends with its outputs")
    func whole() async throws {
        let result = try await withLoop { loop in
            let tools = FakeTools(
                ["t.count": .init(answer: { input, _ in .success(["n": JSONValue(input["text"]?.stringValue?.count ?? 0)]) })], loop: loop)
            let flow: JSONValue = .workflow(
                entry: "count",
                [
                    .call("count", "t.count", inputs: ["text": "${input.text}"], output: "counts", next: "which"),
                    .choose("which", [("vars.counts.n > 10", "long"), ("vars.counts.n > 2", "middle")], otherwise: "short"),
                    .end("long", ["size": "long"]), .end("middle", ["size": "middle", "n": "${vars.counts.n}"]), .end("short", ["size": "short"]),
                ])
            return try await WorkflowRunner.run(flow, tools, input: ["text": "hello"])
        }
        #expect(result.end == .done(["size": "middle", "n": 5]))
        #expect(result.trace.map(\.node) == ["count", "which", "middle"])
        #expect(result.trace.map(\.next) == ["which", "middle", nil])
    }

    @Test("the trace has each node's time, tries, time-outs and outcome, and no more entries than nodes (WF-1)")
    func trace() async throws {
        let result = try await withLoop { loop in
            let tools = FakeTools(
                [
                    "t.slow": .init(milliseconds: 30), "t.stuck": .init(milliseconds: 60_000),
                    "t.bad": .init(answer: { _, _ in .failure(Self.broken) }),
                ],
                loop: loop)
            let flow: JSONValue = .workflow(
                entry: "a",
                [
                    .call("a", "t.slow", next: "b"), .call("b", "t.stuck", next: "done", onError: "c", timeout: 40),
                    .call("c", "t.bad", next: "done", onError: "done"), .end("done", ["why": "${vars.error.reason}"]),
                ])
            return try await WorkflowRunner.run(flow, tools)
        }
        #expect(result.end == .done(["why": "broken"]))
        let shown = result.trace.map(\.json)
        #expect(shown.map { $0["outcome"] } == ["ok", "timeout", "error", "ok"])
        #expect(shown.map { $0["tries"] } == [1, 1, 1, 0])
        #expect(shown.map { $0["timeouts"] } == [0, 1, 0, 0])
        #expect((25...2_000).contains(shown[0]["wall_ms"]?.intValue ?? 0))
        #expect((35...2_000).contains(shown[1]["wall_ms"]?.intValue ?? 0))
        #expect(shown[2]["error"]?["node"] == "c" && shown[2]["version"] == "1.0.0" && shown[1]["tool"] == "t.stuck")
    }

    static let broken = WorkflowFailure(.server, reason: "broken", "it broke")

    @Test("without on_error a failure ends the run, and says which node failed and why")
    func failure() async throws {
        let result = try await withLoop { loop in
            let tools = FakeTools(["t.bad": .init(answer: { _, _ in .failure(Self.broken) })], loop: loop)
            return try await WorkflowRunner.run(.workflow(entry: "a", [.call("a", "t.bad", next: "done"), .end()]), tools)
        }
        #expect(result.end.failure?.node == "a")
        #expect(result.end.failure?.reason == "broken")
    }

    @Test("a tool that is not there, or that a workflow may not call, is not called, and its node fails")
    func refused() async throws {
        try await withLoop { loop in
            let tools = FakeTools(["t.sharp": .init(refusal: WorkflowFailure(.forbidden, reason: "approval", "it is destructive"))], loop: loop)
            let gone = try await WorkflowRunner.run(.workflow(entry: "a", [.call("a", "t.gone", next: "done"), .end()]), tools)
            let sharp = try await WorkflowRunner.run(.workflow(entry: "a", [.call("a", "t.sharp", next: "done"), .end()]), tools)
            #expect(gone.end.failure?.code == .notFound)
            #expect(sharp.end.failure?.reason == "approval")
            #expect(tools.called.isEmpty)
            #expect(sharp.trace.first?.tries == 0)
        }
    }

    @Test("inputs, conditions and outputs that have no value fail their node, which its on_error catches")
    func expressions() async throws {
        try await withLoop { loop in
            let tools = FakeTools(["t.echo": .init()], loop: loop)
            let flow: JSONValue = .workflow(
                entry: "a",
                [
                    .call("a", inputs: ["x": "${1 / input.zero}"], next: "done", onError: "b"),
                    .choose("b", [("input.zero", "done")], otherwise: "done", onError: "done"),
                    .end("done", ["node": "${vars.error.node}", "reason": "${vars.error.reason}"]),
                ])
            #expect(try await WorkflowRunner.run(flow, tools, input: ["zero": 0]).end == .done(["node": "b", "reason": "expression"]))
            let bad = try await WorkflowRunner.run(.workflow(entry: "done", [.end("done", ["x": "${1 / 0}"])]), tools)
            #expect(bad.end.failure?.node == "done")
            #expect(tools.called.isEmpty)
        }
    }

    // MARK: Parallel

    private static func forked(policy: String?, onError: String? = "sorry") -> JSONValue {
        .workflow(
            entry: "both",
            [
                .fork("both", ["l", "r"], join: "done", output: "ways", onError: onError, policy: policy),
                .call("l", "t.left", output: "left", next: "l2"),
                .call("l2", "t.left", output: "left2", next: "done"), .call("r", "t.right", output: "right", next: "done"),
                .end("done", ["left": "${vars.left2.v}", "right": "${vars.right.v}", "ways": "${vars.ways}"]),
                .end("sorry", ["why": "${vars.error}", "left": "${vars.left}"]),
            ])
    }

    @Test("branches run at once, and what they set is there behind the join")
    func branches() async throws {
        try await withLoop { loop in
            let tools = FakeTools(
                [
                    "t.left": .init(milliseconds: 30, answer: { _, _ in .success(["v": 1]) }),
                    "t.right": .init(milliseconds: 50, answer: { _, _ in .success(["v": 2]) }),
                ],
                loop: loop)
            let result = try await WorkflowRunner.run(Self.forked(policy: nil), tools)
            #expect(result.end.outputs?["left"] == 1 && result.end.outputs?["right"] == 2)
            #expect(tools.most == 2)
        }
    }

    @Test("a branch that fails cancels the others at once and fails the parallel; what the branches set is not there")
    func cancelledBranches() async throws {
        try await withLoop { loop in
            let tools = FakeTools(
                ["t.left": .init(milliseconds: 60_000), "t.right": .init(milliseconds: 20, answer: { _, _ in .failure(Self.broken) })], loop: loop)
            let began = ContinuousClock.now
            let result = try await WorkflowRunner.run(Self.forked(policy: nil), tools)
            #expect(ContinuousClock.now - began < .seconds(2))
            #expect(result.end.outputs?["why"]?["node"] == "r" && result.end.outputs?["left"] == .null)
            #expect(result.trace.first { $0.node == "l" }?.outcome == .cancelled)
            #expect(tools.live == 0)
        }
    }

    @Test("with `wait` the others go on, the join hears which failed, and the parallel fails when all have")
    func patientBranches() async throws {
        try await withLoop { loop in
            let tools = FakeTools(
                [
                    "t.left": .init(milliseconds: 30, answer: { _, _ in .success(["v": 1]) }),
                    "t.right": .init(answer: { _, _ in .failure(Self.broken) }),
                ],
                loop: loop)
            let result = try await WorkflowRunner.run(Self.forked(policy: "wait"), tools)
            #expect(result.end.outputs?["left"] == 1 && result.end.outputs?["right"] == .null)
            #expect(result.end.outputs?["ways"]?.arrayValue?.map { $0["outcome"] } == ["ok", "error"])
            tools["t.left"]?.answer = { _, _ in .failure(Self.broken) }
            let failed = try await WorkflowRunner.run(Self.forked(policy: "wait", onError: nil).without("sorry"), tools)
            #expect(failed.end.failure?.reason == "broken")
        }
    }

    // MARK: Time

    @Test("a node's time is counted over all its tries, and a tool that ignores its end is told (WF-2)")
    func nodeTime() async throws {
        try await withLoop { loop in
            let tools = FakeTools(["t.deaf": .init(milliseconds: 150, isDeaf: true, answer: { _, _ in .failure(Self.broken) })], loop: loop)
            let flow: JSONValue = .workflow(entry: "a", [.call("a", "t.deaf", next: "done", timeout: 50), .end()])
            let result = try await WorkflowRunner.run(flow, tools)
            #expect(result.end.failure?.reason == "timeout")
            #expect(result.trace[0].timeouts == 1)
        }
    }

    @Test("a run's time is counted over all nodes and tries; no on_error takes what is over (WF-2)")
    func runTime() async throws {
        try await withLoop { loop in
            let tools = FakeTools(["t.slow": .init(milliseconds: 60_000), "t.echo": .init()], loop: loop)
            let flow: JSONValue = .workflow(
                entry: "a", [.call("a", "t.echo", next: "b"), .call("b", "t.slow", next: "done", onError: "c"), .call("c", next: "done"), .end()])
            let began = ContinuousClock.now
            let result = try await WorkflowRunner.run(flow, tools, milliseconds: 80)
            #expect(ContinuousClock.now - began < .seconds(2))
            #expect(result.end.failure?.reason == "timeout" && result.end.failure?.node == nil)
            #expect(result.trace.map(\.outcome) == [.ok, .timeout])
            #expect(tools.called == ["t.echo", "t.slow"])
        }
    }

    @Test("cancelled at any moment, a run has ended within 50 ms and no call is left (WF-2)", arguments: [0, 5, 20, 60])
    func cancel(after milliseconds: Int) async throws {
        try await withLoop { loop in
            let tools = FakeTools(["t.slow": .init(milliseconds: 40), "t.stuck": .init(milliseconds: 60_000)], loop: loop)
            let flow: JSONValue = .workflow(
                entry: "a",
                [
                    .call("a", "t.slow", next: "both"), .fork("both", ["l", "r"], join: "done"), .call("l", "t.stuck", next: "done"),
                    .call("r", "t.stuck", next: "done"), .end(),
                ])
            let run = OwnedTask(on: loop) { try await WorkflowRunner.run(flow, tools) }
            try await loop.sleep(until: .after(milliseconds: milliseconds))
            let asked = ContinuousClock.now
            run.cancel()
            let result = try await run.value
            #expect(ContinuousClock.now - asked < .milliseconds(50))
            #expect(result.end == .cancelled)
            #expect(result.trace.allSatisfy { $0.outcome != .running })
            #expect(tools.live == 0)
        }
    }

    // MARK: Size

    @Test("variables, their sum and outputs are capped: what is too long fails its node, and a long run keeps no more (WF-6)")
    func caps() async throws {
        try await withLoop { loop in
            let tools = FakeTools(
                [
                    "t.long": .init(answer: { input, _ in .success(.string(String(repeating: "x", count: input["bytes"]?.intValue ?? 0))) })
                ], loop: loop)
            func flow(_ sizes: [Int], _ outputs: JSONValue) -> JSONValue {
                .workflow(
                    entry: "n0",
                    sizes.enumerated().map { index, bytes in
                        .call(
                            "n\(index)", "t.long", inputs: ["bytes": JSONValue(bytes)], output: "v\(index)",
                            next: index == sizes.count - 1 ? "done" : "n\(index + 1)")
                    } + [.end("done", outputs)])
            }
            let most = WorkflowLimits.variableBytesMax - 2
            let one = try await WorkflowRunner.run(flow([most], ["n": "${len(vars.v0)}"]), tools)
            #expect(one.end.outputs?["n"]?.intValue == most)
            let tooLong = try await WorkflowRunner.run(flow([most + 1], [:]), tools)
            #expect(tooLong.end.failure?.reason == "limit" && tooLong.end.failure?.node == "n0")
            let sum = try await WorkflowRunner.run(flow(Array(repeating: most, count: 6), [:]), tools)
            #expect(sum.end.failure?.node == "n4")
            let outputs: JSONValue = .object(JSONObject((0..<4).map { ("k\($0)", "${vars.v0}${vars.v0}") }))
            #expect(try await WorkflowRunner.run(flow([most], outputs), tools).end.failure?.reason == "limit")
        }
    }

    @Test("the same variable set again costs its new length only (WF-6)")
    func overwritten() async throws {
        try await withLoop { loop in
            let tools = FakeTools(["t.long": .init(answer: { _, _ in .success(.string(String(repeating: "x", count: 200_000))) })], loop: loop)
            let nodes: [JSONValue] = (0..<40).map { .call("n\($0)", "t.long", output: "v", next: $0 == 39 ? "done" : "n\($0 + 1)") }
            let result = try await WorkflowRunner.run(.workflow(entry: "n0", nodes + [.end("done", ["n": "${len(vars.v)}"])]), tools)
            #expect(result.end == .done(["n": 200_000]))
        }
    }
}

extension JSONValue {
    /// A workflow without one of its nodes.
    func without(_ id: String) -> JSONValue {
        guard case .object(var members) = self else { return self }
        members["nodes"] = .array((self["nodes"]?.arrayValue ?? []).filter { $0["id"] != .string(id) })
        return .object(members)
    }
}
