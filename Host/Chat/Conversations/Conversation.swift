package import JSON
import Store

/// Where a conversation stands; deleting removes it.
///
/// The one state machine: `open` may become `archived`, and `archived` may become `open`.
package enum ConversationStatus: String, Sendable, Hashable, CaseIterable {
    /// It takes messages.
    case open
    /// It is kept and read.
    case archived
}

/// A conversation as its owner sees it.
package struct Conversation: Sendable, Hashable {
    /// UUID v7.
    package let id: String
    package let title: String
    package let status: ConversationStatus
    /// The knowledge context that questions are answered from.
    package let activeContext: String?
    /// The message that the next one follows unless it says otherwise.
    package let head: String?
    package let messageCount: Int
    /// Milliseconds since 1970-01-01 UTC.
    package let createdAt: Int64
    package let updatedAt: Int64
    /// What all its answers used and cost, those of other branches too; in the currency of the last.
    package let usage: MessageUsage

    /// Columns: id, title, status, active_context, head, message_count, created_at, updated_at, tokens_in, tokens_out, cost_micros, currency.
    init(_ row: Row) throws(StoreError) {
        guard let status = ConversationStatus(rawValue: try row.text(2)) else {
            throw StoreError(.corrupt, "the conversation \(try row.text(0)) is in no state that there is")
        }
        (id, title, self.status) = (try row.text(0), try row.text(1), status)
        (activeContext, head, messageCount) = (try row.optionalText(3), try row.optionalText(4), try row.int(5))
        (createdAt, updatedAt) = (try row.integer(6), try row.integer(7))
        var usage = MessageUsage()
        (usage.tokensIn, usage.tokensOut) = (try row.int(8), try row.int(9))
        (usage.costMicros, usage.currency) = (try row.integer(10), try row.text(11))
        self.usage = usage
    }
}

/// Who said something.
package enum MessageRole: String, Sendable, Hashable, CaseIterable {
    case system, user, assistant, tool
}

/// What a message used.
package struct MessageUsage: Sendable, Hashable {
    package var tokensIn = 0
    package var tokensOut = 0
    package var costMicros: Int64 = 0
    package var currency = "USD"
    package var toolCalls = 0
    package var wallMilliseconds = 0

    package init() {}

    /// Adds what a reply took.
    mutating func add(_ spending: Spending) {
        tokensIn += spending.tokensIn
        tokensOut += spending.tokensOut
        costMicros += spending.micros
    }

    /// The contract's `usage`.
    package var json: JSONValue {
        [
            "tokens_in": JSONValue(tokensIn), "tokens_out": JSONValue(tokensOut), "cost_micros": JSONValue(costMicros),
            "currency": .string(currency), "tool_calls": JSONValue(toolCalls), "wall_ms": JSONValue(wallMilliseconds),
        ]
    }
}

/// A message as it is kept.
package struct Message: Sendable, Hashable {
    package let id: String
    package let conversation: String
    /// The message before it on its branch; nil for the first.
    package let parent: String?
    /// From 1, without a gap in a conversation.
    package let seq: Int
    /// Account, model or tool.
    package let sender: String
    package let role: MessageRole
    package let content: String
    /// A JSON array.
    package let segments: JSONValue
    /// What is summed up of everything up to here; nil where nothing is.
    package let summary: String?
    /// Whether its end is missing: it streams, or was cut off.
    package let isTruncated: Bool
    package let usage: JSONValue
    package let model: String?
    package let createdAt: Int64
    package let meta: JSONValue

    /// Columns: id, conversation, parent, seq, sender, role, content, segments, summary, truncated, usage, model, created_at, meta.
    init(_ row: Row) throws(StoreError) {
        guard let role = MessageRole(rawValue: try row.text(5)) else {
            throw StoreError(.corrupt, "the message \(try row.text(0)) is of no role that there is")
        }
        (id, conversation, parent, seq) = (try row.text(0), try row.text(1), try row.optionalText(2), try row.int(3))
        (sender, self.role, content) = (try row.text(4), role, try row.text(6))
        segments = try Self.parsed(row.text(7), of: id)
        summary = try row.optionalText(8)
        isTruncated = try row.bool(9)
        usage = try row.optionalText(10).map { text throws(StoreError) in try Self.parsed(text, of: try row.text(0)) } ?? .null
        (model, createdAt) = (try row.optionalText(11), try row.integer(12))
        meta = try Self.parsed(row.text(13), of: id)
    }

    private static func parsed(_ text: String, of id: String) throws(StoreError) -> JSONValue {
        do {
            return try JSONValue(parsing: Array(text.utf8))
        } catch {
            throw StoreError(.corrupt, "the message \(id) holds JSON that cannot be read: \(error)")
        }
    }

    /// The contract's `content_struct`.
    package var structure: JSONValue {
        var object: JSONObject = ["segments": segments]
        if let summary { object["summary"] = .string(summary) }
        return .object(object)
    }
}
