import JSON
import TestKit
import Testing
import Workflows

@Suite("Definitions of workflows")
struct DefinitionTests {
    private static let good: JSONValue = .workflow(
        entry: "a",
        [
            .call("a", inputs: ["text": "${input.text}"], output: "first", next: "b", onError: "sorry", timeout: 500, retries: 3),
            .choose("b", [("vars.first.n > 3", "c")], otherwise: "done"),
            .fork("c", ["d", "e"], join: "done", output: "ways", onError: "sorry", policy: "wait"),
            .call("d", output: "left", next: "done"), .call("e", output: "right", next: "f", onError: "f"), .call("f", next: "done"),
            .end("done", ["left": "${vars.left}"]), .end("sorry", ["why": "${vars.error.message}"]),
        ])

    private func problems(_ value: JSONValue) -> [WorkflowProblem] {
        do throws(WorkflowDefinitionError) {
            _ = try WorkflowDefinition(value)
            return []
        } catch {
            return error.problems
        }
    }

    /// The same with one member of one place changed; nil removes it.
    private func changed(_ pointer: String, _ value: JSONValue?) throws -> JSONValue {
        let path = try JSONPointer(pointer)
        func change(_ node: JSONValue, _ tokens: ArraySlice<String>) -> JSONValue {
            guard let token = tokens.first else { return value ?? .null }
            switch node {
            case .object(var members):
                if tokens.count == 1, value == nil {
                    members[token] = nil
                } else {
                    members[token] = change(members[token] ?? .null, tokens.dropFirst())
                }
                return .object(members)
            case .array(var items):
                guard let index = Int(token), index < items.count else { return node }
                items[index] = change(items[index], tokens.dropFirst())
                return .array(items)
            default: return node
            }
        }
        return change(Self.good, path.tokens[...])
    }

    @Test("a definition with every kind of node is accepted, and the default one of conversations is")
    func accepted() throws {
        let definition = try WorkflowDefinition(Self.good)
        #expect(definition.nodes.count == 8)
        #expect(definition.tools == ["t.echo"])
        #expect(problems(WorkflowDefinition.chatDefault).isEmpty)
    }

    @Test(
        "what is wrong is refused at its place (API-5)",
        arguments: [
            ("/kind", "policy.routing", "/kind"), ("/kind", nil, "/kind"), ("/extra", 1, "/extra"), ("/entry", "nobody", "/entry"),
            ("/entry", nil, "/entry"), ("/entry", 3, "/entry"), ("/timeout_ms", 0, "/timeout_ms"), ("/timeout_ms", 3_600_001, "/timeout_ms"),
            ("/timeout_ms", 1.5, "/timeout_ms"), ("/input_schema", 5, "/input_schema"), ("/input_schema", ["type": "nothing"], "/input_schema"),
            ("/nodes", [], "/nodes"), ("/nodes", nil, "/nodes"), ("/nodes/0", 7, "/nodes/0"),
            ("/nodes/0/id", "two words", "/nodes/0/id"), ("/nodes/0/id", "", "/nodes/0/id"), ("/nodes/0/id", "9a", "/nodes/0/id"),
            ("/nodes/0/id", .string(String(repeating: "a", count: 65)), "/nodes/0/id"), ("/nodes/1/id", "a", "/nodes/1/id"),
            ("/nodes/0/type", "loop", "/nodes/0/type"), ("/nodes/0/type", nil, "/nodes/0/type"), ("/nodes/0/extra", 1, "/nodes/0/extra"),
            ("/nodes/0/tool", "nodot", "/nodes/0/tool"), ("/nodes/0/tool", "a..b", "/nodes/0/tool"), ("/nodes/0/tool", "../x.y", "/nodes/0/tool"),
            ("/nodes/0/tool", nil, "/nodes/0/tool"), ("/nodes/0/next", nil, "/nodes/0/next"), ("/nodes/0/next", "nobody", "/nodes/0/next"),
            ("/nodes/0/on_error", "nobody", "/nodes/0/on_error"), ("/nodes/0/on_error", "a", "/nodes/0/on_error"),
            ("/nodes/0/timeout_ms", 600_001, "/nodes/0/timeout_ms"), ("/nodes/0/retries", 4, "/nodes/0/retries"),
            ("/nodes/0/retries", -1, "/nodes/0/retries"), ("/nodes/0/output", "error", "/nodes/0/output"),
            ("/nodes/0/output", "a b", "/nodes/0/output"), ("/nodes/0/inputs", "${input.x}", "/nodes/0/inputs"),
            ("/nodes/0/inputs/text", "${input.}", "/nodes/0/inputs/text"), ("/nodes/0/inputs/text", "${secrets.x}", "/nodes/0/inputs/text"),
            ("/nodes/0/inputs/deep", [["${len()}"]], "/nodes/0/inputs/deep/0/0"), ("/nodes/1/cases", [], "/nodes/1/cases"),
            ("/nodes/1/cases/0/when", "1 +", "/nodes/1/cases/0/when"), ("/nodes/1/cases/0/when", "1 + 1", "/nodes/1/cases/0/when"),
            ("/nodes/1/cases/0/next", "nobody", "/nodes/1/cases/0/next"), ("/nodes/1/cases/0/extra", true, "/nodes/1/cases/0/extra"),
            ("/nodes/1/default", nil, "/nodes/1/default"), ("/nodes/1/next", "done", "/nodes/1/next"),
            ("/nodes/2/branches", [], "/nodes/2/branches"), ("/nodes/2/branches/0", 1, "/nodes/2/branches/0"),
            ("/nodes/2/branches/1", "d", "/nodes/2/branches"), ("/nodes/2/branches/0", "done", "/nodes/2/branches/0"),
            ("/nodes/2/join", nil, "/nodes/2/join"), ("/nodes/2/on_branch_error", "never", "/nodes/2/on_branch_error"),
            // A cycle, at the edge that closes it.
            ("/nodes/5/next", "e", "/nodes/5/next"), ("/nodes/3/next", "a", "/nodes/3/next"),
            // Branches that leave, race or end where they must not.
            ("/nodes/3/next", "sorry", "/nodes/3/next"), ("/nodes/3/output", "right", "/nodes/2/branches/1"),
            ("/nodes/1/default", "f", "/nodes/4/next"),
            // Nobody comes to `sorry`'s neighbour.
            ("/nodes/1/cases/0/next", "done", "/nodes/2"),
            ("/nodes/6/outputs", [1], "/nodes/6/outputs"), ("/nodes/6/on_error", "sorry", "/nodes/6/on_error"),
        ] as [(String, JSONValue?, String)])
    func refused(pointer: String, value: JSONValue?, place: String) throws {
        let found = problems(try changed(pointer, value))
        #expect(found.contains { $0.pointer == place }, "\(found)")
        #expect(found.allSatisfy { !$0.message.isEmpty })
    }

    @Test("every problem is named, not the first alone, and no more than a reply can hold")
    func all() throws {
        let value = try changed("/nodes/0/tool", "x")
        guard case .object(var members) = value else { return }
        for (name, wrong) in [("kind", ["a"]), ("more", 1), ("timeout_ms", "long")] as [(String, JSONValue)] { members[name] = wrong }
        let found = Set(problems(.object(members)).map(\.pointer))
        #expect(found.isSuperset(of: ["/kind", "/more", "/timeout_ms", "/nodes/0/tool"]))
        let many: JSONValue = .workflow(entry: "a", (0..<60).map { _ in .call("a b", "x", next: "y") })
        #expect(problems(many).count == WorkflowLimits.problemsMax)
    }

    @Test("size, depth and number of nodes are bounded, and the bounds themselves are reached")
    func bounds() {
        func chain(_ count: Int) -> JSONValue {
            .workflow(entry: "n0", (0..<count - 1).map { .call("n\($0)", next: $0 == count - 2 ? "done" : "n\($0 + 1)") } + [.end()])
        }
        #expect(problems(chain(WorkflowLimits.nodesMax)).isEmpty)
        #expect(problems(chain(WorkflowLimits.nodesMax + 1)).map(\.pointer) == ["/nodes"])
        var deep: JSONValue = 1
        for _ in 0..<2_000 { deep = [deep] }
        #expect(problems(.workflow(entry: "a", [.call("a", inputs: ["x": deep], next: "done"), .end()])).map(\.pointer) == [""])
        let long = JSONValue.string(String(repeating: "x", count: WorkflowLimits.definitionBytesMax))
        #expect(problems(.workflow(entry: "a", [.call("a", inputs: ["x": long], next: "done"), .end()])).map(\.pointer) == [""])
        #expect(problems(nested(WorkflowLimits.parallelDepthMax)).isEmpty)
        #expect(problems(nested(WorkflowLimits.parallelDepthMax + 1)).count == 1)
        #expect(problems(.null).map(\.pointer) == [""])
    }

    /// Parallels inside each other.
    private func nested(_ depth: Int) -> JSONValue {
        var nodes: [JSONValue] = [.call("leaf", next: "j\(depth)")]
        for level in 1...depth {
            nodes.append(.fork("f\(level)", [level == depth ? "leaf" : "f\(level + 1)"], join: "j\(level)"))
            nodes.append(level == 1 ? .end("j1") : .call("j\(level)", next: "j\(level - 1)"))
        }
        return .workflow(entry: "f1", nodes)
    }

    @Test("any JSON is a definition or a refusal with pointers into it (API-13)")
    func noise() throws {
        var random = SeededRandom()
        for _ in 0..<2_000 {
            let places = try pointers(Self.good)
            guard let place = places.randomElement(using: &random) else { return }
            for problem in problems(try changed(place, .random(depth: 3, &random))) {
                #expect(throws: Never.self) { try JSONPointer(problem.pointer) }
            }
        }
    }

    private func pointers(_ value: JSONValue, _ at: JSONPointer = JSONPointer()) throws -> [String] {
        switch value {
        case .object(let members): try members.flatMap { try [at.appending($0.key).description] + pointers($0.value, at.appending($0.key)) }
        case .array(let items): try items.enumerated().flatMap { try [at.appending($0).description] + pointers($1, at.appending($0)) }
        default: []
        }
    }
}
