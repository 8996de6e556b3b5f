extension Migrations {
    static let jobs: [SQL] = [
        """
        CREATE TABLE job (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 63),
            tenant TEXT NOT NULL CHECK (length(tenant) <= 255),
            owner TEXT NOT NULL CHECK (length(owner) <= 255),
            payload TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'dead')),
            attempts INTEGER NOT NULL CHECK (attempts >= 0),
            attempts_max INTEGER NOT NULL CHECK (attempts_max > 0),
            due_at INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            started_at INTEGER,
            finished_at INTEGER,
            lease TEXT,
            lease_until INTEGER,
            worker TEXT,
            failure TEXT,
            unique_name TEXT UNIQUE
        ) STRICT
        """,
        "CREATE INDEX job_by_due ON job (kind, due_at) WHERE state = 'queued'",
        "CREATE INDEX job_by_lease ON job (lease_until) WHERE state = 'running'",
        "CREATE INDEX job_by_state ON job (state, id)",
        """
        CREATE TABLE job_period (
            name TEXT PRIMARY KEY,
            every_ms INTEGER NOT NULL CHECK (every_ms > 0),
            next_at INTEGER NOT NULL,
            kind TEXT NOT NULL,
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL,
            payload TEXT NOT NULL
        ) STRICT
        """,
    ]

    static let idempotency: [SQL] = [
        """
        CREATE TABLE idempotency (
            scope TEXT NOT NULL CHECK (length(scope) BETWEEN 1 AND 1024),
            key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
            request BLOB NOT NULL CHECK (length(request) = 32),
            token TEXT NOT NULL,
            running_until INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            status INTEGER,
            content_type TEXT,
            body BLOB,
            PRIMARY KEY (scope, key)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX idempotency_by_age ON idempotency (created_at)",
    ]
}
