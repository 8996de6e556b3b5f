package import IO
package import JSON

/// What a run came to.
package struct WorkflowResult: Sendable {
    package var end: WorkflowMachine.End
    package var trace: [WorkflowTraceEntry]
    /// Ends of calls that the journal has not heard of: they are kept together with the run's end.
    package var unkept: [WorkflowMachine.Report]
}

/// Runs a workflow: makes the calls that the machine asks for, each within its time, and keeps in the journal what was done before the next is made.
///
/// It runs where it is called and ends with its task: cancelled, it tells every call so and waits for their ends.
package struct WorkflowRunner: Sendable {
    private let actions: any WorkflowActions
    private let journal: (any WorkflowJournal)?
    private let loop: EventLoop
    private let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - journal: Nil where nothing has to outlive the process.
    ///   - loop: Wakes runs that are on no event loop.
    ///   - now: Milliseconds since 1970-01-01 UTC.
    package init(_ actions: any WorkflowActions, journal: (any WorkflowJournal)? = nil, loop: EventLoop, now: @escaping @Sendable () -> Int64) {
        (self.actions, self.journal, self.loop, self.now) = (actions, journal, loop, now)
    }

    /// What a run waits for.
    private enum Event: Sendable {
        case ended(WorkflowMachine.Report)
        case timeIsOver
        case cancelled
    }

    /// Runs to the end, from where `past` left off.
    /// - Parameters:
    ///   - deadline: The end of the whole run, all tries of all nodes included.
    /// - Throws: What the journal throws.
    package func run(
        _ definition: WorkflowDefinition, input: JSONValue, deadline: Deadline, past: WorkflowPast = WorkflowPast()
    ) async throws -> WorkflowResult {
        let live = LiveCalls()
        let walk = WorkflowWalk(WorkflowMachine(definition, input: input), past, now: now())
        return try await withThrowingTaskGroup(of: Event.self) { group in
            group.addTask { await self.clock(until: deadline) }
            defer { group.cancelAll() }
            return try await go(walk, deadline, live, &group)
        }
    }

    private func go(
        _ begun: WorkflowWalk, _ deadline: Deadline, _ live: LiveCalls, _ group: inout ThrowingTaskGroup<Event, any Error>
    ) async throws -> WorkflowResult {
        var walk = begun
        while true {
            if Task.isCancelled { walk.cancel(at: now()) }
            if deadline.hasPassed { walk.timeOut(at: now()) }
            let step = walk.step(at: now()) { actions.tool($0)?.isRepeatable == true }
            for place in walk.takeStopped() { live.stop(place) }
            if let end = walk.machine.end { return WorkflowResult(end: end, trace: walk.machine.trace, unkept: step.ended) }
            let beginning = step.calls.map(beginning)
            if let journal, !step.ended.isEmpty || !beginning.isEmpty { try await journal.record(ended: step.ended, beginning: beginning) }
            // Ended while that was kept: nothing begins any more.
            if Task.isCancelled { continue }
            for call in step.calls {
                let triesBefore = step.again.contains(call.place) ? 1 : 0
                group.addTask {
                    var report = await self.perform(call, deadline, live)
                    report.tries += triesBefore
                    return .ended(report)
                }
            }
            switch try await group.next() {
            case .ended(let report): walk.hear(report)
            case .timeIsOver: walk.timeOut(at: now())
            case .cancelled, nil: walk.cancel(at: now())
            }
        }
    }

    private func beginning(_ call: WorkflowMachine.Call) -> WorkflowBeginning {
        let tool = actions.tool(call.tool)
        return WorkflowBeginning(
            place: call.place, node: call.node, tool: call.tool, version: tool?.version, isRepeatable: tool?.isRepeatable ?? false, at: now())
    }

    private func clock(until deadline: Deadline) async -> Event {
        do {
            try await (EventLoop.current ?? loop).sleep(until: deadline)
            return .timeIsOver
        } catch {
            return .cancelled
        }
    }

    // MARK: One call

    private func perform(_ call: WorkflowMachine.Call, _ runDeadline: Deadline, _ live: LiveCalls) async -> WorkflowMachine.Report {
        let began = now()
        let deadline = min(runDeadline, .after(milliseconds: call.timeoutMilliseconds))
        let reply = await reply(to: call, deadline, live)
        var (result, timeouts) = (reply.result, 0)
        if case .failure(let failure) = result, failure.reason == "timeout" || deadline.hasPassed && !Task.isCancelled {
            timeouts = 1
            result = .failure(.timedOut("the node `\(call.node)`", milliseconds: call.timeoutMilliseconds))
        }
        result = Self.kept(result, of: call)
        return WorkflowMachine.Report(
            call.place, result, startedAt: began, endedAt: now(), tries: reply.tries, timeouts: timeouts, version: reply.version)
    }

    /// What of a result is kept: nothing where nobody wants it, no more than a variable takes, and of a failure what a run keeps (WF-6).
    private static func kept(_ result: Result<JSONValue, WorkflowFailure>, of call: WorkflowMachine.Call) -> Result<JSONValue, WorkflowFailure> {
        switch result {
        case .failure(let failure): return .failure(failure.bounded)
        case .success(let value):
            guard let output = call.output else { return .success(.null) }
            let bytes = value.serialized().count
            return bytes <= WorkflowLimits.variableBytesMax ? result : .failure(WorkflowMachine.tooLong(output, bytes))
        }
    }

    private func reply(to call: WorkflowMachine.Call, _ deadline: Deadline, _ live: LiveCalls) async -> WorkflowReply {
        guard let tool = actions.tool(call.tool) else {
            return WorkflowReply(.failure(WorkflowFailure(.notFound, "there is no tool `\(call.tool)` here")), tries: 0)
        }
        if let refusal = tool.refusal { return WorkflowReply(.failure(refusal), tries: 0, version: tool.version) }
        let wanted = WorkflowCall(node: call.node, tool: call.tool, input: call.input, retries: call.retries, deadline: deadline)
        let task = OwnedTask(on: EventLoop.current) { await actions.call(wanted) }
        live.add(call.place, task)
        // The call path keeps the deadline itself; whoever does not is told.
        let clock = OwnedTask(on: EventLoop.current) { [loop] in
            try await (EventLoop.current ?? loop).sleep(until: deadline)
            task.cancel()
        }
        defer { clock.cancel() }
        return await withTaskCancellationHandler {
            do {
                return try await task.value
            } catch {
                // The body throws nothing; there is always a value.
                return WorkflowReply(.failure(.cancelled))
            }
        } onCancel: {
            task.cancel()
        }
    }
}

/// The calls under way, so that one of them can be told to end.
private final class LiveCalls: Sendable {
    private struct State {
        var tasks: [Int: OwnedTask<WorkflowReply>] = [:]
        var stopped: Set<Int> = []
    }
    private let state = Lock(State())

    func add(_ place: Int, _ task: OwnedTask<WorkflowReply>) {
        let isLate = state.withLock { state in
            state.tasks[place] = task
            return state.stopped.contains(place)
        }
        if isLate { task.cancel() }
    }

    func stop(_ place: Int) {
        let task = state.withLock { state in
            state.stopped.insert(place)
            return state.tasks[place]
        }
        task?.cancel()
    }
}
