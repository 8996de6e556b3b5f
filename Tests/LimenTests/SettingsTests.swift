import Glibc
import HTTP
import IO
import JSON
import Testing

@Suite("Limen: settings that bound the running server", .serialized)
struct SettingsTests {
    private func milliseconds<T>(_ body: () async throws -> T) async rethrows -> (T, Int) {
        let begun = Deadline.now().nanoseconds
        let value = try await body()
        return (value, Int((Deadline.now().nanoseconds - begun) / 1_000_000))
    }

    @Test("limits.header_bytes bounds the head (431), limits.body_bytes the body (413)")
    func request() async throws {
        let small = try LiveServer(plugins: ["calc"], environment: ["LIMEN_LIMITS_HEADER_BYTES": "1024", "LIMEN_LIMITS_BODY_BYTES": "4096"])
        let long = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: \(String(repeating: "a", count: 1_500))\r\n\r\n"
        let input = "{\"expression\":\"1+\(String(repeating: "0", count: 5_000))\"}"
        #expect(small.raw(long).hasPrefix("HTTP/1.1 431 "))
        let refused = small.raw(small.invocation("calc.evaluate", input))
        #expect(refused.hasPrefix("HTTP/1.1 413 ") && refused.contains("validation_error"), "\(refused.suffix(300))")
        #expect(small.raw(small.invocation("calc.evaluate", "{\"expression\":\"1+1\"}")).hasPrefix("HTTP/1.1 200 "))
        let large = try LiveServer(plugins: [], environment: ["LIMEN_LIMITS_HEADER_BYTES": "64KiB"])
        #expect(large.raw(long).hasPrefix("HTTP/1.1 200 "))
        let longer = long.replacing("X: ", with: "X: \(String(repeating: "b", count: 40_000))")
        #expect(large.raw(longer).hasPrefix("HTTP/1.1 431 "), "a stranger has 8 KiB")
        let known = longer.replacing("/healthz", with: "/v1/me").replacing("X: ", with: "Authorization: Bearer \(large.key)\r\nX: ")
        #expect(large.raw(known).hasPrefix("HTTP/1.1 200 "))
    }

    @Test("limits.output_bytes bounds a reply: a longer one is a server_error that says so, as JSON and in a stream")
    func output() async throws {
        let server = try LiveServer(plugins: ["patience"], environment: ["LIMEN_LIMITS_OUTPUT_BYTES": "4096"])
        let call = #"{"input":{"bytes":8000}}"#
        let reply = try await server.send(.post, "/v1/tools/patience.fill/invoke", call)
        #expect(reply.status == 500)
        #expect(reply.json["error"]?["code"] == "server_error" && reply.json["error"]?["details"]?["reason"] == "reply_too_long")
        let stream = server.raw(server.invocation("patience.fill", #"{"bytes":8000}"#, accept: "text/event-stream"))
        #expect(stream.contains("event: error") && stream.contains("reply_too_long") && !stream.contains("event: result"), "\(stream.suffix(400))")
        #expect(try await server.send(.post, "/v1/tools/patience.fill/invoke", #"{"input":{"bytes":1000}}"#).status == 200)
    }

    @Test("tools.timeout_ms holds for a tool whose manifest is silent, tools.timeout_cap_ms for every tool (TOOL-8)")
    func time() async throws {
        let server = try LiveServer(
            plugins: ["patience"], environment: ["LIMEN_TOOLS_TIMEOUT_MS": "300ms", "LIMEN_TOOLS_TIMEOUT_CAP_MS": "900ms"])
        #expect(try await server.send(.get, "/v1/tools/patience.wait").json["data"]?["timeout_ms"] == 300)
        #expect(try await server.send(.get, "/v1/tools/patience.wait_long").json["data"]?["timeout_ms"] == 900)
        let (silent, short) = try await milliseconds { try await server.send(.post, "/v1/tools/patience.wait/invoke", #"{"input":{"ms":5000}}"#) }
        #expect(silent.json["error"]?["details"]?["reason"] == "timeout" && (280...800).contains(short), "\(short) ms: \(silent.text)")
        #expect(try await server.send(.post, "/v1/tools/patience.wait_long/invoke", #"{"input":{"ms":500}}"#).status == 200)
        let (capped, long) = try await milliseconds { try await server.send(.post, "/v1/tools/patience.wait_long/invoke", #"{"input":{"ms":5000}}"#) }
        #expect(capped.json["error"]?["details"]?["reason"] == "timeout" && (850...1_500).contains(long), "\(long) ms: \(capped.text)")
    }

    @Test("tools.queue bounds the calls that wait for a busy plugin: one more hears 429 and when to come back")
    func queue() async throws {
        let server = try LiveServer(plugins: ["patience"], environment: ["LIMEN_TOOLS_QUEUE": "1"])
        let held = try (0..<3).map { index in
            let descriptor = try #require(server.connect(server.invocation("patience.wait", #"{"ms":1500}"#, requestID: "held-\(index)")))
            usleep(150_000)
            return descriptor
        }
        defer { for descriptor in held { close(descriptor) } }
        let refused = server.raw(server.invocation("patience.wait", #"{"ms":0}"#))
        #expect(refused.hasPrefix("HTTP/1.1 429 ") && refused.contains("rate_limited") && refused.contains("queue_full"), "\(refused)")
        #expect(refused.contains("Retry-After: 1\r\n"))
        for descriptor in held { #expect(server.read(descriptor).hasPrefix("HTTP/1.1 200 ")) }
        #expect(server.raw(server.invocation("patience.wait", #"{"ms":0}"#)).hasPrefix("HTTP/1.1 200 "))
    }

    @Test("above limits.memory_high_water_bytes new calls hear 503 and Retry-After, running ones finish, and calls are taken again (LIM-4)")
    func memory() async throws {
        let server = try LiveServer(plugins: ["patience"], environment: ["LIMEN_LIMITS_MEMORY_HIGH_WATER_BYTES": "64MiB"])
        #expect(server.raw(server.invocation("patience.wait", #"{"ms":0}"#)).hasPrefix("HTTP/1.1 200 "))
        let pad = String(repeating: "x", count: 1_000_000)
        var held: [Int32] = []
        defer { for descriptor in held { close(descriptor) } }
        var refused = ""
        for index in 0..<60 where refused.isEmpty {
            let descriptor = try #require(
                server.connect(server.invocation("patience.wait", #"{"ms":\#(index < 2 ? 3000 : 0),"pad":"\#(pad)"}"#, requestID: "held-\(index)")))
            held.append(descriptor)
            usleep(30_000)
            var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if index >= 2, poll(&poller, 1, 0) > 0 { refused = server.read(held.removeLast()) }
        }
        #expect(refused.hasPrefix("HTTP/1.1 503 ") && refused.contains("server_error") && refused.contains(#""reason":"memory""#), "\(refused)")
        #expect(refused.contains("Retry-After: 1\r\n"))
        #expect(try await server.send(.get, "/v1/tools").status == 200, "an operator can still look")
        for descriptor in held { #expect(server.read(descriptor, milliseconds: 15_000).hasPrefix("HTTP/1.1 200 ")) }
        var status = ""
        for _ in 0..<50 {
            status = String(server.raw(server.invocation("patience.wait", #"{"ms":0}"#)).prefix(12))
            if status == "HTTP/1.1 200" { break }
            usleep(100_000)
        }
        #expect(status == "HTTP/1.1 200")
    }
}
