import Glibc
import IO
import TestKit
import Testing

@testable import HTTP

/// A handler whose requests are streamed to it.
private struct Streaming: HTTPHandler {
    var bodyBytesMax = 64 << 20
    var bodyMilliseconds: Int?
    let body: @Sendable (HTTPRequest) async -> HTTPResponse

    func admit(_ head: HTTPRequestHead, remoteAddress: String, requestID: String) -> HTTPAdmission {
        .accept(bodyBytesMax: bodyBytesMax, bodyMilliseconds: bodyMilliseconds, isStreamed: true)
    }
    func handle(_ request: HTTPRequest) async -> HTTPResponse { await body(request) }
}

private func text(_ text: String) -> HTTPResponse { HTTPResponse(contentType: "text/plain", Array(text.utf8)) }

/// Reads everything and says how much, in how many pieces, with which sum, and what followed.
private let count: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
    guard let reader = request.bodyReader else { return text("none \(request.body.count)") }
    var sum: UInt64 = 0
    do {
        while let piece = try await reader.next() { for byte in piece { sum = sum &* 31 &+ UInt64(byte) } }
    } catch {
        return text("failed \(error)")
    }
    return text("\(reader.count) \(sum) \(reader.trailers.pairs.map { "\($0.name)=\($0.value)" })")
}

private func sum(_ bytes: [UInt8]) -> UInt64 { bytes.reduce(0) { $0 &* 31 &+ UInt64($1) } }

@Suite(.serialized) struct BodyStreamTests {
    @Test("a streamed body comes whole and in order, of either framing, and the connection goes on behind it")
    func whole() async throws {
        let running = try Running(Streaming(body: count))
        let client = try RawClient(running.address)
        var random = SeededRandom(seed: 7)
        let content = (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        try client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: \(content.count)\r\n\r\n")
        try client.send(content)
        #expect(client.receive(until: "[]").hasSuffix("300000 \(sum(content)) []"))
        try client.send("POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
        var start = 0
        while start < content.count {
            let size = min(content.count - start, Int.random(in: 1...70_000, using: &random))
            try client.send("\(String(size, radix: 16))\r\n")
            try client.send(Array(content[start..<(start + size)]))
            try client.send("\r\n")
            start += size
        }
        try client.send("0\r\nX-Sum: 12\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let rest = client.receiveAll()
        #expect(rest.contains("300000 \(sum(content)) [\"X-Sum=12\"]"))
        #expect(rest.hasSuffix("none 0"))
        await running.stop()
    }

    @Test("trailers of a body that is read whole reach the handler, and not the next request's")
    func trailers() async throws {
        let running = try Running(Answer { request in text("\(request.trailers.pairs.map { "\($0.name)=\($0.value)" })") })
        let client = try RawClient(running.address)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: 1\r\nB: 2\r\n\r\n")
        #expect(client.receive(until: "]").hasSuffix("[\"A=1\", \"B=2\"]"))
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.receive(until: "]").hasSuffix("[]"))
        await running.stop()
    }

    @Test("a handler that does not read holds the client back: the host takes no more than the kernel's buffers")
    func backPressure() async throws {
        let gate = Shared(false)
        let running = try Running(
            Streaming { request in
                while !gate.value {
                    do { try await EventLoop.current?.sleep(until: .after(milliseconds: 5)) } catch {
                        return text("cancelled")
                    }
                }
                return await count(request)
            })
        let client = try RawClient(running.address)
        try Syscall.setNonblocking(client.fd)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")
        let piece = [UInt8](repeating: 1, count: 1 << 20)
        var sent = 0
        var refusals = 0
        // The kernel's buffers on both sides take a few megabytes; nothing takes fifty.
        while refusals < 20 && sent < 50_000_000 {
            if let taken = try Syscall.send(client.fd, piece, from: max(0, piece.count - (50_000_000 - sent))) {
                sent += taken
            } else {
                refusals += 1
                usleep(10_000)
            }
        }
        #expect(sent < 20_000_000)
        #expect(running.server.statistics.bytesIn < 1 << 20)
        gate.lock.withLock { $0 = true }
        while sent < 50_000_000 {
            sent += try Syscall.send(client.fd, piece, from: max(0, piece.count - (50_000_000 - sent))) ?? 0
        }
        var flags = fcntl(client.fd, F_GETFL)
        flags &= ~O_NONBLOCK
        #expect(fcntl(client.fd, F_SETFL, flags) == 0)
        #expect(client.receive(until: "[]").contains("50000000 "))
        await running.stop()
    }

    @Test("a client that waits to be asked for the body is asked when the handler reads, and never when it does not")
    func expectContinue() async throws {
        let running = try Running(Streaming { $0.path == "/no" ? HTTPResponse(status: 403) : await count($0) })
        let client = try RawClient(running.address)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        #expect(client.receive(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
        try client.send("abc")
        #expect(client.receive(until: "[]").contains("\r\n\r\n3 "))
        try client.send("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        let refused = client.receiveAll()
        #expect(refused.hasPrefix("HTTP/1.1 403 ") && refused.contains("Connection: close"))
        await running.stop()
    }

    @Test(
        "what is wrong with a streamed body is the client's answer, whatever the handler says, and nothing behind it is served",
        arguments: [
            ("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", 400), ("Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400),
            (
                "Transfer-Encoding: chunked\r\n\r\n40\r\n\(String(repeating: "x", count: 64))\r\n40\r\n\(String(repeating: "x", count: 64))\r\n0\r\n\r\n",
                413
            ),
            ("Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n", 400), ("Content-Length: 101\r\n\r\n", 413),
        ])
    func refused(rest: String, status: Int) async throws {
        let running = try Running(Streaming(bodyBytesMax: 100, body: count))
        let client = try RawClient(running.address)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(rest)GET /admin HTTP/1.1\r\nHost: a\r\n\r\n")
        let reply = client.receiveAll()
        #expect(reply.hasPrefix("HTTP/1.1 \(status) ") && reply.components("HTTP/1.1 ") == 1, "\(reply)")
        await running.stop()
    }

    @Test("a body that is left unread ends its connection with the reply")
    func unread() async throws {
        let running = try Running(Streaming { _ in text("enough") })
        let client = try RawClient(running.address)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        let reply = client.receiveAll()
        #expect(reply.contains("Connection: close") && reply.hasSuffix("enough") && reply.components("HTTP/1.1 ") == 1)
        await running.stop()
    }

    @Test("a dripping body is cut at the route's own time-out, one that keeps coming fast enough is not")
    func slow() async throws {
        let running = try Running(Streaming(bodyMilliseconds: 200, body: count))
        let dripping = try RawClient(running.address)
        try dripping.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
        for _ in 0..<8 {
            try dripping.send("x")
            usleep(30_000)
        }
        #expect(dripping.receiveAll().hasPrefix("HTTP/1.1 408 "))
        let steady = try RawClient(running.address)
        try steady.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n")
        for _ in 0..<20 {
            try steady.send([UInt8](repeating: 1, count: 1000))
            usleep(30_000)
        }
        #expect(steady.receive(until: "[]").contains("20000 "))
        await running.stop()
    }

    @Test("a client that goes in the middle of its body ends the handler's reading at once")
    func gone() async throws {
        let ended = Shared("")
        let running = try Running(
            Streaming { request in
                let response = await count(request)
                ended.lock.withLock { $0 = String(decoding: response.bytes ?? [], as: UTF8.self) }
                return response
            })
        var client: RawClient? = try RawClient(running.address)
        try client?.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
        usleep(50_000)
        try client?.reset()
        client = nil
        #expect(try await running.becomesEmpty())
        #expect(ended.value.hasPrefix("failed "))
        await running.stop()
    }

    @Test("a client that shuts down its sending side behind a large body still has it read and answered")
    func halfClose() async throws {
        let running = try Running(
            Streaming { request in
                // Longer than the grace for a client that has shut down its sending side.
                do { try await EventLoop.current?.sleep(until: .after(milliseconds: 400)) } catch { return text("cancelled") }
                return await count(request)
            })
        let client = try RawClient(running.address)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        try client.send([UInt8](repeating: 1, count: 100_000))
        try Sockets.shutdownWrites(client.fd)
        #expect(client.receiveAll().contains("100000 "))
        await running.stop()
    }

    @Test("a request whose body ended is over when its record says so, with its bytes and its status")
    func exchanges() async throws {
        let records = Shared<[HTTPExchange]>([])
        let running = try Running(Streaming(bodyBytesMax: 1000, body: count)) {
            $0.onExchange = { exchange in records.lock.withLock { $0.append(exchange) } }
        }
        let client = try RawClient(running.address)
        try client.send("POST /a HTTP/1.1\r\nHost: a\r\nX-Request-Id: one\r\nContent-Length: 3\r\n\r\nabc")
        let first = client.receive(until: "[]")
        try client.send("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n")
        let second = client.receiveAll()
        #expect(try await running.becomesEmpty())
        #expect(records.value.map(\.status) == [200, 413])
        #expect(records.value.map { $0.head?.path } == ["/a", "/b"])
        #expect(records.value.map(\.bytesIn) == [3, 0])
        #expect(records.value.map(\.bytesOut) == [first.utf8.count, second.utf8.count])
        #expect(records.value.first?.requestID == "one" && records.value.allSatisfy(\.isWhole))
        let statistics = running.server.statistics
        #expect(statistics.accepted == 1 && statistics.requests == 2 && statistics.count(.bodyTooLarge) == 1)
        #expect(statistics.idle == 0 && statistics.reading == 0 && statistics.handling == 0)
        #expect(statistics.bytesOut == first.utf8.count + second.utf8.count)
        await running.stop()
    }
}
