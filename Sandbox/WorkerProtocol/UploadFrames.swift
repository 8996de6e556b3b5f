/// The payload of `fetch_begin`: `u32` id, `u64` length of the body to come (all ones when nobody knows it), counted request JSON.
package struct FetchBeginPayload: Sendable, Equatable {
    /// Bytes of the whole payload; the host takes no longer request.
    package static let bytesMax = 128 << 10

    package var id: UInt32
    /// Bytes of the body; nil when it is not known beforehand.
    package var length: UInt64?
    package var request: [UInt8]

    package init(id: UInt32, length: UInt64?, request: [UInt8]) {
        (self.id, self.length, self.request) = (id, length, request)
    }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 16 + request.count)
        writer.write(id)
        writer.write(length ?? .max)
        writer.write(counted: request)
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        id = try reader.read("fetch id")
        let length: UInt64 = try reader.read("body length")
        self.length = length == .max ? nil : length
        request = Array(try reader.readCounted("fetch request"))
        try reader.finish()
    }
}

/// The payload of `fetch_write`: `u32` id, then at least a byte of the body.
package struct FetchWritePayload: Sendable, Equatable {
    /// Bytes of one piece.
    package static let dataBytesMax = 64 << 10
    /// Bytes of the whole payload.
    package static let bytesMax = dataBytesMax + 4

    package var id: UInt32
    package var data: [UInt8]

    package init(id: UInt32, data: [UInt8]) { (self.id, self.data) = (id, data) }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 4 + data.count)
        writer.write(id)
        writer.write(contentsOf: data)
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`, also for a piece without a byte.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        id = try reader.read("fetch id")
        data = Array(reader.rest())
        guard !data.isEmpty, data.count <= Self.dataBytesMax else { throw MalformedPayload("piece") }
    }
}

/// The payload of `fetch_written`: `u32` id, counted error code and message, both empty when the piece is on its way.
package struct FetchWrittenPayload: Sendable, Equatable {
    /// Bytes of the whole payload.
    package static let bytesMax = 8 << 10

    package var id: UInt32
    package var errorCode: String
    package var errorMessage: String

    package init(id: UInt32 = 0, errorCode: String = "", errorMessage: String = "") {
        (self.id, self.errorCode, self.errorMessage) = (id, errorCode, errorMessage)
    }

    /// Whether no further piece is taken.
    package var isEnd: Bool { !errorCode.isEmpty }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 32)
        writer.write(id)
        writer.write(counted: errorCode)
        writer.write(counted: errorMessage)
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        id = try reader.read("fetch id")
        errorCode = try reader.readText("error code")
        errorMessage = try reader.readText("error message")
        try reader.finish()
    }
}
