import IO
import JSON
import Testing

@testable import API

@Suite("API: behaviour")
struct BehaviourTests {
    @Test("a list is bounded and its cursor goes on where it ended (API-7)")
    func pages() async throws {
        let fixture = try Fixture.shared()
        var ids: [String] = []
        var cursor: String?
        repeat {
            var query = [(name: "limit", value: "4")]
            if let cursor { query.append(("cursor", cursor)) }
            let data = try #require(await fixture.send("GET", "/v1/tools", query: query).json["data"])
            let items = try #require(data["items"]?.arrayValue)
            #expect(items.count <= 4)
            ids += items.compactMap { $0["id"]?.stringValue }
            cursor = data["next_cursor"]?.stringValue
            #expect(data["has_next"]?.boolValue == (cursor != nil))
        } while cursor != nil
        #expect(ids == FakeTools().tools().map(\.id))
    }

    @Test("a tool is run by id or by a name that is unique")
    func runByName() async throws {
        let response = try await Fixture.shared().send("POST", "/v1/tools/run", body: #"{"tool_id":"unique","input":{"n":12345678901234567890}}"#)
        #expect(response.status == 200)
        #expect(try response.json["data"]?["output"]?.text == #"{"n":12345678901234567890}"#)
    }

    @Test("a client that accepts events gets progress, partial results and one result")
    func events() async throws {
        let response = try await Fixture.shared().send(
            "POST", "/v1/tools/a.echo/invoke", headers: [("Accept", "text/event-stream")], body: #"{"input":{"a":1}}"#)
        #expect(response.header("Content-Type") == "text/event-stream")
        guard case .events(let run) = response.body else {
            Issue.record("no stream")
            return
        }
        let sink = RecordingSink()
        try await run(sink)
        #expect(sink.events.map(\.event) == ["progress", "partial", "result"])
        #expect(sink.events.last?.data["output"] == ["a": 1])
    }

    @Test("a call that fails in a stream ends it with one error")
    func streamError() async throws {
        let response = try await Fixture.shared().send(
            "POST", "/v1/tools/b.crash/invoke", headers: [("Accept", "text/event-stream")], body: #"{"input":{}}"#)
        guard case .events(let run) = response.body else {
            Issue.record("no stream")
            return
        }
        let sink = RecordingSink()
        try await run(sink)
        #expect(sink.events.last?.event == "error")
        #expect(sink.events.last?.data["code"] == "server_error")
        #expect(sink.events.filter { ["result", "error"].contains($0.event) }.count == 1)
    }

    @Test("whoever asks for HTML gets what the sanitiser left (TOOL-6)")
    func html() async throws {
        let response = try await Fixture.shared().send("POST", "/v1/tools/c.page/invoke", headers: [("Accept", "text/html")], body: #"{"input":{}}"#)
        #expect(response.header("Content-Type") == "text/html; charset=utf-8")
        #expect(String(decoding: response.bytes, as: UTF8.self) == "<p>hi</p>")
    }

    @Test(
        "Accept is read with its weights and wildcards (RFC 9110)",
        arguments: [
            (nil, MediaType.json), ("*/*", .json), ("application/json", .json), ("text/event-stream", .events), ("text/*", .events),
            ("text/html;q=0.9, application/json;q=0.5", .html), ("application/json;q=0, */*", .events), ("image/png", nil),
            ("application/json;q=0", nil), ("garbage", nil), ("application/json;q=2", nil),
        ] as [(String?, MediaType?)])
    func accept(header: String?, expected: MediaType?) {
        #expect(MediaType.negotiate(accept: header, produced: [.json, .events, .html]) == expected)
    }

    @Test("readiness names each check, and one that hangs fails by its own time-out (OPS-1)", .timeLimit(.minutes(1)))
    func readiness() async throws {
        let group = try EventLoopGroup(count: 1)
        let fixture = try Fixture(checks: [
            ReadinessCheck("database") { nil }, ReadinessCheck("disk") { "full" },
            ReadinessCheck("spawner", timeoutMilliseconds: 50) {
                await Self.hang()
                return nil
            },
        ])
        let task = OwnedTask(on: group.next()) { await fixture.send("GET", "/readyz", key: nil) }
        let response = try await task.value
        #expect(response.status == 503)
        let checks = try #require(response.json["error"]?["details"]?["checks"]?.arrayValue)
        #expect(checks.map { $0["name"]?.stringValue } == ["database", "disk", "spawner"])
        #expect(checks.map { $0["ok"]?.boolValue } == [true, false, false])
        #expect(checks[2]["reason"]?.stringValue?.contains("50 ms") == true)
        await group.shutdown()
    }

    /// Waits until it is cancelled.
    private static func hang() async {
        do {
            try await EventLoop.current?.sleep(until: .after(milliseconds: 30_000))
        } catch {
            _ = error
        }
    }

    @Test("the document lists every route with its schemas, and nothing else (API-11)")
    func openAPI() async throws {
        let document = try await Fixture.shared().send("GET", "/openapi.json").json
        #expect(document["openapi"] == "3.1.0")
        var listed: Set<String> = []
        for (path, item) in try #require(document["paths"]?.objectValue) {
            for (method, operation) in try #require(item.objectValue) {
                listed.insert("\(method.uppercased()) \(path)")
                #expect(operation["responses"]?["default"] != nil)
                #expect(operation["operationId"]?.stringValue?.isEmpty == false)
            }
        }
        #expect(listed == Set(RouteWalkTests.routes.map { "\($0.method) \($0.path)" }))
        let identifiers = RouteWalkTests.routes.map(\.operation)
        #expect(Set(identifiers).count == identifiers.count)
    }
}
