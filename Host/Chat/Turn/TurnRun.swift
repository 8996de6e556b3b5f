import IO
import JSON
import Store
import Tools

/// One turn behind its admission: window, model, tools, model again, until an answer stands.
struct TurnRun: Sendable {
    let service: ChatService
    let request: TurnRequest
    let agent: TurnAgent?
    let origin: TurnOrigin
    let place: TurnPlace
    let chain: [any ChatModel]
    let purse: Purse
    let draft: TurnDraft
    let sink: any TurnSink
    var deadline: Deadline
    let workflow: TurnWorkflow
    let stream: AnswerStream

    init(
        service: ChatService, request: TurnRequest, agent: TurnAgent?, origin: TurnOrigin, place: TurnPlace, chain: [any ChatModel], purse: Purse,
        draft: TurnDraft, sink: any TurnSink, deadline: Deadline, workflow: TurnWorkflow
    ) {
        (self.service, self.request, self.origin, self.place, self.chain) = (service, request, origin, place, chain)
        (self.draft, self.sink, self.deadline) = (draft, sink, deadline)
        (self.agent, self.purse, self.workflow) = (agent, purse, workflow)
        stream = AnswerStream(service: service, place: place, origin: origin, draft: draft, sink: sink)
    }

    /// Why the turn ended early; nil when it did not.
    func rounds() async -> ChatError? {
        let lease = OwnedTask(on: EventLoop.current) { try await stream.keepLease() }
        defer { lease.cancel() }
        do {
            try await walk()
            return nil
        } catch {
            return cause(of: error)
        }
    }

    /// What ended a turn early, in a turn's words.
    func cause(of error: any Error) -> ChatError {
        switch error {
        case let error as ChatError: Task.isCancelled ? .cancelled : error
        case let error as ModelFailure:
            Task.isCancelled || error.code == .cancelled ? .cancelled : deadline.hasPassed ? .timedOut : .model(error)
        case let error as StoreError: .store(error)
        // The client went, or the task was cancelled.
        default: .cancelled
        }
    }

    /// Answers by rounds of model and tools; `context` is what the workflow has found, for the model to see as data.
    func answer(with context: String? = nil) async throws {
        let mark = Fence.mark()
        let tools = try await offered()
        var ask = ModelRequest(model: request.model ?? chain[0].name, messages: try await window(mark))
        if let context {
            let found = ModelMessage(.system, Fence.wrap(context, from: "the workflow", mark: mark), source: "workflow")
            ask.messages.insert(found, at: ask.messages.count - 1)
        }
        ask.tools = tools.map { ModelTool(name: $0.id, description: $0.description, inputSchema: $0.inputSchema) }
        ask.tokensMax = min(request.tokensMax ?? service.options.tokensMax, service.options.tokensMax)
        let round = ToolRound(
            origin: origin, place: place, toolbox: service.toolbox, approvals: service.approvals, draft: draft, sink: sink, mark: mark,
            deadline: deadline, offered: Dictionary(tools.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }))
        var models = ModelChain(chain)
        for number in 1...(ChatLimits.roundsMax + 1) {
            draft.change { $0.rounds = number }
            let before = draft.value.text.utf8.count
            let reply = try await reply(to: ask, &models)
            try await catchUp(with: reply, from: before)
            take(reply)
            if reply.toolCalls.isEmpty { return }
            guard number <= ChatLimits.roundsMax else { throw ChatError.toolRounds(ChatLimits.roundsMax) }
            let calls = Array(reply.toolCalls.prefix(ChatLimits.callsPerRoundMax))
            ask.messages.append(ModelMessage(.assistant, reply.content, toolCalls: calls))
            ask.messages += try await round.run(calls)
        }
    }

    /// The tools of this turn: its agent's, or all that there are.
    private func offered() async throws -> [ChatTool] {
        let tools = service.toolbox.tools()
        guard let names = agent?.definition.tools else { return Array(tools.prefix(ChatLimits.toolsShownMax)) }
        let chosen = tools.filter { names.contains($0.id) }
        let missing = names.filter { name in !chosen.contains { $0.id == name } }
        if !missing.isEmpty {
            let entry: JSONValue = ["kind": "agent", "missing_tools": .array(missing.map { .string($0) })]
            draft.note(entry)
            try await sink.send(.trace(kind: "workflow", entry: entry))
        }
        return chosen
    }

    /// Sends what a reply has and its stream had not: not every adapter streams.
    private func catchUp(with reply: ModelReply, from before: Int) async throws {
        if let rest = reply.content.rest(behind: draft.value.text.utf8.dropFirst(before)) { try await stream.take(rest) }
    }

    /// Tools that ran stay run, and whichever model comes next goes on from their results: no effect is repeated.
    private func reply(to ask: ModelRequest, _ models: inout ModelChain) async throws -> ModelReply {
        let call = ModelCall(caller: origin.caller, requestID: origin.requestID, traceparent: origin.traceparent, deadline: deadline)
        let before = draft.value.text.utf8.count
        return try await purse.asking(
            &models, for: ask, heard: { String(draft.value.text.utf8.dropFirst(before)) ?? "" }, spent: draft.add
        ) { models in
            try await models.reply(to: ask, for: call, tokens: stream) { failed, why, next in
                let entry: JSONValue = ["kind": "fallback", "model": .string(failed), "reason": .string(why.code.rawValue), "next": .string(next)]
                draft.note(entry)
                try await sink.send(.trace(kind: "routing", entry: entry))
            }
        }
    }

    /// What a reply adds to the turn.
    private func take(_ reply: ModelReply) {
        draft.change { state in
            state.model = reply.model
            state.adapters = reply.adapters
            state.citations += reply.citations
        }
    }

    /// Instructions, a summary, the newest messages and the question, within half the model's window; the rest is for tools and the answer.
    private func window(_ mark: String) async throws -> [ModelMessage] {
        let (budget, counter, speaker) = (chain[0].windowTokens / 2, chain[0].counter, origin.speaker)
        let question = try await service.question(request, place, speaker)
        let room = max(0, budget - counter.count(question) - counter.count(agent?.definition.instructions ?? ""))
        var found = ContextWindow(branch: [], tokens: room)
        if let before = try await service.before(place, request, speaker) {
            let branch = try await service.store.branch(from: before, in: place.conversation, of: speaker) { messages in
                messages.reduce(0) { $0 + ContextWindow.cost($1, counter) } > room
            }
            found = ContextWindow(branch: branch, tokens: room, counter: counter)
        }
        if let renewal = found.renewal { try await service.store.summarise(renewal.message, renewal.summary, of: speaker) }
        if found.omitted > 0 || found.renewal != nil {
            let entry: JSONValue = ["kind": "window", "omitted": JSONValue(found.omitted), "summarised": .bool(found.renewal != nil)]
            draft.note(entry)
            try await sink.send(.trace(kind: "workflow", entry: entry))
        }
        var messages = [ModelMessage(.system, (agent?.instructions ?? "You are a helpful assistant.") + " " + Fence.instructions(mark))]
        if let summary = found.summary, !summary.isEmpty {
            messages.append(ModelMessage(.system, Fence.wrap(summary, from: "the conversation so far", mark: mark), source: "summary"))
        }
        return messages + found.messages + [ModelMessage(.user, question, source: place.userMessage)]
    }
}

extension String {
    /// What stands behind a beginning; nil when it begins otherwise, or ends there.
    func rest(behind beginning: some Collection<UInt8>) -> String? {
        guard utf8.count > beginning.count, utf8.starts(with: beginning) else { return nil }
        return String(utf8.dropFirst(beginning.count))
    }

    func rest(behind beginning: String) -> String? { rest(behind: beginning.utf8) }
}

extension ChatService {
    /// What is asked: of a regeneration, what stands in the store.
    func question(_ request: TurnRequest, _ place: TurnPlace, _ speaker: Speaker) async throws(ChatError) -> String {
        guard request.again != nil else { return NormalForm.of(request.content.isEmpty ? Segments.plain(request.segments) : request.content) }
        return try await store.message(place.userMessage, in: place.conversation, of: speaker).content
    }

    /// The message before the question.
    func before(_ place: TurnPlace, _ request: TurnRequest, _ speaker: Speaker) async throws(ChatError) -> String? {
        guard request.again != nil else { return place.parent }
        return try await store.message(place.userMessage, in: place.conversation, of: speaker).parent
    }
}

/// The way of a piece of text: into the draft, to whoever listens, and now and then into the store.
final class AnswerStream: TokenSink {
    private let service: ChatService
    private let place: TurnPlace
    private let origin: TurnOrigin
    private let draft: TurnDraft
    private let sink: any TurnSink
    private let storedAt = Lock(Deadline.now())

    init(service: ChatService, place: TurnPlace, origin: TurnOrigin, draft: TurnDraft, sink: any TurnSink) {
        (self.service, self.place, self.origin, self.draft, self.sink) = (service, place, origin, draft, sink)
    }

    func take(_ text: String) async throws {
        guard let (piece, index) = draft.add(text) else { return }
        try await sink.send(.token(piece, index: index))
        let now = Deadline.now()
        let isDue = storedAt.withLock { stored in
            guard now >= stored.adding(milliseconds: ChatLimits.checkpointMilliseconds) else { return false }
            stored = now
            return true
        }
        if isDue { await store() }
    }

    /// Holds the conversation while nothing streams: while a tool runs, or a person is asked.
    func keepLease() async throws {
        while true {
            try await service.pause(milliseconds: ChatLimits.turnRenewalMilliseconds)
            await store()
        }
    }

    private func store() async {
        do {
            try await service.store.checkpoint(place, turn: origin.requestID, content: draft.value.text, of: origin.speaker)
        } catch {
            // The turn goes on: its end is what counts, and that is awaited.
            service.complain("the beginning of an answer could not be stored", "\(error)")
        }
    }
}
