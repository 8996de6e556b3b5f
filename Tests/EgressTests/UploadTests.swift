import Glibc
import HTTP
import IO
import Registry
import Testing

@testable import Egress

/// A server that takes a request's body as slowly as it likes, and answers with how much came.
private final class Sink: Sendable {
    enum Manner: Sendable {
        /// 64 KiB at a time, with so many microseconds between.
        case takes(every: UInt32)
        /// Answers with 413 as soon as the head is there, and reads nothing more.
        case answersEarly
        /// Reads the head and nothing more.
        case deaf
    }

    let port: Int
    let received = Box(0)
    /// The client has gone.
    let isLeft = Box(false)
    private let listener: Int32
    private let thread = Box<OwnedThread?>(nil)

    private final class OwnedThread: Sendable {
        private let thread: Lock<IO.Thread?>
        init(_ body: @escaping @Sendable () -> Void) throws {
            thread = Lock(nil)
            var started: IO.Thread? = try IO.Thread(name: "sink", body)
            thread.withLock { swap(&$0, &started) }
        }
        func join() {
            var started: IO.Thread?
            thread.withLock { swap(&$0, &started) }
            started?.join()
        }
    }

    init(_ manner: Manner) throws {
        guard let any = SocketAddress("127.0.0.1", port: 0) else { throw IOError(.closed, "address") }
        let socket = try Sockets.listen(on: any)
        port = Int(try Sockets.localAddress(socket.raw).port)
        listener = socket.release()
        _ = fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) & ~O_NONBLOCK)
        let (listener, received, isLeft) = (listener, received, isLeft)
        let started = try OwnedThread {
            let fd = accept(listener, nil, nil)
            if fd < 0 { return }
            Sink.serve(fd, manner, received)
            isLeft.lock.withLock { $0 = true }
            close(fd)
        }
        thread.lock.withLock { $0 = started }
    }

    private static func serve(_ fd: Int32, _ manner: Manner, _ received: Box<Int>) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        // The head, byte by byte: what follows is counted.
        var head = ""
        var byte: UInt8 = 0
        while !head.hasSuffix("\r\n\r\n"), recv(fd, &byte, 1, 0) == 1 { head.unicodeScalars.append(Unicode.Scalar(byte)) }
        func answer(_ status: String, _ text: String) {
            let bytes = Array("HTTP/1.1 \(status)\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)".utf8)
            _ = Glibc.send(fd, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        }
        let length = head.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }.flatMap { Int($0.dropFirst(16)) } ?? .max
        switch manner {
        case .answersEarly: answer("413 Content Too Large", "no")
        case .deaf: break
        case .takes(let pause):
            while received.value < length {
                let count = recv(fd, &buffer, buffer.count, 0)
                if count <= 0 { return }
                received.lock.withLock { $0 += count }
                if pause > 0 { usleep(pause) }
            }
            return answer("200 OK", "\(received.value)")
        }
        // Until the client goes: poll hears of the end (POLLRDHUP) whatever is unread.
        var poller = pollfd(fd: fd, events: 0x2000, revents: 0)
        _ = poll(&poller, 1, 10_000)
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        thread.value?.join()
        close(listener)
    }
}

@Suite("Egress: bodies that are written piece by piece", .serialized) struct UploadTests {
    /// What became of a request, and of its body.
    private struct Outcome: Sendable {
        var status = 0
        var text = ""
        var error = ""
        var stop: EgressBody.Stop?
    }

    /// Makes a request whose body `write` writes beside it.
    private func upload(
        _ street: Street, _ port: Int, _ access: EgressAccess, length: Int?, patience: Int? = nil,
        _ write: @escaping @Sendable (EgressBody) async -> EgressBody.Stop?
    ) async throws -> Outcome {
        try await OwnedTask(on: street.group.loops[0]) { [proxy = street.proxy] in
            let body = EgressBody(length: length)
            var request = EgressRequest("http://api.test:\(port)/", method: "PUT", timeoutMilliseconds: patience)
            request.upload = body
            let caller = EgressCaller(plugin: access.plugin, tenant: "t", requestID: "r1")
            let writer = OwnedTask(on: EventLoop.current) { await write(body) }
            var outcome = Outcome()
            do throws(EgressError) {
                let stream = try await proxy.open(request, access: access, caller: caller, before: 0, until: .after(milliseconds: 25_000))
                outcome.status = stream.head.status
                while let piece = try await stream.next() { outcome.text += String(decoding: piece, as: UTF8.self) }
            } catch {
                (outcome.error, outcome.stop) = (error.message, EgressBody.Stop(error.code, error.message))
                body.end(EgressBody.Stop(error.code, error.message))
            }
            outcome.stop = try await writer.value
            return outcome
        }.value
    }

    private func world(_ port: Int) throws -> (street: Street, access: EgressAccess) {
        let street = try Street()
        street.name("api.test", "127.0.0.1")
        let rules = [EgressRule(scheme: .http, host: "api.test", ports: [port], methods: ["PUT"])]
        return (street, try street.access(rules, open: ["api.test"]))
    }

    private static func write(_ body: EgressBody, pieces: Int, of count: Int = 64 << 10) async -> EgressBody.Stop? {
        for _ in 0..<pieces { if let stop = await body.write([UInt8](repeating: 97, count: count)) { return stop } }
        body.finish()
        return nil
    }

    @Test("a body comes in chunks, or with the length that was said, and the connection is used again", arguments: [nil, 30_000])
    func whole(length: Int?) async throws {
        let (street, _) = try world(1)
        let seen = Box("")
        let port = try street.serve { request in
            seen.lock.withLock { $0 = "\(request.headers["Content-Length"] ?? "-") \(request.headers["Transfer-Encoding"] ?? "-")" }
            return HTTPResponse(contentType: "text/plain", Array("\(request.body.count)".utf8))
        }
        let access = try street.access([EgressRule(scheme: .http, host: "api.test", ports: [port], methods: ["PUT"])], open: ["api.test"])
        let outcome = try await upload(street, port, access, length: length) { await Self.write($0, pieces: 3, of: 10_000) }
        #expect(outcome.status == 200 && outcome.text == "30000" && outcome.stop == nil, "\(outcome)")
        #expect(seen.value == (length == nil ? "- chunked" : "30000 -"))
        #expect(street.proxy.idleConnections == 1 && street.proxy.running == 0)
        #expect(street.proxy.records.latest(1).first?.bytesOut == 30_000)
        await street.stop()
    }

    @Test("64 MiB to a slow server: the writer waits for it, and memory stays flat")
    func backPressure() async throws {
        let sink = try Sink(.takes(every: 1_500))
        let (street, access) = try world(sink.port)
        let (lag, before) = (Box(0), Self.residentKiB)
        let outcome = try await upload(street, sink.port, access, length: 64 << 20) { body in
            for _ in 0..<1024 {
                if let stop = await body.write([UInt8](repeating: 97, count: 64 << 10)) { return stop }
                let ahead = body.written - sink.received.value
                lag.lock.withLock { $0 = max($0, ahead) }
            }
            body.finish()
            return nil
        }
        let growth = Self.residentKiB - before
        #expect(outcome.status == 200 && outcome.text == "\(64 << 20)", "\(outcome)")
        print("measured upload: 64 MiB, at most \(lag.value >> 10) KiB ahead of the server, resident \(growth) KiB more")
        #expect(lag.value < 12 << 20, "\(lag.value) bytes on the way")
        #expect(growth < 16 << 10, "\(growth) KiB")
        await street.stop()
    }

    private static var residentKiB: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 128)
        guard fgets(&buffer, 128, file) != nil else { return 0 }
        let words = String(decoding: buffer.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
        return words.count > 1 ? (Int(words[1]) ?? 0) * 4 : 0
    }

    @Test("a server that answers before it has all is heard: the writer is told, and the connection is of no more use")
    func early() async throws {
        let sink = try Sink(.answersEarly)
        let (street, access) = try world(sink.port)
        let outcome = try await upload(street, sink.port, access, length: nil) { body in
            let stop = await Self.write(body, pieces: 1000)
            return stop
        }
        #expect(outcome.status == 413 && outcome.text == "no" && [.replied, .cancelled].contains(outcome.stop), "\(outcome)")
        #expect(street.proxy.idleConnections == 0 && street.proxy.running == 0)
        await street.stop()
    }

    @Test("a body that is too large, or not as long as was said, comes to nothing and says so", arguments: ["large", "short", "long"])
    func wrong(how: String) async throws {
        let sink = try Sink(.takes(every: 0))
        let (street, access) = try world(sink.port)
        let outcome = try await upload(street, sink.port, access, length: how == "large" ? nil : 100_000) { body in
            await Self.write(body, pieces: how == "large" ? 1025 : how == "long" ? 2 : 1)
        }
        #expect(outcome.status == 0 && outcome.error.hasPrefix("size: the request's body"), "\(outcome)")
        #expect(how == "short" || outcome.stop?.code == "too_large", "\(outcome)")
        #expect(street.proxy.running == 0 && street.proxy.idleConnections == 0)
        await street.stop()
    }

    @Test("a server that takes nothing costs the request its time and no more")
    func deadline() async throws {
        let sink = try Sink(.deaf)
        let (street, access) = try world(sink.port)
        let outcome = try await upload(street, sink.port, access, length: nil, patience: 300) { await Self.write($0, pieces: 1000) }
        #expect(outcome.error.hasPrefix("time-out: ") && outcome.stop?.code == "timed_out", "\(outcome)")
        await street.stop()
    }

    @Test("a request that is given up while its body is awaited closes its socket at once")
    func aborted() async throws {
        let sink = try Sink(.deaf)
        let (street, access) = try world(sink.port)
        let body = EgressBody(length: nil)
        let task = OwnedTask(on: street.group.loops[0]) { [proxy = street.proxy] in
            var request = EgressRequest("http://api.test:\(sink.port)/", method: "PUT")
            request.upload = body
            let caller = EgressCaller(plugin: access.plugin, tenant: "t", requestID: "r1")
            do throws(EgressError) {
                _ = try await proxy.open(request, access: access, caller: caller, before: 0, until: .after(milliseconds: 20_000))
                return "open"
            } catch {
                return error.code
            }
        }
        #expect(await body.write([1]) == nil || true)
        usleep(100_000)
        #expect(!sink.isLeft.value)
        task.cancel()
        #expect(try await task.value == "cancelled")
        for _ in 0..<200 where !sink.isLeft.value { usleep(5_000) }
        #expect(sink.isLeft.value && street.proxy.running == 0)
        await street.stop()
    }
}
