package import JSON
import Store

/// What usage is summed by.
package enum UsageGrouping: String, Sendable {
    case day, model, user
}

/// What turns used, by one key.
package struct UsageSum: Sendable, Hashable {
    /// A day (`2026-11-22`), a model, or an account's id.
    package let key: String
    package let turns: Int64
    package let tokensIn: Int64
    package let tokensOut: Int64
    package let toolCalls: Int64
    package let costMicros: Int64

    package var json: JSONValue {
        [
            "key": .string(key), "turns": JSONValue(turns), "tokens_in": JSONValue(tokensIn), "tokens_out": JSONValue(tokensOut),
            "tool_calls": JSONValue(toolCalls), "cost_micros": JSONValue(costMicros), "currency": "USD",
        ]
    }
}

extension ConversationStore {
    /// Sums of the last days, of a person or of the whole tenant; the newest day, or the largest number of tokens, first.
    package func usage(of speaker: Speaker, wholeTenant: Bool, by grouping: UsageGrouping, days: Int) async throws(ChatError) -> [UsageSum] {
        let since = now() / 86_400_000 - Int64(days) + 1
        let sql: SQL =
            switch grouping {
            case .day:
                """
                SELECT CAST(day AS TEXT), CAST(sum(turns) AS BIGINT), CAST(sum(tokens_in) AS BIGINT), CAST(sum(tokens_out) AS BIGINT),
                    CAST(sum(tool_calls) AS BIGINT), CAST(sum(cost_micros) AS BIGINT)
                FROM chat_usage WHERE tenant = $1 AND (CAST($2 AS TEXT) IS NULL OR owner = $2) AND day >= $3
                GROUP BY day ORDER BY day DESC LIMIT $4
                """
            case .model:
                """
                SELECT model, CAST(sum(turns) AS BIGINT), CAST(sum(tokens_in) AS BIGINT), CAST(sum(tokens_out) AS BIGINT),
                    CAST(sum(tool_calls) AS BIGINT), CAST(sum(cost_micros) AS BIGINT)
                FROM chat_usage WHERE tenant = $1 AND (CAST($2 AS TEXT) IS NULL OR owner = $2) AND day >= $3
                GROUP BY model ORDER BY sum(tokens_in) + sum(tokens_out) DESC, model LIMIT $4
                """
            case .user:
                """
                SELECT owner, CAST(sum(turns) AS BIGINT), CAST(sum(tokens_in) AS BIGINT), CAST(sum(tokens_out) AS BIGINT),
                    CAST(sum(tool_calls) AS BIGINT), CAST(sum(cost_micros) AS BIGINT)
                FROM chat_usage WHERE tenant = $1 AND (CAST($2 AS TEXT) IS NULL OR owner = $2) AND day >= $3
                GROUP BY owner ORDER BY sum(tokens_in) + sum(tokens_out) DESC, owner LIMIT $4
                """
            }
        return try await read(of: speaker) { connection in
            try await connection.rows(
                sql,
                [.text(speaker.tenant), SQLValue(wholeTenant ? nil : speaker.account), .integer(since), SQLValue(StoreLimits.pageMax)]
            ).map { row in
                let key = try row.text(0)
                return UsageSum(
                    key: grouping == .day ? Self.date(Int64(key) ?? 0) : key, turns: try row.integer(1), tokensIn: try row.integer(2),
                    tokensOut: try row.integer(3), toolCalls: try row.integer(4), costMicros: try row.integer(5))
            }
        }
    }

    /// A day since 1970-01-01 UTC, as RFC 3339 writes it.
    private static func date(_ day: Int64) -> String { String(Timestamp.text(milliseconds: day * 86_400_000).prefix(10)) }

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
            INSERT INTO chat_usage (day, tenant, owner, model, agent, turns, tokens_in, tokens_out, tool_calls, cost_micros)
            VALUES ($1, $2, $3, $4, $9, 1, $5, $6, $7, $8)
            ON CONFLICT (tenant, owner, day, model, agent) DO UPDATE SET
                turns = chat_usage.turns + 1, tokens_in = chat_usage.tokens_in + excluded.tokens_in,
                tokens_out = chat_usage.tokens_out + excluded.tokens_out, tool_calls = chat_usage.tool_calls + excluded.tool_calls,
                cost_micros = chat_usage.cost_micros + excluded.cost_micros
            """,
            [
                .integer(now / 86_400_000), .text(speaker.tenant), .text(speaker.account), .text(model), SQLValue(usage.tokensIn),
                SQLValue(usage.tokensOut), SQLValue(usage.toolCalls), .integer(usage.costMicros), .text(agent ?? ""),
            ]
        )
    }
}
