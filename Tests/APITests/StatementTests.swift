import Crypto
import Glibc
import HTTP
import IO
import Identity
import JSON
import Store
import StoreKit
import Telemetry
import TestKit
import Testing

@testable import API

/// Every service that has rows, over one database whose statements are counted, and an operator who is remembered.
private final class Counted: Sendable {
    let dispatcher: Dispatcher
    let account: String
    private let token: String
    private let count = StatementCount()
    private let bed: SharedBed
    private let database: Database
    private let desk: PasswordDesk
    private let keys: String
    private static let password = "plum lantern veto 9"

    init(_ engine: DatabaseEngine) async throws {
        bed = try SharedBed(engine)
        keys = "\(bed.folder)/keys"
        let database = try await Database.open(bed.place, on: SharedBed.loops.get(), probe: count.probe)
        desk = try PasswordDesk(cost: .cheapestForTests, queueMax: 1024)
        database.keepsCopies()
        while database.copyStamp == nil { try await Task.sleep(for: .milliseconds(5)) }
        let (secrets, settings) = (
            SecretStore(database: database, keys: keys), LiveSettings(SettingStore(database: database), configured: [:], log: Log())
        )
        try await settings.load()
        let service = IdentityService(
            database: database, desk: desk, vault: try await .open(secrets, issuer: "limen", now: StoreClock.nowMilliseconds()), post: NoLetters(),
            memory: OwnerMemory { database.copyStamp })
        let services = APIServices(
            tools: FakeTools(), plugins: FakePlugins(), audit: LiveAudit(AuditLog(database: database), log: Log()),
            secrets: LiveSecrets(secrets, log: Log()), egress: FakeEgress(), identity: LiveIdentity(service, settings: settings, log: Log()),
            jobs: LiveJobs(JobStore(database: database), log: Log()), settings: settings, checks: [], metrics: { [] }, version: "0")
        dispatcher = Dispatcher(
            table: try RouteTable(Routes.all(services)), authenticator: Authenticator(service), log: Log(), metrics: Metrics(), options: Fixture.roomy
        )
        let new = NewAccount(email: "ann@example.com", password: Self.password, role: .operatorOfHost)
        account = try await service.create(new, tenant: "main", by: Actor("test")).id
        guard case .signedIn(let credentials) = try await service.signIn(SignInRequest(email: new.email, password: Self.password)) else {
            throw IdentityError.wrongCredentials
        }
        (token, self.database) = (credentials.accessToken, database)
    }

    deinit {
        database.close()
        desk.close()
        unlink("\(keys)/secrets.key")
        rmdir(keys)
    }

    func send(_ method: String, _ path: String, _ body: JSONValue? = nil) async throws -> JSONValue {
        var headers: HTTPHeaders = ["Authorization": "Bearer \(token)"]
        if body != nil { headers.add("Content-Type", "application/json") }
        let reply = await dispatcher.respond(to: APIRequest(method: method, path: path, headers: headers, body: body?.serialized() ?? []))
        #expect(reply.status == 200, "\(method) \(path): \(String(decoding: reply.bytes, as: UTF8.self))")
        return try reply.json["data"] ?? .null
    }

    /// How many statements a request costs.
    func cost(_ path: String) async throws -> (statements: Int, items: Int) {
        // What was only queued is written, and the caller is known.
        _ = try await send("GET", "/v1/me")
        try await database.flush()
        let before = count.value
        let items = try await send("GET", path)["items"]?.arrayValue?.count ?? 0
        return (count.value - before, items)
    }

    /// One more of everything that a list shows.
    func add(_ index: Int) async throws {
        let email = JSONValue.string("u\(index)@example.com")
        _ = try await send("POST", "/v1/admin/users", ["email": email, "password": .string(Self.password)])
        _ = try await send("POST", "/v1/api_keys", ["name": .string("k\(index)"), "scopes": ["read"]])
        _ = try await send("POST", "/v1/auth/login", ["email": "ann@example.com", "password": .string(Self.password)])
        _ = try await send("POST", "/v1/admin/tenants", ["id": .string("t\(index)")])
        _ = try await send("POST", "/v1/admin/invitations", ["email": .string("i\(index)@example.com")])
        _ = try await send("PUT", "/v1/admin/secrets/s\(index)", ["value": .string("planted-value-\(index)")])
        _ = try await send("PUT", "/v1/admin/settings", ["settings": ["rates.reads_per_minute": JSONValue(1_000 + index)]])
        let jobs = JobStore(database: database)
        try await jobs.add(JobRequest("k", tenant: "main", owner: "u"))
        if let lease = try await jobs.claim(worker: "w", kinds: ["k"]) { try await jobs.fail(lease, "no", isFinal: true) }
    }

    private struct NoLetters: Post { func send(_ letter: Letter) {} }
}

@Suite("API: what a request costs the database")
struct StatementTests {
    @Test(
        "every list costs as many statements with 60 rows as with one: one, and one more for whose it is; whom the host remembers costs none (STORE-13)",
        arguments: DatabaseEngine.allCases)
    func lists(engine: DatabaseEngine) async throws {
        let bench = try await Counted(engine)
        let paths = [
            "/v1/sessions", "/v1/api_keys", "/v1/auth/links", "/v1/admin/users", "/v1/admin/users/{id}/sessions", "/v1/admin/users/{id}/api_keys",
            "/v1/admin/tenants", "/v1/admin/invitations", "/v1/admin/audit", "/v1/admin/secrets", "/v1/admin/jobs", "/v1/admin/settings",
            "/v1/admin/settings/history", "/v1/admin/plans",
        ]
        func costs() async throws -> [String: (statements: Int, items: Int)] {
            var found: [String: (statements: Int, items: Int)] = [:]
            for path in paths { found[path] = try await bench.cost(path.replacing("{id}", with: bench.account)) }
            return found
        }
        try await bench.add(0)
        let few = try await costs()
        for index in 1..<60 { try await bench.add(index) }
        let many = try await costs()
        for path in paths {
            #expect(few[path]?.statements == many[path]?.statements, "\(path)")
            // Whose it is, is looked up first where a list belongs to somebody else.
            let most = path.contains("{id}") ? 2 : 1
            #expect(many[path]?.statements ?? 99 <= most, "\(path): \(many[path]?.statements ?? -1)")
        }
        let grown = paths.filter { (many[$0]?.items ?? 0) > (few[$0]?.items ?? 0) }
        #expect(grown.count >= 10, "\(grown)")

        // No list of these is left out. What plugins, tools and breakers list is in memory.
        let inMemory = ["/v1/admin/breakers", "/v1/admin/plugins", "/v1/admin/plugins/{name}/history", "/v1/admin/publishers"]
        let lists = bench.dispatcher.table.routes.map(\.route).filter { route in
            route.method == "GET" && ["admin", "account", "auth"].contains(route.tag) && route.data["properties"]?["items"] != nil
        }
        let forgotten = Set(lists.map(\.path.description)).subtracting(paths).subtracting(inMemory)
        #expect(forgotten.isEmpty, "\(forgotten)")
    }
}
