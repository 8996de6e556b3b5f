import Glibc
import IO

@testable import HTTP

/// What a parser made of a stream of bytes.
struct Parsed: Equatable, CustomStringConvertible {
    struct Request: Equatable {
        var method: String
        var target: String
        var fields: [String]
        var body: [UInt8]
        var keepsAlive: Bool
    }

    var requests: [Request] = []
    var failure: HTTPFailure?
    /// Whether a request has begun and not ended.
    var isPartial = false

    /// 200 for whole requests, 0 for one that is not whole, else the status of the refusal.
    var status: Int { failure?.status ?? (isPartial || requests.isEmpty ? 0 : 200) }
    var description: String { "\(status) \(requests.count) requests: \(failure?.message ?? "-")" }
}

/// Feeds the bytes in the given pieces, as a connection would.
func parse(_ pieces: [[UInt8]]) -> Parsed {
    var parser = RequestParser()
    var result = Parsed()
    var pending: [UInt8] = []
    var current: Parsed.Request?
    for piece in pieces {
        pending += piece
        var position = 0
        feeding: while true {
            let step = pending.withUnsafeBufferPointer { parser.advance(UnsafeBufferPointer(rebasing: $0[position...])) }
            switch step {
            case .needMore: break feeding
            case .skip(let taken): position += taken
            case .head(let head, let taken):
                position += taken
                current = Parsed.Request(
                    method: head.method.rawValue, target: head.target, fields: head.headers.pairs.map { "\($0.name)=\($0.value)" }, body: [],
                    keepsAlive: head.keepsAlive)
            case .content(let taken):
                current?.body += pending[position..<(position + taken)]
                position += taken
            case .end(let taken):
                position += taken
                if let request = current { result.requests.append(request) }
                current = nil
            case .failure(let failure):
                result.failure = failure
                return result
            }
        }
        pending.removeFirst(position)
    }
    result.isPartial = current != nil || !pending.isEmpty
    return result
}

func parse(_ text: String) -> Parsed { parse([Array(text.utf8)]) }

/// A handler made of a closure.
struct Answer: HTTPHandler {
    var bodyBytesMax = 1 << 20
    var isStreamed = false
    var refusal: @Sendable (HTTPRequestHead) -> HTTPResponse? = { _ in nil }
    let body: @Sendable (HTTPRequest) async -> HTTPResponse

    func admit(_ head: HTTPRequestHead, remoteAddress: String, requestID: String) -> HTTPAdmission {
        if let response = refusal(head) { return .refuse(response) }
        return .accept(bodyBytesMax: bodyBytesMax, isStreamed: isStreamed)
    }
    func handle(_ request: HTTPRequest) async -> HTTPResponse { await body(request) }
}

/// A reply that says what came.
let echo: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
    HTTPResponse(contentType: "text/plain", Array("\(request.method.rawValue) \(request.path) \(request.body.count)".utf8))
}

/// A running server and its group.
final class Running: Sendable {
    let group: EventLoopGroup
    let server: HTTPServer
    let address: SocketAddress

    init(_ handler: any HTTPHandler, loops: Int = 2, _ change: (inout HTTPServerConfiguration) -> Void = { _ in }) throws {
        guard let any = SocketAddress("127.0.0.1", port: 0) else { throw IOError(.closed, "address") }
        var configuration = HTTPServerConfiguration(address: any)
        configuration.connectionsPerAddressMax = 1000
        configuration.errorResponse = { status, message, requestID in
            HTTPResponse(
                status: status, headers: ["Content-Type": "application/json"],
                body: .bytes(Array("{\"status\":\"error\",\"code\":\(status),\"request_id\":\"\(requestID)\"}".utf8)))
        }
        change(&configuration)
        group = try EventLoopGroup(count: loops)
        server = HTTPServer(configuration: configuration, group: group, handler: handler)
        address = try server.start()
    }

    func stop() async {
        await server.drain(within: 2000)
        await group.shutdown()
    }

    /// Waits until no connection is left, nor waits to be accepted; false when there still is one after 5 s.
    func becomesEmpty() async throws -> Bool {
        // On a loop: the tests' own threads may be blocked in other tests' clients.
        try await OwnedTask(on: group.loops[0]) { try await self.watchUntilEmpty() }.value
    }

    private func watchUntilEmpty() async throws -> Bool {
        let deadline = Deadline.after(milliseconds: 5000)
        var quiet = 0
        while quiet < 4 {
            quiet = server.connectionCount == 0 ? quiet + 1 : 0
            if deadline.hasPassed { return false }
            try await group.loops[0].sleep(until: .after(milliseconds: 15))
        }
        return true
    }
}

/// A blocking client that sends exactly what it is told.
final class RawClient: Sendable {
    let fd: Int32

    init(_ address: SocketAddress) throws {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let fd = try Syscall.retrying { socket(AF_INET, type, 0) }
        self.fd = fd
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = address.port.bigEndian
        target.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try Syscall.retrying {
            withUnsafePointer(to: &target) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(fd, $0, length) } }
        }
        var wait = timeval(tv_sec: 5, tv_usec: 0)
        try Syscall.retrying { setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size)) }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count { sent += try Syscall.send(fd, bytes, from: sent) ?? 0 }
    }

    /// What comes next, empty at the end or after 5 s.
    func receive() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(fd, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : []
    }

    /// Everything until the server closes.
    func receiveAll() -> String {
        var all: [UInt8] = []
        while true {
            let more = receive()
            if more.isEmpty { return String(decoding: all, as: UTF8.self) }
            all += more
        }
    }

    /// Everything until `text` has come; what came if it never does.
    func receive(until text: String) -> String {
        var all = ""
        while !all.contains(text) {
            let more = receive()
            if more.isEmpty { break }
            all += String(decoding: more, as: UTF8.self)
        }
        return all
    }

    func reset() throws { try Sockets.setResetOnClose(fd) }

    deinit { close(fd) }
}

/// A locked value that closures can share.
final class Shared<Value: Sendable>: Sendable {
    let lock: Lock<Value>
    init(_ value: Value) { lock = Lock(value) }
    var value: Value { lock.withLock { $0 } }
}
