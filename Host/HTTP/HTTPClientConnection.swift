import Glibc
package import IO

/// One connection of a client, over which one exchange follows another; lives on its loop, where every method but `isUsable` must be called.
package final class HTTPClientConnection: @unchecked Sendable {
    // SAFETY: every member that changes is touched only on the loop of `stream`.
    let stream: SocketStream
    private var input = InputBuffer()
    private var parser = ResponseParser(isHead: false)
    /// The reply has ended.
    private var isDone = true
    private(set) var isReusable = false
    private var hasEnded = false
    /// All of the request was sent.
    var isSent = true
    /// How far the present exchange has come; nil while its caller looks at the content, whose errors are its own.
    package internal(set) var phase: HTTPClientError.Phase? = .connect

    /// Takes over a socket that is connected, and has shaken hands if it is one with TLS.
    package init(_ stream: SocketStream) { self.stream = stream }

    /// The loop that the connection lives on.
    package var loop: EventLoop { stream.loop }

    /// Connects; runs on `loop`.
    static func open(
        _ address: SocketAddress, _ tls: HTTPClient.TLS?, _ loop: EventLoop, until deadline: Deadline
    ) async throws(HTTPClientError) -> HTTPClientConnection {
        let stream: SocketStream
        do throws(IOError) { stream = try await SocketStream.connect(to: address, on: loop, until: deadline) } catch {
            throw HTTPClientError(.connect, error)
        }
        guard let tls else { return HTTPClientConnection(stream) }
        do throws(IOError) {
            let session = try await tls.context.connect(
                stream.registration, host: tls.host, port: address.port, scope: tls.scope, until: deadline)
            return HTTPClientConnection(SocketStream(stream.registration, tls: session))
        } catch {
            stream.close()
            throw HTTPClientError(.tls, error)
        }
    }

    /// Whether an idle connection still stands.
    package var isUsable: Bool { isReusable && !hasEnded && !stream.hasHungUp }

    /// Closes the connection; a second call does nothing.
    package func end() {
        if hasEnded { return }
        hasEnded = true
        stream.sayGoodbye()
        stream.close()
    }

    /// As `end`, when the loop that watched the descriptor is no more.
    package func endAfterLoop() {
        if hasEnded { return }
        hasEnded = true
        let result = close(stream.registration.fd)
        assert(result == 0 || errno != EBADF)
    }

    /// Sends one request and reads its reply, whose content goes to `body` piece by piece until that says false.
    /// - Parameters:
    ///   - host: the Host field.
    ///   - onHead: sees status and fields before any content; what it throws ends the exchange.
    /// - Throws: `IOError`, `HTTPFailure`, or what the closures throw; `phase` says how far the exchange had come, and the connection is of no more use.
    package func exchange(
        _ request: HTTPClientRequest, host: String, until deadline: Deadline, onHead: @Sendable (HTTPResponse) throws -> Void = { _ in },
        _ body: @Sendable ([UInt8]) async throws -> Bool
    ) async throws -> HTTPResponse {
        let head = try await begin(request, host: host, until: deadline)
        try onHead(head)
        while let content = try await next(until: deadline) {
            phase = nil
            let goesOn = try await body(content)
            phase = .body
            if !goesOn { return head }
        }
        return head
    }

    /// Sends one request and reads the head of its reply, whose content `next` gives; nothing more is read before it is asked for.
    /// - Throws: as `exchange`.
    package func begin(_ request: HTTPClientRequest, host: String, until deadline: Deadline) async throws -> HTTPResponse {
        start(request)
        try await stream.write(HTTPClientConnection.encode(request, host: host), until: deadline)
        phase = .headers
        let head = try await head(until: deadline)
        phase = .body
        return head
    }

    /// An exchange begins.
    func start(_ request: HTTPClientRequest) {
        (isReusable, isSent, isDone) = (false, true, false)
        phase = .request
        parser = ResponseParser(isHead: request.method == .head)
    }

    /// Reads the head of the reply.
    func head(until deadline: Deadline) async throws -> HTTPResponse {
        while true {
            if let head = try parseHead() { return head }
            guard try await fill(deadline) else { throw IOError(.closed, "reply") }
        }
    }

    /// The next content of the reply that `begin` has begun, as much as has come and at least a byte; nil when it has ended.
    /// - Throws: as `exchange`.
    package func next(until deadline: Deadline) async throws -> [UInt8]? {
        while !isDone {
            let content = try parseContent()
            if !content.isEmpty { return content }
            if isDone { break }
            if try await fill(deadline) { continue }
            guard parser.endsWithConnection else { throw IOError(.closed, "reply") }
            isDone = true
        }
        isReusable = parser.keepsAlive && input.isEmpty && isSent
        return nil
    }

    /// Runs the parser up to the end of the head; nil when more must come.
    private func parseHead() throws -> HTTPResponse? {
        var outcome: Result<HTTPResponse, HTTPFailure>?
        let taken = input.withBytes { bytes in
            var position = 0
            while true {
                switch parser.advance(UnsafeBufferPointer(rebasing: bytes[position...])) {
                case .skip(let count): position += count
                case .head(let status, let headers, let count):
                    outcome = .success(HTTPResponse(status: status, headers: headers))
                    return position + count
                case .failure(let failure):
                    outcome = .failure(failure)
                    return position
                case .needMore, .content, .end: return position
                }
            }
        }
        input.take(taken)
        return try outcome?.get()
    }

    /// Runs the parser over what has come.
    private func parseContent() throws -> [UInt8] {
        var content: [UInt8] = []
        var failure: HTTPFailure?
        let taken = input.withBytes { bytes in
            var position = 0
            while true {
                let rest = UnsafeBufferPointer(rebasing: bytes[position...])
                switch parser.advance(rest) {
                case .needMore, .head: return position
                case .skip(let count): position += count
                case .content(let count):
                    content.append(contentsOf: UnsafeBufferPointer(rebasing: rest[..<count]))
                    position += count
                case .end(let count):
                    isDone = true
                    return position + count
                case .failure(let found):
                    failure = found
                    return position
                }
            }
        }
        if let failure { throw failure }
        input.take(taken)
        return content
    }

    /// Reads more; false at the end.
    private func fill(_ deadline: Deadline) async throws -> Bool {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: HTTPLimits.readBytes, alignment: 16)
        defer { buffer.deallocate() }
        let count = try await stream.read(into: buffer, until: deadline)
        if count == 0 { return false }
        input.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        return true
    }

    private static func encode(_ request: HTTPClientRequest, host: String) -> [UInt8] {
        let hasLength = !request.body.isEmpty || ![.get, .head, .delete, .options].contains(request.method)
        return head(request, host: host, framing: hasLength ? "Content-Length: \(request.body.count)\r\n" : "") + request.body
    }

    /// The head of a request with the field that frames its content.
    static func head(_ request: HTTPClientRequest, host: String, framing: String) -> [UInt8] {
        precondition(request.target.utf8.allSatisfy { Characters.isVisible($0) }, "a target is encoded before it is sent")
        var out = Array("\(request.method.rawValue) \(request.target) HTTP/1.1\r\n".utf8)
        if !request.headers.contains("Host") { out += Array("Host: \(host)\r\n".utf8) }
        for (name, value) in request.headers.pairs where name.lowercased() != "content-length" && name.lowercased() != "transfer-encoding" {
            out += Array("\(name): \(value)\r\n".utf8)
        }
        return out + Array("\(framing)\r\n".utf8)
    }
}
