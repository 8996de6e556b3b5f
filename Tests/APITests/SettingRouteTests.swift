import Glibc
import HTTP
import IO
import Identity
import JSON
import JSONSchema
import Store
import Telemetry
import TestKit
import Testing

@testable import API

/// A database for one test, on either engine, that two hosts may share; gone with it.
final class SharedBed: Sendable {
    static let loops = Result { try EventLoopGroup(count: 2) }
    let folder: String
    let place: DatabasePlace

    init(_ engine: DatabaseEngine) throws {
        var template = Array("/tmp/limen-shared-XXXXXX".utf8CString)
        folder = mkdtemp(&template).map { String(cString: $0) } ?? ""
        switch engine {
        case .sqlite: place = .sqlite(path: "\(folder)/limen.db")
        case .postgres:
            let server = try PostgresServer.shared.get()
            place = .postgres(PostgresSettings(host: server.folder, database: try server.database(), user: "limen"))
        }
    }

    func open() async throws -> Database { try await Database.open(place, on: Self.loops.get()) }

    deinit {
        for name in ["limen.db", "limen.db-wal", "limen.db-shm"] { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }
}

/// One host: a dispatcher over live settings; callers are named by their keys.
private struct Host {
    let settings: LiveSettings
    let dispatcher: Dispatcher

    init(_ database: Database, configured: [String: JSONValue] = [:]) async throws {
        let settings = LiveSettings(SettingStore(database: database), configured: configured, log: Log())
        try await settings.load()
        let services = APIServices(
            tools: FakeTools(), plugins: FakePlugins(), audit: FakeAudit(), secrets: FakeSecrets(), egress: FakeEgress(), identity: .none,
            settings: settings, checks: [], metrics: { [] }, version: "0")
        var options = APIOptions()
        options.limiter = RateLimiter({ settings.policy($0, plan: $1) })
        let authenticator = Authenticator { (credential) async throws(IdentityError) in
            guard case .bearer(let name) = credential else { throw .invalidToken }
            let (role, tenant): (Role, String) =
                name == "operator" ? (.operatorOfHost, "main") : name.hasPrefix("admin") ? (.admin, name) : (.user, "main")
            let plan = name.hasPrefix("team") ? "team" : "free"
            return Checked(owner: SignedIn(account: name, tenant: tenant, role: role, plan: plan, expiresAt: .max))
        }
        self.settings = settings
        dispatcher = Dispatcher(
            table: try RouteTable(Routes.all(services)), authenticator: authenticator, log: Log(), metrics: Metrics(), options: options)
    }

    func send(_ method: String, _ path: String, _ body: JSONValue? = nil, as name: String) async throws -> (
        status: Int, json: JSONValue, reply: APIResponse
    ) {
        var headers: HTTPHeaders = ["Authorization": "Bearer \(name)"]
        if body != nil { headers.add("Content-Type", "application/json") }
        let reply = await dispatcher.respond(to: APIRequest(method: method, path: path, headers: headers, body: body?.serialized() ?? []))
        let json = try reply.json
        if reply.status == 200, case .route(let route, _) = dispatcher.table.match(method: method, path: path) {
            #expect(try CompiledSchema(Envelope.schema(route.route.data)).validate(json) == [], "\(route.route.operation)")
        }
        return (reply.status, reply.status == 200 ? json["data"] ?? .null : json["error"] ?? .null, reply)
    }

    func value(_ name: String, as caller: String) async throws -> JSONValue? {
        try await send("GET", "/v1/admin/settings", as: caller).json["items"]?.arrayValue?.first { $0["name"]?.stringValue == name }?["value"]
    }
}

@Suite("API: settings and plans") struct SettingRouteTests {
    @Test(
        "an operator changes rates and plans while the server runs; they hold at once, within their ranges, and by plan (LIM-5, CFG-5)",
        arguments: DatabaseEngine.allCases)
    func live(engine: DatabaseEngine) async throws {
        let bed = try SharedBed(engine)
        let database = try await bed.open()
        defer { withExtendedLifetime(bed) { database.close() } }
        let host = try await Host(database, configured: ["rates.reads_per_minute": 500])
        #expect(try await host.value("rates.reads_per_minute", as: "operator") == 500)
        #expect(try await host.send("GET", "/v1/tools", as: "ann").reply.header("RateLimit-Policy") == #""reads";q=500;w=60"#)
        func put(_ name: String, _ value: JSONValue) async throws -> Int {
            try await host.send("PUT", "/v1/admin/settings", ["settings": [name: value]], as: "operator").status
        }
        #expect(try await put("rates.reads_per_minute", 3) == 200)
        let first = try await host.send("GET", "/v1/tools", as: "ann")
        #expect(
            first.reply.header("RateLimit-Policy") == #""reads";q=3;w=60"# && first.reply.header("RateLimit")?.hasPrefix(#""reads";r=2;"#) == true)
        for status in [200, 200, 429] { #expect(try await host.send("GET", "/v1/tools", as: "ann").status == status) }
        for bad: JSONValue in [0, -1, 1_000_000_001, "3", 1.5, true] { #expect(try await put("rates.reads_per_minute", bad) == 400) }
        #expect(try await put("rates.unknown", 3) == 400)
        #expect(try await host.send("PUT", "/v1/admin/plans/team", ["limits": ["rates.reads_per_minute": 5]], as: "operator").status == 200)
        #expect(try await host.send("GET", "/v1/tools", as: "team-eve").reply.header("RateLimit-Policy") == #""reads";q=5;w=60"#)
        #expect(try await host.send("PUT", "/v1/admin/plans/team", ["limits": ["rates.login_per_minute": 5]], as: "operator").status == 400)
        let plans = try await host.send("GET", "/v1/admin/plans", as: "admin1").json["items"]?.arrayValue ?? []
        #expect(plans.map { $0["name"] } == ["free", "paid", "team"] && plans[2]["own"]?["rates.reads_per_minute"] == 5)
        #expect(try await host.send("DELETE", "/v1/admin/plans/team", as: "operator").status == 200)
        #expect(try await host.send("DELETE", "/v1/admin/plans/team", as: "operator").status == 404)
        #expect(try await host.send("GET", "/v1/tools", as: "team-eve").reply.header("RateLimit-Policy") == #""reads";q=3;w=60"#)
        #expect(try await put("rates.reads_per_minute", .null) == 200)
        #expect(try await host.value("rates.reads_per_minute", as: "operator") == 500)
        let history = try await host.send("GET", "/v1/admin/settings/history", as: "operator").json["items"]?.arrayValue ?? []
        #expect(history.map { $0["after"] } == [.null, .null, 5, 3] && history[1]["plan"] == "team")
        #expect(try await AuditLog(database: database).list().items.map(\.entry.action).contains("plan.remove"))
    }

    @Test("an admin changes what is the tenant's and nothing of the host or of another tenant (AUTH-1)", arguments: DatabaseEngine.allCases)
    func tenants(engine: DatabaseEngine) async throws {
        let bed = try SharedBed(engine)
        let database = try await bed.open()
        defer { withExtendedLifetime(bed) { database.close() } }
        let host = try await Host(database)
        let names = try await host.send("GET", "/v1/admin/settings", as: "admin1").json["items"]?.arrayValue?.compactMap { $0["name"]?.stringValue }
        #expect(names == ["sign_up", "plan_default"])
        func put(_ settings: JSONValue) async throws -> Int {
            try await host.send("PUT", "/v1/admin/settings", ["settings": settings], as: "admin1").status
        }
        #expect(try await put(["sign_up": "closed", "rates.reads_per_minute": 1]) == 403)
        #expect(try await host.value("sign_up", as: "admin1") == "open", "a change that is refused in part is refused whole")
        #expect(try await put(["sign_up": "closed"]) == 200)
        #expect(try await put(["plan_default": "none"]) == 400)
        #expect(try await put(["plan_default": "paid"]) == 200)
        #expect(try await host.value("sign_up", as: "admin1") == "closed")
        #expect(try await host.value("sign_up", as: "admin2") == "open")
        #expect(try await host.settings.value("plan_default", tenant: "admin1") == "paid")
        #expect(try await host.settings.value("sign_up", tenant: "main") == "open")
        #expect(try await host.send("GET", "/v1/admin/settings/history", as: "admin1").json["items"]?.arrayValue?.count == 2)
        #expect(try await host.send("GET", "/v1/admin/settings/history", as: "admin2").json["items"]?.arrayValue?.count == 0)
    }

    @Test("a change on one host holds on the other, told of or not (LIM-5)")
    func hosts() async throws {
        let bed = try SharedBed(.postgres)
        let (one, two) = (try await bed.open(), try await bed.open())
        defer {
            one.close()
            two.close()
        }
        let (here, there) = (try await Host(one), try await Host(two))
        let loop = try SharedBed.loops.get().loops[0]
        let follower = OwnedTask(on: loop) { try await there.settings.keep(on: loop) }
        defer { follower.cancel() }
        let started = Deadline.now()
        #expect(try await here.send("PUT", "/v1/admin/settings", ["settings": ["rates.chat_per_minute": 7]], as: "operator").status == 200)
        while there.settings.integer("rates.chat_per_minute") != 7, Deadline.now() < started.adding(milliseconds: 20_000) {
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        #expect(there.settings.integer("rates.chat_per_minute") == 7)
        // Nobody tells of this one.
        try await one.write { connection in
            try await connection.execute("UPDATE setting SET value = '8' WHERE name = 'rates.chat_per_minute'")
            try await connection.execute("UPDATE setting_state SET revision = revision + 1")
        }
        while there.settings.integer("rates.chat_per_minute") != 8, Deadline.now() < started.adding(milliseconds: 40_000) {
            try await Task.sleep(nanoseconds: 50_000_000)
        }
        #expect(there.settings.integer("rates.chat_per_minute") == 8)
    }
}
