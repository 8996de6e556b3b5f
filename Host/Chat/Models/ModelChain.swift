import IO

/// Models that are tried in turn, until one says something.
struct ModelChain: Sendable {
    private var models: ArraySlice<any ChatModel>

    /// - Precondition: there is one.
    init(_ models: [any ChatModel]) {
        precondition(!models.isEmpty, "a chain has a model")
        self.models = models[...]
    }

    /// All that may still be asked.
    var all: [any ChatModel] { Array(models) }

    /// The one that is asked next.
    var first: any ChatModel { models[models.startIndex] }

    /// The reply of the first model that gives one. The next is asked only while nothing of this reply was heard, so that no reader hears two models in one answer;
    /// a model that failed is not asked again.
    /// - Parameter onFallback: Hears which failed, and which comes next.
    mutating func reply(
        to ask: ModelRequest, for call: ModelCall, tokens: any TokenSink,
        onFallback: (_ failed: String, _ why: ModelFailure, _ next: String) async throws -> Void
    ) async throws -> ModelReply {
        let counted = CountedTokens(tokens)
        while true {
            let model = first
            do throws(ModelFailure) {
                return try await model.answer(ask, for: call, tokens: counted)
            } catch {
                guard error.isWorthAnother, models.count > 1, counted.isSilent, !Task.isCancelled, !call.deadline.hasPassed else { throw error }
                models.removeFirst()
                try await onFallback(model.name, error, first.name)
            }
        }
    }
}

/// Passes tokens on, and remembers whether there was any.
private final class CountedTokens: TokenSink {
    private let tokens: any TokenSink
    private let count = Lock(0)

    init(_ tokens: any TokenSink) { self.tokens = tokens }

    var isSilent: Bool { count.withLock { $0 } == 0 }

    func take(_ text: String) async throws {
        count.withLock { $0 += 1 }
        try await tokens.take(text)
    }
}
