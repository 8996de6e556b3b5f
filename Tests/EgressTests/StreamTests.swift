import Glibc
import HTTP
import IO
import Registry
import Testing

@testable import Egress

@Suite(.serialized) struct EgressStreamTests {
    /// Opens a reply on a loop and hands it to `body`, which runs there.
    private func open<T: Sendable>(
        _ street: Street, _ request: EgressRequest, _ access: EgressAccess, _ body: @escaping @Sendable (EgressStream) async throws -> T
    ) async throws -> T {
        try await OwnedTask(on: street.group.loops[0]) { [proxy = street.proxy] in
            let caller = EgressCaller(plugin: access.plugin, tenant: "t", requestID: "r1")
            let stream = try await proxy.open(request, access: access, caller: caller, before: 0, until: .after(milliseconds: 20_000))
            defer { stream.close() }
            return try await body(stream)
        }.value
    }

    private func world(_ change: (inout EgressGrant) -> Void = { _ in }) throws -> (
        street: Street, port: Int, written: Box<Int>, access: EgressAccess
    ) {
        let street = try Street()
        let written = Box(0)
        let port = try street.serve { request in
            if request.path == "/small" { return HTTPResponse(contentType: "text/plain", Array("hello".utf8)) }
            if request.path == "/moved" { return HTTPResponse(status: 302, headers: ["Location": "/small"]) }
            return .stream(contentType: "text/plain") { writer in
                for _ in 0..<256 {
                    try await writer.write([UInt8](repeating: 120, count: 64 << 10))
                    written.lock.withLock { $0 += 64 << 10 }
                }
            }
        }
        street.name("api.test", "127.0.0.1")
        let rules = [EgressRule(scheme: .http, host: "api.test", ports: [port])]
        let access = try street.access(rules, open: ["api.test"]) { grant in
            grant.responseBytesMax = 64 << 20
            change(&grant)
        }
        return (street, port, written, access)
    }

    @Test("a reply is read as fast as its reader asks: the server waits meanwhile, and the connection is used again afterwards")
    func backPressure() async throws {
        let (street, port, written, access) = try world()
        let total = try await open(street, EgressRequest("http://api.test:\(port)/large"), access) { stream in
            #expect(stream.head.status == 200 && stream.head.body.isEmpty)
            var count = try await stream.next()?.count ?? 0
            try await EventLoop.current?.sleep(until: .after(milliseconds: 300))
            let before = written.value
            #expect(before < 12 << 20, "\(before) bytes are on the way to a reader that has taken \(count)")
            while let piece = try await stream.next() {
                #expect(piece.count <= EgressStream.pieceBytesMax)
                count += piece.count
            }
            return count
        }
        #expect(total == 16 << 20 && street.proxy.running == 0 && street.proxy.idleConnections == 1)
        let record = try #require(street.proxy.records.latest(1).first)
        #expect(record.outcome == .replied(status: 200) && record.bytesIn == 16 << 20)
        await street.stop()
    }

    @Test("closing a reply closes its socket at once, also while a piece is awaited; it counts as cancelled and its place is free")
    func closing() async throws {
        let (street, port, _, access) = try world()
        try await open(street, EgressRequest("http://api.test:\(port)/large"), access) { stream in
            _ = try await stream.next()
            #expect(street.proxy.running == 1)
            stream.close()
            stream.close()
            await #expect(throws: EgressError.cancelled) { try await stream.next() }
        }
        for _ in 0..<200 where street.connections > 0 { usleep(5_000) }
        #expect(street.connections == 0 && street.proxy.running == 0 && street.proxy.idleConnections == 0)
        #expect(street.proxy.records.latest(1).first?.outcome == .cancelled)
        await street.stop()
    }

    @Test("redirects are followed before the head is given, and the caps of a fetch hold for the pieces")
    func limits() async throws {
        let (street, port, _, access) = try world { $0.responseBytesMax = 1 << 20 }
        let moved = EgressRequest("http://api.test:\(port)/moved", followsRedirects: true)
        let text = try await open(street, moved, access) { stream in String(decoding: try await stream.next() ?? [], as: UTF8.self) }
        #expect(text == "hello")
        let over = try await open(street, EgressRequest("http://api.test:\(port)/large"), access) { stream in
            var count = 0
            do throws(EgressError) {
                while let piece = try await stream.next() { count += piece.count }
            } catch {
                return "\(error.code) \(count <= 1 << 20)"
            }
            return "all"
        }
        #expect(over == "too_large true")
        await street.stop()
    }

    @Test("a reply that nobody reads ends with its deadline, and its place is free")
    func unread() async throws {
        let (street, port, _, access) = try world()
        let request = EgressRequest("http://api.test:\(port)/large", timeoutMilliseconds: 200)
        try await open(street, request, access) { stream in
            try await EventLoop.current?.sleep(until: .after(milliseconds: 400))
            #expect(street.proxy.running == 0)
            do throws(EgressError) {
                _ = try await stream.next()
                Issue.record("it was read after its deadline")
            } catch {
                #expect(error.code == "timed_out")
            }
        }
        await street.stop()
    }
}
