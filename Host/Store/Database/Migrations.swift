/// The schema's history. Add at the end; never change what was released.
///
/// Tables are written once, for SQLite; PostgreSQL's are made of the same text (`PostgresSchema`). What is not a table has a text for each.
package enum Migrations {
    /// Every step in order.
    package static let all: [Migration] = [
        first, second, third, fourth, fifth, sixth, tenantWall, eighth, ninth, tenth, eleventh, twelfth, thirteenth, fourteenth,
        workflowRuns, whatAnswersCost,
    ]

    private static let first = Migration(1, "audit, plugins, key-value state, admin key, usage", audit + plugins + keyValue + keys + usage)
    private static let second = Migration(2, "who granted what when", grants)
    private static let third = Migration(3, "secrets", secrets)
    private static let fourth = Migration(4, "tenants, accounts and what signs them in", identity)
    private static let fifth = Migration(5, "sign-in at identity providers", providers)
    private static let sixth = Migration(6, "jobs, idempotency", jobs + idempotency)
    private static let tenantWall = Migration(7, "a second wall between tenants", [rowSecurity])
    private static let eighth = Migration(8, "settings that change while servers run, plans", settings)
    private static let ninth = Migration(9, "what hosts count together", limits)
    private static let tenth = Migration(10, "retention of the audit log", auditRetention)
    private static let eleventh = Migration(11, "hosts that keep copies", keepers)
    private static let twelfth = Migration(12, "invitations, sign-ins bound to a browser", invitations)
    private static let thirteenth = Migration(13, "conversations", chat)
    private static let fourteenth = Migration(14, "definitions with versions", artifacts)
    private static let workflowRuns = Migration(15, "runs of workflows", workflows)
    private static let whatAnswersCost = Migration(16, "what answers cost", cost)

    private static let audit: [SQL] = [
        """
        CREATE TABLE audit (
            seq INTEGER PRIMARY KEY CHECK (seq > 0),
            at INTEGER NOT NULL,
            actor TEXT NOT NULL CHECK (length(actor) <= 255),
            tenant TEXT NOT NULL CHECK (length(tenant) <= 255),
            action TEXT NOT NULL CHECK (length(action) BETWEEN 1 AND 255),
            plugin TEXT, version TEXT, tool TEXT, call_id TEXT,
            outcome TEXT NOT NULL CHECK (length(outcome) BETWEEN 1 AND 255),
            reason TEXT CHECK (reason IS NULL OR length(reason) <= 512),
            details TEXT CHECK (details IS NULL OR length(details) <= 4096),
            previous BLOB NOT NULL CHECK (length(previous) = 32),
            hash BLOB NOT NULL CHECK (length(hash) = 32)
        ) STRICT
        """,
        "CREATE INDEX audit_by_plugin ON audit (plugin, seq)",
        """
        CREATE TABLE audit_head (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            seq INTEGER NOT NULL CHECK (seq >= 0),
            hash BLOB NOT NULL CHECK (length(hash) = 32)
        ) STRICT
        """,
        SQL(
            sqlite: "INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, zeroblob(32))",
            postgres: "INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'))"),
        SQL(
            sqlite: "",
            postgres: """
                CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$
                """),
        SQL(
            sqlite: """
                CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
                """,
            postgres: """
                CREATE TRIGGER audit_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
                FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
                """),
        SQL(
            sqlite: """
                CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
                """,
            postgres: """
                CREATE TRIGGER audit_head_is_never_deleted BEFORE DELETE OR TRUNCATE ON audit_head
                FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
                """),
        SQL(
            sqlite: """
                CREATE TRIGGER audit_head_is_never_deleted BEFORE DELETE ON audit_head
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
                """, postgres: ""),
    ]

    private static let plugins: [SQL] = [
        """
        CREATE TABLE plugin_state (
            plugin TEXT PRIMARY KEY CHECK (length(plugin) BETWEEN 1 AND 63),
            state TEXT NOT NULL,
            reason TEXT,
            changed_at INTEGER NOT NULL,
            changed_by TEXT NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE plugin_version (
            plugin TEXT NOT NULL CHECK (length(plugin) BETWEEN 1 AND 63),
            version TEXT NOT NULL,
            bundle_sha256 TEXT NOT NULL CHECK (length(bundle_sha256) = 64),
            description_sha256 TEXT NOT NULL CHECK (length(description_sha256) = 64),
            approved_at INTEGER NOT NULL,
            approved_by TEXT NOT NULL,
            PRIMARY KEY (plugin, version)
        ) STRICT, WITHOUT ROWID
        """,
    ]

    private static let keyValue: [SQL] = [
        """
        CREATE TABLE plugin_value (
            plugin TEXT NOT NULL,
            scope TEXT NOT NULL,
            key BLOB NOT NULL CHECK (length(key) BETWEEN 1 AND 512),
            value BLOB CHECK (value IS NULL OR length(value) <= 1048576),
            PRIMARY KEY (plugin, scope, key)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE plugin_value_total (
            plugin TEXT NOT NULL,
            scope TEXT NOT NULL,
            keys INTEGER NOT NULL CHECK (keys >= 0),
            bytes INTEGER NOT NULL CHECK (bytes >= 0),
            PRIMARY KEY (plugin, scope)
        ) STRICT, WITHOUT ROWID
        """,
    ]

    private static let keys: [SQL] = [
        """
        CREATE TABLE admin_key (
            id TEXT PRIMARY KEY,
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
            created_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """
    ]

    private static let usage: [SQL] = [
        """
        CREATE TABLE usage_day (
            day INTEGER NOT NULL,
            tenant TEXT NOT NULL,
            actor TEXT NOT NULL,
            plugin TEXT NOT NULL,
            tool TEXT NOT NULL,
            calls INTEGER NOT NULL CHECK (calls >= 0),
            failures INTEGER NOT NULL CHECK (failures >= 0),
            wall_us INTEGER NOT NULL CHECK (wall_us >= 0),
            cpu_us INTEGER NOT NULL CHECK (cpu_us >= 0),
            input_bytes INTEGER NOT NULL CHECK (input_bytes >= 0),
            output_bytes INTEGER NOT NULL CHECK (output_bytes >= 0),
            PRIMARY KEY (day, tenant, actor, plugin, tool)
        ) STRICT, WITHOUT ROWID
        """
    ]

    private static let grants: [SQL] = [
        // What was approved with a version, so that a refusal can name the tool and the member that differ.
        "ALTER TABLE plugin_version ADD COLUMN tools TEXT",
        """
        CREATE TABLE plugin_grant (
            id INTEGER PRIMARY KEY CHECK (id > 0),
            plugin TEXT NOT NULL CHECK (length(plugin) BETWEEN 1 AND 63),
            track TEXT NOT NULL CHECK (track IN ('stable', 'canary')),
            version TEXT NOT NULL,
            action TEXT NOT NULL CHECK (length(action) BETWEEN 1 AND 63),
            at INTEGER NOT NULL,
            actor TEXT NOT NULL CHECK (length(actor) <= 255),
            bundle_sha256 TEXT CHECK (bundle_sha256 IS NULL OR length(bundle_sha256) = 64),
            manifest_sha256 TEXT CHECK (manifest_sha256 IS NULL OR length(manifest_sha256) = 64),
            manifest TEXT,
            changes TEXT NOT NULL,
            reason TEXT CHECK (reason IS NULL OR length(reason) <= 512)
        ) STRICT
        """,
        "CREATE INDEX plugin_grant_by_plugin ON plugin_grant (plugin, id)",
    ]

    private static let secrets: [SQL] = [
        """
        CREATE TABLE secret (
            tenant TEXT NOT NULL CHECK (length(tenant) BETWEEN 1 AND 255),
            name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
            version INTEGER NOT NULL UNIQUE CHECK (version > 0),
            master BLOB NOT NULL CHECK (length(master) = 16),
            key BLOB NOT NULL CHECK (length(key) = 60),
            value BLOB NOT NULL CHECK (length(value) BETWEEN 29 AND 4124),
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            actor TEXT NOT NULL CHECK (length(actor) <= 255),
            PRIMARY KEY (tenant, name)
        ) STRICT, WITHOUT ROWID
        """,
        // Apart from the values, so that a use rewrites no row of theirs.
        """
        CREATE TABLE secret_use (
            version INTEGER PRIMARY KEY CHECK (version > 0),
            uses INTEGER NOT NULL CHECK (uses > 0),
            last_used_at INTEGER NOT NULL
        ) STRICT
        """,
        // The master key in force, by its id, and the last version given out.
        """
        CREATE TABLE secret_state (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            master BLOB CHECK (master IS NULL OR length(master) = 16),
            version INTEGER NOT NULL CHECK (version >= 0)
        ) STRICT
        """,
        "INSERT INTO secret_state (id, master, version) VALUES (1, NULL, 0)",
    ]
}
