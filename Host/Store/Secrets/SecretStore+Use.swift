internal import Crypto
internal import JSON

/// On whose behalf a secret is sent, for the audit log.
package struct SecretUse: Sendable, Hashable {
    /// Id of the key or user whose call it is.
    package var actor: String
    package var plugin: String
    package var version: String?
    package var tool: String?
    /// Id of the call.
    package var callID: String?

    package init(actor: String, plugin: String, version: String? = nil, tool: String? = nil, callID: String? = nil) {
        (self.actor, self.plugin, self.version, self.tool, self.callID) = (actor, plugin, version, tool, callID)
    }
}

extension SecretStore {
    /// The secrets of those names that a tenant has, opened; another tenant's are never among them.
    ///
    /// Throws `.corrupt`, naming the secret, for a row that was changed or moved.
    package func open(_ names: [String], tenant: String) async throws(StoreError) -> [StoredSecret] {
        guard !names.isEmpty else { return [] }
        for name in names { try Self.check(name, tenant) }
        do {
            return try await read(names, tenant)
        } catch {
            // A rotation may have come between the row and its key: then the row names another key by now.
            guard error.code == .unavailable else { throw error }
            return try await read(names, tenant)
        }
    }

    /// Throws `.unavailable` when there are secrets and none of the folder's keys is the one that they are sealed under: to be said at start, not at the first use.
    package func checkKey() async throws(StoreError) {
        do {
            try await checkKeyOnce()
        } catch {
            // A rotation on this host may have come between the row and its key.
            guard error.code == .unavailable else { throw error }
            try await checkKeyOnce()
        }
    }

    private func checkKeyOnce() async throws(StoreError) {
        let ring = self.ring
        try await database.read { connection in
            guard let row = try await connection.row("SELECT master FROM secret_state WHERE id = 1"), row.values.first != .null,
                try await connection.row("SELECT 1 FROM secret LIMIT 1") != nil
            else { return }
            let id = try row.blob(0)
            if try await ring.key(id, connection) == nil { throw try await connection.blocking { try ring.foreign(id) } }
        }
    }

    private func read(_ names: [String], _ tenant: String) async throws(StoreError) -> [StoredSecret] {
        let ring = self.ring
        return try await database.read { connection in
            try await connection.confine(to: tenant)
            var found: [StoredSecret] = []
            for name in names {
                let row = try await connection.row(
                    "SELECT version, master, key, value FROM secret WHERE tenant = $1 AND name = $2", [.text(tenant), .text(name)])
                guard let row else { continue }
                let binding = SecretBinding(tenant: tenant, name: name, version: try row.integer(0))
                found.append(try await Self.opened(row, binding, ring, connection))
            }
            return found
        }
    }

    private static func opened(
        _ row: Row, _ binding: SecretBinding, _ ring: MasterKeyRing, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> StoredSecret {
        guard let master = try await ring.key(row.blob(1), connection) else { throw ring.missing }
        let envelope = SecretEnvelope(key: try row.blob(2), value: try row.blob(3))
        do throws(CryptoError) {
            let value = try envelope.open(under: master, binding)
            return StoredSecret(tenant: binding.tenant, name: binding.name, version: binding.version, value: value)
        } catch {
            throw unreadable(binding)
        }
    }

    /// A row that was changed or moved, or sealed under a key that only has the same id.
    static func unreadable(_ row: SecretBinding) -> StoreError {
        StoreError(.corrupt, "\(row.shown) does not decrypt: its row was changed or moved; set it again with `limen secret set \(row.name)`")
    }

    /// Records that these secrets are about to be sent: one audit entry each, and a count.
    ///
    /// Returns when that is queued for the next group commit, as the record of a call does (see `Database`); throws when it could not be taken in, and then
    /// nothing may be sent. An entry that was taken in and could not be written is counted in `Database.appendLosses`.
    package func noteUse(_ secrets: [StoredSecret], by use: SecretUse) async throws(StoreError) {
        guard !secrets.isEmpty else { return }
        let now = StoreClock.nowMilliseconds()
        let rows = secrets.map { secret in
            AuditRow(
                AuditEntry(
                    actor: use.actor, tenant: secret.tenant, action: "secret.use", plugin: use.plugin, version: use.version, tool: use.tool,
                    callID: use.callID, outcome: "ok", details: ["name": .string(secret.name), "version": JSONValue(secret.version)],
                    atMilliseconds: now))
        }
        try await database.append { connection in
            for (row, secret) in zip(rows, secrets) {
                try await AuditLog.insert(row, connection)
                try await connection.execute(
                    """
                    INSERT INTO secret_use (version, uses, last_used_at)
                    SELECT CAST($1 AS BIGINT), 1, CAST($2 AS BIGINT) WHERE EXISTS (SELECT 1 FROM secret WHERE version = $1)
                    ON CONFLICT (version) DO UPDATE SET uses = secret_use.uses + 1, last_used_at =
                        CASE WHEN excluded.last_used_at > secret_use.last_used_at THEN excluded.last_used_at ELSE secret_use.last_used_at END
                    """, [.integer(secret.version), .integer(now)])
            }
        }
    }
}
