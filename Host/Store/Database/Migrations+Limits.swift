/// Settings that change while servers run, and the plans that have their own.
extension Migrations {
    static let settings: [SQL] = [
        """
        CREATE TABLE setting (
            tenant TEXT NOT NULL CHECK (length(tenant) BETWEEN 1 AND 255),
            plan TEXT NOT NULL CHECK (length(plan) <= 64),
            name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
            value TEXT NOT NULL CHECK (length(value) <= 1024),
            PRIMARY KEY (tenant, plan, name)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE setting_change (
            id TEXT PRIMARY KEY,
            at INTEGER NOT NULL,
            actor TEXT NOT NULL CHECK (length(actor) <= 255),
            tenant TEXT NOT NULL,
            plan TEXT NOT NULL,
            name TEXT NOT NULL,
            before TEXT,
            after TEXT
        ) STRICT
        """,
        "CREATE INDEX setting_change_by_tenant ON setting_change (tenant, id)",
        """
        CREATE TABLE setting_state (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            revision INTEGER NOT NULL CHECK (revision >= 0)
        ) STRICT
        """,
        "INSERT INTO setting_state (id, revision) VALUES (1, 0)",
        """
        CREATE TABLE plan (
            name TEXT PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
            created_at INTEGER NOT NULL
        ) STRICT
        """,
        rowSecurity,
    ]
}

/// What hosts count together.
extension Migrations {
    static let limits: [SQL] = [
        // Worth nothing after a crash, so PostgreSQL need not write it ahead.
        SQL(
            sqlite: """
                CREATE TABLE rate_bucket (
                    key TEXT PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 1024),
                    full_at INTEGER NOT NULL,
                    granted INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID
                """,
            postgres: """
                CREATE UNLOGGED TABLE rate_bucket (
                    key TEXT PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 1024),
                    full_at BIGINT NOT NULL,
                    granted BIGINT NOT NULL
                ) WITH (fillfactor = 50)
                """),
        SQL(
            sqlite: """
                CREATE TABLE concurrency_lease (
                    id TEXT PRIMARY KEY,
                    kind TEXT NOT NULL,
                    tenant TEXT NOT NULL,
                    owner TEXT NOT NULL,
                    until INTEGER NOT NULL
                ) STRICT, WITHOUT ROWID
                """,
            postgres: """
                CREATE UNLOGGED TABLE concurrency_lease (
                    id TEXT PRIMARY KEY,
                    kind TEXT NOT NULL,
                    tenant TEXT NOT NULL,
                    owner TEXT NOT NULL,
                    until BIGINT NOT NULL
                )
                """),
        "CREATE INDEX concurrency_lease_by_owner ON concurrency_lease (kind, tenant, owner)",
        "CREATE INDEX concurrency_lease_by_end ON concurrency_lease (until)",
        """
        CREATE TABLE budget_spent (
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL,
            month INTEGER NOT NULL,
            micros INTEGER NOT NULL CHECK (micros >= 0),
            PRIMARY KEY (tenant, owner, month)
        ) STRICT, WITHOUT ROWID
        """,
        // Where an account was signed in to before, as a digest: whoever guesses elsewhere does not keep its owner out.
        """
        CREATE TABLE known_address (
            account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
            hash BLOB NOT NULL CHECK (length(hash) = 32),
            at INTEGER NOT NULL,
            PRIMARY KEY (account, hash)
        ) STRICT, WITHOUT ROWID
        """,
        rowSecurity,
    ]
}
