/// Tenants, accounts and everything that signs them in; deleting an account deletes all that is its own (AUTH-14).
extension Migrations {
    static let identity: [SQL] =
        tenants + accounts + sessions + oneTime + secondFactor + apiKeys
        // The key of the first start is an API key like any other now.
        + ["DROP TABLE admin_key"]

    /// Sign-ins under way at identity providers, and whom their people are here.
    static let providers: [SQL] = [
        """
        CREATE TABLE oidc_state (
            hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
            provider TEXT NOT NULL,
            nonce TEXT NOT NULL,
            verifier TEXT NOT NULL,
            expires_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX oidc_state_by_end ON oidc_state (expires_at)",
        """
        CREATE TABLE identity_link (
            issuer TEXT NOT NULL CHECK (length(issuer) BETWEEN 1 AND 512),
            subject TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
            account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (issuer, subject, account)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX identity_link_by_account ON identity_link (account)",
    ]

    private static let tenants: [SQL] = [
        """
        CREATE TABLE tenant (
            id TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
            name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
            host TEXT UNIQUE,
            is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
            created_at INTEGER NOT NULL
        ) STRICT
        """,
        "INSERT INTO tenant (id, name, created_at) VALUES ('main', 'main', 0)",
    ]

    private static let accounts: [SQL] = [
        """
        CREATE TABLE account (
            id TEXT PRIMARY KEY,
            tenant TEXT NOT NULL REFERENCES tenant (id),
            email TEXT NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
            email_key TEXT NOT NULL,
            handle TEXT,
            handle_key TEXT,
            role TEXT NOT NULL CHECK (role IN ('user', 'admin', 'operator')),
            plan TEXT NOT NULL CHECK (length(plan) BETWEEN 1 AND 64),
            is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
            password TEXT,
            must_change INTEGER NOT NULL CHECK (must_change IN (0, 1)),
            verified_at INTEGER,
            single_session INTEGER NOT NULL DEFAULT 0 CHECK (single_session IN (0, 1)),
            meta TEXT NOT NULL DEFAULT '{}' CHECK (length(meta) <= 16384),
            created_at INTEGER NOT NULL,
            UNIQUE (tenant, email_key),
            UNIQUE (tenant, handle_key)
        ) STRICT
        """
    ]

    private static let sessions: [SQL] = [
        """
        CREATE TABLE auth_session (
            handle TEXT PRIMARY KEY,
            account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
            previous_hash BLOB UNIQUE CHECK (previous_hash IS NULL OR length(previous_hash) = 32),
            previous_until INTEGER,
            device TEXT NOT NULL CHECK (device IN ('web', 'mobile')),
            created_at INTEGER NOT NULL,
            renewed_at INTEGER NOT NULL,
            used_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            ends_at INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX auth_session_by_account ON auth_session (account, used_at)",
        "CREATE INDEX auth_session_by_end ON auth_session (expires_at)",
        """
        CREATE TABLE refresh_token (
            hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
            session TEXT NOT NULL REFERENCES auth_session (handle) ON DELETE CASCADE,
            created_at INTEGER NOT NULL,
            used_at INTEGER
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX refresh_token_by_session ON refresh_token (session)",
    ]

    private static let oneTime: [SQL] = [
        """
        CREATE TABLE one_time_token (
            hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
            account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
            purpose TEXT NOT NULL CHECK (purpose IN ('reset', 'verify')),
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX one_time_token_by_account ON one_time_token (account, purpose, created_at)",
    ]

    private static let secondFactor: [SQL] = [
        """
        CREATE TABLE second_factor (
            account TEXT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
            secret BLOB NOT NULL,
            enabled_at INTEGER,
            failures INTEGER NOT NULL,
            locked_until INTEGER NOT NULL,
            last_step INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE recovery_code (
            account TEXT NOT NULL REFERENCES second_factor (account) ON DELETE CASCADE,
            hash BLOB NOT NULL CHECK (length(hash) = 32),
            PRIMARY KEY (account, hash)
        ) STRICT, WITHOUT ROWID
        """,
    ]

    private static let apiKeys: [SQL] = [
        """
        CREATE TABLE api_key (
            id TEXT PRIMARY KEY,
            account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
            name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
            scopes TEXT NOT NULL CHECK (length(scopes) BETWEEN 1 AND 255),
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            last_used_at INTEGER
        ) STRICT
        """,
        "CREATE INDEX api_key_by_account ON api_key (account, id)",
    ]
}
