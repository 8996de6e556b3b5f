/// Runs of workflows and what their nodes have done; deleting an account or a conversation deletes its runs.
extension Migrations {
    static let workflows: [SQL] = [
        """
        CREATE TABLE workflow_run (
            id TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
            workflow TEXT NOT NULL CHECK (length(workflow) BETWEEN 1 AND 255),
            version INTEGER NOT NULL CHECK (version > 0),
            conversation TEXT REFERENCES conversation (id) ON DELETE CASCADE,
            request TEXT NOT NULL CHECK (length(request) BETWEEN 1 AND 255),
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            request_id TEXT NOT NULL,
            traceparent TEXT NOT NULL,
            key_id TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
            cancel INTEGER NOT NULL DEFAULT 0 CHECK (cancel IN (0, 1)),
            holder TEXT,
            attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
            input TEXT NOT NULL,
            outputs TEXT,
            failure TEXT,
            trace TEXT,
            created_at INTEGER NOT NULL,
            started_at INTEGER,
            until INTEGER NOT NULL,
            ended_at INTEGER
        ) STRICT
        """,
        // One run for a request of a conversation, or of none (SPEC 9).
        "CREATE UNIQUE INDEX workflow_run_once ON workflow_run (owner, coalesce(conversation, ''), request)",
        "CREATE INDEX workflow_run_by_owner ON workflow_run (owner, id)",
        "CREATE INDEX workflow_run_by_tenant ON workflow_run (tenant, id)",
        "CREATE INDEX workflow_run_by_conversation ON workflow_run (conversation)",
        "CREATE INDEX workflow_run_open ON workflow_run (owner) WHERE state IN ('queued', 'running')",
        "CREATE INDEX workflow_run_by_end ON workflow_run (ended_at)",
        """
        CREATE TABLE workflow_node (
            run TEXT NOT NULL REFERENCES workflow_run (id) ON DELETE CASCADE,
            place INTEGER NOT NULL CHECK (place >= 0),
            tenant TEXT NOT NULL,
            node TEXT NOT NULL,
            tool TEXT NOT NULL,
            version TEXT,
            is_repeatable INTEGER NOT NULL CHECK (is_repeatable IN (0, 1)),
            tries INTEGER NOT NULL CHECK (tries >= 0),
            timeouts INTEGER NOT NULL CHECK (timeouts >= 0),
            ended INTEGER,
            result TEXT,
            failure TEXT,
            started_at INTEGER NOT NULL,
            ended_at INTEGER,
            PRIMARY KEY (run, place)
        ) STRICT, WITHOUT ROWID
        """,
        rowSecurity,
    ]
}
