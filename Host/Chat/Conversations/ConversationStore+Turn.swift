import Crypto
import IO
import JSON
import Store

/// What a turn begins with.
struct TurnPlace: Sendable, Hashable {
    let conversation: String
    /// The person's message; for a regeneration, the one that is answered anew.
    let userMessage: String
    /// The answer, which is stored from the start as one that has no end.
    let answer: String
    /// The message before the person's; nil for the first of a branch.
    let parent: String?
    /// Whether the conversation is new.
    let isNew: Bool
}

/// What a person says, checked.
struct Utterance: Sendable {
    var content: String
    var segments: [JSONValue]
    var meta: JSONObject
}

extension ConversationStore {
    /// Where a turn goes on from.
    enum Onset: Sendable {
        /// A message behind the conversation's latest.
        case head(Utterance)
        /// A message behind another one, or behind none: a branch.
        case behind(String?, Utterance)
        /// Another answer to a message of the person's, or in the place of an answer.
        case again(String)
    }

    /// Stores what a person said and the empty beginning of its answer, and takes the conversation for the turn, all or nothing (CHAT-1). One turn at a time has a
    /// conversation: a second is refused, until the first ends or its lease does.
    func admit(
        _ conversation: String?, _ onset: Onset, turn: String, model: String, context: String?, of speaker: Speaker
    ) async throws(ChatError) -> TurnPlace {
        let now = now()
        let row = NewRows(turn: turn, model: model, context: context, speaker: speaker, now: now)
        let outcome = try await write(of: speaker) { connection -> Result<TurnPlace, ChatError> in
            guard let conversation else { return try await row.found(onset, connection) }
            return try await row.extend(conversation, onset, connection)
        }
        return try outcome.get()
    }

    /// Keeps what has streamed so far, and the turn's hold on its conversation; returns at once. A turn that has ended is not touched.
    func checkpoint(_ place: TurnPlace, turn: String, content: String, of speaker: Speaker) async throws(StoreError) {
        let until = now() + ChatLimits.turnLeaseMilliseconds
        try await database.append { connection in
            try await connection.confine(to: speaker.tenant)
            try await connection.batch([
                (
                    "UPDATE message SET content = $1 WHERE id = $2 AND done = 0",
                    [.text(content), .text(place.answer)]
                ),
                (
                    "UPDATE conversation SET turn_until = $1 WHERE id = $2 AND turn = $3",
                    [.integer(until), .text(place.conversation), .text(turn)]
                ),
            ])
        }
    }

    /// Stores the end of a turn: the answer, what it used, and the conversation free for the next. False when the conversation is gone.
    func finish(_ place: TurnPlace, _ answer: FinishedAnswer, turn: String, of speaker: Speaker) async throws(ChatError) -> Bool {
        let now = now()
        return try await write(of: speaker, deadline: .after(milliseconds: ChatLimits.finishMilliseconds)) { connection in
            let count = try await connection.execute(
                """
                UPDATE message SET content = $1, segments = $2, truncated = $3, done = 1, usage = $4, model = $5, meta = $6, sender = $5
                WHERE id = $7 AND done = 0
                """,
                [
                    .text(answer.content), .text(JSONValue.array(answer.segments).text), SQLValue(answer.isTruncated), .text(answer.usage.json.text),
                    .text(answer.model), .text(JSONValue.object(answer.meta).text), .text(place.answer),
                ])
            try await connection.batch([
                (
                    """
                    UPDATE conversation SET turn = CASE WHEN turn = $3 THEN NULL ELSE turn END,
                        turn_until = CASE WHEN turn = $3 THEN 0 ELSE turn_until END, updated_at = $1, tokens_in = tokens_in + $4,
                        tokens_out = tokens_out + $5, cost_micros = CASE WHEN currency = $7 THEN cost_micros ELSE 0 END + $6, currency = $7
                    WHERE id = $2
                    """,
                    [
                        .integer(now), .text(place.conversation), .text(turn), SQLValue(answer.usage.tokensIn), SQLValue(answer.usage.tokensOut),
                        .integer(answer.usage.costMicros), .text(answer.usage.currency),
                    ]
                ),
                Self.usageRow(answer.usage, model: answer.model, agent: answer.agent, of: speaker, at: now),
            ])
            return count == 1
        }
    }

    /// Keeps a rolling summary at the last message that it sums up; returns at once.
    func summarise(_ message: String, _ summary: String, of speaker: Speaker) async throws(StoreError) {
        try await database.append { connection in
            try await connection.confine(to: speaker.tenant)
            try await connection.execute("UPDATE message SET summary = $1 WHERE id = $2", [.text(summary), .text(message)])
        }
    }

    /// The messages of a branch from one back to the first, newest first; it ends where a message has a summary, or where `isEnough` says so.
    ///
    /// Its cost is that of what is returned, however long the conversation is (CHAT-2).
    func branch(
        from message: String, in conversation: String, of speaker: Speaker, isEnough: @escaping @Sendable ([PastMessage]) -> Bool
    ) async throws(ChatError) -> [PastMessage] {
        try await read(of: speaker) { connection in
            var walk = BranchWalk(from: message)
            while let step = walk.step {
                walk.take(try await Self.rows(of: step, in: conversation, speaker, connection))
                if isEnough(walk.found) { break }
            }
            return walk.found
        }
    }

    private static func rows(
        of step: BranchWalk.Step, in conversation: String, _ speaker: Speaker, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> [PastMessage] {
        let rows: [Row]
        switch step {
        case .inOrder(let message, let count):
            rows = try await connection.rows(
                """
                SELECT id, parent, role, content, summary FROM message
                WHERE conversation = $1 AND owner = $2 AND seq <= (SELECT seq FROM message WHERE id = $3) ORDER BY seq DESC LIMIT $4
                """, [.text(conversation), .text(speaker.account), .text(message), SQLValue(count)])
        case .byParents(let message, let count):
            rows = try await connection.rows(
                """
                WITH RECURSIVE walk (id, parent, depth) AS (
                    SELECT id, parent, 1 FROM message WHERE id = $1 AND owner = $2
                    UNION ALL
                    SELECT m.id, m.parent, w.depth + 1 FROM message m JOIN walk w ON m.id = w.parent WHERE w.depth < $3
                )
                SELECT m.id, m.parent, m.role, m.content, m.summary FROM walk w JOIN message m ON m.id = w.id ORDER BY w.depth
                """, [.text(message), .text(speaker.account), SQLValue(count)])
        }
        return try rows.map { row throws(StoreError) in try PastMessage(row) }
    }
}

/// What a turn came to, to be stored.
struct FinishedAnswer: Sendable {
    var content: String
    var segments: [JSONValue]
    var isTruncated: Bool
    var usage: MessageUsage
    var model: String
    var agent: String?
    var meta: JSONObject
}
