internal import Crypto
internal import JSON
package import Store

/// An API key as lists show it; never the key.
package struct APIKeyRecord: Sendable, Hashable {
    package let id: String
    package let name: String
    package let scopes: Set<Scope>
    package let createdAt: Int64
    package let expiresAt: Int64
    package let lastUsedAt: Int64?
}

extension IdentityService {
    /// Makes an API key; the second value is the key, shown once.
    package func makeKey(
        of account: String, name: String, scopes: Set<Scope>, lasting milliseconds: Int64, by actor: Actor
    ) async throws(IdentityError) -> (record: APIKeyRecord, key: String) {
        guard !scopes.isEmpty else { throw .invalid(field: "scopes", "name nothing that the key is for") }
        let (id, key, now) = (UUIDv7.make(), IssuedSecret("lmk_"), now())
        let record = APIKeyRecord(id: id, name: name, scopes: scopes, createdAt: now, expiresAt: now + milliseconds, lastUsedAt: nil)
        let failure = try await write { connection -> IdentityError? in
            guard let owner = try await AccountQuery.locked(account, connection) else { return .missing("user") }
            let count = try await connection.row("SELECT count(*) FROM api_key WHERE account = $1", [.text(account)])?.int(0) ?? 0
            guard count < IdentityLimits.keysPerAccountMax else { return .conflict(field: "api_keys", "are as many as an account may have") }
            try await connection.execute(
                "INSERT INTO api_key (id, account, name, hash, scopes, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                [
                    .text(id), .text(account), .text(name), .blob(key.hash), .text(Scope.text(scopes)), .integer(now), .integer(record.expiresAt),
                ])
            try await Self.note(
                "auth.key_create", actor.id, tenant: owner.tenant, requestID: actor.requestID,
                details: ["key": .string(id), "account": .string(account), "scopes": .string(Scope.text(scopes))], at: now, connection)
            return nil
        }
        if let failure { throw failure }
        return (record, key.text)
    }

    /// The keys of an account by age, at most `limit`.
    package func keys(of account: String, cursor: String?, limit: Int) async throws(IdentityError) -> Page<APIKeyRecord> {
        let after: String
        do throws(StoreError) {
            after = try cursor.map { (text) throws(StoreError) in try PageCursor.decode(text) } ?? ""
        } catch {
            throw .invalid(field: "cursor", "is none that this list gave out")
        }
        let found = try await read { connection in
            try await connection.rows(
                """
                SELECT id, name, scopes, created_at, expires_at, last_used_at FROM api_key WHERE account = $1 AND id > $2 ORDER BY id LIMIT $3
                """, [.text(account), .text(after), SQLValue(limit + 1)]
            ).map { row in
                APIKeyRecord(
                    id: try row.text(0), name: try row.text(1), scopes: Scope.set(try row.text(2)), createdAt: try row.integer(3),
                    expiresAt: try row.integer(4), lastUsedAt: row.values[5] == .null ? nil : try row.integer(5))
            }
        }
        return Page(found, limit: limit) { $0.id }
    }

    /// Removes a key; it is refused from the next request on.
    package func removeKey(_ id: String, of account: String, tenant: String, by actor: Actor) async throws(IdentityError) {
        let now = now()
        let count = try await write(changing: account) { connection in
            let count = try await connection.execute("DELETE FROM api_key WHERE id = $1 AND account = $2", [.text(id), .text(account)])
            if count > 0 {
                try await Self.note(
                    "auth.key_remove", actor.id, tenant: tenant, requestID: actor.requestID,
                    details: ["key": .string(id), "account": .string(account)],
                    at: now, connection)
            }
            return count
        }
        if count == 0 { throw .missing("API key") }
    }
}
