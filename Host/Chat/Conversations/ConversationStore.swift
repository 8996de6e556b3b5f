import Crypto
import IO
import JSON
package import Store

/// Whose conversations: verified by whoever makes one, never taken from a body or header.
package struct Speaker: Sendable, Hashable {
    package let tenant: String
    /// The account's id.
    package let account: String

    package init(tenant: String, account: String) { (self.tenant, self.account) = (tenant, account) }
}

/// Conversations and messages in the database. Everything it does is confined to one person's: what belongs to another is not there.
package struct ConversationStore: Sendable {
    let database: Database
    let now: @Sendable () -> Int64

    /// Uses a database; `now` gives milliseconds since 1970-01-01 UTC.
    package init(database: Database, now: @escaping @Sendable () -> Int64 = { StoreClock.nowMilliseconds() }) {
        (self.database, self.now) = (database, now)
    }

    // MARK: Conversations

    /// Makes an empty one.
    package func create(title: String, context: String? = nil, of speaker: Speaker) async throws(ChatError) -> Conversation {
        let (id, now) = (UUIDv7.make(), now())
        return try await write(of: speaker) { connection in
            try await connection.execute(
                """
                INSERT INTO conversation (id, tenant, owner, title, status, active_context, message_count, created_at, updated_at)
                VALUES ($1, $2, $3, $4, 'open', $5, 0, $6, $6)
                """, [.text(id), .text(speaker.tenant), .text(speaker.account), .text(title), SQLValue(context), .integer(now)])
            guard let made = try await Self.find(id, speaker, connection) else {
                throw StoreError(.corrupt, "a conversation that was just made is not there")
            }
            return made
        }
    }

    /// One of them.
    package func conversation(_ id: String, of speaker: Speaker) async throws(ChatError) -> Conversation {
        guard let found = try await read(of: speaker, { try await Self.find(id, speaker, $0) }) else { throw .missing("conversation") }
        return found
    }

    /// Those of a person, the latest used first; of one status, or of both for nil.
    package func list(
        of speaker: Speaker, status: ConversationStatus?, cursor: String?, limit: Int
    ) async throws(ChatError) -> Page<Conversation> {
        let before = try Self.moment(cursor)
        let found = try await read(of: speaker) { connection in
            try await connection.rows(
                """
                SELECT id, title, status, active_context, head, message_count, created_at, updated_at, tokens_in, tokens_out, cost_micros, currency
                FROM conversation
                WHERE owner = $1 AND tenant = $2 AND (CAST($3 AS TEXT) IS NULL OR status = $3)
                    AND (updated_at < $4 OR (updated_at = $4 AND id < $5))
                ORDER BY updated_at DESC, id DESC LIMIT $6
                """,
                [
                    .text(speaker.account), .text(speaker.tenant), SQLValue(status?.rawValue), .integer(before.at), .text(before.id),
                    SQLValue(limit + 1),
                ]
            ).map { try Conversation($0) }
        }
        return Page(found, limit: limit) { "\($0.updatedAt)/\($0.id)" }
    }

    /// Changes title, status or context; nil leaves one as it is. The states change as `ConversationStatus` says: an archived one can be opened, and
    /// nothing else of it changed.
    package func change(
        _ id: String, title: String?, status: ConversationStatus?, context: String??, of speaker: Speaker
    ) async throws(ChatError) -> Conversation {
        let now = now()
        let outcome = try await write(of: speaker) { connection -> Result<Conversation, ChatError> in
            guard let before = try await Self.find(id, speaker, connection) else { return .failure(.missing("conversation")) }
            if before.status == .archived, status != .open, title != nil || context != nil { return .failure(.archived) }
            try await connection.execute(
                "UPDATE conversation SET title = $1, status = $2, active_context = $3, updated_at = $4 WHERE id = $5 AND owner = $6",
                [
                    .text(title ?? before.title), .text((status ?? before.status).rawValue), SQLValue(context ?? before.activeContext), .integer(now),
                    .text(id), .text(speaker.account),
                ])
            guard let after = try await Self.find(id, speaker, connection) else { return .failure(.missing("conversation")) }
            return .success(after)
        }
        return try outcome.get()
    }

    /// Removes one with everything in it, for good.
    package func remove(_ id: String, of speaker: Speaker) async throws(ChatError) {
        let count = try await write(of: speaker) { connection in
            try await connection.execute(
                "DELETE FROM conversation WHERE id = $1 AND owner = $2 AND tenant = $3",
                [.text(id), .text(speaker.account), .text(speaker.tenant)])
        }
        if count == 0 { throw .missing("conversation") }
    }

    // MARK: Messages

    /// Messages in their order, from behind a number on; with the conversation, so that a list of one that is not there is not an empty one.
    package func messages(
        of id: String, by speaker: Speaker, after cursor: String?, limit: Int
    ) async throws(ChatError) -> (conversation: Conversation, page: Page<Message>) {
        let after = try Self.number(cursor)
        let found = try await read(of: speaker) { connection -> (Conversation, [Message])? in
            guard let conversation = try await Self.find(id, speaker, connection) else { return nil }
            return (conversation, try await Self.messages(of: id, after: after, upTo: .max, limit: limit + 1, connection))
        }
        guard let (conversation, messages) = found else { throw .missing("conversation") }
        return (conversation, Page(messages, limit: limit) { "\($0.seq)" })
    }

    /// One message.
    package func message(_ id: String, in conversation: String, of speaker: Speaker) async throws(ChatError) -> Message {
        let found = try await read(of: speaker) { connection in
            try await connection.row(
                """
                SELECT id, conversation, parent, seq, sender, role, content, segments, summary, truncated, usage, model, created_at, meta
                FROM message WHERE id = $1 AND conversation = $2 AND owner = $3
                """, [.text(id), .text(conversation), .text(speaker.account)]
            ).map { try Message($0) }
        }
        guard let found else { throw .missing("message") }
        return found
    }

    /// The agent of an answer, or of the newest answer to a person's message; nil where there is none.
    package func agent(answering id: String, in conversation: String, of speaker: Speaker) async throws(ChatError) -> String? {
        let asked = try await message(id, in: conversation, of: speaker)
        guard asked.role == .user else { return asked.meta["agent_id"]?.stringValue }
        // Answers stand behind what they answer; how far is bounded here, so that no conversation is walked.
        let near = try await read(of: speaker) { connection in
            try await Self.messages(
                of: conversation, after: Int64(asked.seq), upTo: Int64(asked.seq) + ChatLimits.answersNearMax, limit: Int(ChatLimits.answersNearMax),
                connection)
        }
        return near.last { $0.parent == id && $0.role == .assistant }?.meta["agent_id"]?.stringValue
    }

    static func messages(
        of conversation: String, after: Int64, upTo last: Int64, limit: Int, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> [Message] {
        let rows = try await connection.rows(
            """
            SELECT id, conversation, parent, seq, sender, role, content, segments, summary, truncated, usage, model, created_at, meta
            FROM message WHERE conversation = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4
            """, [.text(conversation), .integer(after), .integer(last), SQLValue(limit)])
        var found: [Message] = []
        for row in rows { found.append(try Message(row)) }
        return found
    }

    static func find(_ id: String, _ speaker: Speaker, _ connection: any DatabaseConnection) async throws(StoreError) -> Conversation? {
        let row = try await connection.row(
            """
            SELECT id, title, status, active_context, head, message_count, created_at, updated_at, tokens_in, tokens_out, cost_micros, currency
            FROM conversation
            WHERE id = $1 AND owner = $2 AND tenant = $3
            """, [.text(id), .text(speaker.account), .text(speaker.tenant)])
        guard let row else { return nil }
        return try Conversation(row)
    }

    // MARK: Transactions of one person

    func write<Value: Sendable>(
        of speaker: Speaker, deadline: Deadline = .after(milliseconds: StoreLimits.writeMillisecondsDefault),
        _ body: @escaping Database.Body<Value>
    ) async throws(ChatError) -> Value {
        do throws(StoreError) {
            return try await database.write(deadline: deadline, isolation: .statements) { connection in
                try await connection.confine(to: speaker.tenant)
                return try await body(connection)
            }
        } catch {
            throw .store(error)
        }
    }

    func read<Value: Sendable>(of speaker: Speaker, _ body: @escaping Database.Body<Value>) async throws(ChatError) -> Value {
        do throws(StoreError) {
            return try await database.read { connection in
                try await connection.confine(to: speaker.tenant)
                return try await body(connection)
            }
        } catch {
            throw .store(error)
        }
    }

    // MARK: Cursors

    static func place(_ cursor: String?) throws(ChatError) -> String? {
        guard let cursor else { return nil }
        do {
            return try PageCursor.decode(cursor)
        } catch {
            throw .invalid(field: "cursor", reason: "is none that this list gave out")
        }
    }

    /// A place in a list by number.
    static func number(_ cursor: String?) throws(ChatError) -> Int64 {
        guard let place = try place(cursor) else { return 0 }
        guard let number = Int64(place) else { throw .invalid(field: "cursor", reason: "is none that this list gave out") }
        return number
    }

    /// A place in a list by time and id.
    private static func moment(_ cursor: String?) throws(ChatError) -> (at: Int64, id: String) {
        guard let place = try place(cursor) else { return (.max, "~") }
        let parts = place.split(separator: "/", maxSplits: 1)
        guard parts.count == 2, let at = Int64(parts[0]) else { throw .invalid(field: "cursor", reason: "is none that this list gave out") }
        return (at, String(parts[1]))
    }
}
