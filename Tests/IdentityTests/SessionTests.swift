import Crypto
import IO
import Store
import Testing

@testable import Identity

@Suite("Identity: sessions and tokens")
struct SessionTests {
    @Test("an access token lives on for no request after its session ended, warm or cold (AUTH-5, AUTH-15)", arguments: DatabaseEngine.allCases)
    func logout(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let account = try await bench.account()
        let (one, other) = (try await bench.signIn(), try await bench.signIn())
        for token in [one.accessToken, other.accessToken] { #expect(try await bench.isGood(.bearer(token))) }
        #expect(bench.service.remembered(.bearer(one.accessToken))?.account == account.id)
        try await bench.service.end(session: one.session, of: account.id, tenant: "main", by: Actor(account.id))
        #expect(bench.service.remembered(.bearer(one.accessToken)) == nil)
        #expect(try await !bench.isGood(.bearer(one.accessToken)))
        #expect(try await !bench.isGood(.session(one.sessionID ?? "")))
        #expect(await failure { _ = try await bench.service.refresh(one.refreshToken, requestID: nil) } == .invalidToken)
        #expect(try await bench.isGood(.bearer(other.accessToken)))
    }

    @Test("a change whose write fails, or nobody knows of, leaves a read behind and no old answer (AUTH-15)", arguments: DatabaseEngine.allCases)
    func failedChange(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let account = try await bench.account()
        let token = try await bench.signIn().accessToken
        #expect(try await bench.isGood(.bearer(token)))
        #expect(bench.service.remembered(.bearer(token)) != nil)
        bench.database.close()
        guard case .store? = await failure({ try await bench.service.endSessions(of: account.id, except: nil, tenant: "main", by: Actor("x")) })
        else {
            Issue.record("the write did not fail")
            return
        }
        #expect(bench.service.remembered(.bearer(token)) == nil)
        guard case .store? = await failure({ _ = try await bench.service.check(.bearer(token)) }) else {
            Issue.record("an old answer was given without the store")
            return
        }
    }

    @Test(
        "a demoted admin, a locked and a deleted account are out on the next request (AUTH-10)", arguments: ["role", "lock", "delete", "password"],
        DatabaseEngine.allCases)
    func demotion(change: String, engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        _ = try await bench.account("op@example.com", role: .operatorOfHost)
        let account = try await bench.account(role: .admin)
        let credentials = try await bench.signIn()
        let key = try await bench.service.makeKey(of: account.id, name: "k", scopes: [.admin], lasting: 1000, by: Actor(account.id)).key
        #expect(try await bench.service.check(.bearer(credentials.accessToken)).owner.role == .admin)
        #expect(try await bench.service.check(.bearer(key)).owner.role == .admin)
        var wish = AccountChange()
        switch change {
        case "role": wish.role = .user
        case "lock": wish.isActive = false
        case "password": try await bench.service.setPassword(of: account.id, to: "another lantern 77", by: Actor("op"))
        default: try await bench.service.delete(account.id, tenant: "main", as: .operatorOfHost, by: Actor("op"))
        }
        if wish != AccountChange() {
            _ = try await bench.service.change(account.id, tenant: "main", wish, as: .operatorOfHost, by: Actor("op"))
        }
        #expect(bench.service.remembered(.bearer(credentials.accessToken)) == nil)
        #expect(try await !bench.isGood(.bearer(credentials.accessToken)))
        if change == "role" { #expect(try await bench.service.check(.bearer(key)).owner.role == .user) }
        if change == "lock" || change == "delete" { #expect(try await !bench.isGood(.bearer(key))) }
    }

    @Test(
        "of 50 sign-ins at once one session is left under single_session, and its tokens with it (AUTH-3, AUTH-17)",
        arguments: DatabaseEngine.allCases)
    func singleSession(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let account = try await bench.account()
        let before = try await bench.signIn()
        var wish = AccountChange()
        wish.hasSingleSession = true
        _ = try await bench.service.change(account.id, tenant: nil, wish, as: .operatorOfHost, by: Actor("op"))
        let made = Lock<[Credentials]>([])
        let outcomes = await race(50) { _ in
            await failure {
                let credentials = try await bench.signIn()
                made.withLock { $0.append(credentials) }
            }
        }
        #expect(outcomes == [nil: 50])
        #expect(try await bench.count("SELECT count(*) FROM auth_session") == 1)
        #expect(try await bench.count("SELECT count(*) FROM refresh_token") == 1)
        var good = 0
        for credentials in made.withLock({ $0 }) where try await bench.isGood(.bearer(credentials.accessToken)) { good += 1 }
        #expect(good == 1)
        #expect(try await !bench.isGood(.bearer(before.accessToken)))
    }

    @Test("signing out elsewhere spares exactly the caller's session (AUTH-18)", arguments: DatabaseEngine.allCases)
    func elsewhere(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let account = try await bench.account()
        _ = try await bench.account("eve@example.com")
        let mine = try await bench.signIn()
        let others = [try await bench.signIn(), try await bench.signIn(device: .mobile)]
        let eve = try await bench.signIn("eve@example.com")
        #expect(try await bench.service.endSessions(of: account.id, except: mine.session, tenant: "main", by: Actor(account.id)) == 2)
        #expect(try await bench.isGood(.bearer(mine.accessToken)))
        #expect(try await bench.isGood(.bearer(eve.accessToken)))
        for other in others { #expect(try await !bench.isGood(.bearer(other.accessToken))) }
        #expect(try await bench.service.sessions(of: account.id).map(\.handle) == [mine.session])
    }

    @Test(
        "a refresh gives new tokens; of 200 at once with one token at most one gets any, and the replay ends the family",
        arguments: DatabaseEngine.allCases)
    func refreshRace(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        _ = try await bench.account()
        let first = try await bench.signIn()
        let second = try await bench.service.refresh(first.refreshToken, requestID: nil)
        #expect(second.refreshToken != first.refreshToken && second.session == first.session && second.sessionID == nil)
        #expect(try await bench.isGood(.bearer(second.accessToken)))
        let won = Lock<[Credentials]>([])
        let outcomes = await race(200) { _ in
            await failure {
                let credentials = try await bench.service.refresh(second.refreshToken, requestID: nil)
                won.withLock { $0.append(credentials) }
            }
        }
        #expect(won.withLock { $0.count } == 1 && outcomes[.invalidToken] == 199)
        for credentials in won.withLock({ $0 }) { #expect(try await !bench.isGood(.bearer(credentials.accessToken))) }
        #expect(try await !bench.isGood(.bearer(second.accessToken)))
        #expect(try await bench.count("SELECT count(*) FROM auth_session") == 0)
    }

    @Test("a token that was exchanged and comes again ends its session and no other", arguments: DatabaseEngine.allCases)
    func replay(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        _ = try await bench.account()
        let (stolen, other) = (try await bench.signIn(), try await bench.signIn())
        let next = try await bench.service.refresh(stolen.refreshToken, requestID: nil)
        bench.clock.advance(minutes: 60 * 24 * 3)
        #expect(await failure { _ = try await bench.service.refresh(stolen.refreshToken, requestID: nil) } == .invalidToken)
        #expect(await failure { _ = try await bench.service.refresh(next.refreshToken, requestID: nil) } == .invalidToken)
        #expect(await failure { _ = try await bench.service.refresh(other.refreshToken, requestID: nil) } == nil)
    }

    @Test(
        "an access token lives 30 minutes; a session gets a new id after a day of use, and the old one dies after its grace (AUTH-2)",
        arguments: DatabaseEngine.allCases)
    func ages(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        _ = try await bench.account()
        let first = try await bench.signIn()
        let id = try #require(first.sessionID)
        bench.clock.advance(milliseconds: 30 * 60_000 - 1)
        #expect(try await bench.isGood(.bearer(first.accessToken)))
        bench.clock.advance(milliseconds: 1)
        #expect(try await !bench.isGood(.bearer(first.accessToken)))
        #expect(try await bench.service.check(.session(id)).renewedSession == nil)
        bench.clock.advance(minutes: 24 * 60)
        let next = try #require(try await bench.service.check(.session(id)).renewedSession)
        #expect(next != id)
        #expect(try await bench.isGood(.session(next)))
        #expect(try await bench.isGood(.session(id)))
        bench.clock.advance(minutes: 5)
        #expect(try await bench.isGood(.session(next)))
        #expect(try await !bench.isGood(.session(id)))
        // A refresh renews too, and says the new id.
        bench.clock.advance(minutes: 24 * 60)
        let refreshed = try await bench.service.refresh(first.refreshToken, requestID: nil)
        #expect(refreshed.sessionID != nil)
        #expect(try await bench.isGood(.session(refreshed.sessionID ?? "")))
    }

    @Test(
        "a session without use is over after 7 days on the web and after 1 on a mobile (AUTH-6)", arguments: [Device.web, .mobile],
        DatabaseEngine.allCases)
    func idle(device: Device, engine: DatabaseEngine) async throws {
        let days: Int64 = device == .web ? 7 : 1
        let bench = try await Bench(engine)
        _ = try await bench.account()
        let credentials = try await bench.signIn(device: device)
        bench.clock.advance(milliseconds: days * 86_400_000 - 1)
        #expect(try await bench.count("SELECT count(*) FROM auth_session WHERE expires_at > 0") == 1)
        bench.clock.advance(milliseconds: 1)
        #expect(try await !bench.isGood(.session(credentials.sessionID ?? "")))
        #expect(await failure { _ = try await bench.service.refresh(credentials.refreshToken, requestID: nil) } == .invalidToken)
        #expect(try await bench.service.sweep() >= 1)
        #expect(try await bench.count("SELECT count(*) FROM auth_session") == 0)
    }

    @Test(
        "session ids, refresh tokens and keys have 256 bits of the system's generator, and only their digests are stored (AUTH-13)",
        arguments: DatabaseEngine.allCases)
    func secrets(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let account = try await bench.account()
        let credentials = try await bench.signIn()
        let key = try await bench.service.makeKey(of: account.id, name: "k", scopes: [.read], lasting: 1000, by: Actor(account.id)).key
        let issued = [try #require(credentials.sessionID), credentials.refreshToken, key]
        for secret in issued { #expect(Base64URL.decode(String(secret.dropFirst(4)))?.count == 32) }
        #expect(Set((0..<1000).map { _ in IssuedSecret("x").text }).count == 1000)
        try await bench.database.flush()
        let bytes = try (["limen.db", "limen.db-wal"].map { try contents("\(bench.folder)/\($0)") }).joined()
        for secret in issued + [credentials.accessToken, Bench.password] { #expect(!bytes.contains(secret.dropFirst(4))) }
    }

    @Test("deleting an account leaves nothing of it: no session, token, code, key or link (AUTH-14)", arguments: DatabaseEngine.allCases)
    func orphans(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let account = try await bench.account()
        _ = try await bench.signIn()
        _ = try await bench.service.makeKey(of: account.id, name: "k", scopes: [.read], lasting: 1000, by: Actor(account.id))
        let factor = try await bench.service.enableSecondFactor(of: account, requestID: nil)
        _ = try await bench.service.verifySecondFactor(of: account, code: bench.code(factor.secret), requestID: nil)
        try await bench.service.requestReset(email: account.email, tenant: "main", requestID: nil)
        try await bench.service.delete(account.id, tenant: "main", as: .admin, by: Actor("op"))
        #expect(
            try await bench.count(
                """
                SELECT (SELECT count(*) FROM account) + (SELECT count(*) FROM auth_session) + (SELECT count(*) FROM refresh_token)
                    + (SELECT count(*) FROM one_time_token) + (SELECT count(*) FROM second_factor) + (SELECT count(*) FROM recovery_code)
                    + (SELECT count(*) FROM api_key)
                """) == 0)
        // The audit log holds ids and neither address nor handle, so that the chain is whole after this too.
        let log = AuditLog(database: bench.database)
        #expect(try await log.verify().isIntact)
        #expect(try await log.list().items.allSatisfy { !"\($0.entry)".contains("ann@") })
    }

    @Test("a warm check reads nothing: p50 under 20 us", arguments: DatabaseEngine.allCases)
    func warm(engine: DatabaseEngine) async throws {
        let saboteur = Saboteur()
        let bench = try await Bench(engine, probe: saboteur.probe)
        _ = try await bench.account()
        let token = try await bench.signIn().accessToken
        _ = try await bench.service.check(.bearer(token))
        try await bench.database.flush()
        // A file without a store gives no answer but a remembered one; a server's host would believe nothing without its lease.
        if engine == .sqlite { bench.database.close() }
        saboteur.arm(.nothing)
        var times: [Duration] = []
        for _ in 0..<2000 {
            let start = ContinuousClock.now
            let checked = try await bench.service.check(.bearer(token))
            times.append(ContinuousClock.now - start)
            #expect(checked.renewedSession == nil)
        }
        times.sort()
        print("session check, warm: p50 \(times[1000]), p99 \(times[1980])")
        #expect(saboteur.count == 0)
        // A debug build; the release build is asked by `limen bench`.
        #expect(times[1000] < .microseconds(100))
    }
}
