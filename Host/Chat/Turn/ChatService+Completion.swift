import IO
import Store
import Tools

/// One answer to messages that their caller keeps, and what it took.
package struct Completed: Sendable {
    package var reply: ModelReply
    package var usage: MessageUsage
    /// Whose budget is nearly spent.
    package var warning: BudgetWarning?
}

extension ChatService {
    /// Asks a model for one answer to messages that its caller keeps: nothing is stored but what it used, however it ended. Tools are the caller's own: a call of
    /// one is an answer.
    /// - Parameter model: Its name; nil for the default's chain.
    /// - Throws: Why not; pieces that were passed on before stay passed on.
    package func complete(
        _ request: ModelRequest, model: String?, _ origin: TurnOrigin, tokens: any TokenSink
    ) async throws(ChatError) -> Completed {
        let began = Deadline.now()
        let ask = bounded(request)
        let chain = try admit(ask, model)
        let purse = try await purse(for: origin)
        let heard = HeardTokens(tokens)
        var (usage, said, word) = (MessageUsage(), chain[0].name, "ok")
        usage.currency = purse.currency
        let call = ModelCall(
            caller: origin.caller, requestID: origin.requestID, traceparent: origin.traceparent,
            deadline: began.adding(milliseconds: options.turnMillisecondsMax))
        let outcome = await reply(to: ask, ModelChain(chain), call, heard, purse) { usage.add($0) }
        switch outcome {
        case .success(let reply): said = reply.model
        case .failure(let failure): word = Self.name(failure)
        }
        usage.wallMilliseconds = Int((Deadline.now().nanoseconds &- began.nanoseconds) / 1_000_000)
        await account(usage, model: said, of: origin.speaker)
        record(
            TurnRecord(
                requestID: origin.requestID, tenant: origin.caller.tenant, account: origin.caller.user, conversation: "", message: "",
                model: said, usage: usage, rounds: 1, outcome: word,
                firstTokenMilliseconds: heard.firstAt.map { Double(($0.nanoseconds &- began.nanoseconds) / 1000) / 1000 }))
        return Completed(reply: try outcome.get(), usage: usage, warning: purse.warning)
    }

    /// Refuses what can be refused before a stream begins: a model that there is not, messages that are too long, a budget that is spent.
    package func precheck(_ request: ModelRequest, model: String?, _ origin: TurnOrigin) async throws(ChatError) {
        let ask = bounded(request)
        let chain = try admit(ask, model)
        let purse = try await purse(for: origin)
        try await purse.check(purse.highest(chain, tokensIn: { $0.count(ask) }, tokensOut: ask.tokensMax))
    }

    private func bounded(_ request: ModelRequest) -> ModelRequest {
        var ask = request
        ask.tokensMax = min(request.tokensMax, options.tokensMax)
        return ask
    }

    /// The models that are asked in turn.
    private func admit(_ request: ModelRequest, _ model: String?) throws(ChatError) -> [any ChatModel] {
        let chain = models.chain(for: model)
        guard let first = chain.first else { throw .model(ModelFailure(.unknown, "there is no model of that name here")) }
        if first.isWindowCertain {
            let tokens = first.counter.count(request.messages)
            guard tokens < first.windowTokens else { throw .contextOverflow(tokens: tokens, max: first.windowTokens - 1) }
        }
        return chain
    }

    private func reply(
        to ask: ModelRequest, _ chain: ModelChain, _ call: ModelCall, _ heard: HeardTokens, _ purse: Purse, spent: (Spending) -> Void
    ) async -> Result<ModelReply, ChatError> {
        var chain = chain
        do {
            return .success(
                try await purse.asking(&chain, for: ask, heard: { heard.text }, spent: spent) { chain in
                    let reply = try await chain.reply(to: ask, for: call, tokens: heard) { _, _, _ in }
                    try await heard.catchUp(with: reply.content)
                    return reply
                })
        } catch let error as ModelFailure {
            if Task.isCancelled || error.code == .cancelled { return .failure(.cancelled) }
            return .failure(call.deadline.hasPassed ? .timedOut : .model(error))
        } catch let error as ChatError {
            return .failure(error)
        } catch {
            // The client went, or the task was cancelled.
            return .failure(.cancelled)
        }
    }

    /// Adds to the sums; a failure is the log's, because the answer has been given.
    func account(_ usage: MessageUsage, model: String, of speaker: Speaker) async {
        // A task of its own: the request's may be cancelled, and what was used is counted all the same (CHAT-13).
        let writing = OwnedTask(on: EventLoop.current) { [store] in try await store.account(usage, model: model, of: speaker) }
        do {
            try await writing.value
        } catch {
            complain("what a request used could not be counted", "\(error)")
        }
    }
}

/// Passes tokens on, and remembers what was said.
private final class HeardTokens: TokenSink {
    private struct State {
        var text = ""
        var firstAt: Deadline?
    }

    private let tokens: any TokenSink
    private let state = Lock(State())

    init(_ tokens: any TokenSink) { self.tokens = tokens }

    /// What was said, as far as an answer may grow.
    var text: String { state.withLock { $0.text } }
    var firstAt: Deadline? { state.withLock { $0.firstAt } }

    func take(_ text: String) async throws {
        state.withLock { state in
            if state.firstAt == nil { state.firstAt = .now() }
            if state.text.utf8.count < ChatLimits.answerBytesMax { state.text += text }
        }
        try await tokens.take(text)
    }

    /// Passes on what a reply has and its stream had not: not every adapter streams.
    func catchUp(with content: String) async throws {
        if let rest = content.rest(behind: text) { try await take(rest) }
    }
}
