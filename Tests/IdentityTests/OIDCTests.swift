import Crypto
import IO
import JSON
import Store
import Testing

@testable import Identity

/// A provider in this process: what it signs, a test decides.
private final class FakeProvider: OIDCFetcher {
    struct State: Sendable {
        var key: Ed25519.PrivateKey
        var keyID = "k1"
        var claims: JSONObject = [:]
        var algorithm = "EdDSA"
        var forms: [[String: String]] = []
        var keyReads = 0
        var authorization: String?
    }

    let state: Lock<State>

    init() throws { state = Lock(State(key: try .generate())) }

    func fetch(_ url: String, form: [(name: String, value: String)]?, authorization: String?) async throws -> (status: Int, body: [UInt8]) {
        switch url {
        case "https://id.test/.well-known/openid-configuration":
            let document: JSONValue = [
                "issuer": "https://id.test", "authorization_endpoint": "https://id.test/authorize", "token_endpoint": "https://id.test/token",
                "jwks_uri": "https://id.test/keys",
            ]
            return (200, document.serialized())
        case "https://id.test/keys":
            let (id, x) = try state.withLock { state in
                state.keyReads += 1
                return (state.keyID, Base64URL.encode(try Ed25519.publicKey(of: state.key)))
            }
            let set: JSONValue = ["keys": [["kty": "OKP", "crv": "Ed25519", "kid": .string(id), "x": .string(x)], ["kty": "oct", "k": "AAAA"]]]
            return (200, set.serialized())
        default: return try token(form ?? [], authorization)
        }
    }

    private func token(_ form: [(name: String, value: String)], _ authorization: String?) throws -> (Int, [UInt8]) {
        try state.withLock { state in
            state.forms.append(Dictionary(form.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first }))
            state.authorization = authorization
            let head: JSONValue = ["alg": .string(state.algorithm), "kid": .string(state.keyID)]
            let text = Base64URL.encode(head.serialized()) + "." + Base64URL.encode(JSONValue.object(state.claims).serialized())
            let signature = state.algorithm == "none" ? "" : Base64URL.encode(try Ed25519.sign(Array(text.utf8), with: state.key))
            return (200, JSONValue.object(["id_token": .string(text + "." + signature)]).serialized())
        }
    }
}

/// Identity with one provider.
private struct Station {
    let bench: Bench
    let provider: FakeProvider
    let oidc: OIDCService

    init(_ engine: DatabaseEngine, secret: String? = nil) async throws {
        bench = try await Bench(engine)
        provider = try FakeProvider()
        oidc = OIDCService(
            bench.service, providers: [OIDCProvider(name: "corp", issuer: "https://id.test", client: "limen", secret: secret)], fetcher: provider)
    }

    /// Begins a sign-in, and has the provider vouch for somebody with the right claims, changed.
    func begin(linking account: String? = nil, _ change: (inout JSONObject) -> Void = { _ in }) async throws -> OIDCService.Begun {
        let begun = try await oidc.start("corp", linking: account, requestID: nil)
        let (url, state) = (begun.url, begun.state)
        let query = Dictionary(
            url.split(separator: "?")[1].split(separator: "&").map { pair in
                let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
                return (parts[0], parts.count > 1 ? parts[1] : "")
            }, uniquingKeysWith: { first, _ in first })
        let now = bench.clock.now / 1000
        var claims: JSONObject = [
            "iss": "https://id.test", "aud": "limen", "sub": "s-1", "nonce": .string(query["nonce"] ?? ""), "iat": JSONValue(now),
            "exp": JSONValue(now + 300), "email": "ann@example.com", "email_verified": true,
        ]
        change(&claims)
        provider.state.withLock { [claims] in $0.claims = claims }
        #expect(query["code_challenge_method"] == "S256" && query["state"] == state && query["response_type"] == "code")
        #expect(query["redirect_uri"] == "http%3A%2F%2F127.0.0.1%3A8080%2Fv1%2Fauth%2Foauth%2Fcorp%2Fcallback")
        return begun
    }

    func finish(_ begun: OIDCService.Begun, binding: String? = nil) async throws -> Credentials {
        try await oidc.finish("corp", state: begun.state, code: "c", binding: binding ?? begun.binding, requestID: nil)
    }
}

@Suite("Identity: sign-in at identity providers")
struct OIDCTests {
    @Test("a state is consumed atomically: of 50 at once one gets in, and none later (AUTH-9)", arguments: DatabaseEngine.allCases)
    func stateOnce(engine: DatabaseEngine) async throws {
        let station = try await Station(engine)
        let state = try await station.begin()
        let outcomes = await race(50) { _ in await failure { _ = try await station.finish(state) } }
        #expect(outcomes == [nil: 1, .invalidToken: 49])
        #expect(await failure { _ = try await station.finish(state) } == .invalidToken)
        #expect(try await station.bench.count("SELECT count(*) FROM oidc_state") == 0)
        let late = try await station.begin()
        station.bench.clock.advance(minutes: 10)
        #expect(await failure { _ = try await station.finish(late) } == .invalidToken)
    }

    @Test(
        "only the browser that began a sign-in can end it: neither another's binding nor none does, and neither uses the state up (login CSRF)",
        arguments: DatabaseEngine.allCases)
    func browsers(engine: DatabaseEngine) async throws {
        let station = try await Station(engine)
        let (mine, other) = (try await station.begin(), try await station.begin())
        #expect(await failure { _ = try await station.finish(mine, binding: other.binding) } == .invalidToken)
        #expect(await failure { _ = try await station.finish(mine, binding: "") } == .invalidToken)
        #expect(
            await failure { _ = try await station.oidc.finish("corp", state: mine.state, code: "c", binding: nil, requestID: nil) } == .invalidToken)
        #expect(try await station.bench.count("SELECT count(*) FROM oidc_state") == 2)
        let last = try await station.begin()
        #expect(try await station.finish(last).account.email == "ann@example.com")
    }

    @Test(
        "an owner links his account to a provider and unlinks it; a person is one account's, and the only way in stays",
        arguments: DatabaseEngine.allCases)
    func linking(engine: DatabaseEngine) async throws {
        let station = try await Station(engine)
        let (bench, service) = (station.bench, station.bench.service)
        let (ann, bob) = (try await bench.account(), try await bench.account("bob@example.com"))
        #expect(await failure { try await service.confirm(ann.id, password: "wrong") } == .wrongCredentials)
        #expect(await failure { try await service.confirm(ann.id, password: nil) } == .wrongCredentials)
        try await service.confirm(ann.id, password: Bench.password)
        // Any address will do: it is the owner who vouches.
        let linked = try await station.finish(station.begin(linking: ann.id) { $0["email"] = "elsewhere@example.com" })
        #expect(linked.account.id == ann.id)
        #expect(try await station.finish(station.begin()).account.id == ann.id)
        #expect(try await station.finish(station.begin(linking: ann.id)).account.id == ann.id, "again is nothing")
        let stolen = try await station.begin(linking: bob.id)
        guard case .conflict(field: "provider", _)? = await failure({ _ = try await station.finish(stolen) }) else {
            return #expect(Bool(false), "one person in two accounts")
        }
        #expect(try await service.links(of: ann.id).map(\.issuer) == ["https://id.test"])
        #expect(await failure { try await service.unlink(bob.id, issuer: "https://id.test", by: Actor("test")) } == .missing("link"))
        try await service.unlink(ann.id, issuer: "https://id.test", by: Actor("test"))
        #expect(try await service.links(of: ann.id) == [])
        // Who came from a provider and has no password keeps the only way in.
        let carol = try await station.finish(station.begin { ($0["sub"], $0["email"]) = ("s-9", "carol@example.com") }).account
        try await service.confirm(carol.id, password: nil)
        guard case .conflict? = await failure({ try await service.unlink(carol.id, issuer: "https://id.test", by: Actor("test")) }) else {
            return #expect(Bool(false), "nobody gets in any more")
        }
        let actions = try await AuditLog(database: bench.database).list(limit: 100).items.map(\.entry.action)
        #expect(actions.filter { $0 == "auth.link" }.count == 1 && actions.filter { $0 == "auth.unlink" }.count == 1)
    }

    @Test("the code is exchanged with the verifier of its challenge, and the client's secret in the header alone", arguments: DatabaseEngine.allCases)
    func pkce(engine: DatabaseEngine) async throws {
        let station = try await Station(engine, secret: "s3cret/+")
        let state = try await station.begin()
        _ = try await station.finish(state)
        let (form, authorization) = station.provider.state.withLock { ($0.forms[0], $0.authorization) }
        #expect(form["code_verifier"]?.utf8.count == 43 && form["grant_type"] == "authorization_code" && form["client_id"] == nil)
        #expect(authorization == "Basic bGltZW46czNjcmV0JTJGJTJC")
    }

    @Test(
        "a person is the same account at the next sign-in, and one whose address another account has takes nothing over",
        arguments: DatabaseEngine.allCases)
    func accounts(engine: DatabaseEngine) async throws {
        let station = try await Station(engine)
        let first = try await station.finish(station.begin())
        let second = try await station.finish(station.begin { $0["email"] = "other@example.com" })
        #expect(first.account.id == second.account.id && first.account.email == "ann@example.com" && first.account.isVerified)
        #expect(try await station.bench.isGood(.bearer(second.accessToken)))
        let strange = try await station.begin { $0["sub"] = "s-2" }
        guard case .conflict? = await failure({ _ = try await station.finish(strange) }) else {
            Issue.record("an account was taken over")
            return
        }
        let unverified = try await station.begin {
            $0["sub"] = "s-3"; $0["email"] = "new@example.com"; $0["email_verified"] = false
        }
        guard case .forbidden? = await failure({ _ = try await station.finish(unverified) }) else {
            Issue.record("an address was taken that nobody vouches for")
            return
        }
        #expect(await failure { _ = try await station.bench.signIn() } == .wrongCredentials, "an account without a password has none")
    }

    @Test(
        "issuer, audience, party, nonce and times are checked, and no algorithm but the key's is taken",
        arguments: ["iss", "aud", "azp", "nonce", "exp", "iat", "sub", "none", "HS256", "RS256"], DatabaseEngine.allCases)
    func checks(what: String, engine: DatabaseEngine) async throws {
        let station = try await Station(engine)
        let now = station.bench.clock.now / 1000
        let wrong: JSONObject = [
            "iss": "https://evil.test", "aud": "other", "azp": "other", "nonce": "other", "exp": JSONValue(now - 31), "iat": JSONValue(now + 31),
            "sub": .null,
        ]
        let state = try await station.begin { claims in
            if let value = wrong[what] { claims[what] = value }
        }
        if wrong[what] == nil { station.provider.state.withLock { $0.algorithm = what } }
        #expect(await failure { _ = try await station.finish(state) } == .invalidToken)
        #expect(try await station.bench.count("SELECT count(*) FROM account") == 0)
    }

    @Test("keys are read once, and again when the provider signs with another", arguments: DatabaseEngine.allCases)
    func rotation(engine: DatabaseEngine) async throws {
        let station = try await Station(engine)
        _ = try await station.finish(station.begin())
        _ = try await station.finish(station.begin())
        #expect(station.provider.state.withLock { $0.keyReads } == 1)
        let next = try Ed25519.PrivateKey.generate()
        station.provider.state.withLock { ($0.key, $0.keyID) = (next, "k2") }
        _ = try await station.finish(station.begin())
        #expect(station.provider.state.withLock { $0.keyReads } == 2)
        // The same name with another key is no rotation, it is a forgery.
        station.provider.state.withLock { state in
            state.keyID = "k2"
        }
        let stranger = try Ed25519.PrivateKey.generate()
        station.provider.state.withLock { $0.key = stranger }
        let state = try await station.begin()
        #expect(await failure { _ = try await station.finish(state) } == .invalidToken)
    }
}
