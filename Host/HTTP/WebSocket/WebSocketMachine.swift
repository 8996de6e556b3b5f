package import IO

/// One end of a WebSocket as states and steps: frames in, messages out, and the other way round; no I/O and no clock (RFC 6455, 5 to 7).
package struct WebSocketMachine: ~Copyable {
    /// Where the closing handshake is (RFC 6455, 7.1).
    package enum State: Sendable {
        /// Goes to `answering`, `closing` or `closed`.
        case open
        /// Their close frame has come and ours is not sent, so messages may still be. Goes to `closed`.
        case answering
        /// Our close frame has been sent; theirs is awaited and messages are dropped. Goes to `closed`.
        case closing
        /// Nothing follows.
        case closed
    }

    /// What came.
    package enum Step: Sendable, Hashable {
        /// All bytes were taken.
        case needMore
        case message(WebSocketMessage)
        /// A pong with this content is owed.
        case ping([UInt8])
        case pong([UInt8])
        /// Their close frame; the first of `close` answers it, when ours has not been sent before.
        case close(WebSocketClose)
        /// They broke a rule: `close` must now say why, and nothing more is read.
        case failure(WebSocketFault)
    }

    package private(set) var state = State.open
    private let role: WebSocketRole
    private var heads: WebSocketHeadDecoder
    private var rate: WebSocketRate
    private var incoming: WebSocketAssembly
    private let outgoing: WebSocketComposer
    private var head: WebSocketFrameHead?
    /// Bytes of the present frame's payload that have come.
    private var taken = 0
    private var control: [UInt8] = []

    package init(role: WebSocketRole = .server, configuration: WebSocketConfiguration = WebSocketConfiguration(), deflate: PerMessageDeflate? = nil) {
        self.role = role
        heads = WebSocketHeadDecoder(role: role, allowsCompression: deflate != nil)
        rate = WebSocketRate(configuration)
        incoming = WebSocketAssembly(configuration: configuration, role: role, deflate: deflate)
        outgoing = WebSocketComposer(role: role, deflate: deflate)
    }

    /// Whether a frame or a message has begun and not ended.
    package var isInside: Bool { heads.isInside || head != nil || incoming.isInside }
    /// Whether messages may be sent.
    package var maySend: Bool { state == .open || state == .answering }

    /// Takes bytes from `position` on until something has come; `position` moves with what was taken.
    package mutating func advance(_ bytes: UnsafeBufferPointer<UInt8>, _ position: inout Int, now: Deadline) -> Step {
        guard state == .open || state == .closing else {
            // What follows a close frame is not looked at (RFC 6455, 5.5.1).
            position = bytes.count
            return .needMore
        }
        do throws(WebSocketFault) {
            while position < bytes.count {
                if head == nil {
                    guard let next = try heads.advance(bytes, &position) else { return .needMore }
                    try begin(next, now)
                }
                try takePayload(bytes, &position)
                guard let current = head, taken == current.length else { continue }
                head = nil
                if let step = try end(current) { return step }
            }
            return .needMore
        } catch {
            // `close` sends the reason, unless our close frame is out already.
            state = state == .closing ? .closed : .answering
            return .failure(error)
        }
    }

    private mutating func begin(_ next: WebSocketFrameHead, _ now: Deadline) throws(WebSocketFault) {
        if next.opcode.isControl {
            control.removeAll(keepingCapacity: true)
        } else {
            try incoming.begin(next)
        }
        try rate.take(next, now)
        head = next
        taken = 0
    }

    private mutating func takePayload(_ bytes: UnsafeBufferPointer<UInt8>, _ position: inout Int) throws(WebSocketFault) {
        guard let head else { return }
        let count = min(bytes.count - position, head.length - taken)
        if count == 0 { return }
        let piece = UnsafeBufferPointer(rebasing: bytes[position..<(position + count)])
        position += count
        if head.opcode.isControl {
            control.append(contentsOf: piece)
            if let mask = head.mask { WebSocketFrameHead.applyMask(mask, to: &control, from: control.count - count, offset: taken) }
        } else {
            try incoming.take(piece, mask: head.mask, offset: taken)
        }
        taken += count
    }

    /// What a whole frame means.
    private mutating func end(_ head: WebSocketFrameHead) throws(WebSocketFault) -> Step? {
        switch head.opcode {
        case .ping: return state == .closing ? nil : .ping(control)
        case .pong: return .pong(control)
        case .close:
            let close = try WebSocketClose(payload: control)
            state = state == .closing ? .closed : .answering
            return .close(close)
        case .continuation, .text, .binary:
            guard let message = try incoming.end(isFinal: head.isFinal), state == .open else { return nil }
            return .message(message)
        }
    }

    // MARK: Sending

    /// Appends a message's frame to `out`; false, and nothing is appended, once our close frame has been sent.
    package func send(_ message: WebSocketMessage, into out: inout [UInt8]) -> Bool {
        guard maySend else { return false }
        outgoing.append(message, to: &out)
        return true
    }

    /// Appends a ping (RFC 6455, 5.5.2); its content is cut to what a control frame holds.
    package func ping(_ content: [UInt8] = [], into out: inout [UInt8]) {
        if maySend { outgoing.append(.ping, content, to: &out) }
    }

    /// Appends the answer to a ping (RFC 6455, 5.5.3).
    package func pong(_ content: [UInt8], into out: inout [UInt8]) {
        if maySend { outgoing.append(.pong, content, to: &out) }
    }

    /// Appends our close frame, once; after it nothing is sent (RFC 6455, 5.5.1).
    package mutating func close(_ close: WebSocketClose, into out: inout [UInt8]) {
        guard maySend else { return }
        var close = close
        if let code = close.code, !code.maySend(as: role) { close = WebSocketClose(.normal) }
        outgoing.append(.close, close.payload, to: &out)
        state = state == .open ? .closing : .closed
    }
}
