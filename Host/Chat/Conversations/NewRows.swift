import Crypto
import JSON
import Store

/// The rows of a turn that begins. Whatever can be refused is looked at before the first row is written, so that a refusal leaves nothing.
struct NewRows: Sendable {
    let turn: String
    let model: String
    let context: String?
    let speaker: Speaker
    let now: Int64
    private let userID = UUIDv7.make()
    private let answerID = UUIDv7.make()

    init(turn: String, model: String, context: String?, speaker: Speaker, now: Int64) {
        (self.turn, self.model, self.context, self.speaker, self.now) = (turn, model, context, speaker, now)
    }

    private var until: Int64 { now + ChatLimits.turnLeaseMilliseconds }

    /// A conversation with its first two messages.
    func found(_ onset: ConversationStore.Onset, _ connection: any DatabaseConnection) async throws(StoreError) -> Result<TurnPlace, ChatError> {
        let said: Utterance
        switch onset {
        case .head(let utterance), .behind(nil, let utterance): said = utterance
        case .behind, .again: return .failure(.missing("message"))
        }
        let id = UUIDv7.make()
        try await connection.batch([
            (
                """
                INSERT INTO conversation (id, tenant, owner, title, status, active_context, head, message_count, turn, turn_until, created_at, updated_at)
                VALUES ($1, $2, $3, $4, 'open', $5, $6, 2, $7, $8, $9, $9)
                """,
                [
                    .text(id), .text(speaker.tenant), .text(speaker.account), .text(Self.title(said.content)), SQLValue(context), .text(answerID),
                    .text(turn), .integer(until), .integer(now),
                ]
            ),
            user(said, in: id, parent: nil, seq: 1), answer(in: id, parent: userID, seq: 2),
        ])
        return .success(TurnPlace(conversation: id, userMessage: userID, answer: answerID, parent: nil, isNew: true))
    }

    /// Two more messages, or one more answer, in a conversation that is there.
    func extend(
        _ id: String, _ onset: ConversationStore.Onset, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> Result<TurnPlace, ChatError> {
        var said: Utterance?
        var parent: String??
        switch onset {
        case .head(let utterance): said = utterance
        case .behind(let message, let utterance):
            (said, parent) = (utterance, .some(message))
            if let message, try await role(of: message, in: id, connection) == nil {
                return .failure(try await absence("parent message", id, connection))
            }
        case .again(let message):
            guard let found = try await role(of: message, in: id, connection) else { return .failure(try await absence("message", id, connection)) }
            // An answer is answered anew by answering what it answered.
            let asked = found.role == .user ? message : found.parent
            guard let asked else { return .failure(.invalid(field: "message_id", reason: "is of no message that can be answered")) }
            parent = .some(asked)
        }
        let taken = try await connection.row(
            """
            UPDATE conversation SET message_count = message_count + $1, turn = $2, turn_until = $3, updated_at = $4
            WHERE id = $5 AND owner = $6 AND tenant = $7 AND status = 'open' AND turn_until < $4
            RETURNING message_count, head, title
            """,
            [
                SQLValue(said == nil ? 1 : 2), .text(turn), .integer(until), .integer(now), .text(id), .text(speaker.account), .text(speaker.tenant),
            ])
        guard let taken else { return .failure(try await refusal(id, connection)) }
        let last = try taken.int(0)
        guard let said else {
            let asked = (parent ?? nil) ?? ""
            try await connection.batch([
                answer(in: id, parent: asked, seq: last), ("UPDATE conversation SET head = $1 WHERE id = $2", [.text(answerID), .text(id)]),
            ])
            return .success(TurnPlace(conversation: id, userMessage: asked, answer: answerID, parent: asked, isNew: false))
        }
        let before: String?
        if let parent { before = parent } else { before = try taken.optionalText(1) }
        let title = try taken.text(2)
        try await connection.batch([
            user(said, in: id, parent: before, seq: last - 1), answer(in: id, parent: userID, seq: last),
            (
                "UPDATE conversation SET head = $1, title = $2 WHERE id = $3",
                [.text(answerID), .text(title.isEmpty ? Self.title(said.content) : title), .text(id)]
            ),
        ])
        return .success(TurnPlace(conversation: id, userMessage: userID, answer: answerID, parent: before, isNew: false))
    }

    // MARK: Rows

    private func user(_ said: Utterance, in conversation: String, parent: String?, seq: Int) -> (SQL, [SQLValue]) {
        (
            """
            INSERT INTO message (id, conversation, tenant, owner, parent, seq, sender, role, content, segments, truncated, done, created_at, meta)
            VALUES ($1, $2, $3, $4, $5, $6, $4, 'user', $7, $8, 0, 1, $9, $10)
            """,
            [
                .text(userID), .text(conversation), .text(speaker.tenant), .text(speaker.account), SQLValue(parent), SQLValue(seq),
                .text(said.content), .text(JSONValue.array(said.segments).text), .integer(now), .text(JSONValue.object(said.meta).text),
            ]
        )
    }

    /// The beginning of an answer: without an end until somebody stores one, so a host that dies leaves it marked.
    private func answer(in conversation: String, parent: String, seq: Int) -> (SQL, [SQLValue]) {
        (
            """
            INSERT INTO message (id, conversation, tenant, owner, parent, seq, sender, role, content, segments, truncated, done, model, created_at, meta)
            VALUES ($1, $2, $3, $4, $5, $6, $7, 'assistant', '', '[]', 1, 0, $7, $8, '{}')
            """,
            [
                .text(answerID), .text(conversation), .text(speaker.tenant), .text(speaker.account), .text(parent), SQLValue(seq), .text(model),
                .integer(now),
            ]
        )
    }

    // MARK: Refusals

    private func role(
        of message: String, in conversation: String, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> (role: MessageRole?, parent: String?)? {
        let row = try await connection.row(
            "SELECT role, parent FROM message WHERE id = $1 AND conversation = $2 AND owner = $3",
            [.text(message), .text(conversation), .text(speaker.account)])
        guard let row else { return nil }
        return (MessageRole(rawValue: try row.text(0)), try row.optionalText(1))
    }

    private func absence(_ kind: String, _ id: String, _ connection: any DatabaseConnection) async throws(StoreError) -> ChatError {
        .missing(try await ConversationStore.find(id, speaker, connection) == nil ? "conversation" : kind)
    }

    /// Why a conversation could not be taken.
    private func refusal(_ id: String, _ connection: any DatabaseConnection) async throws(StoreError) -> ChatError {
        guard let found = try await ConversationStore.find(id, speaker, connection) else { return .missing("conversation") }
        return found.status == .archived ? .archived : .turnRunning
    }

    /// The first line of a message, as long as a title is.
    static func title(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isNewline).first ?? ""
        let words = line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        // The schema counts code points, of which one character can have any number.
        var title = ""
        var points = 0
        for character in words {
            points += character.unicodeScalars.count
            guard title.count < ChatLimits.titleFromMessageMax - 1, points < ChatLimits.titleMax else { return title + "…" }
            title.append(character)
        }
        return title
    }
}
