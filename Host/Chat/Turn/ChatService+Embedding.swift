import IO
import Store
import Tools

/// Vectors of texts, and what they took.
package struct Embedded: Sendable {
    package var embeddings: Embeddings
    package var usage: MessageUsage
    /// Whose budget is nearly spent.
    package var warning: BudgetWarning?
}

extension ChatService {
    /// Vectors of texts, asked for in pieces that a plugin can take; nothing is stored but what it used.
    /// - Parameter numbersMax: How many numbers the caller can take in all.
    /// - Throws: Why not; what was used until then is counted all the same.
    package func embed(_ texts: [String], model: String, _ origin: TurnOrigin, numbersMax: Int) async throws(ChatError) -> Embedded {
        let began = Deadline.now()
        guard let whole = models.embedder(model) else { throw .model(ModelFailure(.unknown, "no model of that name makes vectors here")) }
        let deadline = began.adding(milliseconds: ChatLimits.embedMillisecondsMax)
        let call = ModelCall(caller: origin.caller, requestID: origin.requestID, traceparent: origin.traceparent, deadline: deadline)
        let purse = try await purse(for: origin)
        var (all, usage) = (Embeddings(model: model, vectors: [], tokensIn: 0), MessageUsage())
        usage.currency = purse.currency
        let estimate = texts.reduce(0) { $0 + TokenEstimate.count($1) }
        func cost() -> Int64 { purse.cost(of: whole, tokensIn: all.tokensIn ?? 0, tokensOut: 0) }
        var failure: ChatError?
        do {
            try await purse.paying(purse.cost(of: whole, tokensIn: estimate, tokensOut: 0), cost: cost) {
                for piece in Self.pieces(of: texts) {
                    try Self.add(try await vectors(of: Array(piece), model, call), of: piece, to: &all)
                    try Self.check((all.vectors.first?.count ?? 0) * texts.count, numbersMax)
                }
            }
        } catch {
            failure = error as? ChatError ?? .cancelled
        }
        (usage.tokensIn, usage.costMicros) = (all.tokensIn ?? 0, cost())
        usage.wallMilliseconds = Int((Deadline.now().nanoseconds &- began.nanoseconds) / 1_000_000)
        if !all.vectors.isEmpty { await account(usage, model: all.model, of: origin.speaker) }
        if let failure { throw failure }
        return Embedded(embeddings: all, usage: usage, warning: purse.warning)
    }

    private static func check(_ numbers: Int, _ max: Int) throws(ChatError) {
        if numbers <= max { return }
        throw .invalid(field: "input", reason: "makes \(numbers) numbers in all, and one reply has room for \(max): send fewer texts at once")
    }

    private func vectors(of texts: [String], _ model: String, _ call: ModelCall) async throws(ChatError) -> Embeddings {
        do throws(ModelFailure) {
            return try await models.embed(texts, model: model, for: call)
        } catch {
            if Task.isCancelled || error.code == .cancelled { throw .cancelled }
            throw call.deadline.hasPassed ? .timedOut : .model(error)
        }
    }

    /// Texts that go together: bounded in number and in bytes, in their order, and never none.
    static func pieces(of texts: [String]) -> [ArraySlice<String>] {
        var pieces: [ArraySlice<String>] = []
        var (start, bytes) = (0, 0)
        for (index, text) in texts.enumerated() {
            if index > start, index - start == ChatLimits.embedTextsPerCall || bytes + text.utf8.count > ChatLimits.embedBytesPerCall {
                pieces.append(texts[start..<index])
                (start, bytes) = (index, 0)
            }
            bytes += text.utf8.count
        }
        if start < texts.count { pieces.append(texts[start...]) }
        return pieces
    }

    /// What a model answers is a stranger's word: as many vectors as texts, none of them empty, and all of one length.
    private static func add(_ found: Embeddings, of texts: ArraySlice<String>, to all: inout Embeddings) throws(ChatError) {
        let length = all.vectors.first?.count ?? found.vectors.first?.count ?? 0
        let fits =
            found.vectors.count == texts.count && length > 0
            && found.vectors.allSatisfy { $0.count == length && $0.allSatisfy { Float($0).isFinite } }
        guard fits else { throw .model(ModelFailure(.malformed, "its vectors are not one for each text, of one length")) }
        all.model = found.model
        all.vectors += found.vectors
        all.tokensIn = (all.tokensIn ?? 0) + (found.tokensIn ?? texts.reduce(0) { $0 + TokenEstimate.count($1) })
    }
}
