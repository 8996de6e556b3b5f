package import IO

/// A request that a client sends; Host, the length and the connection's fields are added.
package struct HTTPClientRequest: Sendable {
    package var method: HTTPMethod
    /// Path and query, encoded.
    package var target: String
    package var headers: HTTPHeaders
    package var body: [UInt8]

    package init(_ method: HTTPMethod = .get, _ target: String, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = []) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }
}

/// A small HTTP/1.1 client for one server, mostly on loopback: the command line, tests and benchmarks.
///
/// It keeps connections open and reuses them. It may be used from any task.
package final class HTTPClient: Sendable {
    /// How a client speaks to its server by https.
    package struct TLS: Sendable {
        package let context: TLSClientContext
        /// The name, or the address, that the server's certificate must be for.
        package let host: String
        /// Sessions are taken up again within one scope alone.
        package let scope: String

        package init(_ context: TLSClientContext, host: String, scope: String = "") {
            self.context = context
            self.host = host
            self.scope = scope
        }

        /// The Host field of requests.
        fileprivate func hostField(port: UInt16) -> String {
            let name = host.contains(":") ? "[\(host)]" : host
            return port == 443 ? name : "\(name):\(port)"
        }
    }

    private let address: SocketAddress
    private let tls: TLS?
    private let host: String
    private let loop: EventLoop
    private let idle = Lock<[HTTPClientConnection]>([])

    /// A client whose connections live on `loop`; with `tls` it speaks https.
    package init(address: SocketAddress, loop: EventLoop, tls: TLS? = nil) {
        self.address = address
        self.loop = loop
        self.tls = tls
        host = tls?.hostField(port: address.port) ?? address.description
    }

    /// Sends a request and collects the whole reply, of at most `HTTPLimits.clientBodyBytesMax`.
    ///
    /// Throws `HTTPClientError`, whose cause is an `IOError` (time-out, cancellation, refused connection, TLS) or an `HTTPFailure` (a reply that breaks
    /// the rules).
    package func send(_ request: HTTPClientRequest, until deadline: Deadline = .after(milliseconds: 30_000)) async throws -> HTTPResponse {
        let collected = CollectedBody()
        var response = try await stream(request, until: deadline) { try collected.append($0) }
        response.body = .bytes(collected.take())
        return response
    }

    /// Sends a request and passes the content on as it comes, on the client's loop, until it ends or `body` says false; the
    /// reply that is returned has no content.
    package func stream(
        _ request: HTTPClientRequest, until deadline: Deadline, _ body: @escaping @Sendable ([UInt8]) async throws -> Bool
    ) async throws -> HTTPResponse {
        let task = OwnedTask(on: loop) { [self] in try await exchange(request, deadline, body) }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    /// Sends a request and passes on the events of its reply until the stream ends or `body` says false.
    package func events(
        _ request: HTTPClientRequest, until deadline: Deadline, _ body: @escaping @Sendable (ServerSentEvent) async throws -> Bool
    ) async throws -> HTTPResponse {
        let decoder = SharedDecoder()
        return try await stream(request, until: deadline) { bytes in
            for event in try decoder.decode(bytes) where try await !body(event) { return false }
            return true
        }
    }

    /// Closes the connections that are idle.
    package func close() {
        let connections = idle.withLock { idle in
            defer { idle = [] }
            return idle
        }
        let isAlive = loop.execute { for connection in connections { connection.end() } }
        if !isAlive { for connection in connections { connection.endAfterLoop() } }
    }

    deinit { close() }

    private func exchange(
        _ request: HTTPClientRequest, _ deadline: Deadline, _ body: @Sendable ([UInt8]) async throws -> Bool
    ) async throws -> HTTPResponse {
        while let connection = idle.withLock({ $0.popLast() }) {
            if connection.isUsable { return try await run(connection, request, deadline, body) }
            connection.end()
        }
        return try await run(try await HTTPClientConnection.open(address, tls, loop, until: deadline), request, deadline, body)
    }

    private func run(
        _ connection: HTTPClientConnection, _ request: HTTPClientRequest, _ deadline: Deadline,
        _ body: @Sendable ([UInt8]) async throws -> Bool
    ) async throws -> HTTPResponse {
        do {
            let response = try await connection.exchange(request, host: host, until: deadline, body)
            let isKept =
                connection.isReusable
                && idle.withLock { idle in
                    if idle.count >= HTTPLimits.clientIdleMax { return false }
                    idle.append(connection)
                    return true
                }
            if !isKept { connection.end() }
            return response
        } catch {
            let phase = connection.phase
            connection.end()
            // What the caller's own closure threw is the caller's.
            throw phase.map { HTTPClientError($0, error) } ?? error
        }
    }
}

/// Collects a reply's content.
private final class CollectedBody: Sendable {
    private let bytes = Lock<[UInt8]>([])

    func append(_ more: [UInt8]) throws -> Bool {
        let count = bytes.withLock { bytes in
            bytes += more
            return bytes.count
        }
        if count > HTTPLimits.clientBodyBytesMax { throw HTTPFailure(502, "The reply is too large.") }
        return true
    }

    func take() -> [UInt8] { bytes.withLock { $0 } }
}

/// An event decoder that a closure can carry.
private final class SharedDecoder: Sendable {
    private let decoder = Lock(EventStreamDecoder())
    func decode(_ bytes: [UInt8]) throws -> [ServerSentEvent] { try decoder.withLock { try $0.decode(bytes) } }
}
