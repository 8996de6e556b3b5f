import Glibc
import HTTP
import JSON
import TestKit
import Testing

@Suite("Limen: workflows over the wire", .serialized)
struct WorkflowServiceTests {
    /// Where a server keeps what it knows.
    private static func environment(_ engine: String) throws -> [String: String] {
        guard engine == "postgres" else { return [:] }
        let server = try PostgresServer.shared.get()
        return [
            "LIMEN_STORE_ENGINE": "postgres", "LIMEN_STORE_POSTGRES_HOST": server.folder, "LIMEN_STORE_POSTGRES_DATABASE": try server.database(),
        ]
    }

    /// Keeps a workflow; answers its id.
    private func keep(_ server: LiveServer, _ definition: String) async throws -> String {
        let reply = try await server.send(.post, "/v1/artifacts", #"{"type":"workflow","name":"w","schema":\#(definition)}"#)
        #expect(reply.status == 200, "\(reply.text)")
        return try #require(reply.json["data"]?["id"]?.stringValue)
    }

    private func call(_ id: String, _ tool: String, _ inputs: String, next: String, _ more: String = "") -> String {
        #"{"id":"\#(id)","type":"tool_call","tool":"\#(tool)","inputs":\#(inputs),"next":"\#(next)"\#(more)}"#
    }

    /// The run when it is over.
    private func end(_ server: LiveServer, _ id: String) async throws -> JSONValue {
        for _ in 0..<600 {
            let run = try await server.send(.get, "/v1/runs/\(id)").json["data"] ?? .null
            if !["queued", "running"].contains(run["state"]?.stringValue) { return run }
            usleep(50_000)
        }
        throw Command.Failure("the run \(id) has no end")
    }

    @Test(
        "session, a tool in its jail, a workflow of such tools, its result, its trace, its line in the log and its count in the scrape (OPS-9, WF-1)",
        arguments: ["sqlite", "postgres"])
    func journey(engine: String) async throws {
        let server = try LiveServer(plugins: ["calc"], environment: Self.environment(engine))
        #expect(try await server.send(.post, "/v1/chat", #"{"message":{"content":"/calc.evaluate 6*7"}}"#).status == 200)
        let id = try await keep(
            server,
            """
            {"kind":"workflow.chat","entry":"sum","timeout_ms":30000,
             "input_schema":{"type":"object","required":["a"],"properties":{"a":{"type":"string"}},"additionalProperties":false},
             "nodes":[\(call("sum", "calc.evaluate", #"{"expression":"${input.a} + 1"}"#, next: "which", #","output":"sum""#)),
              {"id":"which","type":"switch","cases":[{"when":"vars.sum.value == '3'","next":"both"}],"default":"done"},
              {"id":"both","type":"parallel","branches":["l","r"],"join":"done"},
              \(call("l", "calc.evaluate", #"{"expression":"${vars.sum.value} * 2"}"#, next: "done", #","output":"l""#)),
              \(call("r", "calc.evaluate", #"{"expression":"${vars.sum.value} /"}"#, next: "done", #","output":"r","on_error":"again""#)),
              \(call("again", "calc.evaluate", #"{"expression":"1+1"}"#, next: "done", #","output":"again""#)),
              {"id":"done","type":"end","outputs":{"sum":"${vars.sum.value}","l":"${vars.l.value}","again":"${vars.again.value}"}}]}
            """)
        let names = try await server.send(.get, "/v1/workflows").json["data"]?["items"]?.arrayValue ?? []
        #expect(Set(names.compactMap { $0["name"]?.stringValue }) == ["w", "default"])
        let path = "/v1/workflows/\(id)/runs"
        let plan = try await server.send(.post, path, #"{"input":{"a":"2"},"dry_run":true}"#).json["data"]
        #expect(plan?["runnable"] == true && plan?["steps"]?.arrayValue?.first?["input"] == ["expression": "2 + 1"], "\(plan?.text ?? "")")
        let reply = try await server.send(.post, path, #"{"input":{"a":"2"},"wait_ms":20000}"#)
        let run = try #require(reply.json["data"])
        #expect(reply.status == 200 && run["state"] == "done", "\(reply.text)")
        #expect(run["outputs"] == ["sum": "3", "l": "6", "again": "2"])
        let trace = run["trace"]?.arrayValue ?? []
        #expect(Set(trace.compactMap { $0["node"]?.stringValue }) == ["sum", "which", "both", "l", "r", "again", "done"])
        #expect(trace.first { $0["node"] == "r" }?["outcome"] == "error")
        let line = try #require(
            server.log.split(separator: "\n").first { $0.contains(#""msg":"workflow""#) || $0.contains(#""message":"workflow""#) })
        for part in [#""outcome":"done""#, #""calls":4"#, #""nodes":7"#, run["id"]?.stringValue ?? "-"] { #expect(line.contains(part), "\(line)") }
        #expect(try await server.send(.get, "/metrics").text.contains(#"limen_workflow_runs_total{outcome="done"} 1"#))
        let audit = try await server.send(.get, "/v1/admin/audit?limit=50").json["data"]?["items"]?.arrayValue ?? []
        #expect(audit.count { $0["call_id"] == reply.json["request_id"] && $0["tool"] == "evaluate" } == 4)
        let bad = try await server.send(.post, path, #"{"input":{"b":1}}"#)
        #expect(bad.status == 400 && bad.json["error"]?["details"]?["in"] == "input", "\(bad.text)")
    }

    /// Tests/Fixtures/Patience under another name, whose calls have an effect: each says in the log that it began.
    private func installEffect(on server: LiveServer) async throws {
        let source = "\(Command.temporary())/effect"
        mkdir(source, 0o755)
        for file in ["patience.c", "Makefile", "plugin.json"] {
            let text = Command.text("\(Command.root)/Tests/Fixtures/Patience/\(file)")
            let changed = text.replacing(#"\"read_only\":true"#, with: #"\"read_only\":false"#).replacing("patience", with: "effect")
            try Command.write(changed, to: "\(source)/\(file.replacing("patience", with: "effect"))")
        }
        let folder = Command.temporary()
        for words in [
            ["plugin", "pack", source, "--output", folder, "--key", try LiveServer.publisher().key],
            ["plugin", "trust", "add", try LiveServer.publisher().trust, "--data", server.data],
            ["plugin", "install", "\(folder)/effect-1.0.0", "--enable", "--yes", "--data", server.data],
        ] {
            let outcome = try server.limen(words)
            #expect(outcome.code == 0, "\(words): \(outcome.complaints)")
        }
        for _ in 0..<200 {
            if try await server.send(.post, "/v1/tools/effect.wait/invoke", #"{"input":{"ms":0}}"#).status == 200 { return }
            usleep(50_000)
        }
        throw Command.Failure("the plugin was not installed: \(server.log)")
    }

    @Test(
        "killed with `kill -9` at any moment of a run, the server goes on with it; a tool that may not be called twice is called once (WF-3, STORE-1)",
        arguments: ["sqlite", "postgres"])
    func killed(engine: String) async throws {
        let environment = try Self.environment(engine)
        let server = try LiveServer(plugins: [], environment: environment)
        try await installEffect(on: server)
        let nodes = (0..<4).map { number in
            call(
                "n\(number)", "effect.wait", #"{"ms":60}"#, next: number == 3 ? "done" : "n\(number + 1)",
                #","output":"v\#(number)","on_error":"sorry""#)
        }
        let id = try await keep(
            server,
            #"{"kind":"workflow.chat","entry":"n0","timeout_ms":120000,"nodes":[\#(nodes.joined(separator: ",")),{"id":"done","type":"end","outputs":{"ok":true}},{"id":"sorry","type":"end","outputs":{"why":"${vars.error.reason}"}}]}"#
        )
        #expect(try await server.send(.post, "/v1/workflows/\(id)/runs", #"{"wait_ms":20000}"#).json["data"]?["outputs"] == ["ok": true])
        for round in 0..<(engine == "sqlite" ? 6 : 2) {
            // Of this life: a start begins another log.
            let before = server.log.split(separator: "\n").count { $0.contains("began at") }
            let begun = try await server.send(.post, "/v1/workflows/\(id)/runs", #"{"client_request_id":"kill-\#(round)"}"#)
            let run = try #require(begun.json["data"]?["id"]?.stringValue, "\(begun.text)")
            usleep(UInt32(round) * 55_000)
            server.stop(SIGKILL)
            let atDeath = server.log.split(separator: "\n").count { $0.contains("began at") }
            try server.start(environment: environment)
            let after = try await end(server, run)
            #expect(after["state"] == "done", "\(after.text)")
            let effects = atDeath - before + server.log.split(separator: "\n").count { $0.contains("began at") }
            let trace = after["trace"]?.arrayValue ?? []
            let calls = trace.filter { $0["type"] == "tool_call" }
            #expect(calls.allSatisfy { $0["tries"] == 1 }, "\(after.text)")
            // Every call that began did so once, in whichever of the two lives.
            #expect(effects <= 4, "\(before) \(atDeath) \(effects)")
            if after["outputs"] == ["ok": true] {
                #expect(calls.count == 4 && effects == 4, "\(before) \(atDeath) \(effects)")
            } else {
                #expect(after["outputs"] == ["why": "outcome_unknown"], "\(after.text)")
            }
            // The same request is the same run, in whatever life.
            let again = try await server.send(.post, "/v1/workflows/\(id)/runs", #"{"client_request_id":"kill-\#(round)"}"#)
            #expect(again.json["data"]?["id"]?.stringValue == run, "\(again.text)")
        }
    }

    @Test("told to stop, the server lets a run go on for as long as it drains, although nobody is connected (WF-3)")
    func drained() async throws {
        let server = try LiveServer(plugins: ["patience"])
        let id = try await keep(
            server,
            #"{"kind":"workflow.chat","entry":"a","nodes":[\#(call("a", "patience.wait_long", #"{"ms":1500}"#, next: "done")),{"id":"done","type":"end"}]}"#
        )
        let run = try #require(try await server.send(.post, "/v1/workflows/\(id)/runs", "{}").json["data"]?["id"]?.stringValue)
        for _ in 0..<500 where !server.log.contains("began at") { usleep(10_000) }
        server.stop()
        #expect(server.log.contains(#""outcome":"done""#) && !server.log.contains(#""outcome":"returned""#), "\(server.log.suffix(2_000))")
        try server.start()
        let after = try await server.send(.get, "/v1/runs/\(run)").json["data"]
        #expect(after?["state"] == "done" && after?["attempts"] == 1, "\(after?.text ?? "")")
    }

    @Test("a run is cancelled over the wire while its tool runs, and a fourth at once is 409 busy until it is (LIM-2, WF-2)")
    func cancelled() async throws {
        let server = try LiveServer(plugins: ["patience"])
        let id = try await keep(
            server,
            #"{"kind":"workflow.chat","entry":"a","nodes":[\#(call("a", "patience.wait_long", #"{"ms":50000}"#, next: "done")),{"id":"done","type":"end"}]}"#
        )
        var runs: [String] = []
        for _ in 0..<3 {
            runs.append(try #require(try await server.send(.post, "/v1/workflows/\(id)/runs", "{}").json["data"]?["id"]?.stringValue))
        }
        let busy = try await server.send(.post, "/v1/workflows/\(id)/runs", "{}")
        #expect(busy.status == 409 && busy.json["error"]?["details"]?["reason"] == "busy", "\(busy.text)")
        for _ in 0..<200 where server.log.split(separator: "\n").count(where: { $0.contains("began at") }) < 2 { usleep(10_000) }
        for run in runs {
            #expect(try await server.send(.post, "/v1/runs/\(run)/cancel").status == 200)
            #expect(try await end(server, run)["state"] == "cancelled")
            let late = try await server.send(.post, "/v1/runs/\(run)/cancel")
            #expect(late.status == 409 && late.json["error"]?["details"]?["reason"] == "ended", "\(late.text)")
        }
        let last = try await server.send(.post, "/v1/workflows/\(id)/runs", "{}")
        #expect(last.status == 202)
        #expect(try await server.send(.get, "/v1/runs?state=cancelled").json["data"]?["items"]?.arrayValue?.count == 3)
        // The server would wait for it.
        #expect(try await server.send(.post, "/v1/runs/\(last.json["data"]?["id"]?.stringValue ?? "-")/cancel").status == 200)
    }
}
