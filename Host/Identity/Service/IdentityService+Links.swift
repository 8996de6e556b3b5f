internal import JSON
internal import Store

/// A provider at which an account may be signed in to.
package struct LinkRecord: Sendable, Hashable {
    package let issuer: String
    /// In milliseconds since 1970-01-01 UTC.
    package let createdAt: Int64
}

extension IdentityService {
    /// Whether the owner of an account that has a password gives it again: a link opens the account for good, so a session alone does not make one.
    package func confirm(_ id: String, password: String?) async throws(IdentityError) {
        guard let account = try await read({ try await AccountQuery.find(id, $0) }) else { throw .missing("user") }
        guard let stored = account.password else { return }
        guard let password, try await isRight(password, for: stored) else { throw .wrongCredentials }
    }

    /// Lets a person of a provider into an account, whose owner asked for it; a person belongs to one account of a tenant.
    func link(_ id: String, _ link: ProviderLink, tenant: String, requestID: String?) async throws(IdentityError) {
        let now = now()
        let failure = try await write(changing: id) { connection -> IdentityError? in
            guard let account = try await AccountQuery.locked(id, connection), account.tenant == tenant, account.isInForce(at: now) else {
                return .forbidden("the provider is for people of another tenant")
            }
            let row = try await connection.row(
                "SELECT l.account FROM identity_link l JOIN account a ON a.id = l.account WHERE l.issuer = $1 AND l.subject = $2 AND a.tenant = $3",
                [.text(link.issuer), .text(link.subject), .text(tenant)])
            if let row { return try row.text(0) == id ? nil : .conflict(field: "provider", "signs that person in to another account") }
            try await connection.execute(
                "INSERT INTO identity_link (issuer, subject, account, created_at) VALUES ($1, $2, $3, $4)",
                [.text(link.issuer), .text(link.subject), .text(id), .integer(now)])
            try await Self.note("auth.link", id, tenant: tenant, requestID: requestID, details: ["issuer": .string(link.issuer)], at: now, connection)
            return nil
        }
        if let failure { throw failure }
    }

    /// Where an account may be signed in at.
    package func links(of id: String) async throws(IdentityError) -> [LinkRecord] {
        try await read { connection in
            try await connection.rows(
                "SELECT issuer, created_at FROM identity_link WHERE account = $1 ORDER BY created_at, issuer LIMIT $2",
                [.text(id), SQLValue(StoreLimits.pageMax)]
            ).map { LinkRecord(issuer: try $0.text(0), createdAt: try $0.integer(1)) }
        }
    }

    /// Takes the links to a provider away; not the last way into an account without a password.
    package func unlink(_ id: String, issuer: String, by actor: Actor) async throws(IdentityError) {
        let now = now()
        let failure = try await write(changing: id) { connection -> IdentityError? in
            guard let account = try await AccountQuery.locked(id, connection) else { return .missing("user") }
            let others =
                try await connection.row(
                    "SELECT count(*) FROM identity_link WHERE account = $1 AND issuer <> $2", [.text(id), .text(issuer)])?.int(0) ?? 0
            let count =
                try await connection.row(
                    "SELECT count(*) FROM identity_link WHERE account = $1 AND issuer = $2", [.text(id), .text(issuer)])?.int(0) ?? 0
            guard count > 0 else { return .missing("link") }
            guard others > 0 || account.password != nil else {
                return .conflict(field: "provider", "is the only way into this account: set a password first, by a reset")
            }
            try await connection.execute("DELETE FROM identity_link WHERE account = $1 AND issuer = $2", [.text(id), .text(issuer)])
            try await Self.note(
                "auth.unlink", actor.id, tenant: account.tenant, requestID: actor.requestID,
                details: ["account": .string(id), "issuer": .string(issuer)], at: now, connection)
            return nil
        }
        if let failure { throw failure }
    }
}
