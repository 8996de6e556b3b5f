/// Puts the fragments of one message together: order, limits, decompression, UTF-8 (RFC 6455, 5.4 and 8.1; RFC 7692, 7.2.2).
struct WebSocketAssembly: ~Copyable {
    private let messageBytesMax: Int
    private let frameBytesMax: Int
    private let deflate: PerMessageDeflate?
    private let startsAfresh: Bool
    private let windowBits: Int
    private var inflater: Inflater?
    private var opcode: WebSocketOpcode?
    private var isCompressed = false
    private var validator = UTF8Validator()
    private var message: [UInt8] = []
    /// Payload bytes of the message's frames so far, the present one's whole length included.
    private var sentBytes = 0
    private var emptyFragments = 0
    private var frameIsEmpty = false

    init(configuration: WebSocketConfiguration, role: WebSocketRole, deflate: PerMessageDeflate?) {
        messageBytesMax = configuration.messageBytesMax
        frameBytesMax = configuration.frameBytesMax
        self.deflate = deflate
        startsAfresh = (role == .server ? deflate?.clientStartsAfresh : deflate?.serverStartsAfresh) ?? true
        windowBits = (role == .server ? deflate?.clientWindowBits : deflate?.serverWindowBits) ?? 15
    }

    /// Whether a message has begun and not ended.
    var isInside: Bool { opcode != nil }

    /// Begins a data frame.
    mutating func begin(_ head: WebSocketFrameHead) throws(WebSocketFault) {
        if head.opcode == .continuation {
            if opcode == nil { throw WebSocketFault(.protocolError, "a fragment continues nothing") }
            if head.isCompressed { throw WebSocketFault(.protocolError, "a reserved bit is set in a fragment") }
        } else {
            if opcode != nil { throw WebSocketFault(.protocolError, "a message begins before the last one has ended") }
            opcode = head.opcode
            isCompressed = head.isCompressed
            validator = UTF8Validator()
            (sentBytes, emptyFragments) = (0, 0)
            if isCompressed && inflater == nil {
                inflater = Inflater(windowBits: windowBits)
                if inflater == nil { throw WebSocketFault(.internalError, "there is no memory to decompress") }
            }
        }
        let bytesMax = isCompressed ? WebSocketLimits.compressedBytesMax(messageBytesMax) : messageBytesMax
        if head.length > frameBytesMax { throw WebSocketFault(.messageTooBig, "a frame is larger than \(frameBytesMax) bytes") }
        if head.length > bytesMax - sentBytes { throw tooBig() }
        sentBytes += head.length
        frameIsEmpty = head.length == 0
    }

    /// Takes a piece of the frame's payload, `offset` bytes from its start.
    mutating func take(_ piece: UnsafeBufferPointer<UInt8>, mask: UInt32?, offset: Int) throws(WebSocketFault) {
        let start = message.count
        if isCompressed {
            var bytes = Array(piece)
            if let mask { WebSocketFrameHead.applyMask(mask, to: &bytes, from: 0, offset: offset) }
            try inflate { (inflater, message, max) throws(Inflater.Fault) in try inflater.append(bytes, &message, bytesMax: max) }
        } else {
            message.append(contentsOf: piece)
            if let mask { WebSocketFrameHead.applyMask(mask, to: &message, from: start, offset: offset) }
        }
        try validate(from: start)
    }

    /// Ends a frame; the message when it is whole.
    mutating func end(isFinal: Bool) throws(WebSocketFault) -> WebSocketMessage? {
        if !isFinal {
            if frameIsEmpty { emptyFragments += 1 }
            if emptyFragments > WebSocketLimits.emptyFragmentsMax { throw WebSocketFault(.policyViolation, "too many fragments are empty") }
            return nil
        }
        if isCompressed {
            let start = message.count
            try inflate { (inflater, message, max) throws(Inflater.Fault) in try inflater.finish(&message, bytesMax: max) }
            try validate(from: start)
            if startsAfresh { inflater = nil }
        }
        guard validator.isComplete else { throw WebSocketFault(.invalidPayload, "a text message ends within a character") }
        let isText = opcode == .text
        opcode = nil
        var whole: [UInt8] = []
        swap(&whole, &message)
        return isText ? .text(String(decoding: whole, as: UTF8.self)) : .binary(whole)
    }

    private mutating func inflate(_ body: (Inflater, inout [UInt8], Int) throws(Inflater.Fault) -> Void) throws(WebSocketFault) {
        guard let inflater else { return }
        let start = message.count
        var fault: Inflater.Fault?
        do throws(Inflater.Fault) { try body(inflater, &message, messageBytesMax) } catch { fault = error }
        // What came out before the fault is looked at first, so that how the bytes were cut decides nothing.
        if fault != nil { try validate(from: start) }
        switch fault {
        case .invalid: throw WebSocketFault(.invalidPayload, "a message does not decompress")
        case .tooBig: throw tooBig()
        case nil: return
        }
    }

    private mutating func validate(from start: Int) throws(WebSocketFault) {
        guard opcode == .text, message.count > start else { return }
        let isValid = message.withUnsafeBufferPointer { validator.check(UnsafeBufferPointer(rebasing: $0[start...])) }
        if !isValid { throw WebSocketFault(.invalidPayload, "a text message is not UTF-8") }
    }

    private func tooBig() -> WebSocketFault { WebSocketFault(.messageTooBig, "a message is larger than \(messageBytesMax) bytes") }
}
