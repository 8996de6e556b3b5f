import Hummingbird
import Logging
import NIOCore
import NIOPosix

// bench-hummingbird PORT: HTTP on PORT, WebSocket on PORT + 1 (hummingbird-websocket stands on the same NIOWebSocket).
let port = Int(CommandLine.arguments.dropFirst().first ?? "") ?? 8080

struct Message: ResponseEncodable {
    let message: String
}

let file = ByteBuffer(bytes: (0..<102_400).map { UInt8(truncatingIfNeeded: $0 &* 7) })
let event = ByteBuffer(string: "data: {\"delta\":\"a token or two of text, as a model sends them\"}\n\n")

let router = Router()
router.get("plaintext") { _, _ in "Hello, World!" }
router.get("json") { _, _ in Message(message: "Hello, World!") }
router.get("file") { _, _ in
    Response(status: .ok, headers: [.contentType: "application/octet-stream"], body: ResponseBody(byteBuffer: file))
}
router.post("upload") { request, _ in
    var count = 0
    for try await buffer in request.body { count += buffer.readableBytes }
    return String(count)
}
router.get("events") { _, _ in
    Response(
        status: .ok, headers: [.contentType: "text/event-stream"],
        body: ResponseBody { writer in
            for _ in 0..<1000 { try await writer.write(event) }
            try await writer.finish(nil)
        })
}

var logger = Logger(label: "bench")
logger.logLevel = .error
let application = Application(
    router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), eventLoopGroupProvider: .singleton, logger: logger)
try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await EchoServer.run(port: port + 1) }
    group.addTask { try await application.runService() }
    try await group.next()
    group.cancelAll()
}
