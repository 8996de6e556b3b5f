import Crypto
import JSON
import Store

extension ConversationStore {
    /// Puts messages behind the latest of a conversation as they stand, by turns from a person and a model, until it has so many: for what is brought from elsewhere, and
    /// for measurements.
    package func fill(_ id: String, to count: Int, of speaker: Speaker, text: @escaping @Sendable (Int) -> String) async throws(ChatError) {
        while true {
            let now = now()
            let isDone = try await write(of: speaker) { connection -> Bool in
                guard let found = try await Self.find(id, speaker, connection) else { throw StoreError(.invalid, "there is no such conversation") }
                let last = min(count, found.messageCount + ChatLimits.fillStep)
                guard last > found.messageCount else { return true }
                var parent = found.head
                for seq in (found.messageCount + 1)...last {
                    let (name, content, isPerson) = (UUIDv7.make(), text(seq), seq % 2 == 1)
                    try await connection.execute(
                        """
                        INSERT INTO message (id, conversation, tenant, owner, parent, seq, sender, role, content, segments, truncated, done, created_at, meta)
                        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 1, $11, '{}')
                        """,
                        [
                            .text(name), .text(id), .text(speaker.tenant), .text(speaker.account), SQLValue(parent), SQLValue(seq),
                            .text(isPerson ? speaker.account : ExtractiveModel.name), .text(isPerson ? "user" : "assistant"), .text(content),
                            .text(JSONValue.array(Segments.parts(of: content)).text), .integer(now),
                        ])
                    parent = name
                }
                try await connection.execute(
                    "UPDATE conversation SET head = $1, message_count = $2, updated_at = $3 WHERE id = $4",
                    [SQLValue(parent), SQLValue(last), .integer(now), .text(id)])
                return last == count
            }
            if isDone { return }
        }
    }
}
