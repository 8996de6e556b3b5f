import Crypto
import Glibc
import HTTP
import IO
import Identity
import JSON
import JSONSchema
import Store
import Telemetry
import Testing

@testable import API

/// The routes over a real identity, with a database of its own.
private final class Desk: Sendable {
    let folder: String
    let database: Database
    let service: IdentityService
    let post = Letters()
    private let desk: PasswordDesk
    private let dispatcher: Dispatcher
    private let visited = Lock<Set<String>>([])

    static let password = "plum lantern veto 9"

    init(_ change: (inout APIOptions) -> Void = { _ in }) async throws {
        var template = Array("/tmp/limen-routes-XXXXXX".utf8CString)
        folder = mkdtemp(&template).map { String(cString: $0) } ?? ""
        database = try Database(path: "\(folder)/limen.db")
        desk = try PasswordDesk(cost: .cheapestForTests, queueMax: 1024)
        let secrets = SecretStore(database: database, keys: "\(folder)/keys")
        service = IdentityService(
            database: database, desk: desk, vault: try await .open(secrets, issuer: "limen", now: StoreClock.nowMilliseconds()), post: post)
        var options = Fixture.roomy
        change(&options)
        let services = APIServices(
            tools: FakeTools(), plugins: FakePlugins(), audit: FakeAudit(), secrets: FakeSecrets(), egress: FakeEgress(),
            identity: LiveIdentity(service, log: Log()), checks: [], metrics: { [] }, version: "0")
        dispatcher = Dispatcher(
            table: try RouteTable(Routes.all(services)), authenticator: Authenticator(service), log: Log(), metrics: Metrics(), options: options)
    }

    deinit {
        database.close()
        desk.close()
        for name in ["limen.db", "limen.db-wal", "limen.db-shm", "keys/secrets.key"] { unlink("\(folder)/\(name)") }
        rmdir("\(folder)/keys")
        rmdir(folder)
    }

    /// Sends a request; what comes must fit the route's schema.
    func send(_ method: String, _ path: String, _ body: JSONValue? = nil, token: String? = nil, session: String? = nil) async throws -> (
        status: Int, data: JSONValue, response: APIResponse
    ) {
        var headers: HTTPHeaders = body == nil ? [:] : ["Content-Type": "application/json"]
        if let token { headers.add("Authorization", "Bearer \(token)") }
        if let session { headers.add("X-Session", session) }
        let response = await dispatcher.respond(to: APIRequest(method: method, path: path, headers: headers, body: body?.serialized() ?? []))
        let json = try response.json
        guard response.status == 200, case .route(let route, _) = dispatcher.table.match(method: method, path: path) else {
            return (response.status, json["error"] ?? json, response)
        }
        visited.withLock { _ = $0.insert(route.route.operation) }
        let schema = try CompiledSchema(route.route.enveloped ? Envelope.schema(route.route.data) : route.route.data)
        #expect(schema.validate(json) == [], "\(route.route.operation)")
        return (response.status, route.route.enveloped ? json["data"] ?? .null : json, response)
    }

    /// An access token of an account with the usual password.
    func token(_ email: String, _ role: Role = .user, tenant: String = "main") async throws -> (id: String, token: String) {
        let account = try await service.create(NewAccount(email: email, password: Self.password, role: role), tenant: tenant, by: Actor("test"))
        let request = SignInRequest(email: email, password: Self.password, tenant: tenant)
        guard case .signedIn(let credentials) = try await service.signIn(request) else { throw IdentityError.wrongCredentials }
        return (account.id, credentials.accessToken)
    }

    /// Operations of identity that nobody asked successfully.
    var unvisited: Set<String> {
        let all = dispatcher.table.routes.map(\.route).filter {
            $0.tag == "auth" || $0.tag == "account" || $0.path.description.hasPrefix("/v1/admin/users")
                || $0.path.description.hasPrefix("/v1/admin/tenants") || $0.path.description.hasPrefix("/v1/admin/invitations")
        }
        // Sign-in at a provider is asked in LimenTests, of a real one.
        return Set(all.map(\.operation)).subtracting(["startProvider", "finishProvider", "linkProvider", "removeLink"]).subtracting(
            visited.withLock { $0 })
    }
}

private final class Letters: Post {
    private let kept = Lock<[Letter]>([])
    func send(_ letter: Letter) { kept.withLock { $0.append(letter) } }
    /// The code in the last letter.
    var code: String {
        let text = kept.withLock { $0.last?.text } ?? ""
        return text.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("lmp_") || $0.hasPrefix("lmv_") || $0.hasPrefix("lmi_") }.map(
            String.init) ?? ""
    }
}

@Suite("API: identity")
struct IdentityRouteTests {
    @Test("every route of identity answers within the schema that it publishes, from sign-up to deletion (API-5, API-6)")
    func journey() async throws {
        let desk = try await Desk()
        let made = try await desk.send(
            "POST", "/v1/auth/signup", ["email": "ann@example.com", "password": .string(Desk.password), "handle": "ann"])
        #expect(made.status == 200 && made.data["role"] == "user" && made.data["tenant_id"] == "main")
        #expect(try await desk.send("POST", "/v1/auth/verify_email", ["token": .string(desk.post.code)]).status == 200)
        let token = made.data["access_token"]?.stringValue ?? ""
        #expect(try await desk.send("POST", "/v1/auth/request_email_verification", token: token).status == 200)
        #expect(try await desk.send("GET", "/v1/me", token: token).data["email"] == "ann@example.com")
        #expect(try await desk.send("GET", "/v1/me", session: made.data["session_id"]?.stringValue).status == 200)
        #expect(try await desk.send("GET", "/v1/settings", token: token).data["single_session"] == false)
        let patch: JSONValue = [
            ["op": "test", "path": "/single_session", "value": false], ["op": "replace", "path": "/single_session", "value": true],
        ]
        #expect(try await desk.send("PATCH", "/v1/settings", patch, token: token).data["single_session"] == true)
        #expect(try await desk.send("PATCH", "/v1/settings", patch, token: token).status == 409)
        #expect(try await desk.send("PATCH", "/v1/settings", [["op": "add", "path": "/role", "value": "admin"]], token: token).status == 400)
        #expect(
            try await desk.send("PATCH", "/v1/settings", [["op": "replace", "path": "/single_session", "value": false]], token: token).status == 200)

        let signIn: JSONValue = ["email": "Ann@Example.com", "password": .string(Desk.password), "device_type": "mobile"]
        let second = try await desk.send("POST", "/v1/auth/login", signIn)
        let other = second.data["access_token"]?.stringValue ?? ""
        let sessions = try await desk.send("GET", "/v1/sessions", token: token).data["items"]?.arrayValue ?? []
        #expect(sessions.count == 2 && sessions.filter { $0["is_current"] == true }.count == 1)
        #expect(try await desk.send("DELETE", "/v1/sessions/\(second.data["session_handle"]?.stringValue ?? "")", token: token).status == 200)
        #expect(try await desk.send("GET", "/v1/me", token: other).status == 401)
        let third = try await desk.send("POST", "/v1/auth/login", signIn)
        let refreshed = try await desk.send("POST", "/v1/auth/refresh", ["refresh_token": third.data["refresh_token"] ?? .null])
        #expect(refreshed.status == 200 && refreshed.data["session_id"] == .null)
        #expect(try await desk.send("DELETE", "/v1/sessions", token: token).data["ended"] == 1)
        #expect(try await desk.send("POST", "/v1/auth/refresh", ["refresh_token": refreshed.data["refresh_token"] ?? .null]).status == 401)

        let key = try await desk.send("POST", "/v1/api_keys", ["name": "ci", "scopes": ["read", "tools"]], token: token)
        #expect(try await desk.send("GET", "/v1/tools", token: key.data["key"]?.stringValue).status == 200)
        #expect(try await desk.send("POST", "/v1/api_keys", ["name": "x", "scopes": ["read"]], token: key.data["key"]?.stringValue).status == 403)
        #expect(try await desk.send("GET", "/v1/api_keys", token: token).data["items"]?.arrayValue?.count == 1)
        #expect(try await desk.send("DELETE", "/v1/api_keys/\(key.data["id"]?.stringValue ?? "")", token: token).status == 200)
        #expect(try await desk.send("GET", "/v1/tools", token: key.data["key"]?.stringValue).status == 401)
        try await secondFactor(desk, token)
        try await passwords(desk, token)
        try await administration(desk)
        try await tenancy(desk)
        #expect(try await desk.send("GET", "/v1/auth/jwks").data["keys"]?.arrayValue?.count == 1)
        #expect(desk.unvisited == [])
    }

    private func secondFactor(_ desk: Desk, _ token: String) async throws {
        let begun = try await desk.send("POST", "/v1/auth/mfa/enable", token: token)
        let secret = Base32.decode(begun.data["secret"]?.stringValue ?? "") ?? []
        func code(_ ahead: Int64) -> JSONValue {
            ["code": .string(OneTimeCode.code(secret: secret, counter: OneTimeCode.step(atMilliseconds: StoreClock.nowMilliseconds()) + ahead))]
        }
        #expect(begun.data["otpauth_uri"]?.stringValue?.hasPrefix("otpauth://totp/Limen:ann%40example.com?secret=") == true)
        let enabled = try await desk.send("POST", "/v1/auth/mfa/verify", code(-1), token: token)
        #expect(enabled.data["recovery_codes"]?.arrayValue?.count == 10)
        let asked = try await desk.send("POST", "/v1/auth/login", ["email": "ann@example.com", "password": .string(Desk.password)])
        #expect(asked.data["mfa_required"] == true && asked.data["access_token"] == .null)
        let wrong = try await desk.send(
            "POST", "/v1/auth/login", ["email": "ann@example.com", "password": .string(Desk.password), "mfa_code": "not-a-code"])
        #expect(wrong.status == 401 && wrong.data["details"]?["tries_left"] == 4)
        #expect(try await desk.send("GET", "/v1/auth/mfa/status", token: token).data["enabled"] == true)
        let fresh = try await desk.send("POST", "/v1/auth/mfa/recovery", code(0), token: token)
        let spare = fresh.data["recovery_codes"]?[0] ?? .null
        #expect(try await desk.send("POST", "/v1/auth/mfa/disable", ["code": spare], token: token).status == 200)
    }

    private func passwords(_ desk: Desk, _ token: String) async throws {
        let trivial: JSONValue = ["current_password": .string(Desk.password), "new_password": "password123"]
        let refused = try await desk.send("POST", "/v1/auth/password/change", trivial, token: token)
        #expect(refused.status == 400 && refused.data["details"]?["errors"]?[0]?["instance_path"] == "/new_password")
        let change: JSONValue = ["current_password": .string(Desk.password), "new_password": "quiet harbour 61"]
        #expect(try await desk.send("POST", "/v1/auth/password/change", change, token: token).status == 200)
        let unknown = try await desk.send("POST", "/v1/auth/request_reset", ["email": "nobody@example.com"])
        let known = try await desk.send("POST", "/v1/auth/request_reset", ["email": "ann@example.com"])
        #expect(unknown.status == 200 && unknown.data == known.data)
        let reset: JSONValue = ["token": .string(desk.post.code), "new_password": .string(Desk.password)]
        #expect(try await desk.send("POST", "/v1/auth/complete_reset", reset).status == 200)
        #expect(try await desk.send("POST", "/v1/auth/complete_reset", reset).status == 401)
        #expect(try await desk.send("GET", "/v1/me", token: token).status == 401)
        let again = try await desk.send("POST", "/v1/auth/login", ["email": "ann@example.com", "password": .string(Desk.password)])
        let last = again.data["access_token"]?.stringValue
        #expect(try await desk.send("POST", "/v1/auth/logout", token: last).status == 200)
        #expect(try await desk.send("GET", "/v1/me", token: last).status == 401)
    }

    private func administration(_ desk: Desk) async throws {
        let (_, admin) = try await desk.token("boss@example.com", .admin)
        let new: JSONValue = ["email": "bob@example.com", "password": .string(Desk.password)]
        let made = try await desk.send("POST", "/v1/admin/users", new, token: admin)
        let id = made.data["id"]?.stringValue ?? ""
        #expect(try await desk.send("POST", "/v1/admin/users", new, token: admin).status == 409)
        #expect(try await desk.send("GET", "/v1/admin/users", token: admin).data["items"]?.arrayValue?.count == 3)
        #expect(try await desk.send("GET", "/v1/admin/users/\(id)", token: admin).data["email"] == "bob@example.com")
        let bob = try await desk.send("POST", "/v1/auth/login", new)
        #expect(bob.data["password_change_required"] == true)
        let token = bob.data["access_token"]?.stringValue
        let held = try await desk.send("GET", "/v1/tools", token: token)
        #expect(held.status == 403 && held.data["details"]?["reason"] == "password_change_required")
        #expect(try await desk.send("GET", "/v1/me", token: token).status == 200)
        func patch(_ path: String, _ value: JSONValue) async throws -> Int {
            let operations: JSONValue = [["op": "replace", "path": .string(path), "value": value]]
            return try await desk.send("PATCH", "/v1/admin/users/\(id)", operations, token: admin).status
        }
        #expect(try await patch("/meta/single_session", true) == 200)
        #expect(try await patch("/role", "operator") == 403)
        #expect(try await patch("/tenant_id", "other") == 400)
        #expect(try await patch("/email", "x@example.com") == 400)
        #expect(try await patch("/is_active", "no") == 400)
        #expect(try await patch("/is_active", false) == 200)
        #expect(try await desk.send("GET", "/v1/me", token: token).status == 401)
        #expect(try await desk.send("DELETE", "/v1/admin/users/\(id)/sessions", token: admin).data["ended"] == 0)
        #expect(try await desk.send("DELETE", "/v1/admin/users/\(id)", token: admin).status == 200)
        #expect(try await desk.send("GET", "/v1/admin/users/\(id)", token: admin).status == 404)
    }

    /// Tenants, invitations and what admins see of their accounts.
    private func tenancy(_ desk: Desk) async throws {
        let (_, root) = try await desk.token("root@example.com", .operatorOfHost)
        let made = try await desk.send("POST", "/v1/admin/tenants", ["id": "team", "name": "The team", "host": "Team.example.org"], token: root)
        #expect(made.status == 200 && made.data["host"] == "team.example.org")
        #expect(try await desk.send("POST", "/v1/admin/tenants", ["id": "team"], token: root).data["details"]?["field"] == "id")
        #expect(
            try await desk.send("POST", "/v1/admin/tenants", ["id": "t2", "host": "team.example.org"], token: root).data["details"]?["field"]
                == "host")
        for bad: JSONValue in [["id": "@host"], ["id": ""], ["id": "x", "host": "a b"], ["id": "x", "more": 1]] {
            #expect(try await desk.send("POST", "/v1/admin/tenants", bad, token: root).status == 400)
        }
        let list = try await desk.send("GET", "/v1/admin/tenants", token: root).data["items"]?.arrayValue ?? []
        #expect(list.map { $0["id"] } == ["main", "team"])
        #expect(try await desk.send("GET", "/v1/admin/tenants/team", token: root).data["name"] == "The team")

        let invitation: JSONValue = ["email": "eve@example.com", "role": "admin"]
        #expect(try await desk.send("POST", "/v1/admin/tenants/none/invitations", invitation, token: root).status == 404)
        let invited = try await desk.send("POST", "/v1/admin/tenants/team/invitations", invitation, token: root)
        #expect(invited.status == 200 && invited.data["tenant_id"] == "team" && invited.data["code"] == nil)
        let code = desk.post.code
        var signUp: JSONObject = ["email": "mallory@example.com", "password": .string(Desk.password), "invitation": .string(code)]
        #expect(try await desk.send("POST", "/v1/auth/signup", .object(signUp)).status == 400, "for the address that was invited alone")
        signUp["email"] = "Eve@example.com"
        let eve = try await desk.send("POST", "/v1/auth/signup", .object(signUp))
        #expect(eve.status == 200 && eve.data["tenant_id"] == "team" && eve.data["role"] == "admin")
        #expect(try await desk.send("POST", "/v1/auth/signup", .object(signUp)).status == 401, "once")
        let admin = eve.data["access_token"]?.stringValue
        #expect(try await desk.send("GET", "/v1/me", token: admin).data["is_verified"] == true, "the code came by mail")

        #expect(try await desk.send("POST", "/v1/admin/invitations", ["email": "x@example.com", "role": "operator"], token: admin).status == 403)
        let second = try await desk.send("POST", "/v1/admin/invitations", ["email": "fay@example.com"], token: admin)
        #expect(second.data["tenant_id"] == "team" && second.data["role"] == "user")
        #expect(try await desk.send("GET", "/v1/admin/invitations", token: admin).data["items"]?.arrayValue?.count == 1)
        #expect(try await desk.send("GET", "/v1/admin/invitations", token: root).data["items"]?.arrayValue?.count == 0, "another tenant's")
        let id = second.data["id"]?.stringValue ?? ""
        #expect(try await desk.send("DELETE", "/v1/admin/invitations/\(id)", token: root).status == 404)
        #expect(try await desk.send("DELETE", "/v1/admin/invitations/\(id)", token: admin).status == 200)
        #expect(
            try await desk.send(
                "POST", "/v1/auth/signup", ["email": "fay@example.com", "password": .string(Desk.password), "invitation": .string(desk.post.code)]
            ).status == 401)

        func patch(_ tenant: String, _ path: String, _ value: JSONValue) async throws -> Int {
            let operations: JSONValue = [["op": "replace", "path": .string(path), "value": value]]
            return try await desk.send("PATCH", "/v1/admin/tenants/\(tenant)", operations, token: root).status
        }
        #expect(try await patch("team", "/id", "other") == 400)
        #expect(try await patch("main", "/is_active", false) == 409)
        #expect(try await patch("team", "/host", .null) == 200)
        #expect(try await patch("team", "/is_active", false) == 200)
        #expect(try await desk.send("GET", "/v1/me", token: admin).status == 401, "on the next request")
        #expect(try await patch("team", "/is_active", true) == 200)
        #expect(try await desk.send("GET", "/v1/me", token: admin).status == 200)
        try await accounts(desk, root)
    }

    private func accounts(_ desk: Desk, _ root: String) async throws {
        let (_, boss) = try await desk.token("chief@example.com", .admin)
        let (gus, token) = try await desk.token("gus@example.com")
        let key = try await desk.send("POST", "/v1/api_keys", ["name": "ci", "scopes": ["read"]], token: token)
        let keys = try await desk.send("GET", "/v1/admin/users/\(gus)/api_keys", token: boss).data["items"]?.arrayValue ?? []
        #expect(keys.count == 1 && keys[0]["key"] == nil)
        #expect(try await desk.send("DELETE", "/v1/admin/users/\(gus)/api_keys/\(keys[0]["id"]?.stringValue ?? "")", token: boss).status == 200)
        #expect(try await desk.send("GET", "/v1/tools", token: key.data["key"]?.stringValue).status == 401)
        let sessions = try await desk.send("GET", "/v1/admin/users/\(gus)/sessions", token: boss).data["items"]?.arrayValue ?? []
        #expect(sessions.count == 1)
        #expect(
            try await desk.send("DELETE", "/v1/admin/users/\(gus)/sessions/\(sessions[0]["handle"]?.stringValue ?? "")", token: boss).status == 200)
        #expect(try await desk.send("GET", "/v1/me", token: token).status == 401)
        let above = try await desk.send("GET", "/v1/me", token: root).data["id"]?.stringValue ?? ""
        #expect(try await desk.send("DELETE", "/v1/admin/users/\(above)/sessions/x", token: boss).status == 403)
        #expect(try await desk.send("GET", "/v1/auth/links", token: boss).data["items"]?.arrayValue?.count == 0)
    }

    @Test(
        "no parameter, header or member of a body moves a caller into another tenant, and nothing of another tenant can be reached (AUTH-1, AUTH-12)")
    func tenants() async throws {
        let desk = try await Desk()
        try await desk.database.write {
            try await $0.execute("INSERT INTO tenant (id, name, host, created_at) VALUES ('other', 'other', 'other.test', 0)")
        }
        let (ann, _) = try await desk.token("ann@example.com")
        let (_, stranger) = try await desk.token("boss@other.test", .admin, tenant: "other")
        for method in ["GET", "DELETE"] { #expect(try await desk.send(method, "/v1/admin/users/\(ann)", token: stranger).status == 404) }
        #expect(try await desk.send("DELETE", "/v1/admin/users/\(ann)/sessions", token: stranger).status == 404)
        let rise: JSONValue = [["op": "replace", "path": "/role", "value": "admin"]]
        #expect(try await desk.send("PATCH", "/v1/admin/users/\(ann)", rise, token: stranger).status == 404)
        let users = try await desk.send("GET", "/v1/admin/users", token: stranger).data["items"]?.arrayValue ?? []
        #expect(users.map { $0["email"] } == ["boss@other.test"])
        let signIn: JSONObject = ["email": "ann@example.com", "password": .string(Desk.password)]
        for member in ["tenant", "tenant_id", "role", "user_id"] {
            var body = signIn
            body[member] = "other"
            #expect(try await desk.send("POST", "/v1/auth/login", .object(body)).status == 400, "\(member)")
        }
        let handle = try #require(try await desk.service.sessions(of: ann).first?.handle)
        #expect(try await desk.send("DELETE", "/v1/sessions/\(handle)", token: stranger).status == 404)
    }

    @Test("ten sign-ins a minute and address, then 429 with Retry-After; the same for resets and codes, in one bucket (LIM-1)")
    func rates() async throws {
        let desk = try await Desk { $0.rates[.login] = RatePolicy(10, perSeconds: 60) }
        var statuses: [Int] = []
        for index in 0..<12 {
            let body: JSONValue = ["email": "ann@example.com", "password": "wrong wrong"]
            statuses.append(
                try await desk.send("POST", index == 5 ? "/v1/auth/request_reset" : "/v1/auth/login", index == 5 ? ["email": "a@b.c"] : body).status)
        }
        #expect(statuses == Array(repeating: 401, count: 5) + [200] + Array(repeating: 401, count: 4) + [429, 429])
    }

    @Test("a wrong address and a wrong password get the same reply")
    func same() async throws {
        let desk = try await Desk()
        _ = try await desk.token("ann@example.com")
        let one = try await desk.send("POST", "/v1/auth/login", ["email": "ann@example.com", "password": "wrong wrong"])
        let two = try await desk.send("POST", "/v1/auth/login", ["email": "bob@example.com", "password": "wrong wrong"])
        #expect(one.status == 401 && one.data == two.data)
    }
}
