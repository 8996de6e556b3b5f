import IO
import Store
import Tools

extension ChatService {
    /// Asks a model for one answer to messages that its caller keeps: nothing is stored but what it used, however it ended. Tools are the caller's own: a call of
    /// one is an answer.
    /// - Parameter model: Its name; nil for the default's chain.
    /// - Throws: Why not; pieces that were passed on before stay passed on.
    package func complete(
        _ request: ModelRequest, model: String?, _ origin: TurnOrigin, tokens: any TokenSink
    ) async throws(ChatError) -> ModelReply {
        let began = Deadline.now()
        let chain = try admit(request, model)
        var ask = request
        ask.tokensMax = min(request.tokensMax, options.tokensMax)
        let heard = HeardTokens(tokens)
        let outcome = await reply(to: ask, ModelChain(chain), origin, heard, until: began.adding(milliseconds: options.turnMillisecondsMax))
        var (usage, said, word) = (MessageUsage(), chain[0].name, "ok")
        switch outcome {
        case .success(let reply): (usage.tokensIn, usage.tokensOut, said) = (reply.tokensIn ?? 0, reply.tokensOut ?? 0, reply.model)
        case .failure(let failure):
            word = Self.name(failure)
            // What was said until then was asked for and made.
            if !heard.text.isEmpty {
                (usage.tokensIn, usage.tokensOut) = (chain[0].counter.count(request.messages), chain[0].counter.count(heard.text))
            }
        }
        usage.wallMilliseconds = Int((Deadline.now().nanoseconds &- began.nanoseconds) / 1_000_000)
        await account(usage, model: said, of: origin.speaker)
        record(
            TurnRecord(
                requestID: origin.requestID, tenant: origin.caller.tenant, account: origin.caller.user, conversation: "", message: "",
                model: said, usage: usage, rounds: 1, outcome: word,
                firstTokenMilliseconds: heard.firstAt.map { Double(($0.nanoseconds &- began.nanoseconds) / 1000) / 1000 }))
        return try outcome.get()
    }

    /// The models that are asked in turn.
    /// - Throws: What can be refused before one is asked.
    package func admit(_ request: ModelRequest, _ model: String?) throws(ChatError) -> [any ChatModel] {
        let chain = models.chain(for: model)
        guard let first = chain.first else { throw .model(ModelFailure(.unknown, "there is no model of that name here")) }
        if first.isWindowCertain {
            let tokens = first.counter.count(request.messages)
            guard tokens < first.windowTokens else { throw .contextOverflow(tokens: tokens, max: first.windowTokens - 1) }
        }
        return chain
    }

    private func reply(
        to ask: ModelRequest, _ chain: ModelChain, _ origin: TurnOrigin, _ heard: HeardTokens, until deadline: Deadline
    ) async -> Result<ModelReply, ChatError> {
        var chain = chain
        let call = ModelCall(caller: origin.caller, requestID: origin.requestID, traceparent: origin.traceparent, deadline: deadline)
        do {
            var reply = try await chain.reply(to: ask, for: call, tokens: heard) { _, _, _ in }
            try await heard.catchUp(with: reply.content)
            let counter = chain.first.counter
            (reply.tokensIn, reply.tokensOut) = (reply.tokensIn ?? counter.count(ask.messages), reply.tokensOut ?? counter.count(reply.content))
            return .success(reply)
        } catch let error as ModelFailure {
            if Task.isCancelled || error.code == .cancelled { return .failure(.cancelled) }
            return .failure(deadline.hasPassed ? .timedOut : .model(error))
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
