/// Definitions with their versions. What is a person's goes with the account; what is the tenant's outlives whoever wrote it.
extension Migrations {
    static let artifacts: [SQL] = artifactTables + artifactTriggers + [rowSecurity]

    private static let artifactTables: [SQL] = [
        """
        CREATE TABLE artifact (
            id TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
            tenant TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
            type TEXT NOT NULL CHECK (type IN ('workflow', 'policy', 'tool', 'adapter', 'agent', 'memory', 'context')),
            kind TEXT NOT NULL CHECK (length(kind) BETWEEN 3 AND 64),
            owner TEXT REFERENCES account (id) ON DELETE SET NULL,
            visibility TEXT NOT NULL CHECK (visibility IN ('private', 'shared', 'global')),
            version INTEGER NOT NULL CHECK (version > 0),
            seed TEXT,
            seed_name TEXT,
            seed_version INTEGER,
            shown_from INTEGER NOT NULL DEFAULT 1,
            bytes INTEGER NOT NULL DEFAULT 0,
            retired_at INTEGER,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX artifact_by_owner ON artifact (owner, id)",
        "CREATE INDEX artifact_by_tenant ON artifact (tenant, visibility, id)",
        "CREATE INDEX artifact_by_end ON artifact (retired_at) WHERE retired_at IS NOT NULL",
        "CREATE UNIQUE INDEX artifact_by_seed ON artifact (tenant, kind, seed_name) WHERE seed_name IS NOT NULL",
        """
        CREATE TABLE artifact_version (
            artifact TEXT NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
            version INTEGER NOT NULL CHECK (version > 0),
            tenant TEXT NOT NULL,
            name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
            description TEXT NOT NULL CHECK (length(description) <= 2000),
            definition TEXT NOT NULL CHECK (length(definition) <= 262144),
            author TEXT,
            restored_from INTEGER,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (artifact, version)
        ) STRICT
        """,
        """
        CREATE TABLE artifact_share (
            artifact TEXT NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
            account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
            tenant TEXT NOT NULL,
            PRIMARY KEY (artifact, account)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX artifact_share_by_account ON artifact_share (account, artifact)",
    ]

    private static let artifactTriggers: [SQL] = [
        SQL(
            sqlite: "",
            postgres: """
                CREATE FUNCTION artifact_version_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'a version of an artifact is immutable' USING ERRCODE = 'integrity_constraint_violation'; END $$
                """),
        SQL(
            sqlite: """
                CREATE TRIGGER artifact_version_is_never_updated BEFORE UPDATE ON artifact_version
                BEGIN SELECT RAISE(ABORT, 'a version of an artifact is immutable'); END
                """,
            postgres: """
                CREATE TRIGGER artifact_version_is_never_updated BEFORE UPDATE ON artifact_version
                FOR EACH ROW EXECUTE FUNCTION artifact_version_is_immutable()
                """),
        SQL(
            sqlite: "",
            postgres: """
                CREATE FUNCTION artifact_goes_with_account() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN DELETE FROM artifact WHERE owner = old.id AND visibility <> 'global'; RETURN old; END $$
                """),
        SQL(
            sqlite: """
                CREATE TRIGGER artifact_goes_with_account BEFORE DELETE ON account
                BEGIN DELETE FROM artifact WHERE owner = old.id AND visibility <> 'global'; END
                """,
            postgres: """
                CREATE TRIGGER artifact_goes_with_account BEFORE DELETE ON account
                FOR EACH ROW EXECUTE FUNCTION artifact_goes_with_account()
                """),
    ]
}
