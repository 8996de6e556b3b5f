import Identity
import Store
import Testing

@Suite("Identity: tenants and invitations") struct TenantTests {
    private func code(_ bench: Bench) -> String {
        let text = bench.post.letters.last?.text ?? ""
        return text.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("lmi_") }.map(String.init) ?? ""
    }

    @Test(
        "of 50 who take one invitation at once one gets an account; it ends with its time, and works where sign-up is closed",
        arguments: DatabaseEngine.allCases)
    func invitation(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine) { $0.isSignUpOpen = false }
        let service = bench.service
        _ = try await service.createTenant("team", name: nil, host: nil, by: Actor("test"))
        func invite(_ email: String) async throws {
            _ = try await service.invite(email, tenant: "team", role: .admin, lasting: 3_600_000, as: .operatorOfHost, by: Actor("test"))
        }
        try await invite("ann@example.com")
        let first = code(bench)
        let request = SignInRequest(email: "ann@example.com", password: Bench.password)
        let outcomes = await race(50) { index in
            await failure { _ = try await service.signUp(request, handle: "ann\(index)", invitation: first) } == nil
        }
        #expect(outcomes[true] == 1)
        #expect(try await bench.count("SELECT count(*) FROM account WHERE tenant = 'team' AND role = 'admin'") == 1)
        #expect(try await bench.count("SELECT count(*) FROM invitation") == 0)
        guard
            case .forbidden? = await failure({
                _ = try await service.signUp(SignInRequest(email: "x@example.com", password: Bench.password), handle: nil)
            })
        else { return #expect(Bool(false), "sign-up is closed") }
        guard case .conflict? = await failure({ try await invite("ANN@example.com") }) else { return #expect(Bool(false), "has an account") }
        try await invite("bob@example.com")
        bench.clock.advance(minutes: 60)
        let late = SignInRequest(email: "bob@example.com", password: Bench.password)
        #expect(await failure { _ = try await service.signUp(late, handle: nil, invitation: code(bench)) } == .invalidToken)
        #expect(try await service.sweep() >= 1)
    }

    @Test(
        "a tenant that is disabled keeps its people out at once, from sign-in to invitations, and lets them in again",
        arguments: DatabaseEngine.allCases)
    func disabled(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let service = bench.service
        _ = try await service.createTenant("team", name: "Team", host: "team.test", by: Actor("test"))
        _ = try await service.create(NewAccount(email: "ann@example.com", password: Bench.password), tenant: "team", by: Actor("test"))
        let request = SignInRequest(email: "ann@example.com", password: Bench.password, tenant: try await service.tenant(ofHost: "TEAM.test:443"))
        guard case .signedIn(let credentials) = try await service.signIn(request) else { return #expect(Bool(false), "no sign-in") }
        #expect(try await bench.isGood(.bearer(credentials.accessToken)))
        _ = try await service.invite("bob@example.com", tenant: "team", role: .user, lasting: 60_000, as: .admin, by: Actor("test"))
        var change = TenantChange()
        change.isActive = false
        _ = try await service.changeTenant("team", change, by: Actor("test"))
        #expect(try await !bench.isGood(.bearer(credentials.accessToken)))
        #expect(await failure { _ = try await service.signIn(request) } == .wrongCredentials)
        #expect(
            await failure {
                _ = try await service.signUp(
                    SignInRequest(email: "bob@example.com", password: Bench.password), handle: nil, invitation: code(bench))
            } == .invalidToken)
        #expect(try await service.tenant(ofHost: "team.test") == "main", "the host name is nobody's meanwhile")
        change.isActive = true
        _ = try await service.changeTenant("team", change, by: Actor("test"))
        #expect(try await bench.isGood(.bearer(credentials.accessToken)))
        change.isActive = false
        guard case .conflict? = await failure({ _ = try await service.changeTenant("main", change, by: Actor("test")) }) else {
            return #expect(Bool(false), "main was disabled")
        }
    }
}
