package import Store

/// A message that a search found.
package struct SearchHit: Sendable, Hashable {
    package let message: String
    package let conversation: String
    package let title: String
    package let role: MessageRole
    /// The surroundings of the first word that was looked for.
    package let snippet: String
    package let createdAt: Int64
}

extension ConversationStore {
    /// Messages of a person that have every word of a text, the newest first. Words are what Unicode calls letters and digits, without case.
    package func search(_ text: String, of speaker: Speaker, cursor: String?, limit: Int) async throws(ChatError) -> Page<SearchHit> {
        let words = Self.words(of: text)
        guard !words.isEmpty else { throw .invalid(field: "q", reason: "has no word that could be looked for") }
        let before = try Self.place(cursor) ?? "~"
        // Each word as a string of FTS5's query language: nothing in it means anything else. The owner is a phrase of its column.
        let match = "owner : \"\(speaker.account)\" AND content : (" + words.map { "\"\($0)\"" }.joined(separator: " AND ") + ")"
        let query = database.kind == .sqlite ? match : words.joined(separator: " ")
        let found = try await read(of: speaker) { connection in
            let rows = try await connection.rows(
                SQL(
                    sqlite: """
                        SELECT m.id, m.conversation, c.title, m.role, m.content, m.created_at
                        FROM message_words w JOIN message m ON m.n = w.rowid JOIN conversation c ON c.id = m.conversation
                        WHERE message_words MATCH $1 AND m.owner = $2 AND m.tenant = $3 AND m.id < $4 ORDER BY m.id DESC LIMIT $5
                        """,
                    postgres: """
                        SELECT m.id, m.conversation, c.title, m.role, m.content, m.created_at
                        FROM message m JOIN conversation c ON c.id = m.conversation
                        WHERE m.words @@ plainto_tsquery('simple', $1) AND m.owner = $2 AND m.tenant = $3 AND m.id < $4 ORDER BY m.id DESC LIMIT $5
                        """),
                [
                    .text(query), .text(speaker.account), .text(speaker.tenant), .text(before), SQLValue(limit + 1),
                ])
            return try rows.map { row in
                SearchHit(
                    message: try row.text(0), conversation: try row.text(1), title: try row.text(2),
                    role: MessageRole(rawValue: try row.text(3)) ?? .user,
                    snippet: Self.snippet(of: try row.text(4), around: words), createdAt: try row.integer(5))
            }
        }
        return Page(found, limit: limit) { $0.message }
    }

    static func words(of text: String) -> [String] {
        let parts = text.prefix(ChatLimits.searchBytesMax).split { !($0.isLetter || $0.isNumber) }
        return parts.prefix(ChatLimits.searchTermsMax).map { $0.lowercased() }
    }

    /// Some characters around the first of the words that is found; from the beginning when none is, by another folding of case.
    static func snippet(of content: String, around words: [String]) -> String {
        let text = content.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        guard text.count > ChatLimits.snippetMax else { return text }
        let folded = text.lowercased()
        // The folded text may have other lengths, so the place is only about right; it is a snippet.
        let place = words.compactMap { folded.firstRange(of: $0)?.lowerBound }.min().map { folded.distance(from: folded.startIndex, to: $0) } ?? 0
        let begin = max(0, min(place - ChatLimits.snippetMax / 4, text.count - ChatLimits.snippetMax))
        let from = text.index(text.startIndex, offsetBy: begin)
        let part = text[from...].prefix(ChatLimits.snippetMax)
        return (begin > 0 ? "…" : "") + part + (part.endIndex < text.endIndex ? "…" : "")
    }
}
