internal import Crypto
internal import JSON
package import Store

/// Who does something, for the audit log.
package struct Actor: Sendable, Hashable {
    /// Id of the account, `cli:NAME` or `system`.
    package var id: String
    /// Id of the request; nil for a command.
    package var requestID: String?

    /// Names an actor.
    package init(_ id: String, requestID: String? = nil) { (self.id, self.requestID) = (id, requestID) }
}

/// Who a person is at an identity provider.
struct ProviderLink: Sendable, Hashable {
    let issuer: String
    let subject: String
}

/// What a new account begins with.
package struct NewAccount: Sendable {
    package var email: String
    /// Nil for one that cannot sign in by password yet.
    package var password: String?
    package var handle: String?
    package var role: Role
    /// Whether its address counts as confirmed.
    package var isVerified: Bool
    /// Whether the first sign-in must set another password.
    package var mustChangePassword: Bool
    /// How long the password may wait and be hashed.
    package var hashMilliseconds = IdentityLimits.passwordMilliseconds
    /// Who its person is at an identity provider; kept with it in one transaction.
    var link: ProviderLink?
    /// Digest of the invitation that it takes, in the same transaction.
    var invitation: [UInt8]?

    /// Describes an account.
    package init(
        email: String, password: String?, handle: String? = nil, role: Role = .user, isVerified: Bool = true, mustChangePassword: Bool = false
    ) {
        (self.email, self.password, self.handle, self.role) = (email, password, handle, role)
        (self.isVerified, self.mustChangePassword) = (isVerified, mustChangePassword)
    }
}

/// What an admin changes of an account; nil stays.
package struct AccountChange: Sendable, Hashable {
    package var role: Role?
    package var isActive: Bool?
    package var plan: String?
    package var hasSingleSession: Bool?

    /// Changes nothing.
    package init() {}
}

extension IdentityService {
    /// The tenant of the host name that a client asked for; `main` for every name that is no tenant's.
    package func tenant(ofHost host: String?) async throws(IdentityError) -> String {
        guard let name = host.flatMap(Self.hostName) else { return "main" }
        return try await read { connection in
            try await connection.row("SELECT id FROM tenant WHERE host = $1 AND is_active = 1", [.text(name)])?.text(0)
        } ?? "main"
    }

    /// The name without its port, in lower case.
    private static func hostName(_ host: String) -> String? {
        guard host.utf8.count <= 255 else { return nil }
        return host.split(separator: ":").first.map { $0.lowercased() }
    }

    /// Whether there is any account yet.
    package func isEmpty() async throws(IdentityError) -> Bool {
        try await read { try await $0.row("SELECT 1 FROM account LIMIT 1") == nil }
    }

    /// Makes an account.
    package func create(_ new: NewAccount, tenant: String, by actor: Actor) async throws(IdentityError) -> Account {
        guard let email = Email(new.email) else { throw .invalid(field: "email", "is no address that mail can be sent to") }
        let handle = try handle(new.handle)
        let password = try await hash(new, of: email, handle)
        let (id, now, plan) = (UUIDv7.make(), now(), try await rules(of: tenant).plan)
        let body: Database.Body<Result<Account, IdentityError>> = { connection in
            if let conflict = try await Self.conflict(email, handle, tenant: tenant, besides: id, connection) { return .failure(conflict) }
            if let hash = new.invitation {
                // Taken by deleting it, so that of many at once one does it.
                let row = try await connection.row(
                    "DELETE FROM invitation WHERE hash = $1 AND tenant = $2 AND expires_at > $3 RETURNING id",
                    [.blob(hash), .text(tenant), .integer(now)])
                guard row != nil else { return .failure(.invalidToken) }
            }
            try await connection.execute(
                """
                INSERT INTO account (id, tenant, email, email_key, handle, handle_key, role, plan, is_active, password, must_change, verified_at, created_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11, $12)
                """,
                [
                    .text(id), .text(tenant), .text(email.text), .text(email.key), SQLValue(handle?.text), SQLValue(handle?.key),
                    .text(new.role.rawValue), .text(plan), SQLValue(password), SQLValue(new.mustChangePassword),
                    new.isVerified ? .integer(now) : .null, .integer(now),
                ])
            if let link = new.link {
                try await connection.execute(
                    "INSERT INTO identity_link (issuer, subject, account, created_at) VALUES ($1, $2, $3, $4)",
                    [.text(link.issuer), .text(link.subject), .text(id), .integer(now)])
            }
            try await Self.note(
                "account.create", actor.id, tenant: tenant, requestID: actor.requestID,
                details: ["account": .string(id), "role": .string(new.role.rawValue)],
                at: now, connection)
            guard let made = try await AccountQuery.find(id, connection) else { throw StoreError(.corrupt, "an account was not kept") }
            return .success(made.shown)
        }
        let outcome: Result<Account, IdentityError>
        do throws(IdentityError) { outcome = try await write(body) } catch { throw Self.told(error) }
        return try outcome.get()
    }

    /// What a race that passed the look at other accounts met in the schema, as the same conflict.
    private static func told(_ error: IdentityError) -> IdentityError {
        guard case .store(let cause) = error, let rule = cause.rule, rule.kind == .unique, rule.table == "account" else { return error }
        if rule.columns.contains("email_key") { return .conflict(field: "email", "has an account already") }
        return rule.columns.contains("handle_key") ? .conflict(field: "handle", "is taken") : error
    }

    private func hash(_ new: NewAccount, of email: Email, _ handle: Handle?) async throws(IdentityError) -> String? {
        guard let password = new.password else { return nil }
        return try await hash(
            password, about: [email.text] + (handle.map { [$0.text] } ?? []), field: "password", milliseconds: new.hashMilliseconds)
    }

    private func handle(_ text: String?) throws(IdentityError) -> Handle? {
        guard let text else { return nil }
        guard let handle = Handle(text) else {
            throw .invalid(field: "handle", "is no handle: 2 to 40 letters, digits, `_`, `-` and `.`, the first a letter or digit")
        }
        return handle
    }

    /// Which field another account has already. A race that passes here meets the schema (`told`).
    private static func conflict(
        _ email: Email?, _ handle: Handle?, tenant: String, besides id: String, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> IdentityError? {
        if let email, try await AccountQuery.find(email, tenant: tenant, connection) != nil {
            return .conflict(field: "email", "has an account already")
        }
        if let handle,
            try await connection.row(
                "SELECT 1 FROM account WHERE tenant = $1 AND handle_key = $2 AND id <> $3", [.text(tenant), .text(handle.key), .text(id)]) != nil
        {
            return .conflict(field: "handle", "is taken")
        }
        return nil
    }

    /// One account; of that tenant alone when one is named.
    package func account(_ id: String, tenant: String? = nil) async throws(IdentityError) -> Account {
        let found = try await read { try await AccountQuery.find(id, $0) }
        guard let found, tenant == nil || found.tenant == tenant else { throw .missing("user") }
        return found.shown
    }

    /// The account of an address.
    package func account(email: String, tenant: String) async throws(IdentityError) -> Account {
        guard let email = Email(email) else { throw .missing("user") }
        guard let found = try await read({ try await AccountQuery.find(email, tenant: tenant, $0) }) else { throw .missing("user") }
        return found.shown
    }

    /// A tenant's accounts by age, at most `limit`.
    package func accounts(tenant: String, cursor: String?, limit: Int) async throws(IdentityError) -> Page<Account> {
        let after: String
        do throws(StoreError) {
            after = try cursor.map { (text) throws(StoreError) in try PageCursor.decode(text) } ?? ""
        } catch {
            throw .invalid(field: "cursor", "is none that this list gave out")
        }
        let found = try await read { connection in
            try await connection.rows(AccountQuery.page, [.text(tenant), .text(after), SQLValue(limit + 1)]).map { try StoredAccount($0).shown }
        }
        return Page(found, limit: limit) { $0.id }
    }

    /// Changes an account of a tenant. A role or a lock holds on the next request; a lock and another role end every session (AUTH-10).
    ///
    /// Nobody gives a role above the giver's, touches an account above it, or takes the last operator away.
    package func change(_ id: String, tenant: String?, _ change: AccountChange, as role: Role, by actor: Actor) async throws(IdentityError) -> Account
    {
        let now = now()
        let outcome = try await write(changing: id) { connection -> Result<Account, IdentityError> in
            guard let account = try await AccountQuery.locked(id, connection), tenant == nil || account.tenant == tenant else {
                return .failure(.missing("user"))
            }
            if account.shown.role > role || change.role ?? .user > role {
                return .failure(.forbidden("a role above your own is not yours to give or take"))
            }
            let losesOperator =
                account.shown.role == .operatorOfHost && (change.role.map { $0 < .operatorOfHost } ?? false || change.isActive == false)
            if losesOperator, try await Self.isLastOperator(id, connection) {
                return .failure(.conflict(field: "role", "is the last operator's: make another one first"))
            }
            try await connection.execute(
                """
                UPDATE account SET role = coalesce($2, role), is_active = coalesce($3, is_active), plan = coalesce($4, plan),
                    single_session = coalesce($5, single_session) WHERE id = $1
                """,
                [
                    .text(id), SQLValue(change.role?.rawValue), change.isActive.map { SQLValue($0) } ?? .null, SQLValue(change.plan),
                    change.hasSingleSession.map { SQLValue($0) } ?? .null,
                ])
            let endsSessions = change.isActive == false || (change.role.map { $0 != account.shown.role } ?? false)
            if endsSessions { try await connection.execute("DELETE FROM auth_session WHERE account = $1", [.text(id)]) }
            try await Self.note(
                "account.change", actor.id, tenant: account.tenant, requestID: actor.requestID, details: Self.details(id, change), at: now, connection
            )
            guard let changed = try await AccountQuery.find(id, connection) else {
                throw StoreError(.corrupt, "an account went while it was changed")
            }
            return .success(changed.shown)
        }
        return try outcome.get()
    }

    private static func details(_ id: String, _ change: AccountChange) -> JSONObject {
        var details: JSONObject = ["account": .string(id)]
        if let role = change.role { details["role"] = .string(role.rawValue) }
        if let isActive = change.isActive { details["is_active"] = .bool(isActive) }
        if let plan = change.plan { details["plan"] = .string(plan) }
        if let single = change.hasSingleSession { details["single_session"] = .bool(single) }
        return details
    }

    private static func isLastOperator(_ id: String, _ connection: any DatabaseConnection) async throws(StoreError) -> Bool {
        try await connection.row("SELECT 1 FROM account WHERE role = 'operator' AND is_active = 1 AND id <> $1 LIMIT 1", [.text(id)]) == nil
    }

    /// Deletes an account with all that is its own (AUTH-14).
    package func delete(_ id: String, tenant: String?, as role: Role, by actor: Actor) async throws(IdentityError) {
        let now = now()
        let failure = try await write(changing: id) { connection -> IdentityError? in
            guard let account = try await AccountQuery.locked(id, connection), tenant == nil || account.tenant == tenant else {
                return .missing("user")
            }
            if account.shown.role > role { return .forbidden("an account above your own is not yours to delete") }
            if account.shown.role == .operatorOfHost, try await Self.isLastOperator(id, connection) {
                return .conflict(field: "role", "is the last operator's: make another one first")
            }
            try await connection.execute("DELETE FROM account WHERE id = $1", [.text(id)])
            try await Self.note(
                "account.delete", actor.id, tenant: account.tenant, requestID: actor.requestID, details: ["account": .string(id)], at: now, connection
            )
            return nil
        }
        if let failure { throw failure }
    }
}
