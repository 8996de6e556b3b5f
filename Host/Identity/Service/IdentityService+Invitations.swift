internal import Crypto
internal import JSON
package import Store

/// An invitation as lists show it; never its code.
package struct Invitation: Sendable, Hashable {
    package let id: String
    package let tenant: String
    package let email: String
    package let role: Role
    /// In milliseconds since 1970-01-01 UTC.
    package let createdAt: Int64
    package let expiresAt: Int64

    init(_ row: Row) throws(StoreError) {
        (id, tenant, email) = (try row.text(0), try row.text(1), try row.text(2))
        (role, createdAt, expiresAt) = (Role(rawValue: try row.text(3)) ?? .user, try row.integer(4), try row.integer(5))
    }
}

extension IdentityService {
    /// Invites an address into a tenant, with a role that is not above the inviter's: a letter with a code that works once.
    package func invite(
        _ address: String, tenant: String, role: Role, lasting milliseconds: Int64, as own: Role, by actor: Actor
    ) async throws(IdentityError) -> Invitation {
        guard let email = Email(address) else { throw .invalid(field: "email", "is no address that mail can be sent to") }
        guard role <= own else { throw .forbidden("a role above your own is not yours to give") }
        let (id, code, now) = (UUIDv7.make(), IssuedSecret("lmi_"), now())
        let outcome = try await write { connection -> Result<Invitation, IdentityError> in
            guard let row = try await connection.row("SELECT is_active FROM tenant WHERE id = $1", [.text(tenant)]), try row.bool(0) else {
                return .failure(.missing("tenant"))
            }
            if try await AccountQuery.find(email, tenant: tenant, connection) != nil {
                return .failure(.conflict(field: "email", "has an account already"))
            }
            let count = try await connection.row("SELECT count(*) FROM invitation WHERE tenant = $1", [.text(tenant)])?.int(0) ?? 0
            guard count < IdentityLimits.invitationsPerTenantMax else {
                return .failure(.conflict(field: "invitations", "are as many as a tenant may have"))
            }
            let made = try await connection.row(
                """
                INSERT INTO invitation (id, hash, tenant, email, role, actor, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                RETURNING id, tenant, email, role, created_at, expires_at
                """,
                [
                    .text(id), .blob(code.hash), .text(tenant), .text(email.text), .text(role.rawValue), .text(actor.id), .integer(now),
                    .integer(now + milliseconds),
                ])
            guard let made else { throw StoreError(.corrupt, "an invitation was not kept") }
            try await Self.note(
                "invitation.create", actor.id, tenant: tenant, requestID: actor.requestID,
                details: ["invitation": .string(id), "role": .string(role.rawValue)], at: now, connection)
            return .success(try Invitation(made))
        }
        let invitation = try outcome.get()
        post.send(.invitation(to: email.text, tenant: tenant, link: "\(options.publicURL)/?invitation=\(code.text)", token: code.text))
        return invitation
    }

    /// Invitations of a tenant that are in force, by age.
    package func invitations(of tenant: String, cursor: String?, limit: Int) async throws(IdentityError) -> Page<Invitation> {
        let (after, now): (String, Int64)
        do throws(StoreError) {
            (after, now) = (try cursor.map { (text) throws(StoreError) in try PageCursor.decode(text) } ?? "", self.now())
        } catch {
            throw .invalid(field: "cursor", "is none that this list gave out")
        }
        let found = try await read { connection in
            try await connection.rows(
                """
                SELECT id, tenant, email, role, created_at, expires_at FROM invitation
                WHERE tenant = $1 AND id > $2 AND expires_at > $3 ORDER BY id LIMIT $4
                """, [.text(tenant), .text(after), .integer(now), SQLValue(limit + 1)]
            ).map { try Invitation($0) }
        }
        return Page(found, limit: limit) { $0.id }
    }

    /// Takes an invitation back.
    package func removeInvitation(_ id: String, tenant: String, by actor: Actor) async throws(IdentityError) {
        let now = now()
        let count = try await write { connection in
            let count = try await connection.execute("DELETE FROM invitation WHERE id = $1 AND tenant = $2", [.text(id), .text(tenant)])
            if count > 0 {
                try await Self.note(
                    "invitation.remove", actor.id, tenant: tenant, requestID: actor.requestID, details: ["invitation": .string(id)], at: now,
                    connection)
            }
            return count
        }
        if count == 0 { throw .missing("invitation") }
    }

    /// Makes the account of somebody who was invited, in the invitation's tenant and role, and signs it in. The code proves the address.
    func accept(_ code: String, _ request: SignInRequest, handle: String?) async throws(IdentityError) -> Credentials {
        let (hash, now) = (IssuedSecret.hash(code), now())
        let row = try await read { connection in
            try await connection.row(
                """
                SELECT i.id, i.tenant, i.email, i.role, i.created_at, i.expires_at FROM invitation i JOIN tenant t ON t.id = i.tenant
                WHERE i.hash = $1 AND i.expires_at > $2 AND t.is_active = 1
                """, [.blob(hash), .integer(now)])
        }
        guard let row else { throw .invalidToken }
        let invitation: Invitation
        do throws(StoreError) { invitation = try Invitation(row) } catch { throw .store(error) }
        guard let invited = Email(invitation.email), Email(request.email)?.key == invited.key else {
            throw .invalid(field: "email", "is not the one that was invited")
        }
        var new = NewAccount(email: request.email, password: request.password, handle: handle, role: invitation.role)
        new.invitation = hash
        let account = try await create(new, tenant: invitation.tenant, by: Actor("invitation", requestID: request.requestID))
        var own = request
        own.tenant = invitation.tenant
        return try await begin(account.id, password: nil, own)
    }
}
