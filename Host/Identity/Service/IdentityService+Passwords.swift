internal import JSON
internal import Store

extension IdentityService {
    /// Sets another password, which needs the present one; ends every other session, and what a forced change kept back is allowed again.
    package func changePassword(
        of id: String, from old: String, to new: String, keeping session: String?, requestID: String?
    ) async throws(IdentityError) {
        guard let account = try await read({ try await AccountQuery.find(id, $0) }) else { throw .missing("user") }
        guard try await isRight(old, for: account.password) else { throw .wrongCredentials }
        if old == new { throw .invalid(field: "new_password", "is the one that it replaces") }
        let text = try await hash(new, about: account.about, field: "new_password")
        let now = now()
        let isDone = try await write(changing: id) { connection in
            // What was checked must still be what is stored.
            let row = try await connection.row(
                "UPDATE account SET password = $2, must_change = 0 WHERE id = $1 AND password = $3 RETURNING id",
                [.text(id), .text(text), SQLValue(account.password)])
            guard row != nil else { return false }
            try await connection.execute(
                "DELETE FROM auth_session WHERE account = $1 AND handle <> $2", [.text(id), .text(session ?? "")])
            try await connection.execute("DELETE FROM one_time_token WHERE account = $1 AND purpose = 'reset'", [.text(id)])
            try await Self.note("auth.password_change", id, tenant: account.tenant, requestID: requestID, at: now, connection)
            return true
        }
        if !isDone { throw .wrongCredentials }
    }

    /// Gives an account another password from outside (`limen user reset`): every session ends, and the next sign-in must change it.
    package func setPassword(of id: String, to new: String, by actor: Actor) async throws(IdentityError) {
        guard let account = try await read({ try await AccountQuery.find(id, $0) }) else { throw .missing("user") }
        let text = try await hash(new, about: account.about, field: "password")
        let now = now()
        try await write(changing: id) { connection in
            try await connection.execute("UPDATE account SET password = $2, must_change = 1 WHERE id = $1", [.text(id), .text(text)])
            try await connection.execute("DELETE FROM auth_session WHERE account = $1", [.text(id)])
            try await connection.execute("DELETE FROM one_time_token WHERE account = $1", [.text(id)])
            try await Self.note(
                "auth.password_set", actor.id, tenant: account.tenant, requestID: actor.requestID, details: ["account": .string(id)], at: now,
                connection)
        }
    }

    /// Sends a link to set a new password, if there is such an account. Whether there is, nobody is told: the same is written either way.
    package func requestReset(email text: String, tenant: String, requestID: String?) async throws(IdentityError) {
        let (email, now, link) = (Email(text), now(), IssuedSecret("lmp_"))
        let account = try await write { connection -> Account? in
            let found: StoredAccount? = if let email { try await AccountQuery.find(email, tenant: tenant, connection) } else { nil }
            let account = found.flatMap { $0.isInForce(at: now) ? $0.shown : nil }
            if let account {
                try await Self.keep(link, "reset", account.id, now, until: now + IdentityLimits.resetMilliseconds, connection)
            }
            try await Self.note(
                "auth.reset_request", account?.id ?? "anonymous", tenant: tenant, outcome: account == nil ? "unknown" : "ok", requestID: requestID,
                at: now, connection)
            return account
        }
        if let account { post.send(.reset(to: account.email, link: "\(options.publicURL)/reset#\(link.text)", token: link.text)) }
    }

    /// Sets a new password with a link: it works once, for 15 minutes, and every session ends (AUTH-8).
    package func completeReset(token: String, to new: String, requestID: String?, network: String? = nil) async throws(IdentityError) {
        let (hash, now) = (IssuedSecret.hash(token), now())
        let found = try await read { connection -> StoredAccount? in
            let row = try await connection.row(
                "SELECT account FROM one_time_token WHERE hash = $1 AND purpose = 'reset' AND expires_at > $2", [.blob(hash), .integer(now)])
            guard let row else { return nil }
            return try await AccountQuery.find(try row.text(0), connection)
        }
        guard let account = found else { throw .invalidToken }
        let text = try await self.hash(new, about: account.about, field: "new_password")
        let isDone = try await write(changing: account.id) { connection in
            // Taken by deleting it, so that of many at once one does it.
            let row = try await connection.row(
                "DELETE FROM one_time_token WHERE hash = $1 AND purpose = 'reset' AND expires_at > $2 RETURNING account",
                [.blob(hash), .integer(now)])
            guard row != nil else { return false }
            // Whoever reads the account's mail has confirmed its address.
            try await connection.execute(
                "UPDATE account SET password = $2, must_change = 0, verified_at = coalesce(verified_at, $3) WHERE id = $1",
                [.text(account.id), .text(text), .integer(now)])
            try await connection.execute("DELETE FROM auth_session WHERE account = $1", [.text(account.id)])
            try await connection.execute("DELETE FROM one_time_token WHERE account = $1", [.text(account.id)])
            try await Self.know(network, of: account.id, now, connection)
            try await Self.note("auth.reset", account.id, tenant: account.tenant, requestID: requestID, at: now, connection)
            return true
        }
        if !isDone { throw .invalidToken }
    }

    /// Sends a link to confirm an account's address.
    package func sendVerification(to account: Account, requestID: String?) async throws(IdentityError) {
        if account.isVerified { return }
        let (now, link) = (now(), IssuedSecret("lmv_"))
        try await write { connection in
            try await Self.keep(link, "verify", account.id, now, until: now + IdentityLimits.verificationMilliseconds, connection)
            try await Self.note("auth.verification_request", account.id, tenant: account.tenant, requestID: requestID, at: now, connection)
        }
        post.send(.verification(to: account.email, link: "\(options.publicURL)/verify#\(link.text)", token: link.text))
    }

    /// Confirms an address with a link.
    package func verifyEmail(token: String, requestID: String?) async throws(IdentityError) {
        let (hash, now) = (IssuedSecret.hash(token), now())
        let isDone = try await write { connection in
            let row = try await connection.row(
                "DELETE FROM one_time_token WHERE hash = $1 AND purpose = 'verify' AND expires_at > $2 RETURNING account",
                [.blob(hash), .integer(now)])
            guard let row, let account = try await AccountQuery.find(try row.text(0), connection) else { return false }
            try await connection.execute(
                "UPDATE account SET verified_at = coalesce(verified_at, $2) WHERE id = $1", [.text(account.id), .integer(now)])
            try await Self.note("auth.verify", account.id, tenant: account.tenant, requestID: requestID, at: now, connection)
            return true
        }
        if !isDone { throw .invalidToken }
    }

    /// Keeps a link; of each kind an account has three at most, the newest.
    private static func keep(
        _ link: IssuedSecret, _ purpose: String, _ account: String, _ now: Int64, until: Int64, _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        try await connection.execute(
            """
            DELETE FROM one_time_token WHERE hash IN
                (SELECT hash FROM one_time_token WHERE account = $1 AND purpose = $2 ORDER BY created_at DESC, hash LIMIT 100 OFFSET 2)
            """, [.text(account), .text(purpose)])
        try await connection.execute(
            "INSERT INTO one_time_token (hash, account, purpose, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
            [.blob(link.hash), .text(account), .text(purpose), .integer(now), .integer(until)])
    }
}
