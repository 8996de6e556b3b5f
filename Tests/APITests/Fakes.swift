import HTTP
import IO
import Identity
import JSON
import Store
import Telemetry

@testable import API

/// Tools without plugins behind them: every outcome that a route can meet.
struct FakeTools: ToolCatalogue {
    static func tool(_ id: String, contentType: String = "json", state: String = "ready", breaker: String = "closed") -> CatalogueTool {
        let parts = id.split(separator: ".").map(String.init)
        let description: JSONObject = [
            "id": .string(id), "name": .string(parts[1]), "title": .string(parts[1]), "description": "A tool.", "plugin": .string(parts[0]),
            "version": "1.0.0", "input_schema": ["type": "object"], "output_schema": nil,
            "annotations": ["read_only": true, "destructive": false, "idempotent": true, "open_world": false],
            "content_type": .string(contentType), "privileged": false,
        ]
        return CatalogueTool(
            id: id, name: parts[1], description: description, contentType: contentType, privileged: false, state: state, breaker: breaker)
    }

    func tools() -> [CatalogueTool] {
        [
            Self.tool("a.echo"), Self.tool("b.crash", state: "broken", breaker: "open"), Self.tool("b.echo"),
            Self.tool("b.secret"), Self.tool("c.page", contentType: "html_untrusted"), Self.tool("c.unique"),
        ]
    }

    func tool(_ id: String) -> CatalogueTool? { tools().first { $0.id == id } }

    func candidates(_ idOrName: String) -> [(id: String, contentType: String)] {
        tools().filter { $0.id == idOrName || $0.name == idOrName }.map { ($0.id, $0.contentType) }
    }

    func call(_ invocation: ToolInvocation, events: (any EventSink)?) async throws(APIError) -> ToolAnswer {
        do {
            try await events?.send("progress", ["fraction": 0.5])
            try await events?.send("partial", ["row": 1])
        } catch {
            throw APIError(.serverError, "the client is gone")
        }
        switch invocation.toolID {
        case "b.crash": throw APIError(.serverError, status: 503, "The tool is not available.")
        case "c.page": return ToolAnswer(reply: reply(["html": "<p>hi"], "html_untrusted"), html: Array("<p>hi</p>".utf8))
        default: return ToolAnswer(reply: reply(invocation.input, "json"))
        }
    }

    private func reply(_ output: JSONValue, _ type: String) -> [UInt8] {
        let value: JSONValue = [
            "output": output, "content_type": .string(type), "attachments": [],
            "usage": [
                "wall_ms": 1.5, "cpu_ms": 1, "peak_memory_bytes": 1, "input_bytes": 2, "output_bytes": 2, "egress_requests": 0,
                "egress_bytes": 0, "retries": 0, "worker_start_ms": 0,
            ],
        ]
        return value.serialized()
    }
}

struct FakePlugins: PluginAdministration {
    static func plugin(_ name: String) -> JSONValue {
        ["name": .string(name), "version": "1.0.0", "state": "ready", "reason": nil, "tools": ["echo"]]
    }

    func plugins() -> [(name: String, json: JSONValue)] { ["a", "b", "c"].map { ($0, Self.plugin($0)) } }

    func setEnabled(_ name: String, _ enabled: Bool, by principal: Principal, requestID: String) async throws(APIError) -> JSONValue {
        guard ["a", "b", "c"].contains(name) else { throw .missing("plugin") }
        return Self.plugin(name)
    }

    func rollback(_ name: String, by principal: Principal, requestID: String) async throws(APIError) -> JSONValue {
        try await setEnabled(name, true, by: principal, requestID: requestID)
    }

    func promote(_ name: String, by principal: Principal, requestID: String) async throws(APIError) -> JSONValue {
        try await setEnabled(name, true, by: principal, requestID: requestID)
    }

    func history(_ name: String, cursor: String?, limit: Int) async throws(APIError) -> (items: [JSONValue], next: String?) {
        guard ["a", "b", "c"].contains(name) else { throw .missing("plugin") }
        let row: JSONValue = [
            "id": 1, "at": "2026-11-21T10:00:00.000Z", "actor": "k", "action": "install", "track": "stable", "version": "1.0.0",
            "bundle_sha256": nil, "reason": nil, "changes": [["capability": "isolation", "before": nil, "after": "call", "change": "wider"]],
        ]
        return ([row], nil)
    }

    func reload(by principal: Principal, requestID: String) async throws(APIError) -> [JSONValue] {
        [["file": "a.json", "plugin": "a", "outcome": "unchanged", "reason": nil]]
    }

    func resetBreaker(_ tool: String, by principal: Principal, requestID: String) async throws(APIError) {}
    func sandbox() async -> JSONValue { ["posture": ["rung": "root"], "workers": []] }
}

struct FakeEgress: EgressReading {
    func decisions(limit: Int) -> [JSONValue] {
        let decision: JSONValue = [
            "at": "2026-11-21T10:00:00.000Z", "request_id": "r", "plugin": "p", "tenant": "main", "kind": "fetch", "method": "GET",
            "host": "a.example",
            "port": 443, "outcome": "refused", "status": .null, "rule": "host_not_allowed", "phase": .null, "bytes_out": 0, "bytes_in": 0,
            "duration_ms": 0.5,
        ]
        return Array(repeating: decision, count: min(limit, 3))
    }
    func status() -> JSONValue { ["running": 0, "idle_connections": 0, "bytes_out": 0, "bytes_in": 0] }
}

struct FakeAudit: AuditReading {
    func page(cursor: String?, limit: Int) async throws(APIError) -> (items: [JSONValue], next: String?) {
        let entry: JSONValue = [
            "seq": 1, "at": "2026-11-21T10:00:00.000Z", "actor": "k", "tenant": "main", "action": "tool.call", "outcome": "ok", "hash": "00",
        ]
        return ([entry], nil)
    }

    func lines(after seq: Int64, limit: Int) async throws(APIError) -> [UInt8] { Array("{}\n".utf8) }
    func verify() async throws(APIError) -> JSONValue { ["intact": true, "entries": 1, "broken_at": nil, "reason": nil, "head_hash": "00"] }
}

struct FakeSecrets: SecretAdministration {
    private static func secret(_ name: String) -> JSONValue {
        [
            "name": .string(name), "version": 1, "created_at": "2026-11-21T10:00:00.000Z", "updated_at": "2026-11-21T10:00:00.000Z",
            "updated_by": "k", "last_used_at": nil, "uses": 0,
        ]
    }

    func page(of principal: Principal, cursor: String?, limit: Int) async throws(APIError) -> (items: [JSONValue], next: String?) {
        ([Self.secret("a")], nil)
    }
    func secret(_ name: String, of principal: Principal) async throws(APIError) -> JSONValue { Self.secret(name) }
    func set(_ name: String, to value: [UInt8], by principal: Principal, requestID: String) async throws(APIError) -> JSONValue {
        Self.secret(name)
    }
    func remove(_ name: String, by principal: Principal, requestID: String) async throws(APIError) {}
}

/// A dispatcher over the fakes, and requests to it.
struct Fixture {
    static let key = "lmn_test-key"
    let dispatcher: Dispatcher

    /// The usual one: compiled once for all tests.
    static func shared() throws -> Fixture { try cached.get() }
    private static let cached = Result { try Fixture(checks: [ReadinessCheck("database") { nil }]) }

    /// No class runs dry, whatever the tests ask.
    static var roomy: APIOptions {
        var options = APIOptions()
        for limitClass in LimitClass.allCases { options.rates[limitClass] = RatePolicy(1_000_000_000, perSeconds: 60) }
        return options
    }

    /// A fixture with one thing changed.
    static func with(_ change: (inout APIOptions) -> Void) throws -> Fixture {
        var options = roomy
        change(&options)
        return try Fixture(checks: [], options: options)
    }

    /// Whose a credential of the tests is.
    static func owner(_ credential: Credential) -> SignedIn? {
        guard case .bearer(let text) = credential else { return nil }
        var owner = SignedIn(account: "id of \(text)", tenant: "main", role: .operatorOfHost, session: "s", expiresAt: .max)
        switch text {
        case key, "lmn_other", "operator": break
        case "user": owner.role = .user
        case "admin": owner.role = .admin
        case "admin of another tenant": (owner.role, owner.tenant) = (.admin, "other")
        case "must change": owner.mustChangePassword = true
        case "every scope": (owner.scopes, owner.session) = (Set(Scope.allCases), nil)
        case "no scope": (owner.scopes, owner.session) = ([], nil)
        case "read scope": (owner.scopes, owner.session) = ([.read], nil)
        default: return nil
        }
        return owner
    }

    let metrics = Metrics()

    init(
        checks: [ReadinessCheck], options: APIOptions = Fixture.roomy, extra: [Route] = [], requests: IdempotencyStore? = nil,
        jobs: LiveJobs = .none, chat: LiveChat = .none, artifacts: LiveArtifacts = .none, workflows: LiveWorkflows = .none
    ) throws {
        let metrics = metrics
        let services = APIServices(
            tools: FakeTools(), plugins: FakePlugins(), audit: FakeAudit(), secrets: FakeSecrets(), egress: FakeEgress(), identity: .none,
            jobs: jobs, chat: chat, artifacts: artifacts, workflows: workflows, checks: checks,
            metrics: { Array(metrics.exposition().utf8) }, version: "0.0.0")
        dispatcher = Dispatcher(
            table: try RouteTable(Routes.all(services) + extra),
            authenticator: Authenticator(
                remembered: { Fixture.owner($0) }, couldBe: { _ in false },
                check: { (credential) async throws(IdentityError) in
                    guard let owner = Fixture.owner(credential) else { throw .invalidToken }
                    return Checked(owner: owner)
                }),
            requests: requests, log: Log(), metrics: metrics, options: options)
    }

    func send(
        _ method: String, _ path: String, query: [(name: String, value: String)] = [], headers: [(String, String)] = [], body: String? = nil,
        key: String? = Fixture.key, from address: String = "127.0.0.1"
    ) async -> APIResponse {
        var fields = HTTPHeaders()
        for (name, value) in headers { fields.add(name, value) }
        if let key { fields.add("Authorization", "Bearer \(key)") }
        if body != nil, !fields.contains("Content-Type") { fields.add("Content-Type", "application/json") }
        return await dispatcher.respond(
            to: APIRequest(
                method: method, path: path, query: query, headers: fields, body: Array((body ?? "").utf8), remoteAddress: address))
    }
}

extension APIResponse {
    /// The body as JSON.
    var json: JSONValue {
        get throws { try JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: 4 << 20)) }
    }
}

/// Keeps what a stream sent.
final class RecordingSink: EventSink {
    private let sent = Lock<[(event: String, data: JSONValue)]>([])
    var events: [(event: String, data: JSONValue)] { sent.withLock { $0 } }
    func send(_ event: String, _ data: JSONValue) async throws { sent.withLock { $0.append((event, data)) } }
}

extension Principal {
    /// An operator of tenant `main`.
    static func keyHolder(_ id: String) -> Principal { Principal(id: id, tenant: "main", role: .operatorOfHost) }
}
