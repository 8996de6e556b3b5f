/// Conversations and what belongs to them; deleting an account or a conversation deletes all of it (STORE-14).
extension Migrations {
    static let chat: [SQL] = conversations + messages + search + shares + approvals + chatUsage + [rowSecurity]

    private static let conversations: [SQL] = [
        """
        CREATE TABLE conversation (
            id TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
            title TEXT NOT NULL CHECK (length(title) <= 200),
            status TEXT NOT NULL CHECK (status IN ('open', 'archived')),
            active_context TEXT CHECK (active_context IS NULL OR length(active_context) <= 255),
            head TEXT,
            message_count INTEGER NOT NULL CHECK (message_count >= 0),
            turn TEXT,
            turn_until INTEGER NOT NULL DEFAULT 0,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX conversation_by_owner ON conversation (owner, updated_at, id)",
    ]

    /// The owner stands in a message too, so that a search looks at no other person's.
    private static let messages: [SQL] = [
        SQL(
            sqlite: """
                CREATE TABLE message (
                    n INTEGER PRIMARY KEY,
                    id TEXT NOT NULL UNIQUE CHECK (length(id) BETWEEN 1 AND 255),
                    conversation TEXT NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
                    tenant TEXT NOT NULL,
                    owner TEXT NOT NULL,
                    parent TEXT,
                    seq INTEGER NOT NULL CHECK (seq > 0),
                    sender TEXT NOT NULL CHECK (length(sender) BETWEEN 1 AND 255),
                    role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
                    content TEXT NOT NULL,
                    segments TEXT NOT NULL,
                    summary TEXT,
                    truncated INTEGER NOT NULL CHECK (truncated IN (0, 1)),
                    done INTEGER NOT NULL CHECK (done IN (0, 1)),
                    usage TEXT,
                    model TEXT,
                    created_at INTEGER NOT NULL,
                    meta TEXT NOT NULL,
                    UNIQUE (conversation, seq)
                ) STRICT
                """,
            postgres: """
                CREATE TABLE message (
                    id TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
                    conversation TEXT NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
                    tenant TEXT NOT NULL,
                    owner TEXT NOT NULL,
                    parent TEXT,
                    seq INTEGER NOT NULL CHECK (seq > 0),
                    sender TEXT NOT NULL CHECK (length(sender) BETWEEN 1 AND 255),
                    role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
                    content TEXT NOT NULL,
                    segments TEXT NOT NULL,
                    summary TEXT,
                    truncated INTEGER NOT NULL CHECK (truncated IN (0, 1)),
                    done INTEGER NOT NULL CHECK (done IN (0, 1)),
                    usage TEXT,
                    model TEXT,
                    created_at INTEGER NOT NULL,
                    meta TEXT NOT NULL,
                    words tsvector GENERATED ALWAYS AS (to_tsvector('simple', left(content, 100000))) STORED,
                    UNIQUE (conversation, seq)
                )
                """)
    ]

    /// SQLite's index refers to the rows of `message` and holds no text of its own; its triggers run for rows that a cascade removes too.
    private static let search: [SQL] = [
        SQL(
            sqlite: """
                CREATE VIRTUAL TABLE message_words USING fts5 (
                    owner, content, content = 'message', content_rowid = 'n', tokenize = 'unicode61 remove_diacritics 0'
                )
                """, postgres: "CREATE INDEX message_by_words ON message USING gin (words)"),
        SQL(
            sqlite: """
                CREATE TRIGGER message_words_insert AFTER INSERT ON message WHEN new.content <> ''
                BEGIN INSERT INTO message_words (rowid, owner, content) VALUES (new.n, new.owner, new.content); END
                """, postgres: "CREATE INDEX message_by_owner ON message (owner, id)"),
        SQL(
            sqlite: """
                CREATE TRIGGER message_words_delete AFTER DELETE ON message WHEN old.content <> ''
                BEGIN INSERT INTO message_words (message_words, rowid, owner, content) VALUES ('delete', old.n, old.owner, old.content); END
                """, postgres: ""),
        SQL(
            sqlite: """
                CREATE TRIGGER message_words_update AFTER UPDATE OF content ON message WHEN old.content <> new.content
                BEGIN
                    INSERT INTO message_words (message_words, rowid, owner, content)
                        SELECT 'delete', old.n, old.owner, old.content WHERE old.content <> '';
                    INSERT INTO message_words (rowid, owner, content) SELECT new.n, new.owner, new.content WHERE new.content <> '';
                END
                """, postgres: ""),
    ]

    private static let shares: [SQL] = [
        """
        CREATE TABLE share (
            id TEXT PRIMARY KEY,
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
            conversation TEXT NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
            until_seq INTEGER NOT NULL,
            head TEXT,
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX share_by_conversation ON share (conversation, id)",
        "CREATE INDEX share_by_owner ON share (owner)",
        "CREATE INDEX share_by_end ON share (expires_at)",
    ]

    private static let approvals: [SQL] = [
        """
        CREATE TABLE approval (
            id TEXT PRIMARY KEY,
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
            conversation TEXT REFERENCES conversation (id) ON DELETE CASCADE,
            message TEXT,
            tool TEXT NOT NULL CHECK (length(tool) BETWEEN 1 AND 255),
            version TEXT NOT NULL,
            arguments TEXT NOT NULL,
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'used')),
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            decided_at INTEGER,
            decided_by TEXT
        ) STRICT
        """,
        "CREATE INDEX approval_by_owner ON approval (owner, id)",
        "CREATE INDEX approval_by_conversation ON approval (conversation)",
        "CREATE INDEX approval_by_end ON approval (expires_at)",
    ]

    private static let chatUsage: [SQL] = [
        """
        CREATE TABLE chat_usage (
            day INTEGER NOT NULL,
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL,
            model TEXT NOT NULL,
            agent TEXT NOT NULL,
            turns INTEGER NOT NULL CHECK (turns >= 0),
            tokens_in INTEGER NOT NULL CHECK (tokens_in >= 0),
            tokens_out INTEGER NOT NULL CHECK (tokens_out >= 0),
            tool_calls INTEGER NOT NULL CHECK (tool_calls >= 0),
            cost_micros INTEGER NOT NULL CHECK (cost_micros >= 0),
            PRIMARY KEY (tenant, owner, day, model, agent)
        ) STRICT, WITHOUT ROWID
        """
    ]
}
