/// Reads frame heads byte by byte, however they are cut, and refuses what RFC 6455, 5.2 forbids; no I/O.
struct WebSocketHeadDecoder: Sendable {
    private let role: WebSocketRole
    /// Whether permessage-deflate was agreed on, so that RSV1 means something.
    private let allowsCompression: Bool
    private var bytes = InlineArray<14, UInt8>(repeating: 0)
    private var count = 0

    init(role: WebSocketRole, allowsCompression: Bool) {
        self.role = role
        self.allowsCompression = allowsCompression
    }

    /// Whether a head has begun and not ended.
    var isInside: Bool { count > 0 }

    /// The next head, with `position` moved behind it; nil when it needs more.
    mutating func advance(_ input: UnsafeBufferPointer<UInt8>, _ position: inout Int) throws(WebSocketFault) -> WebSocketFrameHead? {
        while position < input.count {
            bytes[count] = input[position]
            count += 1
            position += 1
            if count == 2 { try checkStart() }
            if count >= 2 && count == wanted {
                count = 0
                return try head()
            }
        }
        return nil
    }

    private var shortLength: Int { Int(bytes[1] & 0x7f) }
    private var lengthBytes: Int { shortLength == 127 ? 8 : shortLength == 126 ? 2 : 0 }
    private var wanted: Int { 2 + lengthBytes + (bytes[1] & 0x80 != 0 ? 4 : 0) }

    /// What the first two bytes alone can be refused for.
    private func checkStart() throws(WebSocketFault) {
        let isControl = bytes[0] & 8 != 0
        if bytes[0] & 0x30 != 0 || (bytes[0] & 0x40 != 0 && (!allowsCompression || isControl)) {
            throw WebSocketFault(.protocolError, "a reserved bit is set")
        }
        if WebSocketOpcode(rawValue: bytes[0] & 0x0f) == nil { throw WebSocketFault(.protocolError, "the opcode is reserved") }
        if isControl && bytes[0] & 0x80 == 0 { throw WebSocketFault(.protocolError, "a control frame is fragmented") }
        if isControl && shortLength > WebSocketLimits.controlBytesMax { throw WebSocketFault(.protocolError, "a control frame is too long") }
        switch role {
        case .server where bytes[1] & 0x80 == 0: throw WebSocketFault(.protocolError, "a client's frame is not masked")
        case .client where bytes[1] & 0x80 != 0: throw WebSocketFault(.protocolError, "a server's frame is masked")
        default: return
        }
    }

    private func head() throws(WebSocketFault) -> WebSocketFrameHead {
        var length = UInt64(shortLength)
        if lengthBytes > 0 {
            length = 0
            for index in 2..<(2 + lengthBytes) { length = length << 8 | UInt64(bytes[index]) }
            if length < (lengthBytes == 2 ? 126 : 65_536) { throw WebSocketFault(.protocolError, "a length is not in its shortest form") }
        }
        guard let length = Int(exactly: length) else { throw WebSocketFault(.protocolError, "a length has its highest bit set") }
        var mask: UInt32?
        if bytes[1] & 0x80 != 0 {
            var key: UInt32 = 0
            for index in (0..<4).reversed() { key = key << 8 | UInt32(bytes[2 + lengthBytes + index]) }
            mask = key
        }
        guard let opcode = WebSocketOpcode(rawValue: bytes[0] & 0x0f) else { throw WebSocketFault(.protocolError, "the opcode is reserved") }
        return WebSocketFrameHead(
            isFinal: bytes[0] & 0x80 != 0, isCompressed: bytes[0] & 0x40 != 0, opcode: opcode, length: length, mask: mask)
    }
}
