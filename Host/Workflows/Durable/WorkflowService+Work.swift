import Crypto
import IO
import JSON
package import Store

extension WorkflowService {
    /// Does the run of a job, from where it was left; what `JobRunner` calls. Cancelled because its host stops or has lost the job, it leaves the run as it is for
    /// the next.
    package func work(on lease: JobLease) async throws -> Database.Body<Void> {
        guard let held = try await store.take(lease.payload, tenant: lease.tenant, holder: UUIDv7.make()) else { return { _ in } }
        let journal = StoreJournal(store, held, on: loop)
        let result: WorkflowResult
        do {
            result = try await self.result(held, journal)
        } catch is RunIsLost {
            // Deleted with its conversation or account, or another host's: nothing of it is ours to end.
            return { _ in }
        }
        guard try await store.end(held, result) else { return { _ in } }
        report(held, result)
        return { _ in }
    }

    private func result(_ held: HeldRun, _ journal: StoreJournal) async throws -> WorkflowResult {
        if held.isCancelled { return WorkflowResult(end: .cancelled, trace: []) }
        let run = held.run
        if try await store.isBarred(run.owner, tenant: run.tenant) { return Self.failed(.barred) }
        if run.attempts == 1, run.until <= store.now() { return Self.failed(.queued(milliseconds: run.until - run.createdAt)) }
        let definition: WorkflowDefinition
        do {
            definition = try compiled.definition(try await source.pinned(run.workflow, version: run.version, tenant: run.tenant))
        } catch WorkflowError.missing {
            return Self.failed(WorkflowFailure(.notFound, "version \(run.version) of this workflow is not there any more"))
        } catch let error as WorkflowDefinitionError {
            return Self.failed(WorkflowFailure(.validation, reason: "definition", "this server cannot run the workflow: \(error.problems[0])"))
        }
        return try await walk(definition, held, journal)
    }

    private static func failed(_ failure: WorkflowFailure) -> WorkflowResult { WorkflowResult(end: .failed(failure), trace: []) }

    /// Runs it in a task that the wish of somebody ends too.
    private func walk(_ definition: WorkflowDefinition, _ held: HeldRun, _ journal: StoreJournal) async throws -> WorkflowResult {
        let run = held.run
        let current = running.begin(run.id)
        defer { running.end(run.id, current) }
        let caller = RunCaller(
            tenant: run.tenant, account: run.owner, keyID: run.keyID, requestID: run.requestID, traceparent: run.traceparent)
        let runner = WorkflowRunner(actions(caller), journal: journal, loop: loop, now: store.now)
        // Clocks differ from host to host, and are set: whatever this one says, no run has more time than its workflow gives.
        let deadline = Deadline.after(milliseconds: min(definition.timeoutMilliseconds, Int(max(0, run.until - store.now()))))
        let task = OwnedTask(on: EventLoop.current ?? loop) {
            try await runner.run(definition, input: held.input, deadline: deadline, past: held.past)
        }
        journal.onCancel { current.cancel() }
        current.onCancel { task.cancel() }
        var result = try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
        // Not the wish of anybody, but this host's end: the next goes on with it.
        if result.end == .cancelled, !current.isCancelled {
            let places = result.uncalled
            try await OwnedTask(on: loop) { [store] in try await store.takeBack(held, places) }.value
            throw CancellationError()
        }
        if result.end == .cancelled, journal.isBarred { result.end = .failed(.barred) }
        return result
    }

    private func report(_ held: HeldRun, _ result: WorkflowResult) {
        let (run, trace) = (held.run, result.trace)
        var (outcome, failure): (RunState, WorkflowFailure?) = (.done, nil)
        switch result.end {
        case .done: break
        case .failed(let why): (outcome, failure) = (.failed, why)
        case .cancelled: outcome = .cancelled
        }
        record(
            RunRecord(
                run: run.id, requestID: run.requestID, tenant: run.tenant, account: run.owner, workflow: run.workflow, version: run.version,
                outcome: outcome.rawValue, failure: failure, nodes: trace.count, calls: trace.count { $0.tries > 0 },
                retries: trace.reduce(0) { $0 + max(0, $1.tries - 1) }, timeouts: trace.reduce(0) { $0 + $1.timeouts }, attempts: run.attempts,
                wallMilliseconds: store.now() - run.createdAt))
    }
}

/// The run is not this host's any more.
private struct RunIsLost: Error {}

/// Keeps what a run does in the database, for as long as this host holds it.
private final class StoreJournal: WorkflowJournal {
    private let store: RunStore
    private let held: HeldRun
    private let loop: EventLoop
    private let state: Lock<(count: Int, isBarred: Bool, cancel: (@Sendable () -> Void)?)>

    init(_ store: RunStore, _ held: HeldRun, on loop: EventLoop) {
        (self.store, self.held, self.loop) = (store, held, loop)
        state = Lock((held.past.ended.count, false, nil))
    }

    /// Ends of calls that are kept.
    var count: Int { state.withLock { $0.count } }

    /// Whether the run's person was switched off meanwhile.
    var isBarred: Bool { state.withLock { $0.isBarred } }

    /// Runs `cancel` when the database says that somebody asked for the run's end, or that its person may have nothing done any more.
    func onCancel(_ cancel: @escaping @Sendable () -> Void) { state.withLock { $0.cancel = cancel } }

    func record(ended: [WorkflowMachine.Report], beginning: [WorkflowBeginning]) async throws {
        // In a task that nobody cancels: what was begun has to be known to be given back.
        let standing = try await OwnedTask(on: loop) { [self] in
            try await store.record(held, ended: ended, from: count, beginning: beginning)
        }.value
        state.withLock { state in
            state.count += ended.count
            if case .barred = standing { state.isBarred = true }
        }
        switch standing {
        case .held: break
        case .lost: throw RunIsLost()
        case .cancelled, .barred: state.withLock { $0.cancel }?()
        }
    }
}
