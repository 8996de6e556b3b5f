import Chat
import Crypto
import JSON
import Store

/// The contract's shapes of conversations.
extension LiveChat {
    static func time(_ milliseconds: Int64) -> JSONValue { .string(Timestamp.text(milliseconds: milliseconds)) }

    static func list<Item>(_ page: Page<Item>, _ json: (Item) -> JSONValue) -> Reply {
        .data(LiveIdentity.list(page.items.map(json), page.nextCursor))
    }

    static func json(_ conversation: Conversation) -> JSONValue {
        [
            "id": .string(conversation.id), "title": .string(conversation.title), "status": .string(conversation.status.rawValue),
            "active_context_id": conversation.activeContext.map { .string($0) } ?? .null, "created_at": time(conversation.createdAt),
            "updated_at": time(conversation.updatedAt), "message_count": JSONValue(conversation.messageCount),
            "usage": [
                "tokens_in": JSONValue(conversation.usage.tokensIn), "tokens_out": JSONValue(conversation.usage.tokensOut),
                "cost_micros": JSONValue(conversation.usage.costMicros), "currency": .string(conversation.usage.currency),
            ],
        ]
    }

    static func json(_ message: Message) -> JSONValue {
        [
            "id": .string(message.id), "conversation_id": .string(message.conversation), "parent_id": message.parent.map { .string($0) } ?? .null,
            "seq": JSONValue(message.seq), "sender": .string(message.sender), "role": .string(message.role.rawValue),
            "content": .string(message.content), "content_struct": message.structure, "truncated": .bool(message.isTruncated),
            "usage": message.usage, "model": message.model.map { .string($0) } ?? .null, "created_at": time(message.createdAt), "meta": message.meta,
        ]
    }

    /// A message as a stranger with a link sees it: what was said, and nothing of who said it or what it cost. Of a tool's call that it was made.
    static func shown(_ message: Message) -> JSONValue {
        let parts = (message.segments.arrayValue ?? []).map { part -> JSONValue in
            guard part["type"]?.stringValue == "tool_call" else { return part }
            return ["type": "tool_call", "id": part["id"] ?? "", "tool": part["tool"] ?? "", "outcome": part["outcome"] ?? ""]
        }
        return [
            "seq": JSONValue(message.seq), "role": .string(message.role.rawValue), "content": .string(message.content),
            "content_struct": ["segments": .array(parts)], "truncated": .bool(message.isTruncated), "created_at": time(message.createdAt),
        ]
    }

    static func json(_ share: Share) -> JSONObject {
        [
            "id": .string(share.id), "conversation_id": .string(share.conversation), "until_seq": JSONValue(share.untilSeq),
            "created_at": time(share.createdAt), "expires_at": time(share.expiresAt),
        ]
    }

    static func json(_ approval: Approval) -> JSONValue {
        [
            "id": .string(approval.id), "conversation_id": approval.conversation.map { .string($0) } ?? .null,
            "message_id": approval.message.map { .string($0) } ?? .null, "tool": .string(approval.tool), "version": .string(approval.version),
            "arguments": approval.arguments, "digest": .string(Hex.encode(approval.digest)), "state": .string(approval.state),
            "created_at": time(approval.createdAt), "expires_at": time(approval.expiresAt),
        ]
    }
}
