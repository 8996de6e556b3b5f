import HTTP
import IO
import JSON

/// The WebSockets of turns: each message goes through the dispatcher as a request of its own, so that sign-in, rights, rates, idempotency and schemas are those of
/// every other door (AUTH-4).
struct ChatSockets: Sendable {
    /// Signed out, or never signed in.
    static let signedOut = WebSocketCloseCode(rawValue: 4401)
    /// As many sockets as one user may have.
    static let tooMany = WebSocketCloseCode(rawValue: 4429)

    private let dispatcher: Dispatcher
    private let cap: WebSocketCap

    init(_ dispatcher: Dispatcher) {
        self.dispatcher = dispatcher
        cap = WebSocketCap(max: dispatcher.options.socketsPerUserMax)
    }

    /// Answers a request that has passed the route's checks.
    func upgrade(_ request: APIRequest, _ response: APIResponse) -> HTTPResponse {
        var configuration = WebSocketConfiguration()
        dispatcher.limiter.limit(&configuration)
        let crossOrigin = dispatcher.crossOrigin
        configuration.allowsOrigin = { $0.map(crossOrigin.allows) ?? true }
        var made = HTTPResponse.webSocket(
            WebSocketUpgrade(configuration: configuration) { [dispatcher, cap] socket in
                try await ChatSocket(socket: socket, dispatcher: dispatcher, cap: cap, head: request).serve()
            })
        made.note = response.note
        for (name, value) in response.headers where made.headers[name] == nil { made.headers.add(name, value) }
        return made
    }
}

/// One open socket.
private struct ChatSocket: Sendable {
    let socket: WebSocket
    let dispatcher: Dispatcher
    let cap: WebSocketCap
    let head: APIRequest

    /// Signs in, then serves messages until the client goes, the server stops or the credential ends.
    func serve() async throws {
        guard let headers = try await credential(), let principal = await principal(headers) else {
            return socket.close(ChatSockets.signedOut, "sign in first")
        }
        guard let place = cap.take("\(principal.tenant)\n\(principal.id)") else {
            return socket.close(ChatSockets.tooMany, "this user has as many sockets as one may have")
        }
        defer { withExtendedLifetime(place) {} }
        // Requests that have ended leave nothing behind, however long the socket is open.
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await watch(headers) }
            let running = Count()
            while let message = try await socket.receive() {
                guard case .text(let text) = message else {
                    try await complain("Messages are JSON in text frames.", "frame")
                    continue
                }
                guard running.value < Limits.socketTurnsMax else {
                    try await complain("This socket has \(Limits.socketTurnsMax) requests under way; wait for one to end.", "busy")
                    continue
                }
                running.add(1)
                group.addTask {
                    defer { running.add(-1) }
                    try await serve(Array(text.utf8), headers)
                }
            }
            // The client has gone: what it asked for ends, and is stored as far as it came.
            group.cancelAll()
        }
    }

    // MARK: Sign-in

    /// The head's own credential, or that of the first message; nil when none comes in time.
    private func credential() async throws -> HTTPHeaders? {
        if Authenticator.hasCredential(head) {
            var headers = HTTPHeaders()
            for name in ["Authorization", "X-Session"] { for value in head.values(name) { headers.add(name, value) } }
            return headers
        }
        let first: WebSocketMessage?
        do throws(IOError) {
            first = try await socket.receive(until: .after(milliseconds: Limits.socketSignInMilliseconds))
        } catch {
            guard error.code == .timedOut else { throw error }
            return nil
        }
        guard case .text(let text)? = first, text.utf8.count <= Limits.bearerBytesMax + 64 else { return nil }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text)
        } catch {
            // Whatever it is, it signs nobody in.
            return nil
        }
        guard let object = value.objectValue, object.count == 1, let token = object["access_token"]?.stringValue else { return nil }
        return ["Authorization": "Bearer \(token)"]
    }

    /// Who that is, and may come in.
    private func principal(_ headers: HTTPHeaders) async -> Principal? {
        do {
            let request = APIRequest(method: "GET", path: head.path, headers: headers, remoteAddress: head.remoteAddress)
            let principal = try await dispatcher.authenticator.principal(of: request).principal
            // As everywhere, an API key is not held up by the password that its account has to change.
            return principal.mustChangePassword && principal.scopes == nil ? nil : principal
        } catch {
            if error.code == .unauthorized { _ = await dispatcher.limiter.draw(RateKey(.strangers, address: head.remoteAddress), now: .now()) }
            return nil
        }
    }

    /// Closes the socket when its credential is not in force any more. A database that is away is no reason: then nothing is served either.
    private func watch(_ headers: HTTPHeaders) async throws {
        let request = APIRequest(method: "GET", path: head.path, headers: headers, remoteAddress: head.remoteAddress)
        while true {
            try await socket.loop.sleep(until: .after(milliseconds: Limits.socketCheckMilliseconds))
            do {
                _ = try await dispatcher.authenticator.principal(of: request)
            } catch {
                if error.code == .unauthorized { return socket.close(ChatSockets.signedOut, "signed out") }
            }
        }
    }

    // MARK: Messages

    private func serve(_ bytes: [UInt8], _ headers: HTTPHeaders) async throws {
        let (path, body, requestID) = Self.request(bytes)
        var fields = headers
        fields.add("Content-Type", "application/json")
        fields.add("Accept", path == "/v1/chat" ? "text/event-stream" : "application/json")
        let request = APIRequest(
            method: "POST", path: path, headers: fields, body: body, remoteAddress: head.remoteAddress, requestID: requestID)
        let response = await dispatcher.respond(to: request)
        let id = response.header("X-Request-Id") ?? requestID ?? ""
        let sink = SocketSink(socket: socket, requestID: id, eventBytesMax: dispatcher.options.outputBytesMax)
        switch response.body {
        case .events(let run): try await run(sink)
        case .bytes(let bytes):
            let envelope = try JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: dispatcher.options.outputBytesMax))
            // A turn that was cancelled says so itself.
            if let error = envelope["error"] { try await sink.send("error", error) }
            if response.status == 401 { socket.close(ChatSockets.signedOut, "signed out") }
        case .pieces, .dataEvents, .socket: try await complain("That cannot be asked for here.", "frame")
        }
    }

    /// What a message asks for: a cancellation, or else a turn. What is not JSON is left to the route, which says so.
    private static func request(_ bytes: [UInt8]) -> (path: String, body: [UInt8], requestID: String?) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            return ("/v1/chat", bytes, nil)
        }
        if let object = value.objectValue, object.count == 1, let wish = object["cancel"] { return ("/v1/chat/cancel", wish.serialized(), nil) }
        return ("/v1/chat", bytes, value["client_request_id"]?.stringValue)
    }

    private func complain(_ message: String, _ reason: String) async throws {
        let identity = RequestIdentity(requestID: nil, traceparent: nil)
        let sink = SocketSink(socket: socket, requestID: identity.requestID, eventBytesMax: .max)
        try await sink.send("error", APIError.invalid(message, reason: reason).json)
    }
}

/// How many requests of a socket are under way.
private final class Count: Sendable {
    private let count = Lock(0)
    var value: Int { count.withLock { $0 } }
    func add(_ change: Int) { count.withLock { $0 += change } }
}

/// Puts events into a socket as `{event, data, request_id}`.
private struct SocketSink: EventSink {
    let socket: WebSocket
    let requestID: String
    let eventBytesMax: Int

    func send(_ event: String, _ data: JSONValue) async throws { try await send(event, data, until: .distantFuture) }

    func send(_ event: String, _ data: JSONValue, until deadline: Deadline) async throws {
        try await socket.send(.text(try Self.text(event, data, requestID, bytesMax: eventBytesMax)), until: deadline)
    }
}
