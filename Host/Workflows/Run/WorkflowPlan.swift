package import JSON
import JSONSchema

/// What a run with this input would do, as far as that can be told without any call (a dry run).
///
/// A condition that reads the input only is decided; one that reads a variable depends on what calls answer, and every way behind it is shown as possible.
package struct WorkflowPlan: Sendable {
    /// A node that the run can come to.
    package struct Step: Sendable {
        package var node: String
        package var type: String
        /// Whether it is come to whenever every call before it succeeds.
        package var isCertain: Bool
        package var tool: String?
        package var version: String?
        /// What the tool would be given; nil where that depends on what calls answer, and where it is more than a plan shows (`WorkflowLimits.planBytesMax`).
        package var input: JSONValue?
        /// Where it can go on.
        package var next: [String] = []
        /// Why it would fail.
        package var problem: WorkflowFailure?

        var json: JSONValue {
            var object: JSONObject = [
                "node": .string(node), "type": .string(type), "certain": .bool(isCertain), "next": .array(next.map { .string($0) }),
            ]
            if let tool { object["tool"] = .string(tool) }
            if let version { object["version"] = .string(version) }
            if let input { object["input"] = input }
            if let problem { object["problem"] = problem.json }
            return .object(object)
        }
    }

    /// In the order in which they are come to.
    package private(set) var steps: [Step] = []

    /// Whether nothing is known that would make a run fail.
    package var isRunnable: Bool { steps.allSatisfy { $0.problem == nil } }

    private let definition: WorkflowDefinition
    private let scope: ExpressionScope
    private var places: [Int: Int] = [:]
    /// Bytes of inputs that it may still show.
    private var left = WorkflowLimits.planBytesMax

    /// Plans a run; the input fits (`WorkflowDefinition.refusal(of:)`).
    package init(_ definition: WorkflowDefinition, input: JSONValue, actions: any WorkflowActions) {
        (self.definition, scope) = (definition, ExpressionScope(["input": input]))
        var waiting = [(place: definition.entry, isCertain: true)]
        while !waiting.isEmpty {
            let (place, isCertain) = waiting.removeFirst()
            if let known = places[place], steps[known].isCertain || !isCertain { continue }
            let (step, ways) = look(at: definition.nodes[place], isCertain, actions)
            if let known = places[place] {
                steps[known] = step
            } else {
                places[place] = steps.count
                steps.append(step)
            }
            waiting += ways
        }
    }

    /// As the reply shows it.
    package var json: JSONValue { ["runnable": .bool(isRunnable), "steps": .array(steps.map(\.json))] }

    private typealias Way = (place: Int, isCertain: Bool)

    private mutating func look(at node: WorkflowNode, _ isCertain: Bool, _ actions: any WorkflowActions) -> (Step, [Way]) {
        var step = Step(node: node.id, type: node.work.name, isCertain: isCertain)
        var ways: [Way] = []
        switch node.work {
        case .call(let call):
            ways = [(call.next, isCertain)]
            describe(call, &step, actions)
        case .choose(let choice): ways = self.ways(choice, isCertain, &step)
        case .fork(let fork): ways = (fork.branches + [fork.join]).map { ($0, isCertain) }
        case .end: break
        }
        if step.problem != nil {
            // It fails: what is behind it is not come to.
            ways = node.onError.map { [($0, isCertain)] } ?? []
        } else if let target = node.onError {
            ways.append((target, false))
        }
        step.next = ways.map { definition.nodes[$0.place].id }
        return (step, ways)
    }

    private mutating func describe(_ call: WorkflowNode.Call, _ step: inout Step, _ actions: any WorkflowActions) {
        step.tool = call.tool
        guard let tool = actions.tool(call.tool) else {
            step.problem = WorkflowFailure(.notFound, "there is no tool `\(call.tool)` here", node: step.node)
            return
        }
        step.version = tool.version
        step.problem = tool.refusal
        guard !call.inputs.names.contains("vars") else { return }
        do throws(ExpressionError) {
            let input = try call.inputs.value(in: scope)
            var rest = left
            if input.takeBytes(from: &rest) { (step.input, left) = (input, rest) }
            guard step.problem == nil, let failure = tool.input?.validate(input, failuresMax: 1).first else { return }
            step.problem = WorkflowFailure(
                .validation, reason: "input", "`\(call.tool)` does not take this at `\(failure.instancePath)`: \(failure.message)", node: step.node)
        } catch {
            step.problem = .expression(error, "the inputs of `\(step.node)`")
        }
    }

    private func ways(_ choice: WorkflowNode.Choice, _ isCertain: Bool, _ step: inout Step) -> [Way] {
        var ways: [Way] = []
        var isDecided = true
        for (when, next) in choice.cases {
            if when.names.contains("vars") {
                isDecided = false
                ways.append((next, false))
                continue
            }
            do throws(ExpressionError) {
                if try when.holds(in: scope) { return ways + [(next, isCertain && isDecided)] }
            } catch {
                if isDecided { step.problem = .expression(error, "the condition `\(when.text)`") }
                return ways
            }
        }
        return ways + [(choice.otherwise, isCertain && isDecided)]
    }
}
