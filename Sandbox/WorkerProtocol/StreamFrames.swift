/// The payload of `fetch_read` and `fetch_close`: the `u32` id that the reply was opened with, and nothing else.
package struct FetchStreamPayload: Sendable, Equatable {
    /// Size on the wire.
    package static let bytes = 4

    package var id: UInt32

    package init(id: UInt32) { self.id = id }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: Self.bytes)
        writer.write(id)
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        id = try reader.read("reply id")
        try reader.finish()
    }
}

/// The payload of `fetch_piece`: `u32` id, `u8` whether it is the last, counted error code and message, then the data.
package struct FetchPiecePayload: Sendable, Equatable {
    /// Bytes of one piece's data.
    package static let dataBytesMax = 64 << 10
    /// Bytes of the whole payload.
    package static let bytesMax = dataBytesMax + (8 << 10)

    package var id: UInt32
    package var isLast: Bool
    package var errorCode: String
    package var errorMessage: String
    package var data: [UInt8]

    package init(id: UInt32 = 0, isLast: Bool = false, errorCode: String = "", errorMessage: String = "", data: [UInt8] = []) {
        self.id = id
        self.isLast = isLast
        self.errorCode = errorCode
        self.errorMessage = errorMessage
        self.data = data
    }

    /// What a reply says that was closed before its end.
    package static func cancelled(id: UInt32 = 0) -> FetchPiecePayload {
        FetchPiecePayload(id: id, errorCode: "cancelled", errorMessage: "the reply was closed")
    }

    /// Whether nothing follows.
    package var isEnd: Bool { isLast || !errorCode.isEmpty }

    /// The payload's bytes.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 32 + data.count)
        writer.write(id)
        writer.write(UInt8(isLast ? 1 : 0))
        writer.write(counted: errorCode)
        writer.write(counted: errorMessage)
        writer.write(contentsOf: data)
        return writer.bytes
    }

    /// Reads a payload.
    /// - Throws: `MalformedPayload`, also for a last piece or an error with data, and for a piece that is none of the three.
    package init(decoding payload: [UInt8]) throws(MalformedPayload) {
        var reader = ByteReader(payload)
        id = try reader.read("reply id")
        isLast = try reader.readFlag("last")
        errorCode = try reader.readText("error code")
        errorMessage = try reader.readText("error message")
        data = Array(reader.rest())
        guard data.isEmpty == isEnd, !isLast || errorCode.isEmpty, data.count <= Self.dataBytesMax else { throw MalformedPayload("piece") }
    }
}
