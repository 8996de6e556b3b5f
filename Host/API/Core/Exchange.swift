package import HTTP

/// A request as the routes see it, whatever carried it.
package struct APIRequest: Sendable {
    package var method: String
    /// Path, decoded; an encoded slash or NUL never gets this far.
    package var path: String
    /// Query parameters in order, decoded.
    package var query: [(name: String, value: String)]
    package var headers: HTTPHeaders
    package var body: [UInt8]
    package var remoteAddress: String
    /// Chosen by the server: the client's when it is fit, else a new one.
    package var requestID: String?
    /// Bytes of the request line and all fields, where something carried them.
    package var headBytes = 0

    /// Makes a request.
    package init(
        method: String, path: String, query: [(name: String, value: String)] = [], headers: HTTPHeaders = [:], body: [UInt8] = [],
        remoteAddress: String = "127.0.0.1", requestID: String? = nil
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.remoteAddress = remoteAddress
        self.requestID = requestID
    }

    /// The values of a header.
    package func values(_ name: String) -> [String] { headers.values(name) }

    /// The value of a header that may stand once; nil when it is absent.
    /// - Throws: 400 when it stands more than once.
    package func single(_ name: String) throws(APIError) -> String? {
        let found = values(name)
        guard found.count <= 1 else { throw .invalid("The header \(name) stands more than once.", reason: "header") }
        return found.first
    }
}

/// A reply before it is put on the wire.
package struct APIResponse: Sendable {
    /// Bytes at once, or events as they come.
    package enum Body: Sendable {
        case bytes([UInt8])
        case events(@Sendable (any EventSink) async throws -> Void)
        case pieces(@Sendable (PieceWriter) async throws -> Void)
        /// Events of data alone.
        case dataEvents(@Sendable (@escaping DataWriter) async throws -> Void)
        /// A WebSocket, of whoever the head names; of nobody yet when it names nobody.
        case socket
    }

    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: Body
    /// For the log.
    package var note = HTTPNote()

    /// The body's bytes; empty for a stream.
    package var bytes: [UInt8] {
        if case .bytes(let bytes) = body { bytes } else { [] }
    }

    /// The value of a header, by any case.
    package func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// Adds a name to `Vary`: caches must not give this reply to a request that differs there.
    mutating func vary(_ name: String) {
        if let index = headers.firstIndex(where: { $0.name == "Vary" }) {
            headers[index].value += ", \(name)"
        } else {
            headers.append(("Vary", name))
        }
    }
}
