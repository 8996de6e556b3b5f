/// What answers cost: sums by currency, sums of conversations, and what is kept free of budgets.
extension Migrations {
    static let cost: [SQL] = [
        """
        CREATE TABLE chat_cost (
            day INTEGER NOT NULL,
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL,
            model TEXT NOT NULL,
            agent TEXT NOT NULL,
            currency TEXT NOT NULL CHECK (length(currency) = 3),
            turns INTEGER NOT NULL CHECK (turns >= 0),
            tokens_in INTEGER NOT NULL CHECK (tokens_in >= 0),
            tokens_out INTEGER NOT NULL CHECK (tokens_out >= 0),
            tool_calls INTEGER NOT NULL CHECK (tool_calls >= 0),
            cost_micros INTEGER NOT NULL CHECK (cost_micros >= 0),
            PRIMARY KEY (tenant, owner, day, model, agent, currency)
        ) STRICT, WITHOUT ROWID
        """,
        """
        INSERT INTO chat_cost (day, tenant, owner, model, agent, currency, turns, tokens_in, tokens_out, tool_calls, cost_micros)
        SELECT day, tenant, owner, model, agent, 'USD', turns, tokens_in, tokens_out, tool_calls, cost_micros FROM chat_usage
        """,
        "DROP TABLE chat_usage",
        "ALTER TABLE chat_cost RENAME TO chat_usage",
        "CREATE INDEX chat_usage_by_day ON chat_usage (tenant, day)",
        "ALTER TABLE conversation ADD COLUMN tokens_in INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE conversation ADD COLUMN tokens_out INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE conversation ADD COLUMN cost_micros INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE conversation ADD COLUMN currency TEXT NOT NULL DEFAULT 'USD'",
        """
        CREATE TABLE budget_hold (
            id TEXT PRIMARY KEY,
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL,
            month INTEGER NOT NULL,
            micros INTEGER NOT NULL CHECK (micros >= 0),
            until INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX budget_hold_by_end ON budget_hold (until)",
        rowSecurity,
    ]
}
