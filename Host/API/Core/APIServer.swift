package import HTTP
import IO
import JSON

/// Joins the dispatcher to the HTTP server: refuses early what needs no body, hands over the rest.
package struct APIHandler: HTTPHandler {
    private let dispatcher: Dispatcher
    private let sockets: ChatSockets

    /// Makes a handler over a dispatcher.
    package init(_ dispatcher: Dispatcher) {
        self.dispatcher = dispatcher
        sockets = ChatSockets(dispatcher)
    }

    package func admit(_ head: HTTPRequestHead, remoteAddress: String, requestID: String) -> HTTPAdmission {
        // Without a body there is nothing to protect from being read: the routes answer, and the connection goes on.
        guard head.hasBody else { return .accept(bodyBytesMax: 0) }
        let request = APIRequest(head, remoteAddress: remoteAddress, requestID: requestID)
        switch dispatcher.admit(request) {
        case .accept(let bodyBytesMax, let bodyMilliseconds):
            return .accept(bodyBytesMax: bodyBytesMax, bodyMilliseconds: bodyMilliseconds)
        case .refuse(let response): return .refuse(HTTPResponse(response, requestID: requestID))
        }
    }

    package func handle(_ request: HTTPRequest) async -> HTTPResponse {
        var inner = APIRequest(request.head, remoteAddress: request.remoteAddress, requestID: request.requestID)
        inner.body = request.body
        let response = await dispatcher.respond(to: inner)
        if case .socket = response.body { return sockets.upgrade(inner, response) }
        return HTTPResponse(response, requestID: request.requestID, eventBytesMax: dispatcher.options.outputBytesMax)
    }

    /// The reply to what the server refuses by itself, for its configuration: the same envelope as every other failure (API-1).
    package static func errorResponse(status: Int, message: String, requestID: String) -> HTTPResponse {
        let error = APIError(ErrorCode(status: status), status: status, message)
        return HTTPResponse(Dispatcher.failure(error, requestID: requestID), requestID: requestID)
    }
}

extension APIRequest {
    init(_ head: HTTPRequestHead, remoteAddress: String, requestID: String) {
        self.init(
            method: head.method.rawValue, path: head.path, query: head.query, headers: head.headers, remoteAddress: remoteAddress,
            requestID: requestID)
        headBytes = head.byteCount
    }
}

extension HTTPResponse {
    init(_ response: APIResponse, requestID: String, eventBytesMax: Int = .max) {
        switch response.body {
        case .bytes(let bytes):
            self.init(status: response.status, body: .bytes(bytes))
        case .pieces(let write):
            self.init(status: response.status, body: .stream { writer in try await write { bytes in try await writer.write(bytes) } })
        // Made a WebSocket by the handler; what gets here is a request that nothing carried.
        case .socket: self.init(status: 426)
        case .events(let run):
            self = .events { stream in try await run(StreamSink(stream: stream, requestID: requestID, eventBytesMax: eventBytesMax)) }
        case .dataEvents(let run):
            self = .events { stream in try await run { data in try await stream.send(ServerSentEvent(data: data)) } }
        }
        note = response.note
        for (name, value) in response.headers where headers[name] == nil { headers.add(name, value) }
    }
}

extension EventSink {
    /// An event as every wire carries it: `{event, data, request_id}` (API-3).
    static func text(_ event: String, _ data: JSONValue, _ requestID: String, bytesMax: Int) throws(APIError) -> String {
        let value: JSONValue = ["event": .string(event), "data": data, "request_id": .string(requestID)]
        let text = value.text
        guard text.utf8.count <= bytesMax else { throw APIError.tooLong(text.utf8.count, max: bytesMax) }
        return text
    }
}

/// Puts events into a stream of server-sent events.
private struct StreamSink: EventSink {
    let stream: ServerSentEventStream
    let requestID: String
    let eventBytesMax: Int

    func send(_ event: String, _ data: JSONValue) async throws { try await send(event, data, until: .distantFuture) }

    func send(_ event: String, _ data: JSONValue, until deadline: Deadline) async throws {
        let text = try Self.text(event, data, requestID, bytesMax: eventBytesMax)
        try await stream.send(ServerSentEvent(event: event, data: text), until: deadline)
    }
}
