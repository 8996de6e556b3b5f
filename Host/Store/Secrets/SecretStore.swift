internal import Crypto
internal import IO
internal import JSON

/// What a list says of a secret; never its value.
package struct SecretRecord: Sendable, Hashable {
    /// Whose calls it is for.
    package let tenant: String
    package let name: String
    /// Grows with every value that is set.
    package let version: Int64
    /// When the first value was set, in milliseconds since 1970-01-01 UTC.
    package let createdAtMilliseconds: Int64
    /// When this value was set.
    package let updatedAtMilliseconds: Int64
    /// Id of who set this value.
    package let actor: String
    /// When this value was sent last; nil when it never was.
    package let lastUsedAtMilliseconds: Int64?
    /// How often this value was sent.
    package let uses: Int64
}

/// Who changes a secret, for the audit log.
package struct SecretActor: Sendable, Hashable {
    /// Id of the key, user or command.
    package var id: String
    /// Id of the request; nil for a command.
    package var requestID: String?

    package init(_ id: String, requestID: String? = nil) { (self.id, self.requestID) = (id, requestID) }
}

/// The encrypted store of secrets (SPEC 13): each under a data key of its own, the data keys under a master key in `DATA/keys/secrets.key`.
///
/// The database alone gives nothing away, and a row opens only as the tenant, name and version it was written for. Values come in by `set` and leave by
/// `open`, for the proxy; nothing lists or shows them.
package final class SecretStore: Sendable {
    let database: Database
    let ring: MasterKeyRing

    /// Uses a database, and the folder of its master key. Reads nothing yet.
    package init(database: Database, keys folder: String) {
        self.database = database
        ring = MasterKeyRing(folder: MasterKeyFolder(path: folder))
    }

    /// Keeps a value, in the place of the one before; durable and audited when it returns.
    ///
    /// Throws `.invalid` for a name or value that cannot be kept, saying why and nothing of the value.
    @discardableResult
    package func set(_ name: String, tenant: String, to value: [UInt8], by actor: SecretActor) async throws(StoreError) -> SecretRecord {
        try Self.check(name, tenant)
        if let problem = SecretRules.problem(value: value) { throw StoreError(.invalid, "the value of \(name) \(problem)") }
        let ring = self.ring
        return try await database.write { connection in
            let row = SecretBinding(tenant: tenant, name: name, version: try await Self.nextVersion(connection))
            let master = try await ring.current(connection)
            let envelope = try SecretEnvelope(sealing: value, under: master, row)
            try await Self.store(envelope, master, row, by: actor, connection)
            try await Self.note("secret.set", row, actor, connection)
            guard let record = try await Self.record(name, tenant, connection) else { throw StoreError(.corrupt, "\(row.shown) was not kept") }
            return record
        }
    }

    /// Removes a secret; false when there was none.
    package func remove(_ name: String, tenant: String, by actor: SecretActor) async throws(StoreError) -> Bool {
        try Self.check(name, tenant)
        return try await database.write { connection in
            guard let record = try await Self.record(name, tenant, connection) else { return false }
            try await connection.execute("DELETE FROM secret WHERE tenant = $1 AND name = $2", [.text(tenant), .text(name)])
            try await connection.execute("DELETE FROM secret_use WHERE version = $1", [.integer(record.version)])
            try await Self.note("secret.remove", SecretBinding(tenant: tenant, name: name, version: record.version), actor, connection)
            return true
        }
    }

    /// What a list says of one secret.
    package func find(_ name: String, tenant: String) async throws(StoreError) -> SecretRecord? {
        try Self.check(name, tenant)
        return try await database.read { try await Self.record(name, tenant, $0) }
    }

    /// Secrets by tenant and name, at most `limit` (1 to 500, default 50); of one tenant, or of all for nil.
    package func list(tenant: String? = nil, cursor: String? = nil, limit: Int? = nil) async throws(StoreError) -> Page<SecretRecord> {
        let count = try PageCursor.limit(limit)
        let after = try cursor.map { (text) throws(StoreError) in try Self.place(PageCursor.decode(text)) } ?? ("", "")
        let rows = try await database.read { connection in
            try await connection.rows(
                """
                SELECT s.tenant, s.name, s.version, s.created_at, s.updated_at, s.actor, u.last_used_at, coalesce(u.uses, 0)
                FROM secret s LEFT JOIN secret_use u ON u.version = s.version
                WHERE (CAST($1 AS TEXT) IS NULL OR s.tenant = $1) AND (s.tenant, s.name) > ($2, $3) ORDER BY s.tenant, s.name LIMIT $4
                """, [SQLValue(tenant), .text(after.0), .text(after.1), SQLValue(count + 1)])
        }
        var found: [SecretRecord] = []
        for row in rows { found.append(try SecretRecord(row)) }
        return Page(found, limit: count) { "\($0.name) \($0.tenant)" }
    }

    /// A name holds no blank, whatever a tenant's id may hold.
    private static func place(_ key: String) throws(StoreError) -> (String, String) {
        let parts = key.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw StoreError(.invalid, "not a cursor of the list of secrets") }
        return (String(parts[1]), String(parts[0]))
    }

    static func check(_ name: String, _ tenant: String) throws(StoreError) {
        if let problem = SecretRules.problem(name: name) { throw StoreError(.invalid, "the name \(problem)") }
        if let problem = SecretRules.problem(tenant: tenant) { throw StoreError(.invalid, "the tenant \(problem)") }
    }

    private static func record(_ name: String, _ tenant: String, _ connection: any DatabaseConnection) async throws(StoreError) -> SecretRecord? {
        let row = try await connection.row(
            """
            SELECT s.tenant, s.name, s.version, s.created_at, s.updated_at, s.actor, u.last_used_at, coalesce(u.uses, 0)
            FROM secret s LEFT JOIN secret_use u ON u.version = s.version WHERE s.tenant = $1 AND s.name = $2
            """, [.text(tenant), .text(name)])
        return try row.map { (row) throws(StoreError) in try SecretRecord(row) }
    }

    /// A number that no value of this store ever had.
    private static func nextVersion(_ connection: any DatabaseConnection) async throws(StoreError) -> Int64 {
        try await connection.execute("UPDATE secret_state SET version = version + 1 WHERE id = 1")
        guard let row = try await connection.row("SELECT version FROM secret_state WHERE id = 1") else {
            throw StoreError(.corrupt, "the store of secrets has no state")
        }
        return try row.integer(0)
    }

    private static func store(
        _ envelope: SecretEnvelope, _ master: MasterKey, _ row: SecretBinding, by actor: SecretActor, _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        if let old = try await record(row.name, row.tenant, connection) {
            try await connection.execute("DELETE FROM secret_use WHERE version = $1", [.integer(old.version)])
        } else if let count = try await connection.row("SELECT count(*) FROM secret")?.int(0), count >= StoreLimits.secretsMax {
            throw StoreError(.limit("secrets"), "more than \(StoreLimits.secretsMax) secrets")
        }
        let now = StoreClock.nowMilliseconds()
        try await connection.execute(
            """
            INSERT INTO secret (tenant, name, version, master, key, value, created_at, updated_at, actor)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)
            ON CONFLICT (tenant, name) DO UPDATE SET version = excluded.version, master = excluded.master, key = excluded.key,
                value = excluded.value, updated_at = excluded.updated_at, actor = excluded.actor
            """,
            [
                .text(row.tenant), .text(row.name), .integer(row.version), .blob(master.id), .blob(envelope.key), .blob(envelope.value),
                .integer(now), .text(actor.id),
            ])
    }

    /// Audits a change in the change's own transaction.
    static func note(_ action: String, _ row: SecretBinding, _ actor: SecretActor, _ connection: any DatabaseConnection) async throws(StoreError) {
        let entry = AuditEntry(
            actor: actor.id, tenant: row.tenant, action: action, callID: actor.requestID, outcome: "ok",
            details: ["name": .string(row.name), "version": JSONValue(row.version)])
        try await AuditLog.insert(AuditRow(entry), connection)
    }
}

extension SecretRecord {
    init(_ row: Row) throws(StoreError) {
        (tenant, name) = (try row.text(0), try row.text(1))
        (version, createdAtMilliseconds, updatedAtMilliseconds) = (try row.integer(2), try row.integer(3), try row.integer(4))
        actor = try row.text(5)
        lastUsedAtMilliseconds = row.values[6] == .null ? nil : try row.integer(6)
        uses = try row.integer(7)
    }
}
