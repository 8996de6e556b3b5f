import Artifacts
import Crypto
import IO
import JSON
import Store
import Tools

extension ChatService {
    /// Runs one turn to its end and answers what was stored of it. Cancelling the task, or a sink that throws, ends it early.
    /// - Throws: Why, and what is stored all the same.
    package func turn(_ request: TurnRequest, _ origin: TurnOrigin, sink: any TurnSink = SilentSink()) async throws(TurnFailure) -> TurnReply {
        let began = Deadline.now()
        let agent = try await agent(of: request, origin.speaker)
        let request = agent.map { $0.applied(to: request) } ?? request
        let (chain, onset) = try prepare(request, agent)
        let purse = try await purse(for: origin, request, agent, chain)
        let workflow = try await workflow(of: request, origin.speaker)
        let key = RunningTurns.Key(tenant: origin.caller.tenant, account: origin.caller.user, requestID: origin.requestID)
        let turn = running.begin(key)
        defer { running.end(key, turn) }
        let place: TurnPlace
        do throws(ChatError) {
            place = try await store.admit(
                request.conversation, onset, turn: origin.requestID, model: chain[0].name, context: request.contexts.first, of: origin.speaker)
        } catch {
            throw TurnFailure(error)
        }
        turn.enter(place.conversation)
        let draft = TurnDraft(model: chain[0].name, currency: purse.currency)
        let run = TurnRun(
            service: self, request: request, agent: agent, origin: origin, place: place, chain: chain, purse: purse, draft: draft, sink: sink,
            deadline: began.adding(milliseconds: options.turnMillisecondsMax), workflow: workflow)
        let failure = await carried(run, turn)
        return try await end(run, failure, turn, began)
    }

    /// What pays for the turn; refused before anything is stored when not even its first reply could be paid.
    private func purse(
        for origin: TurnOrigin, _ request: TurnRequest, _ agent: TurnAgent?, _ chain: [any ChatModel]
    ) async throws(TurnFailure) -> Purse {
        do throws(ChatError) {
            let purse = try await purse(for: origin)
            let tokensOut = min(request.tokensMax ?? options.tokensMax, options.tokensMax)
            try await purse.check(
                purse.highest(
                    chain,
                    tokensIn: {
                        $0.count(request.content) + $0.count(agent?.definition.instructions ?? "") + $0.count(Fence.instructions(Fence.mark()))
                    }, tokensOut: tokensOut))
            return purse
        } catch {
            throw TurnFailure(error)
        }
    }

    /// The agent that a turn names, in its version of this moment: the turn keeps it.
    private func agent(of request: TurnRequest, _ speaker: Speaker) async throws(TurnFailure) -> TurnAgent? {
        guard let id = request.agent else { return nil }
        guard let artifacts else { throw TurnFailure(.missing("agent")) }
        do throws(ArtifactError) {
            let found = try await artifacts.artifact(id, for: ArtifactReader(tenant: speaker.tenant, account: speaker.account))
            guard found.kind == AgentDefinition.kindName else { throw ArtifactError.missing("agent") }
            return TurnAgent(found)
        } catch {
            if case .store(let cause) = error { throw TurnFailure(.store(cause)) }
            throw TurnFailure(request.isAgentRemembered ? .agentGone : .missing("agent"))
        }
    }

    /// What can be refused before anything is stored (CHAT-12).
    private func prepare(
        _ request: TurnRequest, _ agent: TurnAgent?
    ) throws(TurnFailure) -> (chain: [any ChatModel], onset: ConversationStore.Onset) {
        let chain = models.chain(for: request.model)
        guard !chain.isEmpty else {
            throw TurnFailure(.model(ModelFailure(.unknown, "there is no model of that name here; GET /v1/models lists them")))
        }
        if let message = request.again {
            guard request.conversation != nil else { throw TurnFailure(.missing("conversation")) }
            return (chain, .again(message))
        }
        let content = NormalForm.of(request.content.isEmpty ? Segments.plain(request.segments) : request.content)
        guard content.utf8.count <= ChatLimits.messageBytesMax else {
            throw TurnFailure(.tooLong(bytes: content.utf8.count, max: ChatLimits.messageBytesMax))
        }
        guard content.contains(where: { !$0.isWhitespace }) else { throw TurnFailure(.invalid(field: "message/content", reason: "says nothing")) }
        if content.utf8.contains(0) { throw TurnFailure(.invalid(field: "message/content", reason: "has a NUL character")) }
        let counter = chain[0].counter
        let tokens = counter.count(content)
        let room = max(0, chain[0].windowTokens / 2 - counter.count(agent?.definition.instructions ?? ""))
        guard tokens <= room else { throw TurnFailure(.contextOverflow(tokens: tokens, max: room)) }
        var said = Utterance(content: content, segments: request.segments, meta: [:])
        let bytes = said.segments.isEmpty ? 0 : JSONValue.array(said.segments).serialized().count
        guard bytes <= ChatLimits.segmentsBytesMax else { throw TurnFailure(.tooLong(bytes: bytes, max: ChatLimits.segmentsBytesMax)) }
        if said.segments.isEmpty { said.segments = Segments.parts(of: content) }
        if request.mode != "text" { said.meta["mode"] = .string(request.mode) }
        guard let parent = request.parent else { return (chain, .head(said)) }
        return (chain, .behind(parent, said))
    }

    /// Runs the rounds in a task that a cancellation from elsewhere ends too; nil when all went well.
    private func carried(_ run: TurnRun, _ turn: RunningTurns.Turn) async -> ChatError? {
        let task = OwnedTask(on: EventLoop.current) { await run.rounds() }
        turn.onCancel { task.cancel() }
        return await withTaskCancellationHandler {
            do {
                return try await task.value
            } catch {
                // The body throws nothing; there is always a value.
                return .cancelled
            }
        } onCancel: {
            task.cancel()
        }
    }

    /// Stores how it ended, whatever became of the request's own task.
    private func end(
        _ run: TurnRun, _ failure: ChatError?, _ turn: RunningTurns.Turn, _ began: Deadline
    ) async throws(TurnFailure) -> TurnReply {
        let draft = run.draft
        draft.change { $0.usage.wallMilliseconds = Int((Deadline.now().nanoseconds &- began.nanoseconds) / 1_000_000) }
        let state = draft.value
        var meta: JSONObject = ["request_id": .string(run.origin.requestID)]
        if let agent = run.agent { (meta["agent_id"], meta["agent_version"]) = (.string(agent.id), JSONValue(agent.version)) }
        if let failure { meta["error"] = .string(Self.name(failure)) }
        // The nodes of the tenant's own workflow say nothing that the message does not.
        let trace = run.workflow.isNamed ? state.nodes + state.trace : state.trace
        if !trace.isEmpty { meta["trace"] = .array(trace) }
        if run.workflow.isNamed { (meta["workflow_id"], meta["workflow_version"]) = (.string(run.workflow.id), JSONValue(run.workflow.version)) }
        let answer = FinishedAnswer(
            content: state.text, segments: draft.segments, isTruncated: failure != nil || state.isCut, usage: state.usage, model: state.model,
            agent: run.agent?.id, meta: meta)
        let stored = await stored(run, answer)
        report(run, state, failure, began)
        if let failure, failure != .cancelled {
            throw TurnFailure(failure, conversation: run.place.conversation, message: run.place.answer, partial: state.text)
        }
        switch stored {
        case .success(true): break
        case .success(false): throw TurnFailure(.missing("conversation"), partial: state.text)
        case .failure(let error):
            throw TurnFailure(error, conversation: run.place.conversation, message: run.place.answer, partial: state.text)
        }
        if failure == .cancelled, !turn.isCancelled {
            // Nobody is there to hear it.
            throw TurnFailure(.cancelled, conversation: run.place.conversation, message: run.place.answer, partial: state.text)
        }
        return TurnReply(
            conversation: run.place.conversation, message: run.place.answer, content: state.text, segments: answer.segments, model: state.model,
            adapters: state.adapters, usage: state.usage, routing: [], workflow: state.nodes + state.trace, isTruncated: answer.isTruncated,
            isCancelled: failure == .cancelled, warning: run.purse.warning)
    }

    private func stored(_ run: TurnRun, _ answer: FinishedAnswer) async -> Result<Bool, ChatError> {
        // A task of its own: the request's may be cancelled, and what was streamed is stored all the same (CHAT-6).
        let writing = OwnedTask(on: EventLoop.current) { [store] () -> Result<Bool, ChatError> in
            do throws(ChatError) {
                return .success(try await store.finish(run.place, answer, turn: run.origin.requestID, of: run.origin.speaker))
            } catch {
                return .failure(error)
            }
        }
        let outcome: Result<Bool, ChatError>
        do {
            outcome = try await writing.value
        } catch {
            // The body throws nothing; there is always a value.
            outcome = .failure(.cancelled)
        }
        if case .failure(let error) = outcome { complain("the end of a turn could not be stored", "\(error)") }
        return outcome
    }

    private func report(_ run: TurnRun, _ state: TurnDraft.State, _ failure: ChatError?, _ began: Deadline) {
        record(
            TurnRecord(
                requestID: run.origin.requestID, tenant: run.origin.caller.tenant, account: run.origin.caller.user,
                conversation: run.place.conversation, message: run.place.answer, model: state.model,
                agent: run.agent?.id, usage: state.usage, rounds: state.rounds,
                outcome: failure.map(Self.name) ?? "ok",
                firstTokenMilliseconds: state.firstAt.map { Double(($0.nanoseconds &- began.nanoseconds) / 1000) / 1000 }))
    }

    /// A failure in one word, for records.
    static func name(_ error: ChatError) -> String {
        switch error {
        case .missing: "missing"
        case .agentGone: "agent_gone"
        case .archived: "archived"
        case .turnRunning: "turn_running"
        case .invalid: "invalid"
        case .tooLong: "too_long"
        case .contextOverflow: "context_overflow"
        case .toolRounds: "tool_rounds"
        case .budget: "budget"
        case .model(let failure): failure.code.rawValue
        case .timedOut: "timeout"
        case .cancelled: "cancelled"
        case .full: "full"
        case .store: "store"
        case .workflow: "workflow"
        }
    }
}
