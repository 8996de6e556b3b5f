import JSON
import Store

/// What a conversation is exported as.
package enum ExportFormat: Sendable {
    case json, markdown

    package var contentType: String { self == .json ? "application/json" : "text/markdown; charset=utf-8" }
    package var suffix: String { self == .json ? "json" : "md" }
}

/// A whole conversation as one file, read and written page by page: its length is no matter of memory.
package struct ConversationExport: Sendable {
    private let store: ConversationStore
    private let conversation: Conversation
    private let speaker: Speaker
    private let format: ExportFormat

    package init(_ store: ConversationStore, _ conversation: Conversation, of speaker: Speaker, as format: ExportFormat) {
        (self.store, self.conversation, self.speaker, self.format) = (store, conversation, speaker, format)
    }

    /// Writes all of it. JSON has every branch; Markdown too, in the order in which it was said, for people.
    package func run(_ write: @Sendable ([UInt8]) async throws -> Void) async throws {
        try await write(Array(head.utf8))
        var cursor: String?
        var isFirst = true
        repeat {
            let page = try await store.messages(of: conversation.id, by: speaker, after: cursor, limit: StoreLimits.pageMax).page
            var text = ""
            for message in page.items {
                text += format == .json ? (isFirst ? "\n" : ",\n") + Self.json(message).text : Self.markdown(message)
                isFirst = false
            }
            try await write(Array(text.utf8))
            cursor = page.nextCursor
        } while cursor != nil
        if format == .json { try await write(Array("\n]}\n".utf8)) }
    }

    private var head: String {
        switch format {
        case .json:
            let fields: JSONObject = [
                "id": .string(conversation.id), "title": .string(conversation.title), "status": .string(conversation.status.rawValue),
                "created_at": .string(Timestamp.text(milliseconds: conversation.createdAt)),
                "updated_at": .string(Timestamp.text(milliseconds: conversation.updatedAt)),
            ]
            // Its messages follow, so the object stays open.
            return JSONValue.object(fields).text.dropLast() + ",\"messages\":["
        case .markdown: return "# \(conversation.title.isEmpty ? conversation.id : conversation.title)\n"
        }
    }

    private static func json(_ message: Message) -> JSONValue {
        [
            "id": .string(message.id), "parent_id": message.parent.map { .string($0) } ?? .null, "seq": JSONValue(message.seq),
            "role": .string(message.role.rawValue), "sender": .string(message.sender), "content": .string(message.content),
            "content_struct": message.structure, "truncated": .bool(message.isTruncated), "usage": message.usage,
            "model": message.model.map { .string($0) } ?? .null, "created_at": .string(Timestamp.text(milliseconds: message.createdAt)),
            "meta": message.meta,
        ]
    }

    private static func markdown(_ message: Message) -> String {
        let who = message.role == .assistant ? "\(message.role.rawValue) (\(message.sender))" : message.role.rawValue
        return "\n## \(message.seq). \(who)\n\n\(message.content)\n\(message.isTruncated ? "\n*(cut off)*\n" : "")"
    }
}
