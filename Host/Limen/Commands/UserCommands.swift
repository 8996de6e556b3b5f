import API
import Glibc
import IO
import Identity
import Registry
import Store

/// What an operator does with accounts; a running server notices each change at the next request.
enum UserCommands {
    /// What a command works with.
    struct Desk: Sendable {
        let identity: IdentityService
        let actor: Actor
        let tenant: String
    }

    /// `limen user create EMAIL`
    static func create(_ arguments: Arguments) throws -> Int32 {
        let email = try email(arguments)
        let role = try role(arguments["role"] ?? "user", "--role")
        let given = try arguments["file"].map { try String(decoding: SecretCommands.value(arguments), as: UTF8.self).checked($0) }
        let password = given ?? FirstAccount.oneTimePassword()
        let new = NewAccount(
            email: email, password: password, handle: arguments["handle"], role: role, mustChangePassword: given == nil)
        _ = try withIdentity(arguments) { desk in try await desk.identity.create(new, tenant: desk.tenant, by: desk.actor) }
        Output.print("\(email) is \(role.rawValue) now\n")
        if given == nil { tell(password) }
        return 0
    }

    /// `limen user list`
    static func list(_ arguments: Arguments) throws -> Int32 {
        let accounts = try withIdentity(arguments, changes: false) { desk in
            var (found, cursor): ([Identity.Account], String?) = ([], nil)
            repeat {
                let page = try await desk.identity.accounts(tenant: desk.tenant, cursor: cursor, limit: StoreLimits.pageMax)
                found += page.items
                cursor = page.nextCursor
            } while cursor != nil
            return found
        }
        let rows = accounts.map { account in
            [
                account.email, account.handle ?? "", account.role.rawValue, account.plan, account.isActive ? "active" : "disabled",
                account.isVerified ? "yes" : "no", Timestamp.text(milliseconds: account.createdAt), account.id,
            ].map(CapabilityTable.plain)
        }
        Output.print(TextTable.titled(["email", "handle", "role", "plan", "state", "confirmed", "created", "id"], rows))
        return 0
    }

    /// `limen user role EMAIL ROLE`
    static func role(_ arguments: Arguments) throws -> Int32 {
        var change = AccountChange()
        let role = try role(try arguments.operand(1, "ROLE"), "ROLE")
        change.role = role
        let email = try apply(change, arguments)
        Output.print("\(email) is \(role.rawValue) now; who was signed in has to sign in again\n")
        return 0
    }

    /// `limen user disable EMAIL`
    static func disable(_ arguments: Arguments) throws -> Int32 {
        var change = AccountChange()
        change.isActive = false
        let email = try apply(change, arguments)
        Output.print("\(email) is disabled: its sessions and keys are refused from now on\n")
        return 0
    }

    /// `limen user enable EMAIL`
    static func enable(_ arguments: Arguments) throws -> Int32 {
        var change = AccountChange()
        change.isActive = true
        let email = try apply(change, arguments)
        Output.print("\(email) is enabled\n")
        return 0
    }

    /// `limen user reset EMAIL`
    static func reset(_ arguments: Arguments) throws -> Int32 {
        let (email, password, takesFactor) = (try email(arguments), FirstAccount.oneTimePassword(), arguments.has("mfa"))
        try withIdentity(arguments) { desk in
            let account = try await desk.identity.account(email: email, tenant: desk.tenant)
            try await desk.identity.setPassword(of: account.id, to: password, by: desk.actor)
            if takesFactor { try await desk.identity.removeSecondFactor(of: account, by: desk.actor) }
        }
        Output.print("\(email) is signed out everywhere\(takesFactor ? " and has no second factor any more" : "")\n")
        tell(password)
        return 0
    }

    /// `limen user key EMAIL`
    static func key(_ arguments: Arguments) throws -> Int32 {
        let email = try email(arguments)
        let words = (arguments["scopes"] ?? "read,write,tools").split(separator: ",").map(String.init)
        let scopes = try Set(
            words.map { word throws(UsageError) in
                guard let scope = Scope(rawValue: word) else {
                    throw UsageError("--scopes: \(CapabilityTable.plain(word)) is none of \(Scope.allCases.map(\.rawValue).joined(separator: ", "))")
                }
                return scope
            })
        let days = try arguments.integer("days", in: 1...3650) ?? 90
        let name = arguments["name"] ?? "cli"
        let key = try withIdentity(arguments) { desk in
            let account = try await desk.identity.account(email: email, tenant: desk.tenant)
            return try await desk.identity.makeKey(
                of: account.id, name: name, scopes: scopes, lasting: Int64(days) * 86_400_000, by: desk.actor
            ).key
        }
        Output.print("\(key)\n")
        return 0
    }

    private static func tell(_ password: String) {
        Output.print("one-time password, shown this once: \(password)\nthe first sign-in has to set another\n")
    }

    /// Changes the account that a command names; its address.
    private static func apply(_ change: AccountChange, _ arguments: Arguments) throws -> String {
        let email = try email(arguments)
        try withIdentity(arguments) { desk in
            let account = try await desk.identity.account(email: email, tenant: desk.tenant)
            _ = try await desk.identity.change(account.id, tenant: desk.tenant, change, as: .operatorOfHost, by: desk.actor)
        }
        return email
    }

    private static func email(_ arguments: Arguments) throws -> String {
        let text = try arguments.operand(0, "EMAIL")
        guard let email = Email(text) else { throw UsageError("\(CapabilityTable.plain(text)) is no address that mail can be sent to") }
        return email.text
    }

    private static func role(_ text: String, _ name: String) throws(UsageError) -> Role {
        guard let role = Role(rawValue: text) else {
            throw UsageError("\(name): \(CapabilityTable.plain(text)) is none of \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return role
    }

    /// Runs `body` with identity over the data folder, as the service's account.
    @discardableResult
    static func withIdentity<Value: Sendable>(
        _ arguments: Arguments, changes: Bool = true, _ body: @escaping @Sendable (Desk) async throws -> Value
    ) throws -> Value {
        var none: [String] = []
        let place = try OperatorCommands.Place(arguments, reaching: &none)
        let tenant = arguments["tenant"] ?? "main"
        let group = try EventLoopGroup(count: 1)
        defer { group.stop() }
        let database = try group.runBlocking { try await Database.open(place.database, on: group) }
        defer { database.close() }
        let desk = try PasswordDesk()
        defer { desk.close() }
        let stamp = try ChangeStamp(data: place.data)
        let secrets = SecretStore(database: database, keys: SecretCommands.keys(in: place.data))
        func run() throws -> Value {
            try group.runBlocking {
                let vault = try await IdentityVault.open(secrets, issuer: IdentityWiring.issuer, now: StoreClock.nowMilliseconds())
                let identity = IdentityService(database: database, desk: desk, vault: vault, post: NoPost())
                return try await body(Desk(identity: identity, actor: Actor(place.actor.id), tenant: tenant))
            }
        }
        do {
            return changes ? try stamp.change(run) : try run()
        } catch let error as IdentityError {
            throw CommandError(Self.text(error))
        } catch let error as StoreError {
            throw CommandError(error.message)
        }
    }

    private static func text(_ error: IdentityError) -> String {
        switch error {
        case .missing(let kind): "there is no such \(kind); `limen \(kind) list` shows what there is"
        case .conflict(let field, let reason), .invalid(let field, let reason): "the \(field) \(reason)"
        case .forbidden(let reason): reason
        case .store(let error): error.message
        case .failed(let reason): reason
        case .wrongCredentials, .invalidToken, .wrongCode, .locked, .guessing, .busy: "\(error)"
        }
    }
}

/// Commands send no letters.
private struct NoPost: Post {
    func send(_ letter: Letter) {}
}

extension String {
    /// A password out of a file: one line that is not empty.
    fileprivate func checked(_ file: String) throws(UsageError) -> String {
        guard !isEmpty else { throw UsageError("\(file) is empty") }
        return self
    }
}
