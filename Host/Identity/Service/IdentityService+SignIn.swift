internal import Crypto
internal import JSON
internal import Store

/// What somebody signs in with.
package struct SignInRequest: Sendable {
    package var email: String
    package var password: String
    /// Of the second factor: six digits, or a recovery code.
    package var code: String?
    package var device: Device
    /// Of the host name that was asked for.
    package var tenant: String
    package var requestID: String?
    /// The network that it comes from.
    package var network: String?

    /// Describes a try.
    package init(
        email: String, password: String, code: String? = nil, device: Device = .web, tenant: String = "main", requestID: String? = nil,
        network: String? = nil
    ) {
        (self.email, self.password, self.code, self.device) = (email, password, code, device)
        (self.tenant, self.requestID, self.network) = (tenant, requestID, network)
    }
}

/// What a sign-in, or a refresh, gives.
package struct Credentials: Sendable {
    package let account: Account
    /// Handle of the session.
    package let session: String
    /// The session's id, shown once; nil when a refresh left it as it was.
    package let sessionID: String?
    /// In milliseconds since 1970-01-01 UTC.
    package let sessionExpiresAt: Int64
    package let accessToken: String
    /// When the access token ends.
    package let accessExpiresAt: Int64
    package let refreshToken: String
}

/// What a sign-in came to.
package enum SignInOutcome: Sendable {
    case signedIn(Credentials)
    /// Address and password are right; the same again with a code.
    case codeRequired(Account)
}

extension IdentityService {
    /// Makes an account for a stranger and signs it in; its address is to be confirmed.
    package func signUp(_ request: SignInRequest, handle: String?, invitation: String? = nil) async throws(IdentityError) -> Credentials {
        if let invitation { return try await accept(invitation, request, handle: handle) }
        guard try await rules(of: request.tenant).isSignUpOpen else { throw .forbidden("sign-up is closed here: ask an admin for an account") }
        let new = NewAccount(email: request.email, password: request.password, handle: handle, isVerified: false)
        let account = try await create(new, tenant: request.tenant, by: Actor("sign-up", requestID: request.requestID))
        try await sendVerification(to: account, requestID: request.requestID)
        return try await begin(account.id, password: nil, request)
    }

    /// Signs somebody in. Wrong address, wrong password and an account that is locked look the same, in words and in time.
    package func signIn(_ request: SignInRequest) async throws(IdentityError) -> SignInOutcome {
        let now = now()
        let email = Email(request.email)
        let (found, isKnown) = try await read { connection -> (StoredAccount?, Bool) in
            guard let email, let account = try await AccountQuery.find(email, tenant: request.tenant, connection) else { return (nil, false) }
            return (account, try await Self.isKnown(request.network, of: account.id, connection))
        }
        try await admit(email, known: isKnown, request)
        let isRight = try await isRight(request.password, for: found?.password)
        guard let account = found, isRight, account.isInForce(at: now) else {
            try await noteRefusal(found, request)
            throw .wrongCredentials
        }
        if try await hasSecondFactor(account.id) {
            guard let code = request.code else { return .codeRequired(account.shown) }
            try await check(code: code, of: account.id, tenant: account.tenant, requestID: request.requestID)
        }
        let credentials = try await begin(account.id, password: account.password, request)
        if let text = account.password, PasswordHash(text: text)?.needsRehash(for: desk.cost) ?? true {
            try await rehash(request.password, account)
        }
        return .signedIn(credentials)
    }

    private func noteRefusal(_ found: StoredAccount?, _ request: SignInRequest) async throws(IdentityError) {
        let now = now()
        try await write { connection in
            try await Self.note(
                "auth.login", found?.id ?? "anonymous", tenant: request.tenant, outcome: "unauthorized", requestID: request.requestID, at: now,
                connection)
        }
    }

    /// Keeps a hash of today's cost, unless the password was changed meanwhile.
    private func rehash(_ password: String, _ account: StoredAccount) async throws(IdentityError) {
        let text: String
        do {
            text = try await desk.hash(password).text
        } catch {
            // The old hash stays good; the next sign-in tries again.
            return
        }
        try await write { connection in
            try await connection.execute(
                "UPDATE account SET password = $2 WHERE id = $1 AND password = $3", [.text(account.id), .text(text), SQLValue(account.password)])
        }
    }

    /// Makes a session, its first refresh token and the record of both, in one transaction (AUTH-17).
    ///
    /// The account is looked at again there, and held: what was changed while the password was hashed counts. With `single_session` all others end.
    func begin(_ id: String, password: String?, _ request: SignInRequest) async throws(IdentityError) -> Credentials {
        let (handle, sessionID, refresh, now) = (UUIDv7.make(), IssuedSecret("lms_"), IssuedSecret("lmr_"), now())
        let policy = options.sessions
        let outcome = try await write(changing: id, isQuiet: true) { connection -> Result<(Account, SessionTimes), IdentityError> in
            guard let account = try await AccountQuery.locked(id, connection), account.isInForce(at: now),
                password == nil || account.password == password
            else { return .failure(.wrongCredentials) }
            let times = policy.begin(request.device, plan: account.shown.plan, now: now)
            if try await Self.makeRoom(for: account.shown, connection) > 0 { try await connection.announce(Self.topic, id) }
            try await connection.execute(
                """
                INSERT INTO auth_session (handle, account, hash, device, created_at, renewed_at, used_at, expires_at, ends_at)
                VALUES ($1, $2, $3, $4, $5, $5, $5, $6, $7)
                """,
                [
                    .text(handle), .text(id), .blob(sessionID.hash), .text(request.device.rawValue), .integer(now), .integer(times.expiresAt),
                    .integer(times.endsAt),
                ])
            try await Self.keep(refresh, session: handle, now, connection)
            try await Self.know(request.network, of: id, now, connection)
            try await Self.note(
                "auth.login", id, tenant: account.tenant, requestID: request.requestID,
                details: ["session": .string(handle), "device": .string(request.device.rawValue)], at: now, connection)
            return .success((account.shown, times))
        }
        let (account, times) = try outcome.get()
        return try credentials(account, handle, sessionID.text, refresh, expiresAt: times.expiresAt, now)
    }

    /// How many sessions had to go.
    private static func makeRoom(for account: Account, _ connection: any DatabaseConnection) async throws(StoreError) -> Int {
        guard !account.hasSingleSession else {
            return try await connection.execute("DELETE FROM auth_session WHERE account = $1", [.text(account.id)])
        }
        return try await connection.execute(
            """
            DELETE FROM auth_session WHERE handle IN
                (SELECT handle FROM auth_session WHERE account = $1 ORDER BY used_at DESC, handle DESC LIMIT 1000 OFFSET $2)
            """, [.text(account.id), SQLValue(IdentityLimits.sessionsPerAccountMax - 1)])
    }

    static func keep(_ refresh: IssuedSecret, session: String, _ now: Int64, _ connection: any DatabaseConnection) async throws(StoreError) {
        try await connection.execute(
            "INSERT INTO refresh_token (hash, session, created_at) VALUES ($1, $2, $3)", [.blob(refresh.hash), .text(session), .integer(now)])
    }

    func credentials(
        _ account: Account, _ session: String, _ sessionID: String?, _ refresh: IssuedSecret, expiresAt: Int64, _ now: Int64
    ) throws(IdentityError) -> Credentials {
        let ends = min(now + options.accessMilliseconds, expiresAt)
        let claims = AccessClaims(
            account: account.id, tenant: account.tenant, session: session, issuedAt: now / 1000, expiresAt: ends / 1000)
        do {
            return Credentials(
                account: account, session: session, sessionID: sessionID, sessionExpiresAt: expiresAt,
                accessToken: try vault.tokenKeys.sign(claims), accessExpiresAt: claims.expiresAt * 1000, refreshToken: refresh.text)
        } catch {
            throw .failed("signing an access token: \(error)")
        }
    }
}
