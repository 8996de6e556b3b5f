import Crypto
package import IO
package import JSON
import Store

/// Workflows of a running server: runs are made, planned, waited for, ended, and done by the queue's workers on whatever host.
///
/// Every instance may be used from any task.
package final class WorkflowService: Sendable {
    package let store: RunStore
    package let running = RunningRuns()
    let source: any WorkflowSource
    let actions: @Sendable (RunCaller) -> any WorkflowActions
    let loop: EventLoop
    let record: @Sendable (RunRecord) -> Void
    private let bells = RunBells()
    let compiled = CompiledWorkflows()

    /// - Parameters:
    ///   - actions: What runs of a person can call.
    ///   - loop: Wakes whoever waits on no event loop.
    ///   - record: Hears of each run once, when it is over on this host.
    package init(
        store: RunStore, source: any WorkflowSource, loop: EventLoop, actions: @escaping @Sendable (RunCaller) -> any WorkflowActions,
        record: @escaping @Sendable (RunRecord) -> Void = { _ in }
    ) {
        (self.store, self.source, self.loop, self.actions, self.record) = (store, source, loop, actions, record)
        store.database.observe { [running, bells] news in
            switch news {
            case .changed(RunStore.cancelTopic, let id): running.cancel(id)
            case .changed(RunStore.endTopic, let id): bells.ring(id)
            // What was not heard is found by the next write of a run, and by the next look of who waits.
            case .changed, .gap: break
            }
        }
    }

    // MARK: For routes

    /// What a run of somebody's begins with.
    package struct Start: Sendable {
        package var workflow: String
        package var input: JSONValue
        package var conversation: String?
        /// The client's own id of its request.
        package var request: String?
        /// Runs that the caller may have at once.
        package var runsMax: Int

        package init(workflow: String, input: JSONValue, conversation: String? = nil, request: String? = nil, runsMax: Int) {
            (self.workflow, self.input, self.conversation, self.request, self.runsMax) = (workflow, input, conversation, request, runsMax)
        }
    }

    /// Keeps a run that a host will do; the one that was kept before for the same request.
    package func start(_ start: Start, _ caller: RunCaller) async throws(WorkflowError) -> (run: WorkflowRun, isNew: Bool) {
        let owner = RunOwner(tenant: caller.tenant, account: caller.account)
        let (stored, definition) = try await checked(start, owner)
        let request = RunRequest(
            workflow: stored.id, version: stored.version, input: start.input, conversation: start.conversation, request: start.request,
            requestID: caller.requestID, traceparent: caller.traceparent, keyID: caller.keyID, timeoutMilliseconds: definition.timeoutMilliseconds)
        return try await store.admit(request, of: owner, max: start.runsMax)
    }

    /// What a run would do, without doing any of it.
    package func plan(_ start: Start, _ caller: RunCaller) async throws(WorkflowError) -> (workflow: StoredWorkflow, plan: WorkflowPlan) {
        let (stored, definition) = try await checked(start, RunOwner(tenant: caller.tenant, account: caller.account))
        return (stored, WorkflowPlan(definition, input: start.input, actions: actions(caller)))
    }

    private func checked(_ start: Start, _ owner: RunOwner) async throws(WorkflowError) -> (StoredWorkflow, WorkflowDefinition) {
        let stored = try await source.current(start.workflow, for: owner)
        let definition: WorkflowDefinition
        do throws(WorkflowDefinitionError) {
            definition = try compiled.definition(stored)
        } catch {
            throw .invalid(field: "workflow", reason: "is no workflow that this server can run: \(error.problems[0])")
        }
        if let refusal = definition.refusal(of: start.input) { throw .refused(refusal) }
        return (stored, definition)
    }

    /// Ends a run; true when it is over already, false when its host has been told.
    @discardableResult
    package func cancel(_ id: String, of owner: RunOwner) async throws(WorkflowError) -> Bool {
        let state = try await store.cancel(id, of: owner)
        running.cancel(id)
        return state.isOver
    }

    /// The run when it is over, or when so much time has passed.
    package func wait(for id: String, of owner: RunOwner, milliseconds: Int) async throws(WorkflowError) -> WorkflowRun {
        let end = Deadline.after(milliseconds: min(milliseconds, WorkflowLimits.waitMillisecondsMax))
        let (beats, beat, number) = bells.beats(id)
        defer { bells.forget(id, number) }
        let loop = EventLoop.current ?? loop
        // News can be lost, and the time can be over: who waits looks by himself too.
        let clock = OwnedTask(on: loop) {
            while true {
                try await loop.sleep(until: min(end, .after(milliseconds: WorkflowLimits.waitPollMilliseconds)))
                beat.yield()
            }
        }
        defer { clock.cancel() }
        for await _ in beats {
            let run = try await store.run(id, of: owner)
            if run.state.isOver || end.hasPassed { return run }
        }
        return try await store.run(id, of: owner)
    }
}
