import JSON
import Testing

@testable import Workflows

@Suite("What places are filled in with")
struct FillingTests {
    private static let long = JSONValue.string(String(repeating: "x", count: WorkflowLimits.inputBytesMax - 100))
    private static let eight = JSONValue.array(Array(repeating: "${input.x}", count: 8))

    @Test("the bytes that a value takes are those of its JSON, and no more are looked at than are left")
    func bytes() throws {
        let values: [JSONValue] = [
            .null, true, false, -1.5e300, "", "é", "\u{1}\n\"\\", [], [[]], [1, 2, "a"], [:], ["a": 1], ["a\n": [1, nil], "b": [:], "": ["c": "d"]],
        ]
        for value in values {
            let count = value.serialized().count
            for (have, fits) in [(count, true), (count - 1, false), (count + 7, true), (0, false)] {
                var left = have
                #expect(value.takeBytes(from: &left) == fits, "\(value.text) in \(have)")
                if fits { #expect(left == have - count, "\(value.text) in \(have)") }
            }
        }
    }

    @Test("a value that fills many places is charged for each of them: a template has no more bytes than its bound, as text or as values (WF-6)")
    func charged() throws {
        let scope = ExpressionScope(["input": ["x": Self.long]])
        #expect(throws: ExpressionError.self) { try Template(Self.eight).value(in: scope) }
        #expect(throws: ExpressionError.self) { try Template(["deep": ["a": [Self.eight]]]).value(in: scope) }
        #expect(throws: ExpressionError.self) { try Template("${input}").value(in: scope, bytesMax: 1_000) }
        let three = try Template(["${input.x}", "${input.x}", "${input.x}"]).value(in: scope)
        #expect(three.arrayValue?.count == 3)
        let bound = three.serialized().count - 4  // Brackets and commas are the template's own.
        #expect(throws: ExpressionError.self) { try Template(["${input.x}", "${input.x}", "${input.x}"]).value(in: scope, bytesMax: bound - 1) }
        _ = try Template(["${input.x}", "${input.x}", "${input.x}"]).value(in: scope, bytesMax: bound)
    }

    @Test("a run whose input is to fill too many places fails there, and no tool is called (WF-6)")
    func run() async throws {
        try await withLoop { loop in
            let tools = FakeTools(["t.echo": .init()], loop: loop)
            let input: JSONValue = ["x": Self.long]
            let called = try await WorkflowRunner.run(
                .workflow(entry: "a", [.call("a", inputs: ["all": Self.eight], next: "done"), .end()]), tools, input: input)
            #expect(called.end.failure?.reason == "limit" && called.end.failure?.node == "a")
            #expect(tools.called.isEmpty)
            let ended = try await WorkflowRunner.run(.workflow(entry: "done", [.end("done", ["all": Self.eight])]), tools, input: input)
            let failure = ended.end.failure
            #expect(failure?.reason == "limit" && failure?.message.contains("what is filled in is too long") == true)
        }
    }

    @Test("a plan says where an input fills too many places, and shows no more of inputs than its bound in all (WF-6)")
    func plan() async throws {
        try await withLoop { loop in
            let tools = FakeTools(["t.echo": .init()], loop: loop)
            let input: JSONValue = ["x": Self.long]
            let much = try WorkflowDefinition(.workflow(entry: "a", [.call("a", inputs: ["all": Self.eight], next: "done"), .end()]))
            let step = WorkflowPlan(much, input: input, actions: tools).steps.first
            #expect(step?.problem?.reason == "limit" && step?.input == nil)
            let three: JSONValue = ["all": ["${input.x}", "${input.x}", "${input.x}"]]
            let nodes = (0..<20).map { JSONValue.call("n\($0)", inputs: three, next: $0 == 19 ? "done" : "n\($0 + 1)") }
            let many = WorkflowPlan(try WorkflowDefinition(.workflow(entry: "n0", nodes + [.end()])), input: input, actions: tools)
            #expect(many.isRunnable && many.steps.count == 21)
            #expect(many.steps.first?.input != nil && many.steps[1].input == nil)
            #expect(many.json.serialized().count < WorkflowLimits.planBytesMax + 20_000)
        }
    }
}
