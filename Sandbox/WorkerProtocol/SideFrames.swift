/// What an event reports; the raw values are those of `limen_event_kind`.
package enum EventKind: UInt8, Sendable {
    case progress = 1
    case token = 2
    case partial = 3
}

/// The payload of `event`: `u8` kind, then JSON.
package struct EventPayload: Sendable, Equatable {
    package var kind: EventKind
    package var json: [UInt8]

    package init(kind: EventKind, json: [UInt8]) {
        self.kind = kind
        self.json = json
    }

    /// The payload's bytes.
    package func encoded() -> [UInt8] { [kind.rawValue] + json }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        guard let first = payload.first, let kind = EventKind(rawValue: first) else { throw MalformedPayload("event kind") }
        self.kind = kind
        json = Array(payload[1...])
    }
}

/// The payload of `log`: `u8` level (1 debug to 4 error), then UTF-8.
package struct LogPayload: Sendable, Equatable {
    package var level: UInt8
    package var message: String

    package init(level: UInt8, message: String) {
        self.level = level
        self.message = message
    }

    /// The payload's bytes.
    package func encoded() -> [UInt8] { [level] + Array(message.utf8) }

    /// Reads a payload; bytes that are not UTF-8 are replaced, since a log line must not end a worker.
    /// - Throws: `MalformedPayload` for an unknown level.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        guard let level = payload.first, (1...4).contains(level) else { throw MalformedPayload("log level") }
        self.level = level
        message = String(decoding: payload[1...], as: UTF8.self)
    }
}

/// The payload of `fetch`: `u32` id, counted request JSON, then the body.
package struct FetchPayload: Sendable, Equatable {
    package var id: UInt32
    package var request: [UInt8]
    package var body: [UInt8]

    package init(id: UInt32, request: [UInt8], body: [UInt8]) {
        self.id = id
        self.request = request
        self.body = body
    }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 8 + request.count + body.count)
        writer.write(id)
        writer.write(counted: request)
        writer.write(contentsOf: body)
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        id = try reader.read("fetch id")
        request = Array(try reader.readCounted("fetch request"))
        body = Array(reader.rest())
    }
}

/// The payload of `fetch_reply`: `u32` id, `u32` status (0 when not made), counted headers JSON, error code and message, then the body.
package struct FetchReplyPayload: Sendable, Equatable {
    package var id: UInt32
    package var status: UInt32
    package var headers: [UInt8]
    package var errorCode: String
    package var errorMessage: String
    package var body: [UInt8]

    package init(
        id: UInt32, status: UInt32, headers: [UInt8] = Array("{}".utf8), errorCode: String = "", errorMessage: String = "", body: [UInt8] = []
    ) {
        self.id = id
        self.status = status
        self.headers = headers
        self.errorCode = errorCode
        self.errorMessage = errorMessage
        self.body = body
    }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 64 + headers.count + body.count)
        writer.write(id)
        writer.write(status)
        writer.write(counted: headers)
        writer.write(counted: errorCode)
        writer.write(counted: errorMessage)
        writer.write(contentsOf: body)
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        id = try reader.read("fetch id")
        status = try reader.read("status")
        headers = Array(try reader.readCounted("headers"))
        errorCode = try reader.readText("error code")
        errorMessage = try reader.readText("error message")
        body = Array(reader.rest())
    }
}

/// What a key-value request does; the raw values are those of `limen_kv_operation`.
package enum KeyValueOperation: UInt8, Sendable {
    case get = 1
    case set = 2
    case delete = 3
    case list = 4
}

/// The payload of `kv`: `u32` id, `u8` operation, counted key, then the value.
package struct KeyValuePayload: Sendable, Equatable {
    package var id: UInt32
    package var operation: KeyValueOperation
    package var key: String
    package var value: [UInt8]

    package init(id: UInt32, operation: KeyValueOperation, key: String, value: [UInt8] = []) {
        self.id = id
        self.operation = operation
        self.key = key
        self.value = value
    }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 16 + value.count)
        writer.write(id)
        writer.write(operation.rawValue)
        writer.write(counted: key)
        writer.write(contentsOf: value)
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        id = try reader.read("kv id")
        guard let operation = KeyValueOperation(rawValue: try reader.read("kv operation")) else { throw MalformedPayload("kv operation") }
        self.operation = operation
        key = try reader.readText("kv key")
        value = Array(reader.rest())
    }
}

/// The payload of `kv_reply`: `u32` id, `u8` found, counted error code and message, then the value.
package struct KeyValueReplyPayload: Sendable, Equatable {
    package var id: UInt32
    package var found: Bool
    package var errorCode: String
    package var errorMessage: String
    package var value: [UInt8]

    package init(id: UInt32, found: Bool, value: [UInt8] = [], errorCode: String = "", errorMessage: String = "") {
        self.id = id
        self.found = found
        self.value = value
        self.errorCode = errorCode
        self.errorMessage = errorMessage
    }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 32 + value.count)
        writer.write(id)
        writer.write(UInt8(found ? 1 : 0))
        writer.write(counted: errorCode)
        writer.write(counted: errorMessage)
        writer.write(contentsOf: value)
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        id = try reader.read("kv id")
        found = try reader.readFlag("found")
        errorCode = try reader.readText("error code")
        errorMessage = try reader.readText("error message")
        value = Array(reader.rest())
    }
}
