import Glibc
import IO
import Testing

@testable import HTTP

@Suite(.serialized) struct WebSocketServerTests {
    /// A server whose handler serves each socket so.
    private func serving(
        _ configuration: WebSocketConfiguration = roomy(), cap: WebSocketCap = WebSocketCap(max: 100),
        _ serve: @escaping @Sendable (WebSocket) async throws -> Void
    ) throws -> Running {
        try Running(
            Answer { _ in
                guard let place = cap.take("user") else { return HTTPResponse(status: 429, headers: ["Retry-After": "1"]) }
                return .webSocket(WebSocketUpgrade(configuration: configuration, place: place, serve: serve))
            })
    }

    @Test("a handshake switches the connection, with the server's fields; what is none gets an ordinary error and the connection goes on")
    func handshake() async throws {
        let running = try Running(echoing(roomy { $0.subprotocols = ["chat"] }))
        let client = try RawClient(running.address)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let refused = client.receive(until: "}")
        #expect(
            refused.hasPrefix("HTTP/1.1 426 Upgrade Required") && refused.contains("Sec-WebSocket-Version: 13") && refused.contains("\"code\":426"))
        // The first frame may come with the request.
        try client.send(Array((upgradeRequest + "Sec-WebSocket-Protocol: chat\r\n\r\n").utf8) + frame(1, "early"))
        let head = client.receive(until: "early")
        #expect(head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n") && head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
        #expect(head.contains("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n") && head.contains("Sec-WebSocket-Protocol: chat"))
        #expect(head.contains("X-Content-Type-Options") && !head.contains("Content-Length"))
        try client.send(closeFrame())
        #expect(heard(client.receiveBytes())?.map(\.brief) == [.close(1000)])
        #expect(try await running.becomesEmpty())
        await running.stop()
    }

    @Test(
        "a client that goes frees its handler within a second, with a close frame, without one, by a reset and while the handler works (CHAT-4, the transport's half)",
        arguments: 0..<4)
    func goes(way: Int) async throws {
        let ended = Shared<Deadline?>(nil)
        let cap = WebSocketCap(max: 1)
        let running = try serving(roomy { $0.closeGraceMilliseconds = 250 }, cap: cap) { socket in
            defer { ended.lock.withLock { $0 = .now() } }
            _ = try await socket.receive()
            // A handler that streams, and looks at nothing else.
            while true {
                if way != 3 { try await socket.send("token") }
                try await socket.loop.sleep(until: .after(milliseconds: way == 3 ? 60_000 : 5))
            }
        }
        var client: RawClient? = try RawClient(running.address)
        _ = try client?.upgrade()
        try client?.send(frame(1, "go"))
        if way != 3 { #expect(client?.frames(2).first == .text("token")) }
        let second = try RawClient(running.address)
        #expect(try second.upgrade().head.hasPrefix("HTTP/1.1 429"))
        let start = Deadline.now()
        switch way {
        case 0: try client?.send(closeFrame())
        case 2: try client?.reset()
        default: break
        }
        if way != 0 { client = nil }
        let deadline = Deadline.after(milliseconds: 3000)
        while ended.value == nil && !deadline.hasPassed { try await Task.sleep(for: .milliseconds(5)) }
        let took = (ended.value ?? .distantFuture).nanoseconds - start.nanoseconds
        #expect(took < 1_000_000_000, "way \(way) took \(took / 1_000_000) ms")
        client = nil
        withExtendedLifetime(second) {}
        await running.stop()
        #expect(cap.count("user") == 0)
    }

    @Test("a message is sent at once, and answers to pings come between (CHAT-4, the transport's half)")
    func flushed() async throws {
        let running = try serving { socket in
            for index in 0..<3 {
                try await socket.send("token \(index)")
                try await socket.loop.sleep(until: .after(milliseconds: 1000))
            }
            _ = try await socket.receive()
        }
        let client = try RawClient(running.address)
        let start = Deadline.now()
        let (_, rest) = try client.upgrade()
        if rest.isEmpty { #expect(client.frames(1).first == .text("token 0")) }
        #expect(Deadline.now().nanoseconds - start.nanoseconds < 900_000_000)
        try client.send(frame(9, "a"))
        #expect(client.frames(2) == [.pong([0x61]), .text("token 1")])
        try client.send(closeFrame())
        _ = client.receiveBytes()
        #expect(try await running.becomesEmpty())
        await running.stop()
    }

    @Test("a handler that does not receive holds the client back, and one that does not read is dropped in time")
    func backPressure() async throws {
        let received = Shared(0)
        let running = try serving(roomy { $0.writeMillisecondsMax = 300 }) { socket in
            if try await socket.receive() == .text("hold") {
                try await socket.loop.sleep(until: .after(milliseconds: 2000))
                while try await socket.receive() != nil { received.lock.withLock { $0 += 1 } }
            } else {
                while true { try await socket.send(.binary([UInt8](repeating: 0, count: 4096))) }
            }
        }
        let client = try RawClient(running.address)
        _ = try client.upgrade()
        try client.send(frame(1, "hold"))
        // Nobody receives: the socket's buffers fill, and no more is taken.
        try Syscall.setNonblocking(client.fd)
        let large = frame(2, [UInt8](repeating: 1, count: 65_536))
        var taken = 0
        let stop = Deadline.after(milliseconds: 300)
        while !stop.hasPassed {
            guard let count = try Syscall.send(client.fd, large, from: taken % large.count) else {
                try await Task.sleep(for: .milliseconds(5))
                continue
            }
            taken += count
        }
        #expect(taken < 24 << 20, "\(taken)")
        #expect(taken > 1 << 18 && received.value == 0)
        let reader = try RawClient(running.address)
        _ = try reader.upgrade()
        try reader.send(frame(1, "flood"))
        let start = Deadline.now()
        while running.server.connectionCount > 1 && start.adding(milliseconds: 8000) > .now() { try await Task.sleep(for: .milliseconds(10)) }
        #expect(running.server.connectionCount <= 1)
        withExtendedLifetime((client, reader)) {}
        await running.stop()
    }

    @Test("a silent client is asked whether it is there, kept when it answers and dropped when it does not")
    func keepAlive() async throws {
        let running = try serving(roomy { ($0.pingMilliseconds, $0.pongMilliseconds) = (80, 120) }) { socket in
            while try await socket.receive() != nil {}
        }
        let client = try RawClient(running.address)
        _ = try client.upgrade()
        for _ in 0..<3 {
            #expect(client.frames(1) == [Heard(opcode: 9, payload: [])])
            try client.send(frame(10))
        }
        #expect(running.server.connectionCount == 1)
        #expect(client.frames(1) == [Heard(opcode: 9, payload: [])])
        #expect(client.receiveBytes() == [])
        #expect(try await running.becomesEmpty())
        await running.stop()
    }

    @Test("a message that is not finished in time fails its connection")
    func slowMessage() async throws {
        let running = try serving(roomy { $0.messageMillisecondsMax = 100 }) { socket in while try await socket.receive() != nil {} }
        let client = try RawClient(running.address)
        _ = try client.upgrade()
        try client.send(frame(1, "a", fin: false))
        #expect(heard(client.receiveBytes())?.map(\.brief) == [.close(1008)])
        #expect(try await running.becomesEmpty())
        await running.stop()
    }

    @Test("a server that drains closes with 1001 when the handler waits, after what it is doing")
    func drains() async throws {
        let running = try serving { socket in
            for try await message in socket.messages {
                try await socket.loop.sleep(until: .after(milliseconds: 300))
                try await socket.send(message)
            }
        }
        let idle = try RawClient(running.address)
        let busy = try RawClient(running.address)
        _ = try idle.upgrade()
        _ = try busy.upgrade()
        try busy.send(frame(1, "work"))
        try await Task.sleep(for: .milliseconds(100))
        let drained = OwnedTask(on: nil) { await running.server.drain(within: 3000) }
        #expect(idle.frames(1).map(\.brief) == [.close(1001)])
        #expect(busy.frames(2).map(\.brief) == [.text("work"), .close(1001)])
        try idle.send(closeFrame(1001))
        try busy.send(closeFrame(1001))
        await drained.finish()
        #expect(running.server.connectionCount == 0)
        await running.group.shutdown()
    }

    @Test("a handler that returns closes with 1000, one that throws with 1011, one that closes with its code; a client that does not answer is left")
    func endings() async throws {
        let running = try serving(roomy { $0.closeMilliseconds = 200 }) { socket in
            switch try await socket.receive() {
            case .text("throw"): throw IOError(.closed, "test")
            case .text("close"):
                socket.close(WebSocketCloseCode(rawValue: 4401), "sign in")
                #expect(try await socket.receive() == nil)
                await #expect(throws: IOError(.closed, "send")) { try await socket.send("late") }
            default: return
            }
        }
        for (word, code) in [("return", 1000), ("throw", 1011), ("close", 4401)] {
            let client = try RawClient(running.address)
            _ = try client.upgrade()
            try client.send(frame(1, word))
            #expect(client.frames(1).map(\.brief) == [.close(code)], "\(word)")
            if word != "throw" { try client.send(closeFrame(code)) }
            #expect(client.receiveBytes() == [], "\(word)")
        }
        #expect(try await running.becomesEmpty())
        await running.stop()
    }

    @Test("many tasks may send, and each message arrives whole")
    func senders() async throws {
        let running = try serving { socket in
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<8 {
                    group.addTask {
                        for _ in 0..<20 {
                            do { try await socket.send(.binary([UInt8](repeating: UInt8(index), count: 30_000))) } catch { return }
                        }
                    }
                }
            }
        }
        let client = try RawClient(running.address)
        let (_, rest) = try client.upgrade()
        let reader = OwnedTask(on: nil) { rest + client.receiveBytes() }
        let frames = heard(try await reader.value) ?? []
        #expect(frames.count == 161 && frames.last?.brief == .close(1000))
        for index in 0..<8 { #expect(frames.count { $0 == .binary([UInt8](repeating: UInt8(index), count: 30_000)) } == 20) }
        await running.stop()
    }

    @Test("sockets cut off at random points leave nothing behind", arguments: UInt64(1)...3)
    func abandoned(seed: UInt64) async throws {
        let cap = WebSocketCap(max: 1000)
        let running = try serving(cap: cap) { socket in for try await message in socket.messages { try await socket.send(message) } }
        let whole = frame(1, String(repeating: "a", count: 3000)) + frame(9, "ping") + fragments(2, [UInt8](repeating: 7, count: 900), size: 100)
        for index in 0..<60 {
            let client = try RawClient(running.address)
            _ = try client.upgrade("Sec-WebSocket-Extensions: permessage-deflate\r\n")
            let cut = Int((seed &* 2_654_435_761 &+ UInt64(index) &* 40_503) % UInt64(whole.count))
            try client.send(Array(whole[..<cut]))
            if index % 2 == 0 { try client.reset() }
        }
        #expect(try await running.becomesEmpty())
        #expect(cap.count("user") == 0)
        await running.stop()
    }
}
