import Glibc
import IO
import Testing

@testable import HTTP

@Suite(.serialized) struct ServerTests {
    @Test("a reply carries its framing, the security fields, a date and a request id")
    func basics() async throws {
        let running = try Running(Answer(body: echo))
        let client = try RawClient(running.address)
        try client.send("GET /x?y=1 HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine-1\r\n\r\n")
        let text = client.receive(until: "GET /x 0")
        for line in [
            "HTTP/1.1 200 OK\r\n", "\r\nContent-Length: 8\r\n", "\r\nX-Request-Id: mine-1\r\n", "\r\nX-Content-Type-Options: nosniff\r\n",
            "\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n", "\r\nReferrer-Policy: no-referrer\r\n",
            "\r\nCache-Control: no-store\r\n", "\r\nDate: ",
        ] {
            #expect(text.contains(line), "\(line)")
        }
        // The same connection again, with an id that is not fit.
        try client.send("GET /z HTTP/1.1\r\nHost: a\r\nX-Request-Id: \(String(repeating: "x", count: 129))\r\n\r\n")
        let second = client.receive(until: "GET /z 0")
        #expect(second.contains("X-Request-Id: ") && !second.contains("xxx"))
        await running.stop()
    }

    @Test(
        "what the server refuses by itself has the injected envelope, its status and the request id, and ends the connection (API-1)",
        arguments: [
            ("GET / HTTP/1.1\nHost: a\n\n", 400), ("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501), ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417), ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n", 413),
            ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 20_000))\r\n\r\n", 431),
        ])
    func envelope(text: String, status: Int) async throws {
        let running = try Running(Answer(body: echo))
        let client = try RawClient(running.address)
        try client.send(text)
        let reply = client.receiveAll()
        #expect(reply.hasPrefix("HTTP/1.1 \(status) "))
        #expect(reply.contains("\r\nConnection: close\r\n"))
        let id = reply.split(separator: "X-Request-Id: ").last?.split(separator: "\r\n").first ?? "none"
        #expect(reply.hasSuffix("{\"status\":\"error\",\"code\":\(status),\"request_id\":\"\(id)\"}"))
        await running.stop()
    }

    @Test("pipelined requests are answered in order, over one connection, however many")
    func pipelining() async throws {
        let running = try Running(Answer(body: echo))
        let client = try RawClient(running.address)
        try client.send((0..<500).map { "POST /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" }.joined())
        try client.send("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let paths = client.receiveAll().split(separator: "\r\n").filter { $0.hasPrefix("POST /") || $0.hasPrefix("GET /") }
        let order = paths.compactMap { $0.split(separator: " ").dropFirst().first.map(String.init) }
        #expect(order == (0..<500).map { "/\($0)" } + ["/last"])
        await running.stop()
    }

    @Test("a request smuggled behind a refused one is never answered")
    func nothingAfterRefusal() async throws {
        let seen = Shared<[String]>([])
        let running = try Running(
            Answer { request in
                seen.lock.withLock { $0.append(request.path) }
                return await echo(request)
            })
        let client = try RawClient(running.address)
        try client.send(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(client.receiveAll().components("HTTP/1.1 ") == 1)
        #expect(seen.value.isEmpty)
        await running.stop()
    }

    @Test("the body's cap is the route's: a longer length is refused unread, a longer chunked body on the way")
    func bodyCaps() async throws {
        let running = try Running(Answer(bodyBytesMax: 10, body: echo))
        let exact = try RawClient(running.address)
        try exact.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789")
        #expect(exact.receive(until: "POST / 10").contains("200 OK"))
        let long = try RawClient(running.address)
        try long.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n")
        #expect(long.receiveAll().hasPrefix("HTTP/1.1 413 "))
        let chunked = try RawClient(running.address)
        try chunked.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n6\r\n012345\r\n")
        #expect(chunked.receiveAll().hasPrefix("HTTP/1.1 413 "))
        await running.stop()
    }

    @Test("a client that expects it gets 100 before its body, and a refusal instead of it")
    func expectContinue() async throws {
        let running = try Running(Answer(bodyBytesMax: 10, body: echo))
        let client = try RawClient(running.address)
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        #expect(client.receive(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
        try client.send("abc")
        #expect(client.receive(until: "POST / 3").hasPrefix("HTTP/1.1 200 OK"))
        let refused = try RawClient(running.address)
        try refused.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\nExpect: 100-continue\r\n\r\n")
        #expect(refused.receiveAll().hasPrefix("HTTP/1.1 413 "))
        await running.stop()
    }

    @Test("a handler's early refusal answers without reading the body")
    func earlyRefusal() async throws {
        let running = try Running(
            Answer(refusal: { $0.path == "/no" ? HTTPResponse(status: 404, contentType: "text/plain", Array("gone".utf8)) : nil }, body: echo))
        let client = try RawClient(running.address)
        try client.send("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        let reply = client.receiveAll()
        #expect(reply.hasPrefix("HTTP/1.1 404 ") && reply.hasSuffix("gone"))
        await running.stop()
    }

    @Test("HEAD has the fields of GET and no content; 204 has neither content nor length")
    func head() async throws {
        let running = try Running(
            Answer { $0.path == "/none" ? HTTPResponse(status: 204) : HTTPResponse(contentType: "text/plain", Array("hello".utf8)) })
        let client = try RawClient(running.address)
        try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let parts = client.receiveAll().split(separator: "\r\n\r\n", omittingEmptySubsequences: false)
        #expect(parts.count == 3 && parts[2].isEmpty)
        #expect(parts[0].contains("Content-Length: 5"))
        #expect(parts[1].hasPrefix("HTTP/1.1 204 ") && !parts[1].contains("Content-Length"))
        await running.stop()
    }

    @Test("HTTP/1.0 closes after the reply unless it asked to be kept")
    func oldVersion() async throws {
        let running = try Running(Answer(body: echo))
        let client = try RawClient(running.address)
        try client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(client.receive(until: "GET /a 0").contains("Connection: keep-alive"))
        try client.send("GET /b HTTP/1.0\r\n\r\n")
        #expect(client.receiveAll().hasSuffix("GET /b 0"))
        await running.stop()
    }

    @Test("slow clients are dropped: a head or body that does not come gets 408, an idle connection just ends")
    func slowClients() async throws {
        let running = try Running(Answer(body: echo)) {
            $0.headMillisecondsMax = 200
            $0.bodyMillisecondsMax = 200
            $0.idleMillisecondsMax = 200
        }
        let dripping = try RawClient(running.address)
        let start = Deadline.now()
        for byte in "GET / HT" {
            try dripping.send(String(byte))
            usleep(20_000)
        }
        #expect(dripping.receiveAll().hasPrefix("HTTP/1.1 408 "))
        #expect(Deadline.now().nanoseconds - start.nanoseconds < 3_000_000_000)
        let body = try RawClient(running.address)
        try body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        #expect(body.receiveAll().hasPrefix("HTTP/1.1 408 "))
        let idle = try RawClient(running.address)
        try idle.send("GET /i HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(idle.receiveAll().hasSuffix("GET /i 0"))
        #expect(try RawClient(running.address).receiveAll().isEmpty)
        #expect(try await running.becomesEmpty())
        await running.stop()
    }

    @Test("connections are capped in all and by address, and a closed one makes room")
    func connectionCaps() async throws {
        let running = try Running(Answer(body: echo)) { $0.connectionsPerAddressMax = 2 }
        var clients = [try RawClient(running.address), try RawClient(running.address)]
        for client in clients {
            try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.receive(until: "GET /a 0").contains("200 OK"))
        }
        let refused = try RawClient(running.address).receiveAll()
        #expect(refused.hasPrefix("HTTP/1.1 429 ") && refused.contains("Retry-After: 1"))
        clients.removeAll()
        #expect(try await running.becomesEmpty())
        let again = try RawClient(running.address)
        try again.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(again.receive(until: "GET /b 0").contains("200 OK"))
        await running.stop()
        let small = try Running(Answer(body: echo)) { $0.connectionsMax = 0 }
        #expect(try RawClient(small.address).receiveAll().hasPrefix("HTTP/1.1 503 "))
        await small.stop()
    }

    @Test("no handler can split a reply, whatever it puts into a field")
    func responseSplitting() async throws {
        let running = try Running(Answer { _ in HTTPResponse(status: 200, headers: ["X-Evil": "a\r\nSet-Cookie: b\n\0c"]) })
        let client = try RawClient(running.address)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let lines = client.receiveAll().split(separator: "\r\n").map(String.init)
        #expect(!lines.contains { $0.hasPrefix("Set-Cookie") })
        await running.stop()
    }

    @Test("a second server on the same port is refused")
    func portInUse() async throws {
        let running = try Running(Answer(body: echo))
        let second = HTTPServer(
            configuration: HTTPServerConfiguration(address: running.address), group: running.group, handler: Answer(body: echo))
        #expect(throws: IOError(.system(Errno(EADDRINUSE)), "listen")) { _ = try second.start() }
        await running.stop()
    }
}

extension String {
    /// How often `text` occurs.
    func components(_ text: String) -> Int { split(separator: text, omittingEmptySubsequences: false).count - 1 }
}
