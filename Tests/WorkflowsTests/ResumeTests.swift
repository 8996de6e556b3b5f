import IO
import JSON
import TestKit
import Testing
import Workflows

/// A journal in memory that dies before or after one of its writes, as a host does.
private final class CutJournal: WorkflowJournal {
    struct Dead: Error {}
    struct Kept: Sendable {
        var ended: [WorkflowMachine.Report] = []
        var begun: [WorkflowBeginning] = []
        var writes = 0
    }
    private let state: Lock<Kept>
    private let diesAt: Int?
    /// Whether the write that it dies at is kept.
    private let keepsLast: Bool

    init(_ kept: Kept = Kept(), diesAt: Int? = nil, keepsLast: Bool = false) {
        var fresh = kept
        fresh.writes = 0
        state = Lock(fresh)
        (self.diesAt, self.keepsLast) = (diesAt, keepsLast)
    }

    var kept: Kept { state.withLock { $0 } }
    var past: WorkflowPast {
        let kept = kept
        let ended = Set(kept.ended.map(\.place))
        return WorkflowPast(ended: kept.ended, open: kept.begun.filter { !ended.contains($0.place) })
    }

    func record(ended: [WorkflowMachine.Report], beginning: [WorkflowBeginning]) async throws {
        let isDead = state.withLock { state in
            let dies = state.writes == diesAt
            state.writes += 1
            if !dies || keepsLast {
                state.ended += ended
                state.begun.removeAll { old in beginning.contains { $0.place == old.place } }
                state.begun += beginning
            }
            return dies
        }
        if isDead { throw Dead() }
    }
}

@Suite("Runs that are resumed")
struct ResumeTests {
    /// Calls, a choice and branches, with tools that may be called twice and such that may not.
    private static let flow: JSONValue = .workflow(
        entry: "a",
        [
            .call("a", "t.once", inputs: ["k": "a"], output: "a", next: "b"), .call("b", "t.safe", inputs: ["k": "b"], output: "b", next: "c"),
            .choose("c", [("vars.a.k == 'a'", "d")], otherwise: "done"), .fork("d", ["e", "f"], join: "g"),
            .call("e", "t.once", inputs: ["k": "e"], output: "e", next: "g"), .call("f", "t.safe", inputs: ["k": "f"], output: "f", next: "g"),
            .call("g", "t.once", inputs: ["k": "g"], output: "g", next: "done"),
            .end("done", ["all": ["${vars.a.k}", "${vars.b.k}", "${vars.e.k}", "${vars.f.k}", "${vars.g.k}"]]),
        ])

    private static func tools(_ loop: EventLoop) -> FakeTools {
        FakeTools(["t.once": .init(isRepeatable: false, milliseconds: 2), "t.safe": .init(milliseconds: 3)], loop: loop)
    }

    private func run(_ tools: FakeTools, _ journal: CutJournal) async throws -> WorkflowResult {
        try await WorkflowRunner(tools, journal: journal, loop: tools.loop, now: now).run(
            WorkflowDefinition(Self.flow), input: [:], deadline: .after(milliseconds: 20_000), past: journal.past)
    }

    @Test("cut before or after every write, a run goes on where it was; what may not be called twice never is (WF-3)", arguments: [true, false])
    func everyStep(keepsLast: Bool) async throws {
        try await withLoop { loop in
            var deaths = 0
            for write in 0..<20 {
                let tools = Self.tools(loop)
                let first = CutJournal(diesAt: write, keepsLast: keepsLast)
                var result: WorkflowResult?
                do {
                    result = try await run(tools, first)
                } catch is CutJournal.Dead {
                    deaths += 1
                    result = try await run(tools, CutJournal(first.kept))
                }
                let once = zip(tools.called, tools.inputs).filter { $0.0 == "t.once" }.map { $0.1["k"]?.stringValue ?? "" }
                #expect(Set(once).count == once.count, "after write \(write): \(once)")
                switch result?.end {
                case .done(let outputs): #expect(outputs == ["all": ["a", "b", "e", "f", "g"]])
                case .failed(let failure): #expect(failure.reason == "outcome_unknown", "\(failure)")
                case .cancelled, nil: Issue.record("after write \(write) the run has no end")
                }
                if result?.end.failure == nil, deaths <= write { break }
            }
            #expect(deaths >= 5)
        }
    }

    @Test("a call whose end nobody knows fails into its on_error, unless its tool may be called twice: now and then (WF-3)")
    func unknown() async throws {
        try await withLoop { loop in
            let flow: JSONValue = .workflow(
                entry: "a",
                [.call("a", "t.x", output: "a", next: "done", onError: "sorry"), .end("done"), .end("sorry", ["why": "${vars.error.reason}"])])
            for (then, later, isCalled) in [(true, true, true), (true, false, false), (false, true, false), (false, false, false)] {
                let tools = FakeTools(["t.x": .init(isRepeatable: then)], loop: loop)
                let journal = CutJournal(diesAt: 0, keepsLast: true)
                let runner = WorkflowRunner(tools, journal: journal, loop: loop, now: now)
                await #expect(throws: CutJournal.Dead.self) {
                    try await runner.run(WorkflowDefinition(flow), input: [:], deadline: .after(milliseconds: 5_000))
                }
                tools["t.x"]?.isRepeatable = later
                let result = try await WorkflowRunner(tools, loop: loop, now: now).run(
                    WorkflowDefinition(flow), input: [:], deadline: .after(milliseconds: 5_000), past: journal.past)
                #expect(tools.called.count == (isCalled ? 1 : 0))
                #expect(result.end == .done(isCalled ? [:] : ["why": "outcome_unknown"]))
                if isCalled { #expect(result.trace[0].tries == 2) }
            }
        }
    }

    @Test("a resumed run's trace has the times of then, and the failure of a branch that had failed is the one that counts")
    func past() async throws {
        try await withLoop { loop in
            let tools = FakeTools(["t.safe": .init()], loop: loop)
            let flow: JSONValue = .workflow(
                entry: "p",
                [
                    .fork("p", ["a", "b"], join: "done", onError: "sorry"), .call("a", "t.safe", next: "done"), .call("b", "t.safe", next: "done"),
                    .end(),
                    .end("sorry", ["node": "${vars.error.node}"]),
                ])
            let past = WorkflowPast(
                ended: [WorkflowMachine.Report(2, .failure(RunTests.broken), startedAt: 1_000, endedAt: 1_500)],
                open: [WorkflowBeginning(place: 1, node: "a", tool: "t.safe", version: nil, isRepeatable: true, at: 1_000)], startedAt: 900)
            let result = try await WorkflowRunner(tools, loop: loop, now: now).run(
                WorkflowDefinition(flow), input: [:], deadline: .after(milliseconds: 5_000), past: past)
            #expect(result.end == .done(["node": "b"]))
            #expect(tools.called.isEmpty)
            #expect(result.trace.first { $0.node == "b" }?.endedAt == 1_500)
            #expect(result.trace.first { $0.node == "p" }?.startedAt == 900)
        }
    }
}

@Suite("Random workflows")
struct RandomWorkflowTests {
    /// Graphs without cycles whose nodes lead to later ones, some of them wrong.
    private static func random(_ random: inout SeededRandom) -> JSONValue {
        let count = Int.random(in: 1...14, using: &random)
        func id(_ index: Int) -> String { index >= count ? "z" : "n\(index)" }
        let expressions = [
            "vars.v1 == null", "input.n > 3", "len(input.text) > 2", "vars.error.code == 'x'", "true", "1 / input.zero > 1", "input.flag",
        ]
        var nodes: [JSONValue] = []
        for index in 0..<count {
            func later(_ generator: inout SeededRandom) -> String { id(Int.random(in: index + 1...count, using: &generator)) }
            let onError = Bool.random(using: &random) ? later(&random) : nil
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                nodes.append(
                    .call(
                        id(index), ["t.good", "t.bad", "t.gone", "t.long"].randomElement(using: &random) ?? "",
                        inputs: ["x": "${vars.v\(index / 2)}"],
                        output: Bool.random(using: &random) ? "v\(index)" : nil, next: id(index + 1), onError: onError))
            case 5..<7:
                nodes.append(
                    .choose(
                        id(index), [(expressions.randomElement(using: &random) ?? "", later(&random))], otherwise: id(index + 1), onError: onError))
            case 7..<9 where index + 3 <= count:
                // Mostly a parallel whose branches are single nodes, as the most of what is valid.
                nodes.append(
                    .fork(
                        id(index), [id(index + 1), id(index + 2)], join: id(index + 3), output: "p\(index)", onError: onError,
                        policy: Bool.random(using: &random) ? "wait" : "cancel"))
                for branch in [index + 1, index + 2] { nodes.append(.call(id(branch), "t.good", output: "v\(branch)", next: id(index + 3))) }
            default: nodes.append(.end(id(index), ["all": "${vars}"]))
            }
        }
        var seen: Set<String> = []
        nodes = nodes.filter { seen.insert($0["id"]?.stringValue ?? "").inserted }
        return reachable(.workflow(entry: "n0", nodes + [.end("z", ["v": "${vars.v0}"])]))
    }

    /// Without the nodes that nothing leads to, so that most are accepted.
    private static func reachable(_ value: JSONValue) -> JSONValue {
        var value = value
        while true {
            do throws(WorkflowDefinitionError) {
                _ = try WorkflowDefinition(value)
                return value
            } catch {
                let gone = error.problems.filter { $0.message.hasPrefix("is never come to") }.compactMap { $0.message.split(separator: "`").last }
                if gone.isEmpty { return value }
                for id in gone { value = value.without(String(id)) }
            }
        }
    }

    @Test("what the checks accept ends within its bounds: each node once, no more trace than nodes, nothing left under way")
    func bounds() async throws {
        try await withLoop { loop in
            var random = SeededRandom()
            let tools = FakeTools(
                [
                    "t.good": .init(), "t.bad": .init(answer: { _, _ in .failure(RunTests.broken) }),
                    "t.long": .init(answer: { _, _ in .success(.string(String(repeating: "x", count: 300_000))) }),
                ], loop: loop)
            var accepted = 0
            for _ in 0..<600 {
                let value = Self.random(&random)
                let definition: WorkflowDefinition
                do throws(WorkflowDefinitionError) { definition = try WorkflowDefinition(value) } catch { continue }
                accepted += 1
                let before = tools.called.count
                let result = try await WorkflowRunner(tools, loop: loop, now: now).run(
                    definition, input: ["n": 5, "text": "abc", "zero": 0, "flag": 3], deadline: .after(milliseconds: 20_000))
                #expect(result.end != .cancelled, "seed \(random.seed): \(value.text)")
                #expect(result.end.failure?.reason != "timeout", "seed \(random.seed): \(value.text)")
                #expect(Set(result.trace.map(\.node)).count == result.trace.count && result.trace.count <= definition.nodes.count)
                #expect(result.trace.allSatisfy { $0.outcome != .running }, "seed \(random.seed): \(value.text)")
                #expect(tools.called.count - before <= definition.nodes.count)
                #expect(tools.live == 0)
                _ = WorkflowPlan(definition, input: ["n": 5], actions: tools).json
            }
            #expect(accepted > 150, "only \(accepted) of 600 were accepted")
        }
    }
}

@Suite("Dry runs")
struct PlanTests {
    @Test("a dry run finds the tools, decides what the input decides, and calls nothing")
    func plan() async throws {
        try await withLoop { loop in
            let tools = FakeTools(["t.echo": .init(), "t.sharp": .init(refusal: WorkflowFailure(.forbidden, reason: "approval", "no"))], loop: loop)
            let definition = try WorkflowDefinition(
                .workflow(
                    entry: "which",
                    [
                        .choose("which", [("input.n > 3", "a")], otherwise: "b"), .call("a", inputs: ["n": "${input.n}"], output: "v", next: "more"),
                        .choose("more", [("vars.v > 1", "b")], otherwise: "done"), .call("b", "t.sharp", next: "c", onError: "done"),
                        .call("c", "t.gone", next: "done"), .end(),
                    ]))
            let large = WorkflowPlan(definition, input: ["n": 5], actions: tools)
            #expect(large.steps.map(\.node) == ["which", "a", "more", "b", "done"])
            #expect(large.steps.map(\.isCertain) == [true, true, true, false, false])
            #expect(large.steps[1].input == ["n": 5] && large.steps[1].version == "1.0.0")
            #expect(large.steps[3].problem?.reason == "approval" && !large.isRunnable)
            let small = WorkflowPlan(definition, input: ["n": 1], actions: tools)
            #expect(small.steps.map(\.node) == ["which", "b", "done"])
            #expect(WorkflowPlan(definition, input: [:], actions: tools).steps.first?.problem?.reason == "expression")
            #expect(tools.called.isEmpty)
        }
    }

    @Test("an input that does not fit the workflow's schema, or is too long, is refused with every place")
    func inputs() throws {
        let definition = try WorkflowDefinition([
            "kind": "workflow.chat", "entry": "done", "nodes": [.end()],
            "input_schema": ["type": "object", "required": ["a", "b"], "properties": ["a": ["type": "string"]], "additionalProperties": false],
        ])
        #expect(definition.refusal(of: ["a": "x", "b": 1])?.details["errors"]?.arrayValue?.count == 1)
        #expect(definition.refusal(of: ["a": 1])?.details["errors"]?.arrayValue?.count == 2)
        let open = try WorkflowDefinition(.workflow(entry: "done", [.end()]))
        #expect(open.refusal(of: .string(String(repeating: "x", count: WorkflowLimits.inputBytesMax - 2))) == nil)
        #expect(open.refusal(of: .string(String(repeating: "x", count: WorkflowLimits.inputBytesMax - 1)))?.reason == "too_long")
    }
}
