import IO
import Testing

@testable import HTTP

/// What a running server answers to a stream of bytes.
private struct Exchanged: Equatable {
    /// The statuses of all replies, in order, 100 included.
    var statuses: [Int]
    /// What was served, in order.
    var served: [String]
}

@Suite(.serialized) struct SmugglingWireTests {
    /// A server that remembers what it served.
    private func running(_ served: Shared<[String]>) throws -> Running {
        try Running(
            Answer { request in
                served.lock.withLock { $0.append("\(request.method.rawValue) \(request.path) \(request.body.count)") }
                return HTTPResponse(status: 200)
            }
        ) { $0.headMillisecondsMax = 300 }
    }

    /// Sends `text` and then says that nothing follows.
    private func exchange(_ running: Running, _ served: Shared<[String]>, _ text: String) throws -> Exchanged {
        served.lock.withLock { $0 = [] }
        let client = try RawClient(running.address)
        do {
            try client.send(text)
            try Sockets.shutdownWrites(client.fd)
        } catch {
            // Refused before all of it was sent: the answer has come.
            #expect(error is Errno)
        }
        let lines = client.receiveAll().split(separator: "\r\n")
        let statuses = lines.filter { $0.hasPrefix("HTTP/1.1 ") }.compactMap { Int($0.dropFirst(9).prefix(3)) }
        return Exchanged(statuses: statuses, served: served.value)
    }

    @Test("the corpus gets one answer each over a connection: the status of the table, and nothing of what was refused is served")
    func corpus() async throws {
        let served = Shared<[String]>([])
        let running = try running(served)
        #expect(SmugglingCase.all.count >= 120, "\(SmugglingCase.all.count) cases")
        for item in SmugglingCase.all {
            let outcome = try exchange(running, served, item.text)
            switch item.status {
            case 0: #expect(outcome.served.isEmpty, "\(item.name): \(outcome)")
            case 200: #expect(outcome.statuses == [200] && outcome.served.count == 1, "\(item.name): \(outcome)")
            default: #expect(outcome.statuses == [item.status] && outcome.served.isEmpty, "\(item.name): \(outcome)")
            }
        }
        #expect(try await running.becomesEmpty())
        await running.stop()
    }

    private static let get = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test(
        "two parties that count differently cannot be set against each other: each stream has one reading",
        arguments: [
            // name, stream, statuses, served
            (
                "length covers a request", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(get.utf8.count)\r\n\r\n" + get, [200],
                ["POST / \(get.utf8.count)"]
            ),
            ("length stops before one", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx" + get, [200, 200], ["POST / 1", "GET /next 0"]),
            ("both framings", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG" + get, [400], []),
            (
                "encoding hidden by a space", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding : chunked\r\n\r\n5c\r\n" + get,
                [400], []
            ),
            (
                "encoding hidden by folding",
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n5c\r\n" + get, [400], []
            ),
            ("GET with a length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + get, [200, 200], ["GET / 3", "GET /next 0"]),
            ("GET without a length and bytes behind", "GET / HTTP/1.1\r\nHost: a\r\n\r\nabc" + get, [200, 501], ["GET / 0"]),
            ("HEAD and then GET", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get, [200, 200], ["HEAD / 0", "GET /next 0"]),
            ("close ends the stream", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + get, [200], ["GET / 0"]),
            ("close among other options", "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Close\r\n\r\n" + get, [200], ["GET / 0"]),
            ("HTTP/1.0 ends the stream", "GET / HTTP/1.0\r\n\r\n" + get, [200], ["GET / 0"]),
            ("chunk that claims less", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n" + get, [400], []),
            (
                "chunk size that other servers cut to 32 bits", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100000000\r\n" + get,
                [400], []
            ),
            (
                "request behind the trailers", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n" + get, [200, 200],
                ["POST / 0", "GET /next 0"]
            ),
            ("one refused ends all", get + "GET /\u{1} HTTP/1.1\r\nHost: a\r\n\r\n" + get, [200, 400], ["GET /next 0"]),
            (
                "expectation without waiting", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc" + get,
                [200, 200], ["POST / 3", "GET /next 0"]
            ),
            (
                "upgrade that nobody offers", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + get, [200, 200],
                ["GET / 0", "GET /next 0"]
            ),
            ("HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + get, [505], []),
            ("empty lines between", get + "\r\n" + get, [200, 200], ["GET /next 0", "GET /next 0"]),
            ("two empty lines between", get + "\r\n\r\n" + get, [200, 400], ["GET /next 0"]),
        ] as [(String, String, [Int], [String])])
    func streams(name: String, text: String, statuses: [Int], expected: [String]) async throws {
        let served = Shared<[String]>([])
        let running = try running(served)
        #expect(try exchange(running, served, text) == Exchanged(statuses: statuses, served: expected), "\(name)")
        await running.stop()
    }
}
