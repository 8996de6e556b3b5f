import Glibc
import IO
import Testing

@testable import HTTP

@Suite(.serialized) struct StreamTests {
    @Test("a stream is chunked, each piece is sent at once, and the connection goes on after it")
    func chunks() async throws {
        let running = try Running(
            Answer { _ in
                .stream(contentType: "text/plain") { writer in
                    try await writer.write("one")
                    try await writer.write("")
                    try await writer.loop.sleep(until: .after(milliseconds: 300))
                    try await writer.write("two")
                }
            })
        let client = try RawClient(running.address)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let start = Deadline.now()
        #expect(client.receive(until: "3\r\none\r\n").contains("Transfer-Encoding: chunked"))
        #expect(Deadline.now().nanoseconds - start.nanoseconds < 250_000_000)
        #expect(client.receive(until: "0\r\n\r\n") == "3\r\ntwo\r\n0\r\n\r\n")
        try client.send("GET / HTTP/1.0\r\n\r\n")
        let old = client.receiveAll()
        #expect(old.hasSuffix("\r\n\r\nonetwo") && !old.contains("chunked"))
        await running.stop()
    }

    @Test("a stream that fails is cut before its last chunk")
    func failure() async throws {
        let running = try Running(
            Answer { _ in
                .stream(contentType: "text/plain") { writer in
                    try await writer.write("one")
                    throw IOError(.closed, "test")
                }
            })
        let client = try RawClient(running.address)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.receiveAll().hasSuffix("3\r\none\r\n"))
        await running.stop()
    }

    @Test("a client that does not read holds its stream back, and is dropped in time")
    func backPressure() async throws {
        let written = Shared(0)
        let code = Shared<IOError.Code?>(nil)
        let running = try Running(
            Answer { _ in
                .stream(contentType: "text/plain") { writer in
                    do {
                        while true {
                            try await writer.write([UInt8](repeating: 0, count: 4096))
                            written.lock.withLock { $0 += 1 }
                        }
                    } catch let error as IOError {
                        code.lock.withLock { $0 = error.code }
                        throw error
                    }
                }
            }
        ) { $0.writeMillisecondsMax = 300 }
        let client = try RawClient(running.address)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await running.becomesEmpty())
        #expect(code.value == .timedOut)
        #expect((1..<8000).contains(written.value), "\(written.value)")
        withExtendedLifetime(client) {}
        await running.stop()
    }

    @Test("events arrive as they are sent, with heartbeats between them, and end with the client")
    func events() async throws {
        let ended = Shared(false)
        let running = try Running(
            Answer { _ in
                .events(heartbeatMilliseconds: 30) { stream in
                    defer { ended.lock.withLock { $0 = true } }
                    try await stream.send(ServerSentEvent(event: "token", data: "a\nb\r\nc", id: "1"))
                    try await stream.loop.sleep(until: .after(milliseconds: 300))
                    try await stream.send(ServerSentEvent(data: "last"))
                    try await stream.loop.sleep(until: .distantFuture)
                }
            })
        do {
            let raw = try RawClient(running.address)
            try raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let text = raw.receive(until: "data: last\n\n")
            #expect(text.contains("id: 1\nevent: token\ndata: a\ndata: b\ndata: c\n\n"))
            #expect(text.components(":\n\n") >= 1)
        }
        #expect(try await running.becomesEmpty())
        #expect(ended.value)
        let seen = Shared<[ServerSentEvent]>([])
        let client = HTTPClient(address: running.address, loop: running.group.loops[0])
        let response = try await client.events(HTTPClientRequest(.get, "/"), until: .after(milliseconds: 5000)) { event in
            seen.lock.withLock { $0.append(event) }
            return event.data != "last"
        }
        #expect(response.status == 200)
        #expect(seen.value == [ServerSentEvent(event: "token", data: "a\nb\nc", id: "1"), ServerSentEvent(data: "last")])
        #expect(try await running.becomesEmpty())
        await running.stop()
    }
}

@Suite(.serialized) struct ClientTests {
    @Test("the client reads fixed and chunked replies over a connection that it keeps")
    func replies() async throws {
        let addresses = Shared<Int>(0)
        let running = try Running(
            Answer { request in
                addresses.lock.withLock { $0 += 1 }
                if request.path != "/stream" { return HTTPResponse(contentType: "text/plain", request.body) }
                return .stream(contentType: "text/plain") { writer in
                    for index in 0..<100 { try await writer.write("\(index),") }
                }
            })
        let client = HTTPClient(address: running.address, loop: running.group.loops[1])
        for size in [0, 5, 100_000, 1_000_000] {
            let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let response = try await client.send(HTTPClientRequest(.post, "/", headers: ["X-A": "b"], body: body))
            #expect(response.status == 200 && response.bytes == body)
        }
        let streamed = try await client.send(HTTPClientRequest(.get, "/stream"))
        #expect(String(decoding: streamed.bytes ?? [], as: UTF8.self) == (0..<100).map { "\($0)," }.joined())
        #expect(try await client.send(HTTPClientRequest(.head, "/")).bytes == [])
        #expect(running.server.connectionCount == 1)
        client.close()
        #expect(try await running.becomesEmpty())
        await running.stop()
    }

    @Test("the client's deadline and its task's cancellation end a call, and so does a refused connection")
    func endings() async throws {
        let running = try Running(
            Answer { _ in
                do { try await EventLoop.current?.sleep(until: .after(milliseconds: 60_000)) } catch { return HTTPResponse(status: 500) }
                return HTTPResponse(status: 200)
            })
        let loop = running.group.loops[0]
        let client = HTTPClient(address: running.address, loop: loop)
        func failed(_ phase: HTTPClientError.Phase, _ code: IOError.Code, _ body: () async throws -> Void) async {
            do {
                try await body()
                Issue.record("nothing failed")
            } catch {
                let error = error as? HTTPClientError
                #expect(error?.phase == phase && error?.ioError?.code == code, "\(String(describing: error))")
            }
        }
        await failed(.headers, .timedOut) { _ = try await client.send(HTTPClientRequest(.get, "/"), until: .after(milliseconds: 50)) }
        let task = OwnedTask(on: loop) { try await client.send(HTTPClientRequest(.get, "/")) }
        try await loop.sleep(until: .after(milliseconds: 30))
        task.cancel()
        await failed(.headers, .cancelled) { _ = try await task.value }
        #expect(try await running.becomesEmpty())
        await running.server.drain()
        await failed(.connect, .system(Errno(ECONNREFUSED))) { _ = try await client.send(HTTPClientRequest(.get, "/")) }
        await running.group.shutdown()
    }

    @Test(
        "replies are parsed the same however they are split",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.0 200\r\n\r\nabc",
            "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        ])
    func responses(text: String) {
        let bytes = Array(text.utf8)
        let whole = read([bytes])
        #expect(read(bytes.map { [$0] }) == whole)
        for cut in 0...bytes.count { #expect(read([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole) }
    }

    private func read(_ pieces: [[UInt8]]) -> String {
        var parser = ResponseParser(isHead: false)
        var pending: [UInt8] = []
        var out = ""
        for piece in pieces {
            pending += piece
            feeding: while true {
                let step = pending.withUnsafeBufferPointer { parser.advance($0) }
                switch step {
                case .needMore: break feeding
                case .skip(let count): pending.removeFirst(count)
                case .head(let status, let headers, let count):
                    out += "\(status) \(headers.count) "
                    pending.removeFirst(count)
                case .content(let count):
                    out += String(decoding: pending[..<count], as: UTF8.self)
                    pending.removeFirst(count)
                case .end: return out + " end"
                case .failure(let failure): return out + " \(failure.status)"
                }
            }
        }
        return out + " open"
    }
}
