internal import JSON
internal import Workflows

/// A definition, and behind a zero byte how its calls end, one byte each: a refusal with pointers, or walks that end within their bounds, the same each time.
func checkWorkflow(_ bytes: [UInt8]) {
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    // Input that is no JSON is no definition either.
    guard let value = try? JSONValue(parsing: Array(parts[0])) else { return }
    let definition: WorkflowDefinition
    do throws(WorkflowDefinitionError) {
        definition = try WorkflowDefinition(value)
    } catch {
        precondition(!error.problems.isEmpty && error.problems.count <= WorkflowLimits.problemsMax, "a refusal without a reason")
        for problem in error.problems { precondition((try? JSONPointer(problem.pointer)) != nil, "a problem without a place") }
        return
    }
    let ends = parts.count > 1 ? Array(parts[1]) : []
    precondition(walk(definition, ends) == walk(definition, ends), "two walks of one run")
}

/// Walks to the end; answers it and the way.
private func walk(_ definition: WorkflowDefinition, _ ends: [UInt8]) -> String {
    var machine = WorkflowMachine(definition, input: ["n": 3, "text": "abc"])
    var (waiting, begun, clock): ([WorkflowMachine.Call], Set<Int>, Int64) = ([], [], 0)
    while true {
        for call in machine.advance(at: clock) {
            precondition(begun.insert(call.place).inserted, "a node was called twice")
            waiting.append(call)
        }
        let stopped = Set(machine.takeStopped())
        waiting.removeAll { stopped.contains($0.place) }
        if machine.end != nil { break }
        precondition(!waiting.isEmpty, "a run that waits for nothing")
        let byte = Int(clock) < ends.count ? ends[Int(clock)] : 0
        let call = waiting.remove(at: Int(byte >> 2) % waiting.count)
        clock += 1
        let result: Result<JSONValue, WorkflowFailure> =
            byte & 3 == 3 ? .failure(WorkflowFailure(.server, "no")) : .success(["n": JSONValue(Int(byte))])
        machine.finish(WorkflowMachine.Report(call.place, result, startedAt: clock - 1, endedAt: clock))
    }
    precondition(machine.trace.count <= definition.nodes.count && machine.trace.allSatisfy { $0.outcome != .running }, "a trace out of bounds")
    return "\(String(describing: machine.end)) \(machine.trace.map(\.node))"
}
