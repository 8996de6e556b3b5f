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

    /// How many tokens a text has; a long one as its beginning has in proportion, because others wait on the same loop.
    package func count(_ text: String) -> Int {
        guard let tokenizer = counted?.tokenizer else { return TokenEstimate.count(text) }
        return Self.count(text, by: tokenizer)
    }

    fileprivate static func count(_ text: String, by tokenizer: Tokenizer) -> Int {
        let bytes = text.utf8.count
        guard bytes > ChatLimits.bytesCountedMax else { return tokenizer.count(text) }
        let beginning = tokenizer.count(String(decoding: text.utf8.prefix(ChatLimits.bytesCountedMax), as: UTF8.self))
        return (beginning * bytes + ChatLimits.bytesCountedMax - 1) / ChatLimits.bytesCountedMax
    }

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
        let count = TokenCounter.count(message.content, by: tokenizer)
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
