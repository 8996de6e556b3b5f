/// Bytes that no well-behaved peer sends; whoever sent them is ended.
package enum FrameFault: Error, Sendable, Equatable {
    case unknownType(UInt8)
    case wrongDirection(FrameType)
    case reservedBitsSet
    case tooLong(FrameType, length: Int, limit: Int)
}

/// Cuts a stream of bytes into frames; does no I/O and allocates only what a checked header allows.
package struct FrameDecoder: Sendable {
    /// Which half of the conversation this side reads.
    package enum Peer: Sendable { case host, worker }

    private let peer: Peer
    private let limits: FrameLimits
    private var buffer: [UInt8] = []
    private var start = 0
    private var pending: FrameHeader?

    /// Decodes what `peer` sends.
    package init(from peer: Peer, limits: FrameLimits) {
        self.peer = peer
        self.limits = limits
    }

    /// True between the first and the last byte of a frame: the time-out for partial frames runs.
    package var isInsideFrame: Bool { pending != nil || start < buffer.count }

    /// How many more bytes are certainly needed before `next()` can give a frame; a hint for sizing reads.
    package var bytesWanted: Int {
        let have = buffer.count - start
        guard let pending else { return max(FrameHeader.size - have, 1) }
        return max(pending.payloadLength - have, 1)
    }

    /// Adds bytes as they came from the socket.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if start > 0, start == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= 128 << 10)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// Adds bytes as they came from the socket.
    package mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// The next whole frame, or nil until more bytes come.
    /// - Throws: `FrameFault`; the decoder must not be used after that.
    package mutating func next() throws(FrameFault) -> Frame? {
        if pending == nil { pending = try header() }
        guard let header = pending, buffer.count - start >= header.payloadLength else { return nil }
        let payload = Array(buffer[start..<(start + header.payloadLength)])
        start += header.payloadLength
        pending = nil
        compact()
        return Frame(type: header.type, callID: header.callID, payload: payload)
    }

    private mutating func header() throws(FrameFault) -> FrameHeader? {
        guard buffer.count - start >= FrameHeader.size else { return nil }
        let (length, rawType, reserved, callID) = buffer.withUnsafeBytes { bytes in
            (
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self)), bytes[start + 4],
                bytes[start + 5] | bytes[start + 6] | bytes[start + 7],
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self))
            )
        }
        guard let type = FrameType(rawValue: rawType) else { throw .unknownType(rawType) }
        guard type.isFromWorker == (peer == .worker) else { throw .wrongDirection(type) }
        guard reserved == 0 else { throw .reservedBitsSet }
        let limit = limits.payloadBytesMax(type)
        guard Int(length) <= limit else { throw .tooLong(type, length: Int(length), limit: limit) }
        start += FrameHeader.size
        return FrameHeader(type: type, callID: callID, payloadLength: Int(length))
    }

    /// Drops consumed bytes once they outweigh what is left, so that a long conversation holds no old payloads.
    private mutating func compact() {
        guard start > 4096, start >= buffer.count - start else { return }
        buffer.removeSubrange(0..<start)
        start = 0
    }
}
