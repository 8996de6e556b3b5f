import JSON

/// What a plugin asks for in a `fetch` frame; nothing of it is checked against a policy yet.
package struct EgressRequest: Sendable {
    package var url: String
    package var method: String
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]
    /// The body when it is written piece by piece; then `body` is empty, and no redirect is followed.
    package var upload: EgressBody?
    /// Bytes of the reply's body, if the plugin wants fewer than the manifest grants.
    package var responseBytesMax: Int?
    /// Milliseconds for all of it, if the plugin wants fewer than the host grants.
    package var timeoutMilliseconds: Int?
    package var followsRedirects: Bool

    package init(
        _ url: String, method: String = "GET", fields: [(name: String, value: String)] = [], body: [UInt8] = [], responseBytesMax: Int? = nil,
        timeoutMilliseconds: Int? = nil, followsRedirects: Bool = false
    ) {
        self.url = url
        self.method = method
        self.fields = fields
        self.body = body
        self.responseBytesMax = responseBytesMax
        self.timeoutMilliseconds = timeoutMilliseconds
        self.followsRedirects = followsRedirects
    }

    /// Why a frame is no request; fit for the plugin.
    package struct Malformed: Error, Sendable, Hashable {
        package let reason: String

        package init(reason: String) { self.reason = reason }
    }

    /// Reads the JSON of a `fetch` frame (limen_plugin.h).
    package init(parsing json: [UInt8], body: [UInt8]) throws(Malformed) {
        let object: JSONObject
        do {
            guard let found = try JSONValue(parsing: json, limits: JSONLimits(bytesMax: Limits.requestJSONBytesMax, depthMax: 4)).objectValue else {
                throw Malformed(reason: "the request is no JSON object")
            }
            object = found
        } catch let error as Malformed {
            throw error
        } catch {
            throw Malformed(reason: "the request is no JSON of at most \(Limits.requestJSONBytesMax) bytes")
        }
        let known: Set<String> = ["url", "method", "headers", "max_response_bytes", "timeout_ms", "follow_redirects"]
        for (name, _) in object where !known.contains(name) { throw Malformed(reason: "the request has an unknown member") }
        guard let url = object["url"]?.stringValue else { throw Malformed(reason: "the request has no url") }
        self.url = url
        self.body = body
        method = try Self.optional(object["method"], "method") { $0.stringValue } ?? "GET"
        followsRedirects = try Self.optional(object["follow_redirects"], "follow_redirects") { $0.boolValue } ?? false
        responseBytesMax = try Self.optional(object["max_response_bytes"], "max_response_bytes") { $0.intValue.flatMap { $0 >= 0 ? $0 : nil } }
        timeoutMilliseconds = try Self.optional(object["timeout_ms"], "timeout_ms") { $0.intValue.flatMap { $0 > 0 ? $0 : nil } }
        fields = []
        for (name, value) in try Self.optional(object["headers"], "headers", { $0.objectValue }) ?? [:] {
            guard let text = value.stringValue else { throw Malformed(reason: "a header's value is no string") }
            fields.append((name, text))
        }
    }

    private static func optional<T>(_ value: JSONValue?, _ name: String, _ read: (JSONValue) -> T?) throws(Malformed) -> T? {
        guard let value, value != .null else { return nil }
        guard let found = read(value) else { throw Malformed(reason: "the request's \(name) has the wrong type or is out of range") }
        return found
    }
}

/// The reply to a plugin's request.
package struct EgressReply: Sendable {
    package var status: Int
    /// Names in small letters; values of one name are joined as RFC 9110 section 5.3 says.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    /// The headers as a JSON object.
    package var headersJSON: [UInt8] {
        var object = JSONObject()
        for (name, value) in headers { object[name] = .string(value) }
        return JSONValue.object(object).serialized()
    }
}

/// Why a request brought no reply.
package enum EgressError: Error, Sendable, Hashable {
    /// The policy said no.
    case refused(EgressRefusal)
    /// It was allowed and came to nothing.
    case failed(EgressFailure)
    /// The plugin's call is over.
    case cancelled

    /// The code of `limen_fetch_reply`.
    package var code: String {
        switch self {
        case .refused: "forbidden"
        case .failed(let failure): failure.code
        case .cancelled: "cancelled"
        }
    }

    /// What the plugin may read: never an address inside.
    package var message: String {
        switch self {
        case .refused(let rule): rule.description
        case .failed(let failure): failure.description
        case .cancelled: "the call is over"
        }
    }
}
