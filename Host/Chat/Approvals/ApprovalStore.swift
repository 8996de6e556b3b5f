import Crypto
import IO
package import JSON
package import Store

/// How a person decided about a tool's call; nobody's decision is no.
package enum ApprovalDecision: String, Sendable, Hashable {
    case approved, denied, expired
}

/// A question to a person: may this tool run with these arguments? Bound to the person, to the digest of tool, version and arguments, and to a time.
package struct Approval: Sendable, Hashable {
    package let id: String
    package let conversation: String?
    package let message: String?
    package let tool: String
    package let version: String
    package let arguments: JSONValue
    /// SHA-256 of the tool's id, its version and its arguments in canonical form (RFC 8785).
    package let digest: [UInt8]
    /// `pending`, `approved`, `denied` or `used`.
    package let state: String
    package let createdAt: Int64
    package let expiresAt: Int64

    /// Columns: id, conversation, message, tool, version, arguments, digest, state, created_at, expires_at.
    init(_ row: Row) throws(StoreError) {
        (id, conversation, message) = (try row.text(0), try row.optionalText(1), try row.optionalText(2))
        (tool, version, digest, state) = (try row.text(3), try row.text(4), try row.blob(6), try row.text(7))
        (createdAt, expiresAt) = (try row.integer(8), try row.integer(9))
        do {
            arguments = try JSONValue(parsing: Array(try row.text(5).utf8))
        } catch {
            throw StoreError(.corrupt, "the approval \(try row.text(0)) has arguments that cannot be read: \(error)")
        }
    }

    init(id: String, place: TurnPlace, tool: String, version: String, arguments: JSONValue, digest: [UInt8], createdAt: Int64, expiresAt: Int64) {
        (self.id, conversation, message, self.tool, self.version) = (id, place.conversation, place.answer, tool, version)
        (self.arguments, self.digest, state, self.createdAt, self.expiresAt) = (arguments, digest, "pending", createdAt, expiresAt)
    }

    /// As events show it.
    var json: JSONValue {
        [
            "approval_id": .string(id), "tool": .string(tool), "version": .string(version), "arguments": arguments, "state": "pending",
            "expires_at_ms": JSONValue(expiresAt),
        ]
    }

    func json(_ decision: ApprovalDecision) -> JSONValue {
        ["approval_id": .string(id), "tool": .string(tool), "state": .string(decision.rawValue)]
    }

    /// The digest that binds a decision to what it is about.
    static func digest(tool: String, version: String, arguments: JSONValue) throws(JSONError) -> [UInt8] {
        SHA256.hash(Array("\(tool)\n\(version)\n".utf8) + (try arguments.canonical())).bytes
    }
}

/// Asks people, and keeps what they decided: in the store, so that any host can be told.
package struct ApprovalDesk: Sendable {
    /// What a decision is announced as.
    static let topic = "approval"

    let store: ConversationStore
    let milliseconds: Int64
    private let loop: EventLoop
    private let arrivals: Arrivals

    /// Decisions of other tasks and hosts arrive by the store's news.
    init(store: ConversationStore, loop: EventLoop, milliseconds: Int64 = ChatLimits.approvalMillisecondsDefault) {
        (self.store, self.loop, self.milliseconds) = (store, loop, milliseconds)
        let arrivals = Arrivals()
        self.arrivals = arrivals
        store.database.observe { news in
            if case .changed(Self.topic, let id) = news { arrivals.ring(id) }
        }
    }

    // MARK: The turn's side

    func ask(_ call: ModelToolCall, _ tool: ChatTool, _ origin: TurnOrigin, _ place: TurnPlace) async throws -> Approval {
        let now = store.now()
        let question = Approval(
            id: UUIDv7.make(), place: place, tool: tool.id, version: tool.version, arguments: call.arguments,
            digest: try Approval.digest(tool: tool.id, version: tool.version, arguments: call.arguments), createdAt: now,
            expiresAt: now + milliseconds)
        let speaker = origin.speaker
        _ = try await store.write(of: speaker) { connection in
            try await connection.execute(
                """
                INSERT INTO approval (id, tenant, owner, conversation, message, tool, version, arguments, digest, state, created_at, expires_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', $10, $11)
                """,
                [
                    .text(question.id), .text(speaker.tenant), .text(speaker.account), .text(place.conversation), .text(place.answer),
                    .text(question.tool), .text(question.version), .text(question.arguments.text), .blob(question.digest), .integer(now),
                    .integer(question.expiresAt),
                ])
        }
        return question
    }

    /// Waits for a decision; expired when nobody has decided in time, whatever the reason.
    func decision(on question: Approval, of speaker: Speaker, until deadline: Deadline) async throws -> ApprovalDecision {
        let (beats, beat) = arrivals.beats(question.id)
        defer { arrivals.forget(question.id) }
        // News can be lost; who waits looks by himself too.
        let loop = EventLoop.current ?? loop
        let clock = OwnedTask(on: loop) {
            while true {
                try await loop.sleep(until: .after(milliseconds: ChatLimits.approvalPollMilliseconds))
                beat.yield()
            }
        }
        defer { clock.cancel() }
        for await _ in beats {
            if let decision = try await found(question, speaker) { return decision }
            if deadline.hasPassed { return .expired }
        }
        throw CancellationError()
    }

    /// What is decided so far; nil while nothing is.
    private func found(_ question: Approval, _ speaker: Speaker) async throws(ChatError) -> ApprovalDecision? {
        let state = try await store.read(of: speaker) { connection in
            try await connection.row("SELECT state FROM approval WHERE id = $1 AND owner = $2", [.text(question.id), .text(speaker.account)])?.text(0)
        }
        switch state {
        case "pending": return store.now() >= question.expiresAt ? .expired : nil
        case "approved": return .approved
        default: return .denied
        }
    }

    /// Takes an approval for the one call that it is for: false when it is for another, was used, or is too old.
    func use(_ question: Approval, _ call: ModelToolCall, _ tool: ChatTool, of speaker: Speaker) async throws -> Bool {
        let (digest, now) = (try Approval.digest(tool: tool.id, version: tool.version, arguments: call.arguments), store.now())
        return try await store.write(of: speaker) { connection in
            try await connection.execute(
                "UPDATE approval SET state = 'used' WHERE id = $1 AND owner = $2 AND state = 'approved' AND digest = $3 AND expires_at > $4",
                [.text(question.id), .text(speaker.account), .blob(digest), .integer(now)]) == 1
        }
    }

    // MARK: The person's side

    /// What waits for a person's decision, the newest first.
    package func pending(of speaker: Speaker, cursor: String?, limit: Int) async throws(ChatError) -> Page<Approval> {
        let (before, now) = (try ConversationStore.place(cursor) ?? "~", store.now())
        let found = try await store.read(of: speaker) { connection in
            try await connection.rows(
                """
                SELECT id, conversation, message, tool, version, arguments, digest, state, created_at, expires_at FROM approval
                WHERE owner = $1 AND tenant = $2 AND state = 'pending' AND expires_at > $3 AND id < $4 ORDER BY id DESC LIMIT $5
                """, [.text(speaker.account), .text(speaker.tenant), .integer(now), .text(before), SQLValue(limit + 1)]
            ).map { try Approval($0) }
        }
        return Page(found, limit: limit) { $0.id }
    }

    /// Keeps a person's decision, once; the audit log has it. Refused for one that was decided, is too old or is another's.
    package func decide(_ id: String, _ decision: ApprovalDecision, by speaker: Speaker, requestID: String) async throws(ChatError) -> Approval {
        let now = store.now()
        let decided = try await store.write(of: speaker) { connection -> Approval? in
            let row = try await connection.row(
                """
                UPDATE approval SET state = $1, decided_at = $2, decided_by = $3 WHERE id = $4 AND owner = $3 AND state = 'pending' AND expires_at > $2
                RETURNING id, conversation, message, tool, version, arguments, digest, state, created_at, expires_at
                """, [.text(decision == .approved ? "approved" : "denied"), .integer(now), .text(speaker.account), .text(id)])
            guard let approval = try row.map({ try Approval($0) }) else { return nil }
            try await AuditLog.note(
                AuditEntry(
                    actor: speaker.account, tenant: speaker.tenant, action: "approval.\(approval.state)", tool: approval.tool, callID: requestID,
                    outcome: "ok", details: ["approval": .string(id), "version": .string(approval.version)], atMilliseconds: now), within: connection)
            try await connection.announce(Self.topic, id)
            return approval
        }
        guard let decided else { throw .missing("approval that waits") }
        return decided
    }
}

/// Wakes who waits for a decision.
private final class Arrivals: Sendable {
    private let waiting = Lock<[String: AsyncStream<Void>.Continuation]>([:])

    /// A beat for every time that a look is worth it; the first at once.
    func beats(_ id: String) -> (beats: AsyncStream<Void>, beat: AsyncStream<Void>.Continuation) {
        let (beats, beat) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        waiting.withLock { $0[id] = beat }
        beat.yield()
        return (beats, beat)
    }

    func ring(_ id: String) { waiting.withLock { $0[id] }?.yield() }
    func forget(_ id: String) { waiting.withLock { $0[id] = nil } }
}
