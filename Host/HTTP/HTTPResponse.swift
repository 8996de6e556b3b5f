/// What a handler says of an exchange to whoever keeps a log of them; none of it is sent.
package struct HTTPNote: Sendable, Hashable {
    /// The route's template.
    package var route: String?
    /// Id of who asked.
    package var caller: String?

    package init(route: String? = nil, caller: String? = nil) {
        self.route = route
        self.caller = caller
    }
}

/// A reply.
package struct HTTPResponse: Sendable {
    /// What follows the head.
    package enum Body: Sendable {
        /// Content of known length.
        case bytes([UInt8])
        /// Content that the closure writes piece by piece; each piece is sent at once.
        ///
        /// The closure runs on the connection's loop in the handler's task, which is cancelled when the client goes. An error it
        /// throws cuts the connection, so that the client sees that the content is not whole.
        case stream(@Sendable (HTTPBodyWriter) async throws -> Void)
        /// Pieces of a file, `.content`, and what stands between them; the ranges lie within the file.
        case file(HTTPFile, [ContentPlan.Piece])
        /// No content: the connection becomes a WebSocket.
        case webSocket(WebSocketUpgrade)
    }

    package var status: Int
    /// Fields besides the framing, Date, X-Request-Id and the server's default fields, which the server adds;
    /// a field that is set here replaces the default of that name.
    package var headers: HTTPHeaders
    package var body: Body
    /// For the log.
    package var note = HTTPNote()

    package init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A reply with content of one type.
    package init(status: Int = 200, contentType: String, _ bytes: [UInt8]) {
        self.init(status: status, headers: ["Content-Type": contentType], body: .bytes(bytes))
    }

    /// The content when it is in memory, nil for a stream, a file or a WebSocket.
    package var bytes: [UInt8]? {
        if case .bytes(let bytes) = body { bytes } else { nil }
    }

    /// A reply whose content is written piece by piece.
    package static func stream(
        status: Int = 200, contentType: String, _ write: @escaping @Sendable (HTTPBodyWriter) async throws -> Void
    ) -> HTTPResponse {
        HTTPResponse(status: status, headers: ["Content-Type": contentType], body: .stream(write))
    }
}
