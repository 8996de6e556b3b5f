/// Turns messages into frames, one a message, compressed where it helps (RFC 6455, 5.6; RFC 7692, 7.2.1).
final class WebSocketComposer {
    private let role: WebSocketRole
    private let deflate: PerMessageDeflate?
    private let startsAfresh: Bool
    private let windowBits: Int
    private var deflater: Deflater?

    init(role: WebSocketRole, deflate: PerMessageDeflate?) {
        self.role = role
        self.deflate = deflate
        startsAfresh = (role == .server ? deflate?.serverStartsAfresh : deflate?.clientStartsAfresh) ?? true
        windowBits = max(9, (role == .server ? deflate?.serverWindowBits : deflate?.clientWindowBits) ?? 15)
    }

    /// Appends a message's frame.
    func append(_ message: WebSocketMessage, to out: inout [UInt8]) {
        let payload = message.bytes
        if let compressed = compressed(payload) {
            append(WebSocketFrameHead(isCompressed: true, opcode: message.opcode, length: compressed.count), compressed, &out)
        } else {
            append(WebSocketFrameHead(opcode: message.opcode, length: payload.count), payload, &out)
        }
    }

    /// Appends a control frame, its content cut to what one holds.
    func append(_ opcode: WebSocketOpcode, _ content: [UInt8], to out: inout [UInt8]) {
        let content = Array(content.prefix(WebSocketLimits.controlBytesMax))
        append(WebSocketFrameHead(opcode: opcode, length: content.count), content, &out)
    }

    private func append(_ head: WebSocketFrameHead, _ payload: [UInt8], _ out: inout [UInt8]) {
        var head = head
        // Unpredictable, as RFC 6455, 10.3 wants it.
        if role == .client { head.mask = UInt32.random(in: .min ... .max) }
        head.encode(into: &out, payload: payload)
    }

    /// Nil when the message goes as it is: compression was not agreed on, does not help, or has no memory.
    private func compressed(_ payload: [UInt8]) -> [UInt8]? {
        guard let deflate, !payload.isEmpty, payload.count >= deflate.bytesMin else { return nil }
        if deflater == nil { deflater = Deflater(level: deflate.level, windowBits: windowBits) }
        guard let deflater else { return nil }
        let compressed = deflater.compress(payload)
        if startsAfresh { self.deflater = nil }
        // With a window that is kept, what has gone through it must be sent.
        return startsAfresh && compressed.count >= payload.count ? nil : compressed
    }
}
