import Glibc
import HTTP
import JSON
import Testing

@Suite("Limen: the server, whole", .serialized)
struct JourneyTests {
    @Test("a tool of a stranger's library is listed, called and accounted over HTTP, and the audit chain holds it (TOOL-5, OPS-6)")
    func call() async throws {
        let server = try LiveServer()
        let list = try await server.send(.get, "/v1/tools?limit=500")
        #expect(list.status == 200)
        let ids = list.json["data"]?["items"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
        #expect(ids.contains("calc.evaluate") && ids.contains("sysprobe.report"))
        let reply = try await server.send(.post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":"0.1+0.2"}}"#)
        #expect(reply.status == 200)
        #expect(reply.json["data"]?["output"]?["value"] == "0.3")
        #expect(reply.json["data"]?["usage"]?["wall_ms"]?.doubleValue ?? 0 > 0)
        let refused = try await server.send(.post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":7,"x":1}}"#)
        #expect(refused.status == 400)
        #expect(refused.json["error"]?["details"]?["errors"]?.arrayValue?.isEmpty == false)
        let audit = try await server.send(.get, "/v1/admin/audit?limit=50")
        let entries = audit.json["data"]?["items"]?.arrayValue ?? []
        #expect(entries.contains { $0["call_id"] == reply.json["request_id"] && $0["outcome"] == "ok" })
        #expect(try await server.send(.get, "/v1/admin/audit/verification").json["data"]?["intact"] == true)
    }

    @Test("one id and one trace from client to plugin: what the plugin sees is what the reply says (API-10)")
    func identity() async throws {
        let server = try LiveServer(plugins: ["patience"])
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let call = server.invocation("patience.trace", "{}", requestID: "req-7")
        let reply = server.raw(call.replacing("Accept:", with: "traceparent: \(trace)\r\nAccept:"))
        let seen = try #require(reply.firstMatch(of: /"fill":"([^" ]+) ([^" ]+)"/))
        let returned = try #require(reply.firstMatch(of: /traceparent: (\S+)/))
        #expect(seen.1 == "req-7" && seen.2 == returned.1 && seen.2.hasPrefix("00-0af7651916cd43dd8448eb211c80319c-") && seen.2 != trace)
        #expect(reply.contains(#""request_id":"req-7""#))
    }

    @Test("progress and result come as events, each with the request's id")
    func stream() async throws {
        let server = try LiveServer(plugins: ["calc"])
        let key = server.key
        let body = #"{"input":{"expression":"2^10"}}"#
        let reply = server.raw(
            "POST /v1/tools/calc.evaluate/invoke HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(key)\r\nX-Request-Id: stream-1\r\n"
                + "Accept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
        )
        #expect(reply.contains("Content-Type: text/event-stream"))
        #expect(reply.contains("event: result\ndata: {\"event\":\"result\",\"data\":{\"output\":{\"value\":\"1024\""))
        #expect(reply.contains("\"request_id\":\"stream-1\"}"))
    }

    @Test("HTML of a plugin is sent as HTML only after the sanitiser, in a jail of its own (TOOL-6)")
    func html() async throws {
        let server = try LiveServer(plugins: ["markdown", "sanitizer"])
        let tool = try #require(
            try await server.send(.get, "/v1/tools").json["data"]?["items"]?.arrayValue?.first { $0["content_type"] == "html_untrusted" })
        let id = try #require(tool["id"]?.stringValue)
        var input = try #require(tool["examples"]?[0]?["input"]?.objectValue)
        let field = try #require(input.keys.first { ["markdown", "text", "source"].contains($0) })
        input[field] = "# Hi\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))"
        let reply = try await server.send(.post, "/v1/tools/\(id)/invoke", JSONValue.object(["input": .object(input)]).text, accept: "text/html")
        #expect(reply.status == 200, "\(reply.text)")
        #expect(reply.text.contains("Hi"))
        #expect(!reply.text.contains("<script") && !reply.text.contains("javascript:"))
    }

    @Test("readiness runs real checks, and a broken manifest shows there with its name (OPS-1)")
    func readiness() async throws {
        let server = try LiveServer(plugins: ["calc"])
        let ready = try await server.send(.get, "/readyz")
        #expect(ready.status == 200)
        #expect(ready.json["data"]?["checks"]?.arrayValue?.compactMap { $0["name"]?.stringValue } == ["database", "plugins", "disk", "sandbox"])
        try Command.write("{", to: "\(server.data)/manifests/other.json")
        _ = try await server.send(.post, "/v1/admin/plugins/reload")
        let broken = try await server.send(.get, "/readyz")
        #expect(broken.status == 503)
        #expect(broken.text.contains("other"))
    }

    @Test("a manifest that breaks names file, pointer and reason, and the version that ran goes on")
    func brokenManifest() async throws {
        let server = try LiveServer(plugins: ["calc"])
        let file = "\(server.data)/manifests/calc.json"
        let good = Command.text(file)
        try Command.write(good.replacing("\"isolation\": \"shared\"", with: "\"isolation\": \"none\""), to: file)
        let outcome = try await server.send(.post, "/v1/admin/plugins/reload").json["data"]?["outcomes"]?[0]
        #expect(outcome?["file"] == "calc.json" && outcome?["outcome"] == "kept_old")
        #expect(outcome?["pointer"] == "/isolation")
        #expect(try await server.send(.post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":"1+1"}}"#).status == 200)
        try Command.write(good, to: file)
    }

    @Test("the metrics an operator needs are scraped (OPS-2)")
    func metrics() async throws {
        let server = try LiveServer(plugins: ["calc"])
        _ = try await server.send(.post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":"1"}}"#)
        _ = try await server.send(.get, "/v1/nothing")
        let text = try await server.send(.get, "/metrics").text
        for name in [
            "limen_http_request_seconds_bucket", "limen_http_requests_total", "limen_tool_calls_total{tool=\"calc.evaluate\",outcome=\"ok\"} 1",
            "limen_worker_starts_total", "limen_workers{", "limen_tool_breaker_open", "limen_event_loop_lag_seconds",
            "limen_pool_queued_jobs{pool=\"store-read\"}", "limen_pool_queued_jobs{pool=\"registry\"}",
            "process_resident_memory_bytes", "limen_store_writes_queued", "limen_http_connections{state=\"handling\"} 1",
            "limen_http_bytes_total{direction=\"in\"}", "limen_http_rejections_total{reason=\"malformed\"}",
        ] { #expect(text.contains(name), "\(name)") }
        #expect(text.contains("route=\"unmatched\",status=\"404\""))
    }

    @Test(
        "a request that is no HTTP gets its status in the one envelope (API-1)",
        arguments: [
            ("GET /v1/tools HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n", 400),
            ("NONSENSE\r\n\r\n", 400),
            ("GET /<40,000 a> HTTP/1.1\r\nHost: x\r\n\r\n", 414),
            ("GET /healthz HTTP/1.1\r\nHost: x\r\nX: <40,000 a>\r\n\r\n", 431),
            ("POST /v1/tools/run HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
            ("POST /v1/tools/run HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n", 401),
            ("GET /%2e%2e/%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            ("BREW /coffee HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        ])
    func malformed(request: String, status: Int) async throws {
        // Spelt out here and not above, where every test log would show it.
        let request = request.replacing("<40,000 a>", with: String(repeating: "a", count: 40_000))
        let reply = try MalformedServer.shared.get().raw(request, milliseconds: 3_000)
        #expect(reply.hasPrefix("HTTP/1.1 \(status) "), "\(reply.prefix(200))")
        #expect(reply.contains(#""status":"error""#) && reply.contains(#""request_id":"#), "\(reply.suffix(300))")
        #expect(reply.contains("X-Content-Type-Options: nosniff") && reply.contains("frame-ancestors 'none'"))
    }
}

/// One server for the requests that are none.
enum MalformedServer {
    static let shared = Result { try LiveServer(plugins: []) }
}
