internal import Store

/// What a request shows to say who is calling.
package enum Credential: Sendable, Hashable {
    /// `Authorization: Bearer`: an access token or an API key.
    case bearer(String)
    /// `X-Session`: the id of a session.
    case session(String)

    fileprivate var digest: CredentialDigest {
        switch self {
        case .bearer(let text): CredentialDigest("b" + text)
        case .session(let text): CredentialDigest("s" + text)
        }
    }
}

/// Who is calling, and the session's next id when it was renewed at this request.
package struct Checked: Sendable, Hashable {
    package let owner: SignedIn
    package let renewedSession: String?

    /// Describes a caller.
    package init(owner: SignedIn, renewedSession: String? = nil) { (self.owner, self.renewedSession) = (owner, renewedSession) }
}

extension IdentityService {
    /// Who is calling, if that is remembered: no wait, no read.
    package func remembered(_ credential: Credential) -> SignedIn? { memory.owner(of: credential.digest, now: now()) }

    /// Whether a credential has the form of ours and, for an access token, the signature: else the store need not be asked.
    package func couldBe(_ credential: Credential) -> Bool {
        switch credential {
        case .bearer(let text) where text.hasPrefix("lmk_"): IssuedSecret.hasForm(text)
        case .bearer(let text): vault.tokenKeys.claims(of: text, atMilliseconds: now()) != nil || vault.tokenKeys.lacksKey(of: text)
        case .session(let text): text.hasPrefix("lms_") && IssuedSecret.hasForm(text)
        }
    }

    /// Who is calling; reads the store when it is not remembered.
    /// - Throws: `.invalidToken` for whatever is not in force.
    package func check(_ credential: Credential) async throws(IdentityError) -> Checked {
        if let owner = remembered(credential) { return Checked(owner: owner, renewedSession: nil) }
        let (ticket, now) = (memory.ticket(), now())
        let found: Checked?
        switch credential {
        case .bearer(let text) where text.hasPrefix("lmk_"): found = try await apiKey(text, now)
        case .bearer(let text): found = try await accessToken(text, now)
        case .session(let text): found = try await session(text, now)
        }
        guard let found else { throw .invalidToken }
        // The old id must not outlive its grace in memory, so a renewal is not kept.
        if found.renewedSession == nil { memory.keep(found.owner, of: credential.digest, readWith: ticket, now: now) }
        return found
    }

    private func accessToken(_ text: String, _ now: Int64) async throws(IdentityError) -> Checked? {
        if vault.tokenKeys.lacksKey(of: text) { try await learnKeys(now) }
        guard let claims = vault.tokenKeys.claims(of: text, atMilliseconds: now) else { return nil }
        let found = try await read { try await Self.session(claims.session, $0) }
        guard let found, found.account.id == claims.account, found.account.tenant == claims.tenant, found.account.isInForce(at: now),
            now < min(found.times.expiresAt, found.times.endsAt)
        else { return nil }
        let ends = min(claims.expiresAt * 1000, found.times.expiresAt, found.times.endsAt)
        return Checked(owner: Self.owner(found.account, session: claims.session, until: ends), renewedSession: nil)
    }

    /// Another host may have made a key since. Strangers can ask for this with any name of a key, so it is done once in ten seconds at most.
    private func learnKeys(_ now: Int64) async throws(IdentityError) {
        guard vault.mayLook(now: now) else { return }
        do {
            try await vault.refresh(now: now)
        } catch {
            throw .failed("reading the keys of tokens: \(error)")
        }
    }

    private func session(_ text: String, _ now: Int64) async throws(IdentityError) -> Checked? {
        let hash = IssuedSecret.hash(text)
        let found = try await read { connection -> (StoredAccount, SessionTimes, Device, String, SessionTimes.Shown)? in
            let row = try await connection.row("SELECT handle, hash FROM auth_session WHERE hash = $1 OR previous_hash = $1", [.blob(hash)])
            guard let row, let session = try await Self.session(try row.text(0), connection) else { return nil }
            return (session.account, session.times, session.device, try row.text(0), try row.blob(1) == hash ? .current : .previous)
        }
        guard let (account, times, device, handle, shown) = found, account.isInForce(at: now) else { return nil }
        switch times.use(shown, options.sessions.lifetime(device, plan: account.shown.plan), now: now) {
        case .refuse: return nil
        case .goOn(let until):
            if shown == .current, until - times.expiresAt >= 10 * 60_000 { try await noteUse(ofSession: handle, until: until, now) }
            let ends = min(times.expiresAt, times.endsAt, shown == .previous ? times.previousUntil ?? 0 : .max)
            return Checked(owner: Self.owner(account, session: handle, until: ends), renewedSession: nil)
        case .renew(let next): return try await renew(account, handle, hash, next, now)
        }
    }

    /// Gives a session its next id. Of two requests at once one does; the other goes on with the old id. Nobody is told: the old id's grace is longer than
    /// anybody remembers it.
    private func renew(
        _ account: StoredAccount, _ handle: String, _ hash: [UInt8], _ next: SessionTimes, _ now: Int64
    ) async throws(IdentityError) -> Checked? {
        let id = IssuedSecret("lms_")
        let isMine = try await write(changing: account.id, isQuiet: true) { connection in
            let row = try await connection.row(
                "UPDATE auth_session SET used_at = $3 WHERE handle = $1 AND hash = $2 RETURNING handle", [.text(handle), .blob(hash), .integer(now)])
            guard row != nil else { return false }
            try await Self.renew(handle, id, next, now, connection)
            return true
        }
        return Checked(owner: Self.owner(account, session: handle, until: next.expiresAt), renewedSession: isMine ? id.text : nil)
    }

    private func apiKey(_ text: String, _ now: Int64) async throws(IdentityError) -> Checked? {
        let hash = IssuedSecret.hash(text)
        let found = try await read { connection -> (StoredAccount, id: String, scopes: String, expiresAt: Int64, usedAt: Int64)? in
            let row = try await connection.row(
                "SELECT id, account, scopes, expires_at, coalesce(last_used_at, 0) FROM api_key WHERE hash = $1", [.blob(hash)])
            guard let row, let account = try await AccountQuery.find(try row.text(1), connection) else { return nil }
            return (account, try row.text(0), try row.text(2), try row.integer(3), try row.integer(4))
        }
        guard let (account, id, scopes, expiresAt, usedAt) = found, now < expiresAt, account.isInForce(at: now) else { return nil }
        if now - usedAt >= 60_000 { try await noteUse(ofKey: id, now) }
        var owner = Self.owner(account, session: nil, until: expiresAt)
        (owner.apiKey, owner.scopes) = (id, Scope.set(scopes))
        return Checked(owner: owner, renewedSession: nil)
    }

    /// Once in ten minutes at most, and nobody waits for it.
    private func noteUse(ofSession handle: String, until: Int64, _ now: Int64) async throws(IdentityError) {
        do throws(StoreError) {
            try await database.append { connection in
                try await connection.execute(
                    "UPDATE auth_session SET used_at = $2, expires_at = $3 WHERE handle = $1", [.text(handle), .integer(now), .integer(until)])
            }
        } catch {
            throw .store(error)
        }
    }

    /// Once a minute at most, and nobody waits for it.
    private func noteUse(ofKey id: String, _ now: Int64) async throws(IdentityError) {
        do throws(StoreError) {
            try await database.append { connection in
                try await connection.execute("UPDATE api_key SET last_used_at = $2 WHERE id = $1", [.text(id), .integer(now)])
            }
        } catch {
            throw .store(error)
        }
    }

    private static func owner(_ account: StoredAccount, session: String?, until: Int64) -> SignedIn {
        SignedIn(
            account: account.id, tenant: account.tenant, role: account.shown.role, plan: account.shown.plan, session: session,
            mustChangePassword: account.shown.mustChangePassword, expiresAt: until)
    }
}
