import Crypto
import Glibc
import IO
import Store
import Testing

@testable import Identity

/// A file's bytes as text of single bytes.
func contents(_ path: String) throws -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var (text, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
    while true {
        let count = read(file, &buffer, buffer.count)
        guard count > 0 else { return String(decoding: text.map { $0 & 0x7f }, as: UTF8.self) }
        text += buffer[..<count]
    }
}

extension Bench {
    /// The code of a secret now.
    func code(_ secret: String, stepsAhead: Int64 = 0) -> String {
        OneTimeCode.code(secret: Base32.decode(secret) ?? [], counter: OneTimeCode.step(atMilliseconds: clock.now) + stepsAhead)
    }
}

@Suite("Identity: accounts, passwords, second factors and keys")
struct AccountTests {
    @Test(
        "exactly five wrong codes are looked at of 200 at once, then none for five minutes, not even the right one (AUTH-7)",
        arguments: DatabaseEngine.allCases)
    func codes(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let account = try await bench.account()
        let factor = try await bench.service.enableSecondFactor(of: account, requestID: nil)
        let recovery = try await bench.service.verifySecondFactor(of: account, code: bench.code(factor.secret), requestID: nil)
        bench.clock.advance(minutes: 1)
        let wrong = (0..<10).map { String(format6: $0) }.filter { !(-1...1).map { bench.code(factor.secret, stepsAhead: $0) }.contains($0) }
        let outcomes = await race(200) { index -> String in
            switch await failure({ _ = try await bench.signIn(code: wrong[index % wrong.count]) }) {
            case .wrongCode: "looked at"
            case .locked: "locked"
            case let other: "\(String(describing: other))"
            }
        }
        #expect(outcomes == ["looked at": 5, "locked": 195])
        guard case .locked? = await failure({ _ = try await bench.signIn(code: bench.code(factor.secret)) }) else {
            Issue.record("the right code was looked at while locked")
            return
        }
        guard case .locked? = await failure({ _ = try await bench.signIn(code: recovery[0]) }) else {
            Issue.record("a recovery code was looked at while locked")
            return
        }
        #expect(try await bench.service.secondFactor(of: account.id).recoveryCodes == 10)
        bench.clock.advance(minutes: 5)
        _ = try await bench.signIn(code: bench.code(factor.secret))
        #expect(await failure { _ = try await bench.signIn(code: bench.code(factor.secret)) } == .wrongCode(left: 4))
    }

    @Test("of 200 sign-ins at once with one right code one gets in; a recovery code works once", arguments: DatabaseEngine.allCases)
    func codeOnce(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let account = try await bench.account()
        let factor = try await bench.service.enableSecondFactor(of: account, requestID: nil)
        guard case .codeRequired = try await bench.begun(factor) else {
            Issue.record("a code was not asked for")
            return
        }
        bench.clock.advance(minutes: 1)
        let right = bench.code(factor.secret)
        let outcomes = await race(200) { _ in await failure { _ = try await bench.signIn(code: right) } == nil }
        #expect(outcomes[true] == 1)
        bench.clock.advance(minutes: 10)
        let codes = try await bench.service.renewRecoveryCodes(of: account, code: bench.code(factor.secret), requestID: nil)
        #expect(codes.count == 10 && Set(codes).count == 10)
        _ = try await bench.signIn(code: codes[3].lowercased())
        #expect(await failure { _ = try await bench.signIn(code: codes[3]) } == .wrongCode(left: 4))
        _ = try await bench.signIn(code: codes[4])
        #expect(await failure { try await bench.service.disableSecondFactor(of: account, code: "000000", requestID: nil) } != nil)
        try await bench.service.disableSecondFactor(of: account, code: codes[5], requestID: nil)
        _ = try await bench.signIn()
    }

    @Test("a reset works once of 200 at once, for 15 minutes, and ends every session (AUTH-8)", arguments: DatabaseEngine.allCases)
    func reset(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        _ = try await bench.account()
        let before = try await bench.signIn()
        try await bench.service.requestReset(email: "ANN@example.com", tenant: "main", requestID: nil)
        let late = bench.post.token
        bench.clock.advance(minutes: 15)
        #expect(await failure { try await bench.service.completeReset(token: late, to: "quiet harbour 61", requestID: nil) } == .invalidToken)
        _ = try await bench.service.refresh(before.refreshToken, requestID: nil)
        try await bench.service.requestReset(email: "ann@example.com", tenant: "main", requestID: nil)
        let token = bench.post.token
        #expect(await failure { try await bench.service.completeReset(token: token, to: "password123", requestID: nil) } != .invalidToken)
        let outcomes = await race(200) { index in
            await failure { try await bench.service.completeReset(token: token, to: "quiet harbour \(index)", requestID: nil) }
        }
        #expect(outcomes[.invalidToken] == 199 && outcomes.count == 2)
        #expect(try await !bench.isGood(.session(before.sessionID ?? "")))
        #expect(await failure { _ = try await bench.signIn() } == .wrongCredentials)
    }

    @Test("a reset tells nobody whether an address exists: same reply, same records, no letter to a stranger", arguments: DatabaseEngine.allCases)
    func resetTells(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        _ = try await bench.account()
        // What the start queued of its own.
        try await bench.database.flush()
        let before = try await bench.count("SELECT count(*) FROM audit")
        #expect(await failure { try await bench.service.requestReset(email: "nobody@example.com", tenant: "main", requestID: nil) } == nil)
        #expect(await failure { try await bench.service.requestReset(email: "no address", tenant: "main", requestID: nil) } == nil)
        #expect(bench.post.letters.isEmpty)
        #expect(await failure { try await bench.service.requestReset(email: "ann@example.com", tenant: "other", requestID: nil) } == nil)
        #expect(bench.post.letters.isEmpty)
        #expect(await failure { try await bench.service.requestReset(email: "ann@example.com", tenant: "main", requestID: nil) } == nil)
        #expect(bench.post.letters.count == 1)
        #expect(try await bench.count("SELECT count(*) FROM audit") == before + 4)
    }

    @Test(
        "a changed password ends every other session and no longer the forced change; the old one must be right", arguments: DatabaseEngine.allCases)
    func change(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let new = NewAccount(email: "ann@example.com", password: Bench.password, mustChangePassword: true)
        let account = try await bench.service.create(new, tenant: "main", by: Actor("test"))
        let (mine, other) = (try await bench.signIn(), try await bench.signIn())
        #expect(try await bench.service.check(.bearer(mine.accessToken)).owner.mustChangePassword)
        let service = bench.service
        func change(_ old: String, _ new: String) async -> IdentityError? {
            await failure { try await service.changePassword(of: account.id, from: old, to: new, keeping: mine.session, requestID: nil) }
        }
        #expect(await change("wrong", "quiet harbour 61") == .wrongCredentials)
        #expect(await change(Bench.password, Bench.password) != nil)
        #expect(await change(Bench.password, "short") != nil)
        #expect(await change(Bench.password, "quiet harbour 61") == nil)
        #expect(try await !bench.service.check(.bearer(mine.accessToken)).owner.mustChangePassword)
        #expect(try await !bench.isGood(.bearer(other.accessToken)))
    }

    @Test("a password is hashed anew at a sign-in when its cost is not today's", arguments: DatabaseEngine.allCases)
    func rehash(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine, cost: #require(Scrypt.Cost(log2N: 5, r: 8, p: 1)))
        let account = try await bench.account()
        let old = try PasswordHash(of: Array(Bench.password.utf8), cost: .cheapestForTests).text
        try await bench.database.write { try await $0.execute("UPDATE account SET password = $1", [.text(old)]) }
        _ = try await bench.signIn()
        let text = try await bench.database.read { try await $0.row("SELECT password FROM account WHERE id = $1", [.text(account.id)])?.text(0) }
        #expect(text?.hasPrefix("$scrypt$ln=5,") == true)
        _ = try await bench.signIn()
    }

    @Test(
        "addresses and handles are unique in a tenant, whatever their case, and 200 sign-ups at once make one account",
        arguments: DatabaseEngine.allCases)
    func unique(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let outcomes = await race(200) { index in
            await failure {
                _ = try await bench.service.signUp(
                    SignInRequest(email: index % 2 == 0 ? "ann@example.com" : "ANN@Example.com", password: Bench.password), handle: nil)
            }
        }
        #expect(outcomes.values.sorted() == [1, 199])
        #expect(try await bench.count("SELECT count(*) FROM account") == 1)
        #expect(bench.post.letters.count == 1)
    }

    @Test("closed sign-up makes nobody; an address that nobody confirms is gone after a day", arguments: DatabaseEngine.allCases)
    func signUp(engine: DatabaseEngine) async throws {
        let closed = try await Bench(engine) { $0.isSignUpOpen = false }
        let request = SignInRequest(email: "ann@example.com", password: Bench.password)
        guard case .forbidden? = await failure({ _ = try await closed.service.signUp(request, handle: nil) }) else {
            Issue.record("sign-up was not closed")
            return
        }
        let bench = try await Bench(engine)
        let credentials = try await bench.service.signUp(request, handle: "ann")
        #expect(try await bench.isGood(.bearer(credentials.accessToken)))
        bench.clock.advance(minutes: 24 * 60)
        #expect(try await !bench.isGood(.session(credentials.sessionID ?? "")))
        #expect(await failure { _ = try await bench.signIn() } == .wrongCredentials)
        #expect(try await bench.service.sweep() >= 1)
        #expect(try await bench.count("SELECT count(*) FROM account") == 0)
        _ = try await bench.service.signUp(request, handle: "ann")
        try await bench.service.verifyEmail(token: bench.post.token, requestID: nil)
        #expect(await failure { try await bench.service.verifyEmail(token: bench.post.token, requestID: nil) } == .invalidToken)
        bench.clock.advance(minutes: 24 * 60)
        _ = try await bench.signIn()
    }

    @Test("200 sign-ins at once all get sessions of their own, and an account keeps the newest hundred", arguments: DatabaseEngine.allCases)
    func signIns(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        _ = try await bench.account()
        let outcomes = await race(200) { _ in await failure { _ = try await bench.signIn() } }
        #expect(outcomes == [nil: 200])
        #expect(try await bench.count("SELECT count(*) FROM auth_session") == 100)
    }

    @Test("an API key is for its scopes, ends at its time, and is gone on the next request when it is removed", arguments: DatabaseEngine.allCases)
    func keys(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let account = try await bench.account()
        let (record, key) = try await bench.service.makeKey(
            of: account.id, name: "ci", scopes: [.read, .tools], lasting: 60_000, by: Actor(account.id))
        let owner = try await bench.service.check(.bearer(key)).owner
        #expect(owner.scopes == [.read, .tools] && owner.session == nil && owner.apiKey == record.id)
        bench.clock.advance(milliseconds: 60_000)
        #expect(try await !bench.isGood(.bearer(key)))
        let (second, other) = try await bench.service.makeKey(of: account.id, name: "cd", scopes: [.read], lasting: 60_000, by: Actor(account.id))
        #expect(try await bench.isGood(.bearer(other)))
        try await bench.service.removeKey(second.id, of: account.id, tenant: "main", by: Actor(account.id))
        #expect(try await !bench.isGood(.bearer(other)))
        #expect(try await bench.service.keys(of: account.id, cursor: nil, limit: 10).items.map(\.name) == ["ci"])
    }

    @Test("nobody gives more than he has, and the last operator stays", arguments: DatabaseEngine.allCases)
    func roles(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let first = try await bench.account("op@example.com", role: .operatorOfHost)
        let account = try await bench.account()
        func give(_ id: String, _ role: Role?, as giver: Role, active: Bool? = nil, tenant: String = "main") async -> IdentityError? {
            var wish = AccountChange()
            (wish.role, wish.isActive) = (role, active)
            return await failure { _ = try await bench.service.change(id, tenant: tenant, wish, as: giver, by: Actor("x")) }
        }
        for (id, role) in [(account.id, Role.operatorOfHost), (first.id, .user)] {
            guard case .forbidden? = await give(id, role, as: .admin) else {
                Issue.record("an admin changed \(role)")
                return
            }
        }
        guard case .conflict? = await give(first.id, .user, as: .operatorOfHost),
            case .conflict? = await give(first.id, nil, as: .operatorOfHost, active: false)
        else {
            Issue.record("the last operator went")
            return
        }
        #expect(await give(account.id, .admin, as: .admin, tenant: "other") == .missing("user"))
        #expect(await give(account.id, .operatorOfHost, as: .operatorOfHost) == nil)
        #expect(await give(first.id, .user, as: .operatorOfHost) == nil)
    }
}

extension Bench {
    /// Enables a second factor and tries to sign in without a code.
    func begun(_ factor: NewSecondFactor) async throws -> SignInOutcome {
        let account = try await service.account(email: "ann@example.com", tenant: "main")
        _ = try await service.verifySecondFactor(of: account, code: code(factor.secret), requestID: nil)
        return try await service.signIn(SignInRequest(email: account.email, password: Self.password))
    }
}

extension String {
    /// Six equal digits.
    fileprivate init(format6 digit: Int) { self.init(repeating: "\(digit)", count: 6) }
}
