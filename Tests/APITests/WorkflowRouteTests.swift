import Artifacts
import Chat
import IO
import JSON
import JSONSchema
import Store
import Telemetry
import Testing
import Workflows

@testable import API

@Suite("API: workflows and runs", .serialized)
struct WorkflowRouteTests {
    private static let loops = Result { try EventLoopGroup(count: 1) }

    /// Answers what it is given, and refuses what a workflow may not call.
    private struct Echo: WorkflowActions {
        func tool(_ id: String) -> WorkflowTool? {
            switch id {
            case "t.echo": WorkflowTool(id: id, version: "1.0.0", isRepeatable: true)
            case "t.sharp":
                WorkflowTool(
                    id: id, version: "1.0.0", isRepeatable: false, refusal: WorkflowFailure(.forbidden, reason: "approval", "it is destructive"))
            default: nil
            }
        }
        func call(_ call: WorkflowCall) async -> WorkflowReply { WorkflowReply(.success(call.input), version: "1.0.0") }
    }

    private func withWorkflows(_ body: @escaping @Sendable (Fixture) async throws -> Void) async throws {
        try await withDatabase { database in
            try await database.write { connection in
                for person in ["user", "admin", "read scope"] {
                    try await connection.execute(
                        """
                        INSERT INTO account (id, tenant, email, email_key, role, plan, is_active, must_change, created_at)
                        VALUES ($1, 'main', $1, $1, 'user', 'free', 1, 0, 0)
                        """, [.text("id of \(person)")])
                }
            }
            let loop = try Self.loops.get().loops[0]
            let artifacts = ArtifactStore(database: database, kinds: ArtifactKinds([AgentDefinition.kind, ArtifactWorkflows.kind]))
            let service = WorkflowService(
                store: RunStore(database: database), source: ArtifactWorkflows(artifacts), loop: loop, actions: { _ in Echo() })
            let fixture = try Fixture(
                checks: [], requests: IdempotencyStore(database: database), artifacts: LiveArtifacts(artifacts, log: Log()),
                workflows: LiveWorkflows(service, artifacts: artifacts, log: Log()) { _ in 3 })
            let runner = JobRunner(
                JobStore(database: database), name: "host", handlers: [RunStore.jobKind: { try await service.work(on: $0) }], on: loop
            ) { _ in }
            let work = OwnedTask(on: loop) { await runner.run() }
            defer { runner.stop() }
            try await body(fixture)
            runner.stop()
            await work.finish()
        }
    }

    /// `data` of a success, checked against the route's schema.
    @discardableResult
    private func ask(
        _ fixture: Fixture, _ method: String, _ path: String, query: [(name: String, value: String)] = [], _ body: String? = nil,
        key: String = "user",
        status: Int = 200, headers: [(String, String)] = []
    ) async throws -> JSONValue {
        let response = await fixture.send(method, path, query: query, headers: headers, body: body, key: key)
        #expect(response.status == status, "\(method) \(path): \(String(decoding: response.bytes, as: UTF8.self))")
        let json = try response.json
        if case .route(let route, _) = fixture.dispatcher.table.match(method: method, path: path) {
            #expect(try CompiledSchema(Envelope.schema(route.route.data)).validate(json) == [], "\(method) \(path): \(json.text)")
        }
        return json["data"] ?? .null
    }

    private func refused(
        _ fixture: Fixture, _ method: String, _ path: String, query: [(name: String, value: String)] = [], _ body: String? = nil, key: String = "user"
    ) async throws -> (status: Int, details: JSONValue) {
        let response = await fixture.send(method, path, query: query, body: body, key: key)
        return (response.status, try response.json["error"]?["details"] ?? .null)
    }

    private func keep(_ fixture: Fixture, _ nodes: String, entry: String = "a", schema: String = "true") async throws -> String {
        let made = try await ask(
            fixture, "POST", "/v1/artifacts",
            #"{"type":"workflow","name":"w","schema":{"kind":"workflow.chat","entry":"\#(entry)","input_schema":\#(schema),"nodes":\#(nodes)}}"#)
        return try #require(made["id"]?.stringValue)
    }

    private static let echo =
        #"[{"id":"a","type":"tool_call","tool":"t.echo","inputs":{"n":"${input.n}"},"output":"a","next":"done"},{"id":"done","type":"end","outputs":{"n":"${vars.a.n}"}}]"#

    @Test("a workflow is listed, planned, run, waited for, shown and listed again, each answer as its schema says (API-5)")
    func whole() async throws {
        try await withWorkflows { fixture in
            let id = try await keep(fixture, Self.echo)
            let list = try await ask(fixture, "GET", "/v1/workflows")["items"]?.arrayValue ?? []
            #expect(Set(list.compactMap { $0["name"]?.stringValue }) == ["w", "default"])
            let mine = list.first { $0["name"] == "w" }
            #expect(mine?["tools"] == ["t.echo"] && mine?["timeout_ms"] == 300_000)
            let plan = try await ask(fixture, "POST", "/v1/workflows/\(id)/runs", #"{"input":{"n":4},"dry_run":true}"#)
            #expect(plan["runnable"] == true && plan["steps"]?[0]?["input"] == ["n": 4] && plan["version"] == 1)
            let run = try await ask(fixture, "POST", "/v1/workflows/\(id)/runs", #"{"input":{"n":4},"wait_ms":10000}"#)
            #expect(run["state"] == "done" && run["outputs"] == ["n": 4])
            let path = "/v1/runs/\(run["id"]?.stringValue ?? "")"
            #expect(try await ask(fixture, "GET", path) == run)
            #expect(try await ask(fixture, "GET", "/v1/runs", query: [("workflow_id", id), ("state", "done")])["items"]?.arrayValue?.count == 1)
            #expect(try await ask(fixture, "GET", "/v1/runs", key: "admin")["items"] == [])
            #expect(try await ask(fixture, "GET", "/v1/runs", query: [("of", "tenant")], key: "admin")["items"]?.arrayValue?.count == 1)
            try await ask(fixture, "GET", path, key: "admin")
            // The plan has left nothing behind.
            #expect(try await ask(fixture, "GET", "/v1/runs")["items"]?.arrayValue?.count == 1)
        }
    }

    @Test("a request without `wait_ms` is answered with 202 at once, and the same client_request_id is the same run (API-4)")
    func once() async throws {
        try await withWorkflows { fixture in
            let id = try await keep(fixture, Self.echo)
            let body = #"{"input":{"n":1},"client_request_id":"r1"}"#
            let first = try await ask(fixture, "POST", "/v1/workflows/\(id)/runs", body, status: 202)
            #expect(first["client_request_id"] == "r1")
            let again = try await ask(fixture, "POST", "/v1/workflows/\(id)/runs", body, status: 202)
            #expect(again["id"] == first["id"])
            let other = try await refused(fixture, "POST", "/v1/workflows/\(id)/runs", #"{"input":{"n":2},"client_request_id":"r1"}"#)
            #expect(other.status == 409 && other.details["reason"] == "idempotency_key_reused")
            // Even where nothing is replayed any more, by another host's key.
            let replayed = await fixture.send(
                "POST", "/v1/workflows/\(id)/runs", headers: [("Idempotency-Key", "r1")], body: #"{"input":{"n":2}}"#, key: "user")
            #expect(replayed.status == 409)
        }
    }

    @Test("bad input, each for its own reason: unknown, not its own, no workflow, input, bounds, busy, ended (CHAT-12)")
    func refusals() async throws {
        try await withWorkflows { fixture in
            let id = try await keep(fixture, Self.echo, schema: #"{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}"#)
            let path = "/v1/workflows/\(id)/runs"
            #expect(try await refused(fixture, "POST", "/v1/workflows/gone/runs", "{}").status == 404)
            #expect(try await refused(fixture, "POST", path, #"{"input":{"n":1}}"#, key: "admin").status == 404, "it is private")
            let note = try await ask(fixture, "POST", "/v1/artifacts", #"{"type":"memory","name":"n","schema":{"kind":"memory.note"}}"#)
            #expect(try await refused(fixture, "POST", "/v1/workflows/\(note["id"]?.stringValue ?? "")/runs", "{}").status == 404)
            let misfit = try await refused(fixture, "POST", path, #"{"input":{"n":"x"}}"#)
            #expect(misfit.status == 400 && misfit.details["in"] == "input" && misfit.details["errors"]?[0]?["instance_path"] == "/n")
            #expect(try await refused(fixture, "POST", path, #"{"input":{"n":"x"},"dry_run":true}"#).status == 400)
            for body in [
                "[]", #"{"inputs":{}}"#, #"{"wait_ms":-1}"#, #"{"wait_ms":30001}"#, #"{"dry_run":1}"#, #"{"conversation_id":""}"#,
                #"{"client_request_id":5}"#,
            ] { #expect(try await refused(fixture, "POST", path, body).status == 400, "\(body)") }
            #expect(try await refused(fixture, "POST", path, #"{"input":{"n":1},"conversation_id":"gone"}"#).status == 404)
            #expect(try await refused(fixture, "GET", "/v1/runs/gone").status == 404)
            #expect(try await refused(fixture, "POST", "/v1/runs/gone/cancel").status == 404)
            for query in [("cursor", "x"), ("limit", "0"), ("limit", "501"), ("state", "odd"), ("more", "1")] {
                #expect(try await refused(fixture, "GET", "/v1/runs", query: [query]).status == 400, "\(query)")
            }
            #expect(try await refused(fixture, "GET", "/v1/runs", query: [("of", "tenant")]).details["reason"] == "role")
            let run = try await ask(fixture, "POST", path, #"{"input":{"n":1},"wait_ms":10000}"#)
            #expect(try await refused(fixture, "POST", "/v1/runs/\(run["id"]?.stringValue ?? "")/cancel").details["reason"] == "ended")
            #expect(try await refused(fixture, "GET", "/v1/runs/\(run["id"]?.stringValue ?? "")", key: "admin of another tenant").status == 404)
        }
    }

    @Test("a definition that is none is refused as an artifact with every place, and a destructive tool is refused in plan and run (TOOL-7)")
    func definitions() async throws {
        try await withWorkflows { fixture in
            let bad = try await refused(
                fixture, "POST", "/v1/artifacts",
                #"{"type":"workflow","name":"w","schema":{"kind":"workflow.chat","entry":"x","nodes":[{"id":"a","type":"end"}]}}"#)
            #expect(bad.status == 400 && bad.details["errors"]?[0]?["instance_path"] == "/schema/entry", "\(bad.details.text)")
            let id = try await keep(fixture, #"[{"id":"a","type":"tool_call","tool":"t.sharp","next":"done"},{"id":"done","type":"end"}]"#)
            let plan = try await ask(fixture, "POST", "/v1/workflows/\(id)/runs", #"{"dry_run":true}"#)
            #expect(plan["runnable"] == false && plan["steps"]?[0]?["problem"]?["reason"] == "approval")
            let run = try await ask(fixture, "POST", "/v1/workflows/\(id)/runs", #"{"wait_ms":10000}"#)
            #expect(run["state"] == "failed" && run["error"]?["reason"] == "approval" && run["error"]?["code"] == "forbidden")
            let answer = try await ask(fixture, "GET", "/v1/workflows")["items"]?.arrayValue?.first { $0["name"] == "default" }
            #expect(answer?["tools"] == ["chat.answer"])
            let outside = try await ask(fixture, "POST", "/v1/workflows/\(answer?["id"]?.stringValue ?? "")/runs", #"{"wait_ms":10000}"#)
            #expect(outside["error"]?["code"] == "not_found", "a turn's own tool is there in turns alone")
        }
    }
}
