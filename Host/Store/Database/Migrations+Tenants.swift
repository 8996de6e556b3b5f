extension Migrations {
    /// Every table with a tenant shows rows of that tenant which the session names (`limen.tenant`), of all for `*`, and none to a session that names none; to its owner too.
    /// A step that makes such tables ends with it.
    static let rowSecurity = SQL(
        sqlite: "",
        postgres: """
            DO $$
            DECLARE place text;
            BEGIN
                FOR place IN
                    SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t
                        ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE'
                    WHERE c.table_schema = current_schema() AND c.column_name = 'tenant' AND NOT EXISTS
                        (SELECT 1 FROM pg_policies p WHERE p.schemaname = c.table_schema AND p.tablename = c.table_name)
                LOOP
                    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', place);
                    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', place);
                    EXECUTE format(
                        'CREATE POLICY by_tenant ON %I USING (current_setting(''limen.tenant'', true) IN (''*'', tenant))', place);
                END LOOP;
            END $$
            """)

    /// Hosts on one server that keep copies of rows (`HostLease`). A file has one host.
    static let keepers: [SQL] = [
        SQL(sqlite: "", postgres: "CREATE TABLE host (id TEXT PRIMARY KEY, beat INTEGER NOT NULL CHECK (beat >= 0)) STRICT")
    ]
}
