package import JSON
package import Store

/// What usage is summed by.
package enum UsageGrouping: String, Sendable, CaseIterable {
    case day, model, agent, user
}

/// What turns used, by one key.
package struct UsageSum: Sendable, Hashable {
    /// A day (`2026-11-22`), a model, an agent's id (empty for turns without one), or an account's id.
    package let key: String
    package let currency: String
    package let turns: Int64
    package let tokensIn: Int64
    package let tokensOut: Int64
    package let toolCalls: Int64
    package let costMicros: Int64
    /// Its place among the sums.
    fileprivate let place: String

    package var json: JSONValue {
        [
            "key": .string(key), "turns": JSONValue(turns), "tokens_in": JSONValue(tokensIn), "tokens_out": JSONValue(tokensOut),
            "tool_calls": JSONValue(toolCalls), "cost_micros": JSONValue(costMicros), "currency": .string(currency),
        ]
    }
}

/// Which usage is summed up, and how.
package struct UsageQuestion: Sendable {
    package var by = UsageGrouping.day
    /// Whether everyone's of the tenant, or the asker's own.
    package var wholeTenant = false
    /// Days since 1970-01-01 UTC, both included.
    package var days: ClosedRange<Int64>
    package var limit: Int?
    package var cursor: String?

    package init(days: ClosedRange<Int64>) { self.days = days }
}

extension ConversationStore {
    /// Days count downwards in their place, so that the newest stands first.
    private static let lastDay: Int64 = 100_000_000

    /// Sums by one key and, where amounts are of several, by currency: the newest day first, names in their order.
    package func usage(of speaker: Speaker, _ question: UsageQuestion) async throws(ChatError) -> Page<UsageSum> {
        let (limit, after) = try Self.place(question)
        return try await read(of: speaker) { connection in
            let rows = try await connection.rows(
                """
                SELECT place, currency, CAST(sum(turns) AS BIGINT), CAST(sum(tokens_in) AS BIGINT), CAST(sum(tokens_out) AS BIGINT),
                    CAST(sum(tool_calls) AS BIGINT), CAST(sum(cost_micros) AS BIGINT)
                FROM (
                    SELECT CASE CAST($3 AS TEXT) WHEN 'day' THEN CAST($9 - day AS TEXT) WHEN 'model' THEN model WHEN 'agent' THEN agent ELSE owner END
                        AS place, currency, turns, tokens_in, tokens_out, tool_calls, cost_micros
                    FROM chat_usage WHERE tenant = $1 AND (CAST($2 AS TEXT) IS NULL OR owner = $2) AND day BETWEEN $4 AND $5
                ) AS used
                WHERE place > CAST($6 AS TEXT) OR (place = CAST($6 AS TEXT) AND currency > CAST($7 AS TEXT))
                GROUP BY place, currency ORDER BY place, currency LIMIT $8
                """,
                [
                    .text(speaker.tenant), SQLValue(question.wholeTenant ? nil : speaker.account), .text(question.by.rawValue),
                    .integer(question.days.lowerBound), .integer(question.days.upperBound), .text(after.place), .text(after.currency),
                    SQLValue(limit + 1), .integer(Self.lastDay),
                ])
            let sums = try rows.map { row in
                let place = try row.text(0)
                return UsageSum(
                    key: question.by == .day ? Self.date(Self.lastDay - (Int64(place) ?? 0)) : place, currency: try row.text(1),
                    turns: try row.integer(2), tokensIn: try row.integer(3), tokensOut: try row.integer(4), toolCalls: try row.integer(5),
                    costMicros: try row.integer(6), place: place)
            }
            return Page(sums, limit: limit) { "\($0.currency) \($0.place)" }
        }
    }

    private static func place(_ question: UsageQuestion) throws(ChatError) -> (limit: Int, after: (place: String, currency: String)) {
        do throws(StoreError) {
            let limit = try PageCursor.limit(question.limit)
            guard let cursor = question.cursor else { return (limit, ("", "")) }
            let parts = try PageCursor.decode(cursor).split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw StoreError(.invalid, "a cursor that this list did not make") }
            return (limit, (parts[1], parts[0]))
        } catch {
            throw .invalid(field: "cursor", reason: "is none that this list gave out")
        }
    }

    /// A day since 1970-01-01 UTC, as RFC 3339 writes it.
    package static func date(_ day: Int64) -> String { String(Timestamp.text(milliseconds: day * 86_400_000).prefix(10)) }

    /// Adds what an answer used that is kept nowhere else; returns at once.
    func account(_ usage: MessageUsage, model: String, agent: String? = nil, of speaker: Speaker) async throws(StoreError) {
        let (sql, values) = Self.usageRow(usage, model: model, agent: agent, of: speaker, at: now())
        try await database.append { connection in
            try await connection.confine(to: speaker.tenant)
            try await connection.execute(sql, values)
        }
    }

    /// Adds one answer to the sums of its day.
    static func usageRow(_ usage: MessageUsage, model: String, agent: String?, of speaker: Speaker, at now: Int64) -> (SQL, [SQLValue]) {
        (
            """
            INSERT INTO chat_usage (day, tenant, owner, model, agent, currency, turns, tokens_in, tokens_out, tool_calls, cost_micros)
            VALUES ($1, $2, $3, $4, $9, $10, 1, $5, $6, $7, $8)
            ON CONFLICT (tenant, owner, day, model, agent, currency) DO UPDATE SET
                turns = chat_usage.turns + 1, tokens_in = chat_usage.tokens_in + excluded.tokens_in,
                tokens_out = chat_usage.tokens_out + excluded.tokens_out, tool_calls = chat_usage.tool_calls + excluded.tool_calls,
                cost_micros = chat_usage.cost_micros + excluded.cost_micros
            """,
            [
                .integer(now / 86_400_000), .text(speaker.tenant), .text(speaker.account), .text(model), SQLValue(usage.tokensIn),
                SQLValue(usage.tokensOut), SQLValue(usage.toolCalls), .integer(usage.costMicros), .text(agent ?? ""),
                .text(usage.currency),
            ]
        )
    }
}
