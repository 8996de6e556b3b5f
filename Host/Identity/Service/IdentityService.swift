internal import Crypto
internal import IO
package import JSON
package import Store

/// What a tenant decides of new accounts.
package struct TenantRules: Sendable, Hashable {
    package let isSignUpOpen: Bool
    package let plan: String

    /// Describes a tenant's rules.
    package init(isSignUpOpen: Bool, plan: String) { (self.isSignUpOpen, self.plan) = (isSignUpOpen, plan) }
}

/// Who is calling: accounts, passwords, sessions, tokens, second factors and keys (SPEC 6).
///
/// The store is the one truth; `OwnerMemory` spares the read of what has not changed. Every act that takes something away forgets the account before it is
/// written and again after, and returns when every host has forgotten it: so it holds on the next request, wherever that comes in.
package final class IdentityService: Sendable {
    /// What the operator decides.
    package struct Options: Sendable {
        /// Whether strangers may make accounts.
        package var isSignUpOpen = true
        /// How long an access token lives.
        package var accessMilliseconds = IdentityLimits.accessMillisecondsDefault
        /// How long sessions live.
        package var sessions = SessionPolicy()
        /// The plan of a new account.
        package var plan = "free"
        /// What a tenant says of sign-up and of the plan of a new account; asked each time, and goes before the two above.
        package var tenantRules: (@Sendable (_ tenant: String) async throws(StoreError) -> TenantRules)?
        /// Whether a password may be tried: milliseconds to wait, or nil.
        package var guesses: (@Sendable (Guess) async -> Int64?)?
        /// Passwords that nobody may choose, beside those that are known here.
        package var leaked: PasswordList?
        /// Where people reach the service, for links in mail: without a slash at the end.
        package var publicURL = "http://127.0.0.1:8080"

        /// The standard.
        package init() {}
    }

    let database: Database
    let desk: PasswordDesk
    let memory: OwnerMemory
    let vault: IdentityVault
    let options: Options
    let post: any Post
    /// Milliseconds since 1970-01-01 UTC.
    let now: @Sendable () -> Int64

    /// Wires the parts. `vault` has been opened.
    package init(
        database: Database, desk: PasswordDesk, vault: IdentityVault, post: any Post, memory: OwnerMemory = OwnerMemory(),
        options: Options = Options(), now: @escaping @Sendable () -> Int64 = { StoreClock.nowMilliseconds() }
    ) {
        (self.database, self.desk, self.vault, self.post) = (database, desk, vault, post)
        (self.memory, self.options, self.now) = (memory, options, now)
        database.observe { news in
            switch news {
            case .changed(Self.topic, Self.everybody): memory.forgetAll()
            case .changed(Self.topic, let account): memory.forget(account: account)
            case .changed: break
            case .gap: memory.forgetAll()
            }
        }
    }

    /// What is announced when something was taken from an account; the key is its id.
    package static let topic = "account"
    /// The key when it was taken from many at once.
    static let everybody = "*"

    /// What holds for new accounts of a tenant.
    func rules(of tenant: String) async throws(IdentityError) -> TenantRules {
        guard let ask = options.tenantRules else { return TenantRules(isSignUpOpen: options.isSignUpOpen, plan: options.plan) }
        do throws(StoreError) {
            return try await ask(tenant)
        } catch {
            throw .store(error)
        }
    }

    /// The public keys that verify access tokens, as a JWK set.
    package var keySet: JSONValue { vault.tokenKeys.jwks }

    /// Reads in one snapshot.
    func read<Value: Sendable>(_ body: @escaping Database.Body<Value>) async throws(IdentityError) -> Value {
        do throws(StoreError) {
            return try await database.read(body)
        } catch {
            throw .store(error)
        }
    }

    /// Writes in one transaction. What `account` may do, or may no longer, is forgotten before and after, whatever becomes of it; on every host, unless `isQuiet`:
    /// then its body announces, or nothing was taken away. Returns when every host has heard of what was announced.
    @discardableResult
    func write<Value: Sendable>(
        changing account: String? = nil, isQuiet: Bool = false, _ body: @escaping Database.Body<Value>
    ) async throws(IdentityError) -> Value {
        if let account { memory.forget(account: account) }
        defer { if let account { memory.forget(account: account) } }
        do throws(StoreError) {
            return try await database.writeHeard { connection in
                let value = try await body(connection)
                if let account, !isQuiet { try await connection.announce(Self.topic, account) }
                return value
            }
        } catch {
            throw .store(error)
        }
    }

    /// Notes an event of security within its transaction: ids only (SPEC 6).
    static func note(
        _ action: String, _ actor: String, tenant: String, outcome: String = "ok", requestID: String?, details: JSONObject? = nil, at now: Int64,
        _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        let entry = AuditEntry(
            actor: actor, tenant: tenant, action: action, callID: requestID, outcome: outcome, details: details, atMilliseconds: now)
        try await AuditLog.note(entry, within: connection)
    }

    /// Hashes a password that the rules let through.
    func hash(
        _ password: String, about: [String], field: String, milliseconds: Int = IdentityLimits.passwordMilliseconds
    ) async throws(IdentityError) -> String {
        if let problem = PasswordRules.problem(password, about: about, leaked: options.leaked) { throw .invalid(field: field, problem) }
        do {
            return try await desk.hash(password, milliseconds: milliseconds).text
        } catch {
            throw error == .busy ? .busy : .failed("\(error)")
        }
    }

    /// Whether a password is the stored one; takes as long without one.
    func isRight(_ password: String, for text: String?) async throws(IdentityError) -> Bool {
        guard password.utf8.count <= IdentityLimits.passwordBytesMax else { return false }
        do {
            return try await desk.isRight(password, for: text.flatMap { PasswordHash(text: $0) })
        } catch {
            throw error == .busy ? .busy : .failed("\(error)")
        }
    }

    /// Removes what is over: sessions, links, accounts whose address nobody confirmed. Returns how many rows went.
    package func sweep() async throws(IdentityError) -> Int {
        let now = now()
        return try await write { connection in
            let sessions = try await connection.execute("DELETE FROM auth_session WHERE expires_at <= $1", [.integer(now)])
            let invitations = try await connection.execute("DELETE FROM invitation WHERE expires_at <= $1", [.integer(now)])
            let links = try await connection.execute("DELETE FROM one_time_token WHERE expires_at <= $1", [.integer(now)])
            let keys = try await connection.execute("DELETE FROM api_key WHERE expires_at <= $1", [.integer(now)])
            let accounts = try await connection.execute(
                "DELETE FROM account WHERE verified_at IS NULL AND created_at <= $1", [.integer(now - IdentityLimits.unverifiedMilliseconds)])
            // Whoever keeps copies of what was theirs forgets it.
            if accounts > 0 { try await connection.announce(Self.topic, Self.everybody) }
            return sessions + invitations + links + keys + accounts
        }
    }
}

/// A secret that its holder shows: 256 random bits behind a word that says what it is; the store keeps its digest.
struct IssuedSecret: Sendable, CustomStringConvertible {
    let text: String

    /// A new one.
    init(_ prefix: String) { text = prefix + Base64URL.encode(secureRandom(IdentityLimits.secretBytes)) }

    /// What is stored of it.
    var hash: [UInt8] { Self.hash(text) }
    /// Not the secret.
    var description: String { "secret" }

    /// Whether a text has the length and the alphabet of one.
    static func hasForm(_ text: String) -> Bool {
        text.utf8.count == 47 && Base64URL.decode(String(text.dropFirst(4)))?.count == IdentityLimits.secretBytes
    }

    /// What would be stored of a secret that somebody shows.
    static func hash(_ text: String) -> [UInt8] { SHA256.hash(text).bytes }
}
