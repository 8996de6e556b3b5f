/// Retention of the audit log: entries up to an anchor may go, whose number and hash stay, so that the chain still has a beginning.
extension Migrations {
    static let auditRetention: [SQL] = [
        """
        CREATE TABLE audit_anchor (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            seq INTEGER NOT NULL CHECK (seq >= 0),
            hash BLOB NOT NULL CHECK (length(hash) = 32)
        ) STRICT
        """,
        SQL(
            sqlite: "INSERT INTO audit_anchor (id, seq, hash) VALUES (1, 0, zeroblob(32))",
            postgres: "INSERT INTO audit_anchor (id, seq, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'))"),
        "CREATE INDEX audit_by_tenant ON audit (tenant, seq)",
        // The anchor moves forward only, and to an entry that is there.
        SQL(
            sqlite: """
                CREATE TRIGGER audit_anchor_moves_forward BEFORE UPDATE ON audit_anchor
                WHEN NEW.seq <= OLD.seq OR NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq AND hash = NEW.hash)
                BEGIN SELECT RAISE(ABORT, 'the anchor moves forward only, to an entry'); END
                """,
            postgres: """
                CREATE FUNCTION audit_anchor_moves_forward() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF NEW.seq <= OLD.seq OR NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq AND hash = NEW.hash) THEN
                        RAISE EXCEPTION 'the anchor moves forward only, to an entry' USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN NEW;
                END $$
                """),
        SQL(
            sqlite: """
                CREATE TRIGGER audit_anchor_is_never_deleted BEFORE DELETE ON audit_anchor
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
                """,
            postgres: """
                CREATE TRIGGER audit_anchor_moves_forward BEFORE UPDATE ON audit_anchor
                FOR EACH ROW EXECUTE FUNCTION audit_anchor_moves_forward()
                """),
        SQL(
            sqlite: "DROP TRIGGER audit_is_never_deleted",
            postgres: """
                CREATE TRIGGER audit_anchor_is_never_deleted BEFORE DELETE OR TRUNCATE ON audit_anchor
                FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
                """),
        SQL(
            sqlite: """
                CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit WHEN OLD.seq > (SELECT seq FROM audit_anchor WHERE id = 1)
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
                """,
            postgres: "DROP TRIGGER audit_is_never_changed ON audit"),
        SQL(
            sqlite: "",
            postgres: """
                CREATE TRIGGER audit_is_never_changed BEFORE UPDATE OR TRUNCATE ON audit
                FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
                """),
        SQL(
            sqlite: "",
            postgres: """
                CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF OLD.seq > (SELECT seq FROM audit_anchor WHERE id = 1) THEN
                        RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    RETURN OLD;
                END $$
                """),
        SQL(
            sqlite: "",
            postgres: "CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_kept()"),
    ]
}
