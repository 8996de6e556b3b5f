import Glibc
import HTTP
import IO
import JSON
import Testing

@Suite("Limen: clients that go away", .serialized)
struct DisconnectTests {
    /// The nanoseconds that the plugin's log line `words at N` holds, in its `count`th occurrence.
    private func moment(_ words: String, count: Int = 1, in server: LiveServer, milliseconds: Int) -> UInt64? {
        let end = Deadline.after(milliseconds: milliseconds)
        while !end.hasPassed {
            let log = server.log
            let found = log.ranges(of: words + " at ")
            if found.count >= count { return UInt64(log[found[count - 1].upperBound...].prefix { $0.isNumber }) }
            usleep(5_000)
        }
        return nil
    }

    private func gauge(_ server: LiveServer, _ name: String) async throws -> Double {
        let text = try await server.send(.get, "/metrics").text
        return text.split(separator: "\n").first { $0.hasPrefix(name + " ") }.flatMap { Double($0.split(separator: " ")[1]) } ?? 0
    }

    private func leave(_ server: LiveServer, _ input: String) throws -> UInt64 {
        let descriptor = try #require(
            server.connect(server.invocation("patience.wait", input, accept: "text/event-stream", requestID: "left-alone")))
        #expect(server.read(descriptor, until: "event: progress").contains("began"))
        let now = Deadline.now().nanoseconds
        close(descriptor)
        return now
    }

    private func outcome(_ server: LiveServer) async throws -> String? {
        let audit = try await server.send(.get, "/v1/admin/audit?limit=50")
        return audit.json["data"]?["items"]?.arrayValue?.first { $0["call_id"] == "left-alone" }?["outcome"]?.stringValue
    }

    @Test("a client that leaves its stream: the tool hears it within 50 ms, its worker serves on, the audit says cancelled (TOOL-8, LIM-6)")
    func heard() async throws {
        let server = try LiveServer(plugins: ["patience"])
        // A machine that is busy with other tests may be late once.
        var micros: [Int64] = []
        for attempt in 1...3 where !(0..<50_000).contains(micros.last ?? -1) {
            let left = try leave(server, #"{"ms":12000}"#)
            let told = try #require(moment("cancelled", count: attempt, in: server, milliseconds: 3_000))
            micros.append((Int64(told) - Int64(left)) / 1_000)
        }
        #expect((0..<50_000).contains(micros.last ?? -1), "\(micros) us")
        #expect(try await server.send(.post, "/v1/tools/patience.wait/invoke", #"{"input":{"ms":0}}"#).status == 200)
        #expect(try await outcome(server) == "cancelled")
        #expect(try await gauge(server, "limen_tool_calls_in_flight") == 0)
        #expect(try await gauge(server, "limen_worker_ends_total{reason=\"cancelled\"}") == 0)
    }

    @Test("a tool that does not listen is killed two seconds after its client left, and its place is free again (TOOL-8)")
    func ignored() async throws {
        let server = try LiveServer(plugins: ["patience"])
        let left = try leave(server, #"{"ms":12000,"deaf":1}"#)
        var took = 0.0
        for _ in 0..<400 {
            if try await gauge(server, "limen_worker_ends_total{reason=\"cancelled\"}") == 1 { break }
            took = Double(Deadline.now().nanoseconds - left) / 1e9
            usleep(10_000)
        }
        #expect((1.9...2.6).contains(took), "\(took) s")
        #expect(try await outcome(server) == "cancelled")
        for _ in 0..<3 { #expect(try await server.send(.post, "/v1/tools/patience.wait/invoke", #"{"input":{"ms":0}}"#).status == 200) }
        #expect(try await gauge(server, "limen_workers{plugin=\"patience\",state=\"busy\"}") == 0)
    }

    @Test("a token stream is sent whole, as fast as the tool writes it; one that passes its budget ends in an error that says so")
    func tokens() async throws {
        let server = try LiveServer(plugins: ["patience"])
        let reply = server.raw(
            server.invocation("patience.stream", #"{"tokens":5000,"bytes":32}"#, accept: "text/event-stream"), milliseconds: 20_000)
        #expect(reply.utf8.split(separator: UInt8(ascii: "\n")).count { $0.elementsEqual("event: token".utf8) } == 5_000)
        #expect(reply.contains("event: result"))
        let flood = server.raw(server.invocation("patience.stream", #"{"tokens":110000,"bytes":32}"#), milliseconds: 20_000)
        #expect(flood.hasPrefix("HTTP/1.1 500 ") && flood.contains(#""reason":"event_limit""#), "\(flood.suffix(400))")
        #expect(try await server.send(.post, "/v1/tools/patience.wait/invoke", #"{"input":{"ms":0}}"#).status == 200)
    }

    @Test("the memory peak in a call's usage is its own: never that of the call before")
    func peak() async throws {
        let server = try LiveServer(plugins: ["patience"])
        func peak(_ input: String) async throws -> Int {
            let reply = try await server.send(.post, "/v1/tools/patience.fill/invoke", #"{"input":\#(input)}"#)
            return try #require(reply.json["data"]?["usage"]?["peak_memory_bytes"]?.intValue, "\(reply.text)")
        }
        func wait(_ input: String) async throws -> Int {
            let reply = try await server.send(.post, "/v1/tools/patience.wait/invoke", #"{"input":\#(input)}"#)
            return try #require(reply.json["data"]?["usage"]?["peak_memory_bytes"]?.intValue, "\(reply.text)")
        }
        let first = try await peak(#"{"bytes":64}"#)
        let heavy = try await wait(#"{"ms":0,"touch":33554432}"#)
        let after = try await peak(#"{"bytes":64}"#)
        #expect(heavy > 32 << 20, "\(first) \(heavy) \(after)")
        #expect(first > 0 && first < 16 << 20 && after > 0 && after < 16 << 20, "\(first) \(heavy) \(after)")
    }
}
