internal import Crypto
package import JSON
internal import WorkerProtocol
internal import Workers

/// One question of a plugin to its host and the answer, as a recording keeps them.
package struct Exchange: Sendable, Hashable {
    /// Whom the question was for.
    package enum Kind: String, Sendable, Hashable {
        case fetch
        /// A fetch whose reply was read piece by piece.
        case stream = "fetch_stream"
        case keyValue = "kv"
    }

    package let kind: Kind
    /// Equal objects are the same question.
    package let request: JSONObject
    package let reply: JSONObject

    init(kind: Kind, request: JSONObject, reply: JSONObject) {
        (self.kind, self.request, self.reply) = (kind, request, reply)
    }

    /// One line of a recording.
    package var json: JSONObject { ["exchange": .string(kind.rawValue), "request": .object(request), "reply": .object(reply)] }

    /// Reads a line.
    /// - Throws: `RecordingError` for one from which no answer could be made.
    init(_ line: JSONValue) throws(RecordingError) {
        guard let kind = line["exchange"]?.stringValue.flatMap(Kind.init) else {
            throw RecordingError(description: "exchange is none of \"fetch\", \"fetch_stream\" and \"kv\"")
        }
        guard let request = line["request"]?.objectValue else { throw RecordingError(description: "request is missing or no object") }
        let reply = line["reply"]?.objectValue
        let isSound =
            switch kind {
            case .fetch: reply.flatMap { FetchReplyPayload(id: 0, recorded: $0) } != nil
            case .stream: reply.flatMap(RecordedStream.init) != nil
            case .keyValue: reply.flatMap { KeyValueReplyPayload(id: 0, recorded: $0) } != nil
            }
        guard let reply, isSound else { throw RecordingError(description: "reply is not one to a \(kind.rawValue) request") }
        self.init(kind: kind, request: request, reply: reply)
    }

    /// The question in few words, for people.
    static func words(_ kind: Kind, _ request: JSONObject) -> String {
        let text = kind != .keyValue ? request["request"]?.stringValue ?? "" : JSONValue.object(request).text
        return "\(kind.rawValue) \(text.printable(bytesMax: 300))"
    }
}

/// Payloads as JSON and back. Bytes are base64url, so that a recording is text whatever a server sent.
extension FetchPayload {
    var recorded: JSONObject { ["request": .string(String(decoding: request, as: UTF8.self)), "body": .string(Base64URL.encode(body))] }
}

extension FetchReplyPayload {
    var recorded: JSONObject {
        [
            "status": JSONValue(Int(status)), "headers": .string(String(decoding: headers, as: UTF8.self)), "body": .string(Base64URL.encode(body)),
            "error_code": .string(errorCode), "error_message": .string(errorMessage),
        ]
    }

    /// nil when the recording is damaged.
    init?(id: UInt32, recorded: JSONObject) {
        guard let status = recorded["status"]?.intValue.flatMap({ UInt32(exactly: $0) }), let headers = recorded["headers"]?.stringValue,
            let body = recorded["body"]?.stringValue.flatMap({ Base64URL.decode($0) }), let code = recorded["error_code"]?.stringValue,
            let message = recorded["error_message"]?.stringValue
        else { return nil }
        self.init(id: id, status: status, headers: Array(headers.utf8), errorCode: code, errorMessage: message, body: body)
    }
}

extension KeyValuePayload {
    var recorded: JSONObject {
        ["operation": JSONValue(Int(operation.rawValue)), "key": .string(key), "value": .string(Base64URL.encode(value))]
    }
}

extension KeyValueReplyPayload {
    var recorded: JSONObject {
        [
            "found": .bool(found), "value": .string(Base64URL.encode(value)), "error_code": .string(errorCode),
            "error_message": .string(errorMessage),
        ]
    }

    /// nil when the recording is damaged.
    init?(id: UInt32, recorded: JSONObject) {
        guard let found = recorded["found"]?.boolValue, let value = recorded["value"]?.stringValue.flatMap({ Base64URL.decode($0) }),
            let code = recorded["error_code"]?.stringValue, let message = recorded["error_message"]?.stringValue
        else { return nil }
        self.init(id: id, found: found, value: value, errorCode: code, errorMessage: message)
    }
}
