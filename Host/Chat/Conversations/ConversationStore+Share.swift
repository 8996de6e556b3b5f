import Crypto
import JSON
package import Store

/// A link by which anybody may read a conversation as it was when the link was made.
package struct Share: Sendable, Hashable {
    package let id: String
    package let conversation: String
    /// The last message that it shows.
    package let untilSeq: Int
    package let createdAt: Int64
    package let expiresAt: Int64
}

/// What a link shows, and whose it is: for limits by owner.
package struct SharedConversation: Sendable {
    package let share: Share
    package let tenant: String
    package let owner: String
    package let title: String
    package let page: Page<Message>
}

extension ConversationStore {
    private static let prefix = "lms_"

    /// Makes a link; the second value is its token, shown once. It shows the branch of the conversation's latest message, up to now, and nothing that comes later.
    package func share(
        _ conversation: String, lasting milliseconds: Int64, of speaker: Speaker, requestID: String
    ) async throws(ChatError) -> (Share, token: String) {
        let now = now()
        let (id, token) = (UUIDv7.make(), Self.prefix + Base64URL.encode(secureRandom(32)))
        let outcome = try await write(of: speaker) { connection -> Result<Share, ChatError> in
            guard let found = try await Self.find(conversation, speaker, connection) else { return .failure(.missing("conversation")) }
            let count = try await connection.row("SELECT count(*) FROM share WHERE conversation = $1", [.text(conversation)])?.int(0) ?? 0
            guard count < ChatLimits.sharesMax else { return .failure(.full("share links", max: ChatLimits.sharesMax)) }
            let share = Share(id: id, conversation: conversation, untilSeq: found.messageCount, createdAt: now, expiresAt: now + milliseconds)
            try await connection.execute(
                """
                INSERT INTO share (id, hash, tenant, owner, conversation, until_seq, head, created_at, expires_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                """,
                [
                    .text(id), .blob(SHA256.hash(token).bytes), .text(speaker.tenant), .text(speaker.account), .text(conversation),
                    SQLValue(found.messageCount), SQLValue(found.head), .integer(now), .integer(share.expiresAt),
                ])
            try await Self.note("share.create", id, conversation, speaker, requestID, now, connection)
            return .success(share)
        }
        return (try outcome.get(), token)
    }

    /// The links of a conversation that are in force.
    package func shares(of conversation: String, by speaker: Speaker) async throws(ChatError) -> [Share] {
        let now = now()
        let found = try await read(of: speaker) { connection -> [Share]? in
            guard try await Self.find(conversation, speaker, connection) != nil else { return nil }
            return try await connection.rows(
                "SELECT id, conversation, until_seq, created_at, expires_at FROM share WHERE conversation = $1 AND expires_at > $2 ORDER BY id",
                [.text(conversation), .integer(now)]
            ).map(Self.share)
        }
        guard let found else { throw .missing("conversation") }
        return found
    }

    /// Takes a link back: from the next request on it shows nothing.
    package func unshare(_ id: String, of conversation: String, by speaker: Speaker, requestID: String) async throws(ChatError) {
        let now = now()
        let count = try await write(of: speaker) { connection in
            let count = try await connection.execute(
                "DELETE FROM share WHERE id = $1 AND conversation = $2 AND owner = $3", [.text(id), .text(conversation), .text(speaker.account)])
            if count > 0 { try await Self.note("share.remove", id, conversation, speaker, requestID, now, connection) }
            return count
        }
        if count == 0 { throw .missing("share link") }
    }

    private static func note(
        _ action: String, _ id: String, _ conversation: String, _ speaker: Speaker, _ requestID: String, _ now: Int64,
        _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        try await AuditLog.note(
            AuditEntry(
                actor: speaker.account, tenant: speaker.tenant, action: action, callID: requestID, outcome: "ok",
                details: ["share": .string(id), "conversation": .string(conversation)], atMilliseconds: now), within: connection)
    }

    /// Whose a link is; nil for one that is not in force. For limits that hold before anything is read.
    package func owner(ofShare token: String) async throws(ChatError) -> (id: String, tenant: String, owner: String)? {
        guard token.utf8.count <= 64, token.hasPrefix(Self.prefix) else { return nil }
        let (hash, now) = (SHA256.hash(token).bytes, now())
        do throws(StoreError) {
            return try await database.read { connection in
                try await connection.row(
                    "SELECT id, tenant, owner FROM share WHERE hash = $1 AND expires_at > $2", [.blob(hash), .integer(now)]
                ).map { (id: try $0.text(0), tenant: try $0.text(1), owner: try $0.text(2)) }
            }
        } catch {
            throw .store(error)
        }
    }

    /// What a link shows, a page of it.
    package func shared(_ id: String, tenant: String, cursor: String?, limit: Int) async throws(ChatError) -> SharedConversation {
        let (after, now) = (try Self.number(cursor), now())
        let found = try await read(of: Speaker(tenant: tenant, account: "")) { connection -> SharedConversation? in
            let row = try await connection.row(
                """
                SELECT s.id, s.conversation, s.until_seq, s.created_at, s.expires_at, s.owner, c.title, s.head FROM share s
                JOIN conversation c ON c.id = s.conversation WHERE s.id = $1 AND s.tenant = $2 AND s.expires_at > $3
                """, [.text(id), .text(tenant), .integer(now)])
            guard let row else { return nil }
            let share = try Self.share(row)
            let messages = try await Self.line(endingAt: row.optionalText(7), after: after, limit: limit + 1, connection)
            return SharedConversation(
                share: share, tenant: tenant, owner: try row.text(5), title: try row.text(6), page: Page(messages, limit: limit) { "\($0.seq)" })
        }
        guard let found else { throw .missing("share link") }
        return found
    }

    /// The messages of one branch in order, behind a number: what a reader of the conversation sees, without the branches that were left.
    static func line(endingAt head: String?, after: Int64, limit: Int, _ connection: any DatabaseConnection) async throws(StoreError) -> [Message] {
        guard let head else { return [] }
        let rows = try await connection.rows(
            """
            WITH RECURSIVE walk (id, parent) AS (
                SELECT id, parent FROM message WHERE id = $1
                UNION ALL
                SELECT m.id, m.parent FROM message m JOIN walk w ON m.id = w.parent
            )
            SELECT m.id, m.conversation, m.parent, m.seq, m.sender, m.role, m.content, m.segments, m.summary, m.truncated, m.usage, m.model,
                m.created_at, m.meta
            FROM walk w JOIN message m ON m.id = w.id WHERE m.seq > $2 ORDER BY m.seq LIMIT $3
            """, [.text(head), .integer(after), SQLValue(limit)])
        var found: [Message] = []
        for row in rows { found.append(try Message(row)) }
        return found
    }

    private static func share(_ row: Row) throws(StoreError) -> Share {
        Share(
            id: try row.text(0), conversation: try row.text(1), untilSeq: try row.int(2), createdAt: try row.integer(3), expiresAt: try row.integer(4)
        )
    }
}
