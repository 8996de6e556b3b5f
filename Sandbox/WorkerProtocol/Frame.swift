/// What a frame is; the high bit tells the direction.
package enum FrameType: UInt8, Sendable, CaseIterable {
    // Host to worker.
    case hello = 0x01
    case call = 0x02
    case cancel = 0x03
    case fetchReply = 0x04
    case keyValueReply = 0x05
    case drain = 0x06
    /// Before `hello`, and only to a worker whose call is recorded or replayed.
    case conditions = 0x07
    /// The answer to `fetchRead`.
    case fetchPiece = 0x08
    /// The answer to `fetchWrite`.
    case fetchWritten = 0x09
    // Worker to host. `jailed` is sent before any of the plugin's code runs and is the last word that can be trusted.
    case jailed = 0x81
    case ready = 0x82
    case event = 0x83
    case result = 0x84
    case failure = 0x85
    case fetch = 0x86
    case keyValue = 0x87
    case log = 0x88
    /// As `fetch`, for a reply that is then read piece by piece; answered with `fetchReply`, whose body is empty.
    case fetchOpen = 0x89
    case fetchRead = 0x8a
    case fetchClose = 0x8b
    /// As `fetchOpen`, with a body that `fetchWrite` brings piece by piece and `fetchFinish` ends.
    case fetchBegin = 0x8c
    case fetchWrite = 0x8d
    case fetchFinish = 0x8e

    /// True for what a worker may send.
    package var isFromWorker: Bool { rawValue & 0x80 != 0 }
}

/// The sixteen bytes before every payload: `u32` length, `u8` type, `u8` flags, `u16` zero, `u64` call id; little endian.
package struct FrameHeader: Sendable, Equatable {
    /// Size on the wire, in bytes.
    package static let size = 16

    package var payloadLength: Int
    package var type: FrameType
    /// The call that the frame belongs to, chosen by the host; 0 for frames outside a call.
    package var callID: UInt64

    package init(type: FrameType, callID: UInt64, payloadLength: Int) {
        self.type = type
        self.callID = callID
        self.payloadLength = payloadLength
    }
}

/// A whole frame.
package struct Frame: Sendable, Equatable {
    package var type: FrameType
    package var callID: UInt64
    package var payload: [UInt8]

    package init(type: FrameType, callID: UInt64, payload: [UInt8]) {
        self.type = type
        self.callID = callID
        self.payload = payload
    }

    /// The frame's bytes, header first.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: FrameHeader.size + payload.count)
        writer.write(header: FrameHeader(type: type, callID: callID, payloadLength: payload.count))
        writer.write(contentsOf: payload)
        return writer.bytes
    }
}

extension ByteWriter {
    /// Appends a frame header.
    package mutating func write(header: FrameHeader) {
        write(UInt32(header.payloadLength))
        write(header.type.rawValue)
        write(UInt8(0))
        write(UInt16(0))
        write(header.callID)
    }
}

/// Bounds on payloads by type, in bytes; checked against the header, before anything is allocated.
package struct FrameLimits: Sendable {
    /// Room for names, deadlines and lengths around the JSON of a call or result.
    package static let overheadBytesMax = 64 << 10

    package var callBytesMax: Int
    package var resultBytesMax: Int
    package var eventBytesMax = 256 << 10
    package var logBytesMax = 8 << 10
    package var failureBytesMax = 64 << 10
    package var readyBytesMax = 4 << 20
    package var jailedBytesMax = 16 << 10
    package var helloBytesMax = 1 << 20
    package var fetchBytesMax = 2 << 20
    package var fetchReplyBytesMax = 16 << 20
    package var keyValueBytesMax = 1 << 20

    /// Takes the manifest's limits on input and output; attachments count within them.
    package init(inputBytesMax: Int = 1 << 20, outputBytesMax: Int = 1 << 20) {
        callBytesMax = inputBytesMax + Self.overheadBytesMax
        resultBytesMax = outputBytesMax + Self.overheadBytesMax
    }

    /// The most that a payload of `type` may have.
    package func payloadBytesMax(_ type: FrameType) -> Int {
        switch type {
        case .hello: helloBytesMax
        case .call: callBytesMax
        case .cancel, .drain: 0
        case .conditions: 40
        case .fetchReply: fetchReplyBytesMax
        case .keyValueReply, .keyValue: keyValueBytesMax
        case .jailed: jailedBytesMax
        case .ready: readyBytesMax
        case .event: eventBytesMax
        case .result: resultBytesMax
        case .failure: failureBytesMax
        case .fetch, .fetchOpen: fetchBytesMax
        case .fetchRead, .fetchClose, .fetchFinish: FetchStreamPayload.bytes
        case .fetchBegin: FetchBeginPayload.bytesMax
        case .fetchWrite: FetchWritePayload.bytesMax
        case .fetchWritten: FetchWrittenPayload.bytesMax
        case .fetchPiece: FetchPiecePayload.bytesMax
        case .log: logBytesMax
        }
    }
}
