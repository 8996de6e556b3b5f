/// Invitations, and sign-ins at providers that are bound to the browser that began them.
extension Migrations {
    static let invitations: [SQL] = [
        """
        CREATE TABLE invitation (
            id TEXT PRIMARY KEY,
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
            tenant TEXT NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
            email TEXT NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
            role TEXT NOT NULL CHECK (role IN ('user', 'admin', 'operator')),
            actor TEXT NOT NULL CHECK (length(actor) <= 255),
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL
        ) STRICT
        """,
        "CREATE INDEX invitation_by_tenant ON invitation (tenant, id)",
        "CREATE INDEX invitation_by_end ON invitation (expires_at)",
        // What was begun without a browser is begun anew.
        "DELETE FROM oidc_state",
        "ALTER TABLE oidc_state ADD COLUMN browser BLOB",
        "ALTER TABLE oidc_state ADD COLUMN account TEXT",
        rowSecurity,
    ]
}
