import HTTP
import IO
import JSON
import JSONSchema
import TestKit
import Testing

@testable import API

@Suite("API: content")
struct ContentTests {
    @Test("JSON from 1 KiB on is compressed for a client that takes gzip, shorter replies and event streams never")
    func gzip() async throws {
        let fixture = try Fixture.shared()
        let plain = await fixture.send("GET", "/openapi.json")
        let coded = await fixture.send("GET", "/openapi.json", headers: [("Accept-Encoding", "gzip, br")])
        #expect(plain.header("Content-Encoding") == nil && plain.header("Vary") == "Accept-Encoding")
        #expect(coded.header("Content-Encoding") == "gzip" && coded.header("Vary") == "Accept-Encoding")
        #expect(coded.bytes.starts(with: [0x1f, 0x8b]) && coded.bytes.count < plain.bytes.count / 4)
        let short = await fixture.send("GET", "/healthz", headers: [("Accept-Encoding", "gzip")])
        #expect(short.header("Content-Encoding") == nil && short.header("Vary") == nil)
        let stream = await fixture.send(
            "POST", "/v1/tools/a.echo/invoke", headers: [("Accept", "text/event-stream"), ("Accept-Encoding", "gzip")], body: #"{"input":{}}"#)
        #expect(stream.header("Content-Encoding") == nil)
        guard case .events = stream.body else { return #expect(Bool(false), "no stream") }
    }

    @Test("the OpenAPI document is sent once and then confirmed: 304 for its tag, whatever the coding")
    func notModified() async throws {
        let fixture = try Fixture.shared()
        let first = await fixture.send("GET", "/openapi.json")
        let tag = try #require(first.header("ETag"))
        #expect(first.header("Cache-Control") == "private, no-cache")
        for coding in ["identity", "gzip"] {
            let again = await fixture.send("GET", "/openapi.json", headers: [("If-None-Match", tag), ("Accept-Encoding", coding)])
            #expect(again.status == 304 && again.bytes.isEmpty && again.header("ETag") == tag && again.header("Content-Type") == nil)
        }
        #expect(await fixture.send("GET", "/openapi.json", headers: [("If-None-Match", "\"other\"")]).status == 200)
        let failed = await fixture.send("GET", "/openapi.json", headers: [("If-Match", "\"other\"")])
        #expect(failed.status == 412)
        #expect(try CompiledSchema(Envelope.failureSchema).validate(try failed.json) == [])
    }

    @Test("whoever has no key gets neither the document nor a word on whether it changed")
    func stranger() async throws {
        #expect(try await Fixture.shared().send("GET", "/openapi.json", headers: [("If-None-Match", "*")], key: nil).status == 401)
    }

    @Test("the document tells of 429, its fields, and each route's class (API-11)")
    func document() async throws {
        let paths = try #require(try await Fixture.shared().send("GET", "/openapi.json").json["paths"]?.objectValue)
        for (_, item) in paths {
            for (_, operation) in try #require(item.objectValue) {
                #expect(operation["responses"]?["429"]?["headers"]?["Retry-After"] != nil)
                #expect(LimitClass(rawValue: operation["x-limit-class"]?.stringValue ?? "") != nil)
                for parameter in operation["parameters"]?.arrayValue ?? [] { #expect(parameter["schema"]?["type"] != nil) }
            }
        }
    }

    @Test("over the wire: every reply, refusals of the server's own among them, has the security fields, and HEAD the length of GET (API-9)")
    func wire() async throws {
        let group = try EventLoopGroup(count: 1)
        let any = try #require(SocketAddress("127.0.0.1", port: 0))
        var configuration = HTTPServerConfiguration(address: any)
        configuration.errorResponse = APIHandler.errorResponse
        let server = HTTPServer(configuration: configuration, group: group, handler: APIHandler(try Fixture.shared().dispatcher))
        let address = try server.start()
        let requests: [(HTTPClientRequest, Int)] = [
            (HTTPClientRequest(.get, "/healthz"), 200), (HTTPClientRequest(.head, "/healthz"), 200), (HTTPClientRequest(.get, "/v1/none"), 404),
            (HTTPClientRequest(.get, "/v1/tools"), 401), (HTTPClientRequest(.options, "/v1/tools"), 204),
            (HTTPClientRequest(.trace, "/v1/tools"), 405),
            (HTTPClientRequest(.get, "/%zz"), 400), (HTTPClientRequest(.post, "/v1/tools/run", body: [UInt8](repeating: 0, count: 10)), 401),
        ]
        let replies = try await OwnedTask(on: group.loops[0]) {
            let client = HTTPClient(address: address, loop: group.loops[0])
            defer { client.close() }
            var replies: [HTTPResponse] = []
            for (request, _) in requests { replies.append(try await client.send(request)) }
            return replies
        }.value
        for ((request, status), reply) in zip(requests, replies) {
            #expect(reply.status == status, "\(request.method) \(request.target)")
            #expect(reply.headers["X-Content-Type-Options"] == "nosniff" && reply.headers["Cache-Control"] == "no-store")
            #expect(reply.headers["Content-Security-Policy"]?.contains("frame-ancestors 'none'") == true)
            #expect(reply.headers.values("X-Request-Id").count == 1)
            #expect(!reply.headers.contains("Strict-Transport-Security"), "a promise of TLS without TLS")
        }
        #expect(replies[1].bytes == [])
        #expect(replies[0].headers["Content-Length"] == replies[1].headers["Content-Length"])
        await server.drain(within: 1000)
        await group.shutdown()
    }
}

@Suite("API: the table of routes")
struct RouteTableTests {
    private static func route(_ method: String, _ path: String, parameters: [Parameter] = []) -> Route {
        var route = Route.get(path, path, tag: "t", "s", parameters: parameters, data: true) { context throws(APIError) in
            .data(["name": .string(context.parameter("name")), "n": JSONValue(context.integer("n"))])
        }
        route.method = method
        return route
    }

    private static let name = Parameter("name", ["type": "string", "maxLength": 8], "")
    private static let number = Parameter("n", ["type": "integer", "minimum": 1], "")

    @Test(
        "a path leads to the route whose literals fit, then to the one with a parameter there, or nowhere",
        arguments: [
            ("/a", "/a", []), ("/a/b", "/a/b", []), ("/a/x", "/a/{name}", ["x"]), ("/a/bb", "/a/{name}", ["bb"]), ("/a/b/c", nil, []),
            ("/a/x/c", "/a/{name}/c", ["x"]),
            ("/a/x/7/d", "/a/{name}/{n}/d", ["x", "7"]), ("/", nil, []), ("", nil, []), ("a", nil, []), ("//a", nil, []), ("/a/", nil, []),
            ("/a//c", nil, []),
            ("/A", nil, []), ("/a/x/c/", nil, []), ("/a/\u{e9} \u{1F600}", "/a/{name}", ["\u{e9} \u{1F600}"]), ("*", nil, []),
            (String(repeating: "/a", count: 40), nil, []),
        ] as [(String, String?, [String])])
    func match(path: String, template: String?, values: [String]) throws {
        let table = try RouteTable([
            Self.route("GET", "/a"), Self.route("GET", "/a/b"), Self.route("GET", "/a/{name}", parameters: [Self.name]),
            Self.route("GET", "/a/{name}/c", parameters: [Self.name]), Self.route("GET", "/a/{name}/{n}/d", parameters: [Self.name, Self.number]),
        ])
        switch table.match(method: "GET", path: path) {
        case .route(let route, let found): #expect(route.template == template && found == values)
        case .methodNotAllowed, .notFound: #expect(template == nil)
        }
    }

    @Test(
        "a path's parameters are typed and checked by their schemas (API-5, API-13)",
        arguments: [("x/7", 200), ("x/0", 400), ("x/seven", 400), ("x/7.5", 400), ("x/99999999999999999999", 400), ("ninechars/7", 400)])
    func typed(path: String, status: Int) async throws {
        let fixture = try Fixture(checks: [], extra: [Self.route("GET", "/z/{name}/{n}", parameters: [Self.name, Self.number])])
        let response = await fixture.send("GET", "/z/\(path)")
        #expect(response.status == status)
        if status == 200 { #expect(try response.json["data"] == ["name": "x", "n": 7]) }
    }
}

@Suite("API: metrics")
struct APIMetricsTests {
    @Test("latency by route and class of status, requests under way, and refusals by reason are scraped (OPS-2)")
    func scrape() async throws {
        let fixture = try Fixture.with { $0.rates[.writes] = RatePolicy(1, perSeconds: 3600) }
        _ = await fixture.send("GET", "/v1/tools")
        _ = await fixture.send("GET", "/v1/tools/none.such")
        _ = await fixture.send("GET", "/v1/tools", key: nil)
        _ = await fixture.send("GET", "/v1/nothing")
        for _ in 0..<2 { _ = await fixture.send("POST", "/v1/admin/plugins/a/enable") }
        let stream = await fixture.send("POST", "/v1/tools/a.echo/invoke", headers: [("Accept", "text/event-stream")], body: #"{"input":{}}"#)
        let text = String(decoding: await fixture.send("GET", "/metrics").bytes, as: UTF8.self)
        for line in [
            #"limen_http_request_seconds_count{method="GET",route="/v1/tools",status="2xx"} 1"#,
            #"limen_http_request_seconds_count{method="GET",route="/v1/tools",status="4xx"} 1"#,
            #"limen_http_request_seconds_count{method="GET",route="/v1/tools/{id}",status="4xx"} 1"#,
            #"limen_http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
            #"limen_http_requests_total{method="POST",route="/v1/admin/plugins/{name}/enable",status="429"} 1"#,
            #"limen_http_requests_in_flight{method="POST",route="/v1/tools/{id}/invoke"} 1"#,
            #"limen_http_requests_in_flight{method="GET",route="/metrics"} 1"#, #"limen_http_refusals_total{reason="rate_limited"} 1"#,
            #"limen_http_refusals_total{reason="unauthorized"} 1"#, #"limen_http_refusals_total{reason="not_found"} 2"#,
        ] { #expect(text.contains(line + "\n"), "\(line)") }
        guard case .events(let run) = stream.body else { return #expect(Bool(false), "no stream") }
        try await run(RecordingSink())
    }

    @Test("a stream that is never begun is not under way for ever")
    func abandoned() async throws {
        let fixture = try Fixture.with { _ in }
        do {
            let stream = await fixture.send("POST", "/v1/tools/a.echo/invoke", headers: [("Accept", "text/event-stream")], body: #"{"input":{}}"#)
            #expect(stream.status == 200)
        }
        let text = String(decoding: await fixture.send("GET", "/metrics").bytes, as: UTF8.self)
        #expect(text.contains(#"limen_http_requests_in_flight{method="POST",route="/v1/tools/{id}/invoke"} 0"# + "\n"))
    }
}
