import Artifacts
import IO
import JSON
import Store
import Supervisor
import Tools
import Workflows

/// The workflow that a turn runs by, in the version that the turn began with.
struct TurnWorkflow: Sendable {
    let id: String
    let version: Int
    let definition: WorkflowDefinition
    /// Whether somebody asked for it: the request, or its agent.
    let isNamed: Bool
}

extension ChatService {
    /// The workflow that a turn names, its agent's, or the tenant's own; it is remembered, so that it costs a turn no transaction.
    func workflow(of request: TurnRequest, _ speaker: Speaker) async throws(TurnFailure) -> TurnWorkflow {
        let found = try await stored(request.workflow, speaker)
        do throws(WorkflowDefinitionError) {
            return TurnWorkflow(
                id: found.id, version: found.version, definition: try workflows.definition(found), isNamed: request.workflow != nil)
        } catch {
            throw TurnFailure(.workflow(WorkflowFailure(.validation, reason: "definition", "this server cannot run it: \(error.problems[0])")))
        }
    }

    private func stored(_ id: String?, _ speaker: Speaker) async throws(TurnFailure) -> StoredWorkflow {
        let standard = StoredWorkflow(id: "", version: 0, value: WorkflowDefinition.chatDefault)
        guard let artifacts else {
            if id != nil { throw TurnFailure(.missing("workflow")) }
            return standard
        }
        do throws(ArtifactError) {
            let found =
                if let id {
                    try await artifacts.artifact(id, for: ArtifactReader(tenant: speaker.tenant, account: speaker.account))
                } else {
                    try await artifacts.seeded(kind: WorkflowDefinition.kind, name: "default", tenant: speaker.tenant)
                }
            guard found.kind == WorkflowDefinition.kind else { throw ArtifactError.missing("workflow") }
            return StoredWorkflow(id: found.id, version: found.version, value: found.schema)
        } catch {
            if case .store(let cause) = error { throw TurnFailure(.store(cause)) }
            // A tenant that has retired its own, and the host's own key, have what every tenant begins with.
            if id == nil { return standard }
            throw TurnFailure(.missing("workflow"))
        }
    }
}

extension TurnRun {
    /// Walks the turn's workflow to its end; what its nodes say is the answer, and where none says anything its output `content`.
    func walk() async throws {
        let actions = TurnActions(self)
        let end = min(deadline, .after(milliseconds: workflow.definition.timeoutMilliseconds))
        let input = try await input()
        let runner = WorkflowRunner(actions, loop: service.loop, now: service.store.now)
        let result = try await runner.attend(workflow.definition, input: input, deadline: end) { [draft, sink] entry in
            var shown = entry.json.objectValue ?? [:]
            shown["kind"] = "node"
            draft.change { $0.nodes.append(.object(shown)) }
            try await sink.send(.trace(kind: "workflow", entry: .object(shown)))
        }
        switch result.end {
        case .cancelled: throw ChatError.cancelled
        case .failed(let failure):
            if let cause = actions.cause(failure.node) { throw cause }
            throw failure.reason == "timeout" ? ChatError.timedOut : ChatError.workflow(failure)
        case .done(let outputs):
            guard draft.value.text.isEmpty, let text = outputs["content"]?.stringValue, !text.isEmpty else { return }
            try await stream.take(text)
        }
    }

    /// What `${input…}` reads, where anything does.
    private func input() async throws -> JSONValue {
        guard workflow.definition.readsInput else { return [:] }
        let input: JSONValue = [
            "message": .string(try await service.question(request, place, origin.speaker)), "conversation_id": .string(place.conversation),
            "model": .string(chain[0].name),
        ]
        if let refusal = workflow.definition.refusal(of: input) { throw ChatError.workflow(refusal) }
        return input
    }
}

/// What nodes of a turn's workflow can call: the turn's own answer, and the tools, of which a destructive one asks the person as in any turn.
private final class TurnActions: WorkflowActions {
    private let run: TurnRun
    /// Why an answer failed, by its node: the turn says that, not what became of it on its way through the workflow.
    private let causes = Lock<[String: ChatError]>([:])

    init(_ run: TurnRun) { self.run = run }

    func cause(_ node: String?) -> ChatError? { node.flatMap { node in causes.withLock { $0[node] } } }

    func tool(_ id: String) -> WorkflowTool? {
        if id == WorkflowDefinition.answerTool { return WorkflowTool(id: id, version: "", isRepeatable: false) }
        return found(id).map { WorkflowTool(id: id, version: $0.version, isRepeatable: false) }
    }

    private func found(_ id: String) -> ChatTool? { run.service.toolbox.tools().first { $0.id == id } }

    func call(_ call: WorkflowCall) async -> WorkflowReply {
        do {
            return call.tool == WorkflowDefinition.answerTool ? try await answer(call) : try await tool(call)
        } catch {
            let cause = run.cause(of: error)
            guard cause != .cancelled else { return WorkflowReply(.failure(.cancelled), endsRun: true) }
            causes.withLock { $0[call.node] = cause }
            return WorkflowReply(.failure(Self.failure(cause)))
        }
    }

    private func answer(_ call: WorkflowCall) async throws -> WorkflowReply {
        let members = call.input.objectValue ?? [:]
        if let name = members.keys.first(where: { $0 != "context" }) {
            return WorkflowReply(
                .failure(WorkflowFailure(.validation, reason: "input", "`\(call.tool)` takes `context` and no `\(name)`")), tries: 0)
        }
        var run = run
        run.deadline = call.deadline
        let before = run.draft.value.text.utf8.count
        try await run.answer(with: members["context"].flatMap(Self.text))
        let state = run.draft.value
        return WorkflowReply(
            .success([
                "content": .string(Self.cut(String(decoding: state.text.utf8.dropFirst(before), as: UTF8.self))), "model": .string(state.model),
                "message_id": .string(run.place.answer),
            ]))
    }

    /// What a model is shown of a context, no more than of a tool's result.
    private static func text(_ context: JSONValue) -> String? {
        if context.isNull { return nil }
        return cut(context.stringValue ?? context.text)
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > ChatLimits.toolResultBytesMax else { return text }
        return String(decoding: text.utf8.prefix(ChatLimits.toolResultBytesMax), as: UTF8.self) + "\n[cut: \(text.utf8.count) bytes in all]"
    }

    private func tool(_ call: WorkflowCall) async throws -> WorkflowReply {
        guard let tool = found(call.tool) else {
            return WorkflowReply(.failure(WorkflowFailure(.notFound, "there is no tool `\(call.tool)` here")), tries: 0)
        }
        let round = ToolRound(
            origin: run.origin, place: run.place, toolbox: run.service.toolbox, approvals: run.service.approvals, draft: run.draft, sink: run.sink,
            mark: "", deadline: call.deadline, offered: [tool.id: tool], retriesMax: call.retries)
        let outcome = try await round.carryOut(ModelToolCall(id: call.node, name: tool.id, arguments: call.input))
        if Task.isCancelled { return WorkflowReply(.failure(.cancelled), endsRun: true) }
        switch outcome.result {
        case .success(let output): return WorkflowReply(.success(output.shown), tries: outcome.tries, version: outcome.version)
        case .failure(let error):
            var failure = WorkflowFailure(
                WorkflowFailure.Code(rawValue: error.code.rawValue) ?? .server, reason: error.details["reason"]?.stringValue, error.message)
            failure.details = error.details
            return WorkflowReply(.failure(failure), tries: outcome.tries, version: outcome.version)
        }
    }

    /// A turn's failure as `vars.error` has it.
    private static func failure(_ cause: ChatError) -> WorkflowFailure {
        let reason = ChatService.name(cause)
        switch cause {
        case .model(let failure): return WorkflowFailure(.server, reason: reason, failure.message)
        case .budget: return WorkflowFailure(.rateLimited, reason: reason, "the budget is spent")
        case .toolRounds, .contextOverflow, .tooLong: return WorkflowFailure(.conflict, reason: reason, "the answer could not be finished: \(reason)")
        default: return WorkflowFailure(.server, reason: reason, "the answer failed: \(reason)")
        }
    }
}
