package import IO
package import JSON

/// What a run came to.
package struct WorkflowResult: Sendable {
    package var end: WorkflowMachine.End
    package var trace: [WorkflowTraceEntry]
    /// Places of calls that the journal keeps as begun and that were never made: the run ended while they were written down.
    package var uncalled: [Int] = []
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
        var progress = Progress(walk: WorkflowWalk(WorkflowMachine(definition, input: input), past, now: now()), deadline: deadline)
        return try await together(&progress, from: nil)
    }

    /// Runs to the end within its caller's task, for runs that nothing is to outlive: a call that is made alone is made right here, and costs neither a task nor a
    /// timer. The actions have to keep the deadlines that they are given, and to end with the task.
    /// - Parameter onTrace: Hears of each node that has ended, in that order.
    /// - Throws: What `onTrace` throws.
    package func attend(
        _ definition: WorkflowDefinition, input: JSONValue, deadline: Deadline,
        onTrace: @escaping @Sendable (WorkflowTraceEntry) async throws -> Void
    ) async throws -> WorkflowResult {
        var progress = Progress(
            walk: WorkflowWalk(WorkflowMachine(definition, input: input), WorkflowPast(), now: now()), deadline: deadline, onTrace: onTrace)
        while true {
            let step = try await step(&progress)
            if let result = progress.result { return result }
            guard step.calls.count == 1, let call = step.calls.first else { return try await together(&progress, from: step) }
            progress.walk.hear(await perform(call, deadline) { await actions.call($0) })
        }
    }

    /// A run under way.
    private struct Progress {
        var walk: WorkflowWalk
        let deadline: Deadline
        var onTrace: (@Sendable (WorkflowTraceEntry) async throws -> Void)?
        var told: Set<String> = []
        var uncalled: [Int] = []

        var result: WorkflowResult? { walk.machine.end.map { WorkflowResult(end: $0, trace: walk.machine.trace, uncalled: uncalled) } }

        /// Tells of nodes that have ended since the last time.
        mutating func tell() async throws {
            guard let onTrace else { return }
            for entry in walk.machine.trace where entry.outcome != .running && told.insert(entry.node).inserted { try await onTrace(entry) }
        }
    }

    private func step(_ progress: inout Progress) async throws -> WorkflowWalk.Step {
        if Task.isCancelled { progress.walk.cancel(at: now()) }
        if progress.deadline.hasPassed { progress.walk.timeOut(at: now()) }
        let step = progress.walk.step(at: now()) { actions.tool($0)?.isRepeatable == true }
        try await progress.tell()
        return step
    }

    /// Makes calls beside each other, from a step that was taken already or from the next.
    private func together(_ progress: inout Progress, from taken: WorkflowWalk.Step?) async throws -> WorkflowResult {
        let live = LiveCalls()
        var begun = progress
        defer { progress = begun }
        return try await withThrowingTaskGroup(of: Event.self) { group in
            group.addTask { [deadline = begun.deadline] in await self.clock(until: deadline) }
            defer { group.cancelAll() }
            return try await go(&begun, taken, live, &group)
        }
    }

    private func go(
        _ progress: inout Progress, _ taken: WorkflowWalk.Step?, _ live: LiveCalls, _ group: inout ThrowingTaskGroup<Event, any Error>
    ) async throws -> WorkflowResult {
        var taken = taken
        while true {
            let step = if let first = taken { first } else { try await step(&progress) }
            taken = nil
            for place in progress.walk.takeStopped() { live.stop(place) }
            if let result = progress.result { return result }
            let beginning = step.calls.map(beginning)
            if let journal, !step.ended.isEmpty || !beginning.isEmpty { try await journal.record(ended: step.ended, beginning: beginning) }
            // Ended while that was kept: nothing begins any more.
            if Task.isCancelled {
                progress.uncalled = beginning.map(\.place)
                continue
            }
            for call in step.calls { begin(call, isAgain: step.again.contains(call.place), progress.deadline, live, &group) }
            switch try await group.next() {
            case .ended(let report): progress.walk.hear(report)
            case .timeIsOver: progress.walk.timeOut(at: now())
            case .cancelled, nil: progress.walk.cancel(at: now())
            }
        }
    }

    private func begin(
        _ call: WorkflowMachine.Call, isAgain: Bool, _ deadline: Deadline, _ live: LiveCalls, _ group: inout ThrowingTaskGroup<Event, any Error>
    ) {
        group.addTask {
            var report = await self.perform(call, deadline) { await self.watched($0, at: call.place, live) }
            if isAgain { report.tries += 1 }
            return .ended(report)
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

    private func perform(
        _ call: WorkflowMachine.Call, _ runDeadline: Deadline, _ make: (WorkflowCall) async -> WorkflowReply
    ) async -> WorkflowMachine.Report {
        let began = now()
        let deadline = min(runDeadline, .after(milliseconds: call.timeoutMilliseconds))
        let reply = await reply(to: call, deadline, make)
        var (result, timeouts) = (reply.result, 0)
        if case .failure(let failure) = result, failure.reason == "timeout" || deadline.hasPassed && !Task.isCancelled {
            timeouts = 1
            result = .failure(.timedOut("the node `\(call.node)`", milliseconds: call.timeoutMilliseconds))
        }
        var report = WorkflowMachine.Report(
            call.place, Self.kept(result, of: call), startedAt: began, endedAt: now(), tries: reply.tries, timeouts: timeouts, version: reply.version)
        report.endsRun = reply.endsRun
        return report
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

    private func reply(
        to call: WorkflowMachine.Call, _ deadline: Deadline, _ make: (WorkflowCall) async -> WorkflowReply
    ) async -> WorkflowReply {
        guard let tool = actions.tool(call.tool) else {
            return WorkflowReply(.failure(WorkflowFailure(.notFound, "there is no tool `\(call.tool)` here")), tries: 0)
        }
        if let refusal = tool.refusal { return WorkflowReply(.failure(refusal), tries: 0, version: tool.version) }
        return await make(
            WorkflowCall(node: call.node, tool: call.tool, input: call.input, retries: call.retries, deadline: deadline, version: tool.version))
    }

    /// Makes a call that can be told to end, by itself or with its run.
    private func watched(_ call: WorkflowCall, at place: Int, _ live: LiveCalls) async -> WorkflowReply {
        let task = OwnedTask(on: EventLoop.current) { await actions.call(call) }
        live.add(place, task)
        // The call path keeps the deadline itself; whoever does not is told.
        let clock = OwnedTask(on: EventLoop.current) { [loop] in
            try await (EventLoop.current ?? loop).sleep(until: call.deadline)
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
