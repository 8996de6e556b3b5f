import IO
import JSON
package import Tokens

/// Counts the tokens of texts for one model: by its own tokenizer where the operator gave one, else about.
package struct TokenCounter: Sendable {
    private let counted: CountedMessages?

    /// For models whose tokenizer is not at hand.
    package static let estimate = TokenCounter()

    private init() { counted = nil }

    /// Counts by a tokenizer.
    package init(_ tokenizer: Tokenizer) { counted = CountedMessages(tokenizer) }

    /// How many tokens a text has.
    package func count(_ text: String) -> Int { counted?.tokenizer.count(text) ?? TokenEstimate.count(text) }

    /// Tokens of a message that is kept; as it stays what it is, it is counted once and not in every turn.
    func count(_ message: PastMessage) -> Int { counted?.count(message) ?? TokenEstimate.count(message.content) }

    /// How many tokens a request has: its messages, and the tools that are offered.
    func count(_ request: ModelRequest) -> Int {
        count(request.messages) + request.tools.reduce(0) { $0 + count($1.name) + count($1.description) + count($1.inputSchema.text) }
    }

    /// How many tokens messages have; a call of a tool counts by what it is called with.
    func count(_ messages: [ModelMessage]) -> Int {
        messages.reduce(0) { sum, message in
            sum + count(message.content) + message.toolCalls.reduce(0) { $0 + count($1.arguments.text) }
        }
    }
}

/// What messages were counted as, by their ids and lengths: an answer whose end comes late is another.
private final class CountedMessages: Sendable {
    private struct Key: Hashable {
        let id: String
        let bytes: Int
    }

    let tokenizer: Tokenizer
    private let counts = Lock<[Key: Int]>([:])

    init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

    func count(_ message: PastMessage) -> Int {
        let key = Key(id: message.id, bytes: message.content.utf8.count)
        if let known = counts.withLock({ $0[key] }) { return known }
        let count = tokenizer.count(message.content)
        counts.withLock { counts in
            if counts.count >= ChatLimits.messagesCountedMax { counts.removeAll(keepingCapacity: true) }
            counts[key] = count
        }
        return count
    }
}

/// Which tokenizer counts for which models.
package struct ModelTokenizers: Sendable {
    private var entries: [(pattern: ModelPattern, counter: TokenCounter)] = []

    /// None: every model is estimated.
    package init() {}

    /// Adds a tokenizer for models whose names match; of several that do, the first counts.
    package mutating func add(_ counter: TokenCounter, for pattern: ModelPattern) { entries.append((pattern, counter)) }

    /// The counter of a model.
    package func counter(for name: String) -> TokenCounter { entries.first { $0.pattern.matches(name) }?.counter ?? .estimate }
}
