/// What a frame carries (RFC 6455, 5.2 and 11.8); other numbers are reserved and refused.
package enum WebSocketOpcode: UInt8, Sendable, Hashable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    /// Control frames may stand between the fragments of a message and are never fragments themselves (RFC 6455, 5.5).
    package var isControl: Bool { rawValue & 8 != 0 }
}

/// Which end of the connection we are: a client masks what it sends, a server never does (RFC 6455, 5.1).
package enum WebSocketRole: Sendable {
    case server
    case client
}

/// The head of a frame (RFC 6455, 5.2).
package struct WebSocketFrameHead: Hashable, Sendable {
    package var isFinal: Bool
    /// RSV1, which with permessage-deflate says that the message is compressed (RFC 7692, 6).
    package var isCompressed: Bool
    package var opcode: WebSocketOpcode
    /// Bytes of the payload.
    package var length: Int
    /// The masking key, its first byte lowest; nil when the payload is not masked.
    package var mask: UInt32?

    package init(isFinal: Bool = true, isCompressed: Bool = false, opcode: WebSocketOpcode, length: Int, mask: UInt32? = nil) {
        self.isFinal = isFinal
        self.isCompressed = isCompressed
        self.opcode = opcode
        self.length = length
        self.mask = mask
    }

    /// Appends the head in its shortest encoding, which is the only valid one.
    package func encode(into out: inout [UInt8]) {
        out.append((isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode.rawValue)
        let masked: UInt8 = mask == nil ? 0 : 0x80
        if length < 126 {
            out.append(masked | UInt8(length))
        } else if length < 65_536 {
            out.append(masked | 126)
            for shift in [8, 0] { out.append(UInt8(truncatingIfNeeded: length >> shift)) }
        } else {
            out.append(masked | 127)
            for shift in stride(from: 56, through: 0, by: -8) { out.append(UInt8(truncatingIfNeeded: length >> shift)) }
        }
        if let mask { for shift in stride(from: UInt32(0), to: 32, by: 8) { out.append(UInt8(truncatingIfNeeded: mask >> shift)) } }
    }

    /// Appends the head and `payload`, masked if there is a key; `length` must be the payload's.
    package func encode(into out: inout [UInt8], payload: [UInt8]) {
        assert(length == payload.count, "a frame says how long it is")
        encode(into: &out)
        let start = out.count
        out.append(contentsOf: payload)
        if let mask { WebSocketFrameHead.applyMask(mask, to: &out, from: start, offset: 0) }
    }

    /// Masks, or unmasks, what lies in `bytes` from `start` on (RFC 6455, 5.3); `offset` bytes of the payload came before.
    static func applyMask(_ mask: UInt32, to bytes: inout [UInt8], from start: Int, offset: Int) {
        let shift = UInt32(offset & 3) * 8
        let turned = shift == 0 ? mask : mask >> shift | mask << (32 - shift)
        let wide = UInt64(turned) << 32 | UInt64(turned)
        bytes.withUnsafeMutableBytes { buffer in
            var index = start
            while index + 8 <= buffer.count {
                let word = UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: index, as: UInt64.self)) ^ wide
                buffer.storeBytes(of: word.littleEndian, toByteOffset: index, as: UInt64.self)
                index += 8
            }
            var rest = turned
            while index < buffer.count {
                buffer[index] ^= UInt8(truncatingIfNeeded: rest)
                rest = rest >> 8 | rest << 24
                index += 1
            }
        }
    }
}
