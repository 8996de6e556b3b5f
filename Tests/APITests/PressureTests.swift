import IO
import JSON
import Telemetry
import Testing

@testable import API

@Suite("API: pressure")
struct PressureTests {
    private func fixture(_ options: APIOptions) throws -> Fixture { try Fixture(checks: [], options: options) }

    @Test(
        "short of memory, calls are turned away with 503 and Retry-After; what reads and what administrates goes on (LIM-4)",
        arguments: [
            ("POST", "/v1/tools/a.echo/invoke", #"{"input":{}}"#, 503), ("POST", "/v1/tools/run", #"{"tool_id":"a.echo","input":{}}"#, 503),
            ("GET", "/v1/tools", nil, 200), ("GET", "/healthz", nil, 200), ("GET", "/metrics", nil, 200),
            ("POST", "/v1/admin/plugins/a/disable", nil, 200),
        ])
    func memory(method: String, path: String, body: String?, status: Int) async throws {
        var options = Fixture.roomy
        options.isShortOfMemory = { true }
        let response = try await fixture(options).send(method, path, body: body)
        #expect(response.status == status)
        if status == 503 {
            #expect(response.header("Retry-After") == "1")
            #expect(try response.json["error"]?["code"] == "server_error" && response.json["error"]?["details"]?["reason"] == "memory")
        }
    }

    @Test("whoever has no key learns nothing of the memory: 401 comes first")
    func stranger() async throws {
        var options = Fixture.roomy
        options.isShortOfMemory = { true }
        #expect(try await fixture(options).send("POST", "/v1/tools/a.echo/invoke", body: "{}", key: nil).status == 401)
    }

    @Test("the gauge reads memory at most every 100 ms, asks for relief above the mark, and holds nobody up when it cannot read")
    func gauge() async throws {
        let looks = Lock(0)
        let reliefs = Lock(0)
        let gauge = MemoryGauge(
            bytesMax: 100,
            resident: {
                looks.withLock { $0 += 1 }
                return 101
            }, relieve: { reliefs.withLock { $0 += 1 } })
        for _ in 0..<1_000 { #expect(gauge.isShort) }
        #expect(looks.withLock { $0 } <= 3 && reliefs.withLock { $0 } == looks.withLock { $0 })
        #expect(!MemoryGauge(bytesMax: 100, resident: { 100 }).isShort)
        #expect(!MemoryGauge(bytesMax: 100, resident: { nil }).isShort)
    }

    @Test("a reply longer than the output limit is a server_error that names the limit")
    func output() async throws {
        var options = Fixture.roomy
        options.outputBytesMax = 100
        let response = try await fixture(options).send("GET", "/v1/tools")
        #expect(response.status == 500)
        #expect(try response.json["error"]?["details"]?["reason"] == "reply_too_long" && response.json["error"]?["details"]?["bytes_max"] == 100)
    }
}
