import HTTP
import IO
import JSON
import Telemetry
import Testing

@testable import API

@Suite("API: the access log")
struct AccessLogTests {
    /// Serves, sends, stops; what was logged.
    private func lines(_ extent: AccessLog.Extent, _ requests: [HTTPClientRequest], level: LogLevel = .info) async throws -> [JSONValue] {
        let written = Lock<[UInt8]>([])
        let log = try Log(level: level, destination: .callback { bytes in written.withLock { $0 += bytes } })
        let access = AccessLog(extent, to: log)
        let group = try EventLoopGroup(count: 1)
        var configuration = HTTPServerConfiguration(address: try #require(SocketAddress("127.0.0.1", port: 0)))
        configuration.errorResponse = APIHandler.errorResponse
        configuration.onExchange = access.recorder
        let server = HTTPServer(configuration: configuration, group: group, handler: APIHandler(try Fixture.shared().dispatcher))
        let address = try server.start()
        try await OwnedTask(on: group.loops[0]) {
            let client = HTTPClient(address: address, loop: group.loops[0])
            defer { client.close() }
            for request in requests { _ = try await client.send(request) }
        }.value
        await server.drain(within: 1000)
        await group.shutdown()
        access.flush()
        log.close()
        return try written.withLock { $0 }.split(separator: 0x0a).map { try JSONValue(parsing: Array($0)) }
    }

    private static let key: HTTPHeaders = ["Authorization": "Bearer \(Fixture.key)"]

    @Test("a request is one line of JSON: id, method, route, status, bytes, duration, address and principal")
    func line() async throws {
        var headers = Self.key
        headers.add("Content-Type", "application/json")
        headers.add("X-Request-Id", "req-\"7\\")
        let body = Array(#"{"input":{"secret":"hunter2"}}"#.utf8)
        let found = try await lines(.on, [HTTPClientRequest(.post, "/v1/tools/a.echo/invoke", headers: headers, body: body)])
        try #require(found.count == 1)
        let line = found[0]
        #expect(line["request_id"] == "req-\"7\\" && line["method"] == "POST" && line["route"] == "/v1/tools/{id}/invoke" && line["status"] == 200)
        #expect(line["bytes_in"] == JSONValue(body.count) && line["address"] == "127.0.0.1" && line["principal"] == "id of \(Fixture.key)")
        #expect(
            (line["bytes_out"]?.intValue ?? 0) > 200 && (line["duration_us"]?.intValue ?? 0) > 0 && line["msg"] == "request"
                && line["level"] == "info")
        #expect(line["time"]?.stringValue?.utf8.count == 24 && line["time"]?.stringValue?.hasSuffix("Z") == true)
    }

    @Test("neither query nor path nor key nor body is in the log")
    func discreet() async throws {
        let found = try await lines(
            .on,
            [
                HTTPClientRequest(.get, "/v1/tools?cursor=hunter2", headers: Self.key), HTTPClientRequest(.get, "/v1/hunter2", headers: Self.key),
                HTTPClientRequest(.get, "/v1/tools/hunter2", headers: Self.key),
                HTTPClientRequest(.get, "/v1/tools", headers: ["Authorization": "Bearer hunter2"]),
            ])
        #expect(found.map { $0["status"]?.intValue } == [400, 404, 404, 401])
        #expect(found.map { $0["route"] } == ["/v1/tools", .null, "/v1/tools/{id}", "/v1/tools"])
        #expect(found[3]["principal"] == .null)
        for line in found { #expect(!line.text.contains("hunter2") && !line.text.contains("Bearer")) }
    }

    @Test("what the server refuses by itself is logged too")
    func malformed() async throws {
        let found = try await lines(.on, [HTTPClientRequest(.get, "/%zz")])
        #expect(found.count == 1 && found.first?["status"] == 400 && found.first?["route"] == .null)
    }

    @Test("log.access says which requests are logged, whatever log.level is", arguments: [(AccessLog.Extent.on, 2), (.errors, 1), (.off, 0)])
    func extent(extent: AccessLog.Extent, count: Int) async throws {
        let requests = [HTTPClientRequest(.get, "/healthz"), HTTPClientRequest(.get, "/v1/none")]
        #expect(try await lines(extent, requests, level: .error).filter { $0["msg"] == "request" }.count == count)
    }
}
