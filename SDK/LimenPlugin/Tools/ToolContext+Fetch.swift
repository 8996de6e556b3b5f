public import JSON

/// An HTTP request that the host makes for a plugin, if the operator's manifest allows it.
public struct FetchRequest: Sendable, Hashable {
    /// An absolute URL.
    public var url: String
    /// The HTTP method.
    public var method: String
    /// Header values by name.
    public var headers: [String: String]
    /// The body's bytes.
    public var body: [UInt8]
    /// A cap on the response's body in bytes, below the manifest's; the manifest's when nil.
    public var maxResponseBytes: Int?
    /// A limit in milliseconds, below the call's deadline; the host's when nil.
    public var timeoutMilliseconds: Int?
    /// Whether redirects are followed; each is checked anew.
    public var followRedirects: Bool

    /// Makes a request; a GET without headers or body unless told otherwise.
    public init(
        _ url: String, method: String = "GET", headers: [String: String] = [:], body: [UInt8] = [], maxResponseBytes: Int? = nil,
        timeoutMilliseconds: Int? = nil, followRedirects: Bool = false
    ) {
        self.url = url
        self.method = method
        self.headers = headers
        self.body = body
        self.maxResponseBytes = maxResponseBytes
        self.timeoutMilliseconds = timeoutMilliseconds
        self.followRedirects = followRedirects
    }

    var json: JSONValue {
        var object: JSONObject = ["url": .string(url), "method": .string(method)]
        if !headers.isEmpty {
            var map = JSONObject()
            for (name, value) in headers { map[name] = .string(value) }
            object["headers"] = .object(map)
        }
        if let maxResponseBytes { object["max_response_bytes"] = .number(JSONNumber(maxResponseBytes)) }
        if let timeoutMilliseconds { object["timeout_ms"] = .number(JSONNumber(timeoutMilliseconds)) }
        if followRedirects { object["follow_redirects"] = .bool(true) }
        return .object(object)
    }
}

/// The answer to a ``FetchRequest``.
public struct FetchResponse: Sendable, Hashable {
    /// The HTTP status.
    public let status: Int
    /// Header values by lower-case name.
    public let headers: [String: String]
    /// The body's bytes.
    public let body: [UInt8]

    /// The body as text; malformed UTF-8 is replaced.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The body parsed as JSON.
    public func json() throws -> JSONValue { try JSONValue(parsing: body, limits: .sized(bytesMax: max(body.count, 1))) }
}

extension ToolContext {
    /// Asks the host for an HTTP request.
    ///
    /// Throws ``PluginError`` with the code `forbidden`, `timed_out`, `too_large`, `unreachable` or `invalid`, and
    /// `CancellationError` when the call is cancelled meanwhile.
    public func fetch(_ request: FetchRequest) async throws -> FetchResponse {
        try await handle.fetch(request)
    }
}
