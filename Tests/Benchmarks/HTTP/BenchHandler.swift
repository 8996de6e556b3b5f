import Glibc
import HTTP
import IO
import JSON

/// The routes of the benchmark and of the load tests.
struct BenchHandler: HTTPHandler {
    let census: Census
    let pool: BlockingPool
    let file: HTTPFile
    private static let event = ServerSentEvent(data: #"{"delta":"a token or two of text, as a model sends them"}"#)

    func admit(_ head: HTTPRequestHead, remoteAddress: String, requestID: String) -> HTTPAdmission {
        .accept(bodyBytesMax: 2 << 20, isStreamed: true)
    }

    func handle(_ request: HTTPRequest) async -> HTTPResponse {
        switch request.path {
        case "/plaintext": HTTPResponse(contentType: "text/plain", Array("Hello, World!".utf8))
        case "/json":
            HTTPResponse(contentType: "application/json", JSONValue.object(["message": "Hello, World!"]).serialized())
        case "/file": file.reply(to: request, contentType: "application/octet-stream")
        case "/upload": await BenchHandler.count(request)
        case "/events": .events { stream in for _ in 0..<1000 { try await stream.send(BenchHandler.event) } }
        case "/ws": BenchHandler.echo()
        case "/stats": HTTPResponse(contentType: "text/plain", Array(census.text.utf8))
        default: await slow(request)
        }
    }

    /// Takes the body as it comes and says how long it was.
    private static func count(_ request: HTTPRequest) async -> HTTPResponse {
        var count = request.body.count
        do {
            while let piece = try await request.bodyReader?.next() { count += piece.count }
        } catch {
            return HTTPResponse(status: 400)
        }
        return HTTPResponse(contentType: "text/plain", Array(String(count).utf8))
    }

    /// The routes that wait.
    private func slow(_ request: HTTPRequest) async -> HTTPResponse {
        let milliseconds = request.query.first { $0.name == "ms" }.flatMap { Int($0.value) } ?? 0
        switch request.path {
        // An async wait, as a call that a worker serves.
        case "/slow":
            return await census.counting { await BenchHandler.sleep(milliseconds, census) }
        // A thread that is kept, as by a file or a database.
        case "/block":
            return await census.counting { await block(milliseconds) }
        case "/ticks": return ticks()
        default: return HTTPResponse(status: 404, contentType: "text/plain", Array("no such path\n".utf8))
        }
    }

    private static func sleep(_ milliseconds: Int, _ census: Census) async -> HTTPResponse {
        do { try await EventLoop.current?.sleep(until: .after(milliseconds: milliseconds)) } catch {
            census.noteCancelled()
            return HTTPResponse(status: 503)
        }
        return HTTPResponse(contentType: "text/plain", Array("slept\n".utf8))
    }

    private func block(_ milliseconds: Int) async -> HTTPResponse {
        do {
            try await pool.run { _ = usleep(UInt32(milliseconds) * 1000) }
            return HTTPResponse(contentType: "text/plain", Array("done\n".utf8))
        } catch {
            return HTTPResponse(status: 503)
        }
    }

    /// An endless stream, like a model that talks: an event every 20 ms until the client goes.
    private func ticks() -> HTTPResponse {
        .events { [census] stream in
            try await census.counting {
                do {
                    while true {
                        try await stream.send(BenchHandler.event)
                        try await stream.loop.sleep(until: .after(milliseconds: 20))
                    }
                } catch {
                    census.noteCancelled()
                    throw error
                }
            }
        }
    }

    private static func echo() -> HTTPResponse {
        var configuration = WebSocketConfiguration()
        configuration.framesPerSecond = .max / 2
        configuration.framesBurst = .max / 2
        configuration.bytesPerSecond = .max / 2
        configuration.bytesBurst = .max / 2
        return .webSocket(
            WebSocketUpgrade(configuration: configuration) { socket in
                while let message = try await socket.receive() { try await socket.send(message) }
            })
    }
}
