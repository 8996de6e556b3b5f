internal import JSON
internal import Store

/// A session as lists show it: never its id.
package struct SessionRecord: Sendable, Hashable {
    package let handle: String
    package let device: Device
    package let createdAt: Int64
    package let usedAt: Int64
    package let expiresAt: Int64
}

extension IdentityService {
    private enum Refreshed: Sendable {
        case rotated(Account, session: String, sessionID: IssuedSecret?, expiresAt: Int64)
        case refused
        /// The token had been exchanged before; its session is gone now.
        case replayed(account: String)
    }

    /// Exchanges a refresh token for the next one and a new access token. One that was exchanged before ends its session: it is in two hands.
    package func refresh(_ token: String, requestID: String?) async throws(IdentityError) -> Credentials {
        let (shown, next, id, now) = (IssuedSecret.hash(token), IssuedSecret("lmr_"), IssuedSecret("lms_"), now())
        let policy = options.sessions
        let outcome = try await write { connection -> Refreshed in
            // One statement claims it, so of two at once one finds it used.
            let claimed = try await connection.row(
                "UPDATE refresh_token SET used_at = $2 WHERE hash = $1 AND used_at IS NULL RETURNING session", [.blob(shown), .integer(now)])
            guard let claimed else { return try await Self.judgeReplay(shown, requestID, now, connection) }
            let session = try claimed.text(0)
            guard let (account, times, device) = try await Self.session(session, connection), account.isInForce(at: now) else { return .refused }
            let expiresAt: Int64
            var renewed: IssuedSecret?
            switch times.use(.current, policy.lifetime(device, plan: account.shown.plan), now: now) {
            case .refuse: return .refused
            case .goOn(let until):
                expiresAt = until
                try await connection.execute(
                    "UPDATE auth_session SET used_at = $2, expires_at = $3 WHERE handle = $1", [.text(session), .integer(now), .integer(until)])
            case .renew(let next):
                expiresAt = next.expiresAt
                renewed = id
                try await Self.renew(session, id, next, now, connection)
            }
            try await Self.keep(next, session: session, now, connection)
            return .rotated(account.shown, session: session, sessionID: renewed, expiresAt: expiresAt)
        }
        switch outcome {
        case .rotated(let account, let session, let id, let expiresAt):
            return try credentials(account, session, id?.text, next, expiresAt: expiresAt, now)
        case .replayed(let account):
            memory.forget(account: account)
            throw .invalidToken
        case .refused: throw .invalidToken
        }
    }

    private static func judgeReplay(
        _ hash: [UInt8], _ requestID: String?, _ now: Int64, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> Refreshed {
        let row = try await connection.row(
            """
            SELECT s.handle, s.account, a.tenant FROM refresh_token r JOIN auth_session s ON s.handle = r.session JOIN account a ON a.id = s.account
            WHERE r.hash = $1
            """, [.blob(hash)])
        guard let row else { return .refused }
        let (session, account, tenant) = (try row.text(0), try row.text(1), try row.text(2))
        try await connection.execute("DELETE FROM auth_session WHERE handle = $1", [.text(session)])
        try await connection.announce(topic, account)
        try await note(
            "auth.refresh_replayed", account, tenant: tenant, outcome: "revoked", requestID: requestID, details: ["session": .string(session)],
            at: now,
            connection)
        return .replayed(account: account)
    }

    static func session(
        _ handle: String, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> (account: StoredAccount, times: SessionTimes, device: Device)? {
        let row = try await connection.row(
            "SELECT account, renewed_at, expires_at, ends_at, previous_until, device FROM auth_session WHERE handle = $1", [.text(handle)])
        guard let row, let account = try await AccountQuery.find(try row.text(0), connection) else { return nil }
        return (account, try SessionTimes(row, from: 1), Device(rawValue: try row.text(5)) ?? .web)
    }

    static func renew(
        _ session: String, _ id: IssuedSecret, _ times: SessionTimes, _ now: Int64, _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        try await connection.execute(
            """
            UPDATE auth_session SET previous_hash = hash, previous_until = $2, hash = $3, renewed_at = $4, used_at = $4, expires_at = $5
            WHERE handle = $1
            """,
            [
                .text(session), times.previousUntil.map { .integer($0) } ?? .null, .blob(id.hash), .integer(now), .integer(times.expiresAt),
            ])
    }

    /// The sessions of an account that are in force, the one that was used last first.
    package func sessions(of account: String) async throws(IdentityError) -> [SessionRecord] {
        let now = now()
        return try await read { connection in
            try await connection.rows(
                """
                SELECT handle, device, created_at, used_at, expires_at FROM auth_session
                WHERE account = $1 AND expires_at > $2 ORDER BY used_at DESC, handle DESC LIMIT $3
                """, [.text(account), .integer(now), SQLValue(IdentityLimits.sessionsPerAccountMax)]
            ).map { row in
                SessionRecord(
                    handle: try row.text(0), device: Device(rawValue: try row.text(1)) ?? .web, createdAt: try row.integer(2),
                    usedAt: try row.integer(3), expiresAt: try row.integer(4))
            }
        }
    }

    /// Ends one session of an account.
    package func end(session handle: String, of account: String, tenant: String, by actor: Actor) async throws(IdentityError) {
        let now = now()
        let count = try await write(changing: account) { connection in
            let count = try await connection.execute("DELETE FROM auth_session WHERE handle = $1 AND account = $2", [.text(handle), .text(account)])
            if count > 0 {
                try await Self.note(
                    "auth.session_end", actor.id, tenant: tenant, requestID: actor.requestID,
                    details: ["session": .string(handle), "account": .string(account)], at: now, connection)
            }
            return count
        }
        if count == 0 { throw .missing("session") }
    }

    /// Ends every session of an account but the one named; returns how many (AUTH-18).
    @discardableResult
    package func endSessions(of account: String, except handle: String?, tenant: String, by actor: Actor) async throws(IdentityError) -> Int {
        let now = now()
        return try await write(changing: account) { connection in
            let count = try await connection.execute(
                "DELETE FROM auth_session WHERE account = $1 AND handle <> $2", [.text(account), .text(handle ?? "")])
            try await Self.note(
                "auth.sessions_end", actor.id, tenant: tenant, requestID: actor.requestID,
                details: ["account": .string(account), "sessions": JSONValue(count)], at: now, connection)
            return count
        }
    }
}

extension SessionTimes {
    /// Columns `renewed_at`, `expires_at`, `ends_at`, `previous_until`, from that one on.
    init(_ row: Row, from column: Int) throws(StoreError) {
        self.init(
            renewedAt: try row.integer(column), expiresAt: try row.integer(column + 1), endsAt: try row.integer(column + 2),
            previousUntil: row.values[column + 3] == .null ? nil : try row.integer(column + 3))
    }
}
