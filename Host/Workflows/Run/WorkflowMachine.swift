package import JSON

/// Walks a definition: says which calls are to begin, hears how they end, and knows the run's end. It does no I/O and has no clock.
///
/// The same definition, input and results, heard in the same order, make the same walk: a run that was cut off is resumed by telling a new machine what was
/// stored.
package struct WorkflowMachine: Sendable {
    /// A call that is to begin now.
    package struct Call: Sendable {
        /// Place in the definition's nodes.
        package let place: Int
        package let node: String
        package let tool: String
        package let input: JSONValue
        package let timeoutMilliseconds: Int
        /// Nil for as many as the tool's manifest says.
        package let retries: Int?
        /// The variable that gets the result; nil when nobody wants it.
        package let output: String?
    }

    /// How a call ended.
    package struct Report: Sendable {
        package var place: Int
        package var result: Result<JSONValue, WorkflowFailure>
        package var startedAt: Int64
        package var endedAt: Int64
        package var tries = 1
        package var timeouts = 0
        package var version: String?
        /// Whether the run ends with it, as cancelled.
        package var endsRun = false

        /// Describes an end.
        package init(
            _ place: Int, _ result: Result<JSONValue, WorkflowFailure>, startedAt: Int64, endedAt: Int64, tries: Int = 1, timeouts: Int = 0,
            version: String? = nil
        ) {
            (self.place, self.result, self.startedAt, self.endedAt) = (place, result, startedAt, endedAt)
            (self.tries, self.timeouts, self.version) = (tries, timeouts, version)
        }
    }

    /// How a run ended.
    package enum End: Sendable, Hashable {
        case done(JSONValue)
        case failed(WorkflowFailure)
        case cancelled
    }

    /// One line of work: the run's own, or a branch's.
    struct Lane {
        /// The lane that waits for this one, and which of its branches this is; nil for the run's own.
        let parent: Int?
        let branch: Int
        /// Where it ends: its parallel's join.
        let stop: Int?
        var at: Int
        var variables: [String: Variable] = [:]
        var state = State.ready

        enum State {
            /// Next: waiting, forked, or gone.
            case ready
            /// Its call is under way. Next: ready, or gone.
            case waiting
            /// Its branches are under way. Next: ready, or gone.
            case forked([BranchEnd?])
        }
    }

    struct Variable {
        let value: JSONValue
        let bytes: Int
    }

    /// How a branch ended.
    enum BranchEnd {
        case joined([String: Variable])
        case failed(WorkflowFailure)
    }

    package let definition: WorkflowDefinition
    let input: JSONValue
    var lanes: [Int: Lane] = [:]
    private var lanesMade = 0
    /// Bytes of all variables that were set.
    private(set) var bytesKept = 0
    /// The run's end; nothing begins after it.
    package private(set) var end: End?
    /// What became of the nodes, in the order in which they were come to.
    package private(set) var trace: [WorkflowTraceEntry] = []
    /// Calls that nobody waits for any more, since the last `takeStopped`.
    private(set) var stopped: [Int] = []

    /// Begins at the entry.
    package init(_ definition: WorkflowDefinition, input: JSONValue) {
        (self.definition, self.input) = (definition, input)
        addLane(Lane(parent: nil, branch: 0, stop: nil, at: definition.entry))
    }

    // MARK: Walking

    /// Goes on as far as that needs no call; answers the calls that are to begin.
    package mutating func advance(at now: Int64) -> [Call] {
        var calls: [Call] = []
        while end == nil, let id = lanes.keys.filter({ lanes[$0]?.isReady == true }).min() {
            if let call = step(id, now) { calls.append(call) }
        }
        // What began in the very advance that ended its branch, or the run, never begins.
        return end == nil ? calls.filter { isWaiting($0.place) } : []
    }

    private func isWaiting(_ place: Int) -> Bool { lanes.values.contains { $0.at == place && $0.isWaiting } }

    private mutating func addLane(_ lane: Lane) {
        lanes[lanesMade] = lane
        lanesMade += 1
    }

    /// One node of one lane that is ready.
    private mutating func step(_ id: Int, _ now: Int64) -> Call? {
        guard let lane = lanes[id] else { return nil }
        if lane.at == lane.stop {
            arrive(id, .joined(lane.variables), now)
            return nil
        }
        let node = definition.nodes[lane.at]
        begin(node, now)
        switch node.work {
        case .call(let call): return self.call(call, node, id, now)
        case .choose(let choice): choose(choice, node, id, now)
        case .fork(let fork): self.fork(fork, id)
        case .end(let outputs): finish(outputs, node, id, now)
        }
        return nil
    }

    private mutating func call(_ call: WorkflowNode.Call, _ node: WorkflowNode, _ id: Int, _ now: Int64) -> Call? {
        guard let lane = lanes[id] else { return nil }
        do throws(ExpressionError) {
            let inputs = try call.inputs.value(in: scope(lane))
            lanes[id]?.state = .waiting
            note(node) { $0.tool = call.tool }
            return Call(
                place: lane.at, node: node.id, tool: call.tool, input: inputs, timeoutMilliseconds: node.timeoutMilliseconds, retries: call.retries,
                output: call.output)
        } catch {
            fail(id, node, .expression(error, "the inputs of `\(node.id)`"), now)
            return nil
        }
    }

    private mutating func choose(_ choice: WorkflowNode.Choice, _ node: WorkflowNode, _ id: Int, _ now: Int64) {
        guard let lane = lanes[id] else { return }
        let scope = scope(lane)
        for (when, next) in choice.cases {
            do throws(ExpressionError) {
                if try when.holds(in: scope) { return go(id, to: next, from: node, now) }
            } catch {
                return fail(id, node, .expression(error, "the condition `\(when.text)`"), now)
            }
        }
        go(id, to: choice.otherwise, from: node, now)
    }

    private mutating func fork(_ fork: WorkflowNode.Fork, _ id: Int) {
        guard let lane = lanes[id] else { return }
        lanes[id]?.state = .forked(Array(repeating: nil, count: fork.branches.count))
        for (branch, start) in fork.branches.enumerated() {
            addLane(Lane(parent: id, branch: branch, stop: fork.join, at: start, variables: lane.variables))
        }
    }

    private mutating func finish(_ outputs: Template, _ node: WorkflowNode, _ id: Int, _ now: Int64) {
        guard let lane = lanes[id] else { return }
        do throws(ExpressionError) {
            let value = try outputs.value(in: scope(lane))
            let bytes = value.serialized().count
            guard bytes <= WorkflowLimits.outputsBytesMax else {
                return fail(id, node, Self.tooLong("the outputs have", bytes, max: WorkflowLimits.outputsBytesMax), now)
            }
            note(node) { ($0.outcome, $0.endedAt) = (.ok, now) }
            close(.done(value), now)
        } catch {
            fail(id, node, .expression(error, "the outputs of `\(node.id)`"), now)
        }
    }

    private func scope(_ lane: Lane) -> ExpressionScope {
        ExpressionScope(["input": input, "vars": .object(JSONObject(lane.variables.map { ($0.key, $0.value.value) }))])
    }

    private mutating func go(_ id: Int, to place: Int, from node: WorkflowNode, _ now: Int64) {
        lanes[id]?.at = place
        lanes[id]?.state = .ready
        let next = definition.nodes[place].id
        note(node) { ($0.outcome, $0.endedAt, $0.next) = ($0.outcome == .running ? .ok : $0.outcome, now, next) }
    }

    // MARK: Ends of calls

    /// Hears how a call ended; false, and nothing is changed, when nobody waits for it any more.
    @discardableResult
    package mutating func finish(_ report: Report) -> Bool {
        guard end == nil, let (id, _) = lanes.first(where: { $0.value.at == report.place && $0.value.isWaiting }),
            case .call(let call) = definition.nodes[report.place].work
        else { return false }
        let node = definition.nodes[report.place]
        note(node) { entry in
            (entry.startedAt, entry.endedAt, entry.tries) = (report.startedAt, report.endedAt, report.tries)
            (entry.timeouts, entry.version) = (report.timeouts, report.version)
        }
        switch report.result {
        case .failure(let failure): fail(id, node, failure, report.endedAt)
        case .success(let value):
            if let output = call.output, let refusal = keep(value, as: output, in: id) {
                fail(id, node, refusal, report.endedAt)
            } else {
                go(id, to: call.next, from: node, report.endedAt)
            }
        }
        return true
    }

    /// Sets a variable; answers why not (WF-6).
    private mutating func keep(_ value: JSONValue, as name: String, in id: Int) -> WorkflowFailure? {
        let bytes = value.serialized().count
        guard bytes <= WorkflowLimits.variableBytesMax else { return Self.tooLong(name, bytes) }
        let sum = bytesKept - (lanes[id]?.variables[name]?.bytes ?? 0) + bytes
        guard sum <= WorkflowLimits.variablesBytesMax else {
            return Self.tooLong("with `\(name)` the variables of this run would have", sum, max: WorkflowLimits.variablesBytesMax)
        }
        bytesKept = sum
        lanes[id]?.variables[name] = Variable(value: value, bytes: bytes)
        return nil
    }

    /// A value that no variable takes.
    static func tooLong(_ name: String, _ bytes: Int) -> WorkflowFailure {
        tooLong("the value of the variable `\(name)` has", bytes, max: WorkflowLimits.variableBytesMax)
    }

    private static func tooLong(_ what: String, _ bytes: Int, max: Int) -> WorkflowFailure {
        WorkflowFailure(.validation, reason: "limit", "\(what) \(bytes) bytes; at most \(max) are kept")
    }

    private mutating func fail(_ id: Int, _ node: WorkflowNode, _ failure: WorkflowFailure, _ now: Int64) {
        var failure = failure.bounded
        if failure.node == nil { failure.node = node.id }
        lanes[id]?.state = .ready
        note(node) { ($0.outcome, $0.endedAt, $0.failure) = (failure.reason == "timeout" ? .timeout : .error, now, failure) }
        guard let lane = lanes[id] else { return }
        if let target = node.onError {
            let told = failure.json
            lanes[id]?.variables[WorkflowDefinition.errorVariable] = Variable(value: told, bytes: 0)
            go(id, to: target, from: node, now)
        } else if lane.parent != nil {
            arrive(id, .failed(failure), now)
        } else {
            close(.failed(failure), now)
        }
    }

    // MARK: Branches

    /// A branch has come to its end.
    private mutating func arrive(_ id: Int, _ branchEnd: BranchEnd, _ now: Int64) {
        guard let lane = lanes.removeValue(forKey: id), let parent = lane.parent, case .forked(var ends) = lanes[parent]?.state,
            let at = lanes[parent]?.at, case .fork(let fork) = definition.nodes[at].work
        else { return }
        let node = definition.nodes[at]
        ends[lane.branch] = branchEnd
        lanes[parent]?.state = .forked(ends)
        if case .failed(let failure) = branchEnd, !fork.isPatient {
            drop(branchesOf: parent, now)
            return fail(parent, node, failure, now)
        }
        let all = ends.compactMap { $0 }
        guard all.count == ends.count else { return }
        let failures = all.compactMap { end -> WorkflowFailure? in if case .failed(let failure) = end { failure } else { nil } }
        if failures.count == all.count, let first = failures.first { return fail(parent, node, first, now) }
        join(all, fork, parent, node, now)
    }

    /// Takes over what the branches have set, in their order, whichever came first.
    private mutating func join(_ ends: [BranchEnd], _ fork: WorkflowNode.Fork, _ id: Int, _ node: WorkflowNode, _ now: Int64) {
        var told: [JSONValue] = []
        for (index, end) in ends.enumerated() {
            let start = definition.nodes[fork.branches[index]].id
            switch end {
            case .joined(let variables):
                for name in fork.variables[index] { if let variable = variables[name] { lanes[id]?.variables[name] = variable } }
                told.append(["branch": .string(start), "outcome": "ok"])
            case .failed(let failure): told.append(["branch": .string(start), "outcome": "error", "error": failure.json])
            }
        }
        if let output = fork.output, let refusal = keep(.array(told), as: output, in: id) { return fail(id, node, refusal, now) }
        go(id, to: fork.join, from: node, now)
    }

    /// Ends the branches of a lane, and theirs.
    private mutating func drop(branchesOf parent: Int, _ now: Int64) {
        for (id, lane) in lanes.sorted(by: { $0.key < $1.key }) where lane.parent == parent {
            drop(branchesOf: id, now)
            abandon(lane, .cancelled, now)
            lanes[id] = nil
        }
    }

    private mutating func abandon(_ lane: Lane, _ failure: WorkflowFailure, _ now: Int64) {
        if lane.isWaiting { stopped.append(lane.at) }
        guard !lane.isReady else { return }
        let isTimeout = failure.reason == "timeout"
        note(definition.nodes[lane.at]) { entry in
            (entry.outcome, entry.endedAt, entry.failure) = (isTimeout ? .timeout : .cancelled, now, failure)
            if isTimeout, lane.isWaiting { entry.timeouts = 1 }
        }
    }

    /// Calls that are to be cancelled: nobody waits for them any more.
    package mutating func takeStopped() -> [Int] {
        defer { stopped = [] }
        return stopped
    }

    // MARK: Ends of the run

    private mutating func close(_ end: End, _ now: Int64) {
        var why = WorkflowFailure.cancelled
        if case .failed(let failure) = end, failure.reason == "timeout" { why = failure }
        for (_, lane) in lanes.sorted(by: { $0.key < $1.key }) { abandon(lane, why, now) }
        lanes = [:]
        self.end = end
    }

    /// Ends the run because somebody asked for it.
    package mutating func cancel(at now: Int64) { if end == nil { close(.cancelled, now) } }

    /// Ends the run because its time is over, whatever `on_error` says: there is no time for that either.
    package mutating func timeOut(at now: Int64) {
        if end == nil { close(.failed(.timedOut("the run", milliseconds: definition.timeoutMilliseconds)), now) }
    }

    // MARK: Trace

    private mutating func begin(_ node: WorkflowNode, _ now: Int64) {
        trace.append(WorkflowTraceEntry(node: node.id, type: node.work.name, outcome: .running, startedAt: now, endedAt: now))
    }

    /// Each node runs at most once, so its id finds its entry.
    private mutating func note(_ node: WorkflowNode, _ change: (inout WorkflowTraceEntry) -> Void) {
        guard let index = trace.lastIndex(where: { $0.node == node.id }) else { return }
        change(&trace[index])
    }
}

extension WorkflowMachine.Lane {
    var isReady: Bool { if case .ready = state { true } else { false } }
    var isWaiting: Bool { if case .waiting = state { true } else { false } }
}
