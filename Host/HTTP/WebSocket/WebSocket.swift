package import IO

/// A WebSocket as its handler sees it: whole messages in order, each way with back-pressure.
///
/// It lives on its connection's loop, where every method must be called; one task receives, any number may send. What the protocol
/// wants besides (pings, pongs, the closing handshake) happens beneath. Both directions end when the client closes or goes:
/// `receive` then answers nil and `send` throws `.closed`.
package final class WebSocket: @unchecked Sendable {
    // SAFETY: every member that changes is touched only on `loop`'s thread: the handler's calls check it, the rest is called by the connection.

    /// The loop that the socket lives on.
    package let loop: EventLoop
    /// What was agreed on of `WebSocketConfiguration.subprotocols`.
    package let subprotocol: String?
    /// Whether messages may be compressed on the wire.
    package let isCompressed: Bool
    let configuration: WebSocketConfiguration
    let stream: SocketStream
    var machine: WebSocketMachine
    var input = InputBuffer()
    var inbox: [WebSocketMessage] = []
    var inboxBytes = 0
    /// Frames that wait to be sent, and whether a task sends some now.
    var outbox: [UInt8] = []
    private(set) var isFlushing = false
    /// A write ended before all of it was sent, or the client has gone: nothing more goes out.
    var isBroken = false
    /// The handler has come back.
    var isHandlerDone = false
    /// The client's close frame has come and the handler has seen all that came before.
    var hasSeenEnd = false
    var closeDeadline = Deadline.distantFuture
    private var isDraining = false
    private var isReceiving = false
    /// Something for the handler, something for the connection, and the end of a write.
    let arrived: LoopSignal
    let changed: LoopSignal
    private let written: LoopSignal
    /// The client's close frame, a description of why it was cut off, or nil while it is open.
    package internal(set) var ending: WebSocketEnding?

    init(stream: SocketStream, configuration: WebSocketConfiguration, agreement: WebSocketHandshake.Agreement) {
        self.stream = stream
        self.configuration = configuration
        loop = stream.loop
        subprotocol = agreement.subprotocol
        isCompressed = agreement.deflate != nil
        machine = WebSocketMachine(role: .server, configuration: configuration, deflate: agreement.deflate)
        arrived = LoopSignal(loop: loop)
        changed = LoopSignal(loop: loop)
        written = LoopSignal(loop: loop)
    }

    /// Whether messages can still be sent.
    package var isOpen: Bool { machine.maySend && !isBroken && closeDeadline == .distantFuture }

    /// The next message; nil when none will come. Throws `.timedOut` at the deadline, and `.cancelled` with its task.
    package func receive(until deadline: Deadline = .distantFuture) async throws(IOError) -> WebSocketMessage? {
        precondition(loop.isCurrent, "a WebSocket is used on its loop")
        precondition(!isReceiving, "one task receives")
        while inbox.isEmpty {
            if ending != nil || machine.state != .open || isBroken {
                hasSeenEnd = true
                changed.signal()
                return nil
            }
            if isDraining {
                startClose(WebSocketClose(.goingAway, "the server is going down"))
                return nil
            }
            isReceiving = true
            defer { isReceiving = false }
            try await arrived.wait(until: deadline, "receive")
        }
        let message = inbox.removeFirst()
        inboxBytes -= message.count
        changed.signal()
        return message
    }

    /// Sends a message, waiting while the client is slow. Throws `.closed` once it has closed or gone, `.timedOut` when it has not taken
    /// the message by the deadline and `.cancelled` with its task; a message that was sent in part ends the connection.
    package func send(_ message: WebSocketMessage, until deadline: Deadline = .distantFuture) async throws(IOError) {
        precondition(loop.isCurrent, "a WebSocket is used on its loop")
        if Task.isCancelled { throw IOError(.cancelled, "send") }
        // The queue holds the frames of one message: later ones wait here, which is the back-pressure.
        while isFlushing { try await written.wait(until: deadline, "send") }
        guard isOpen, machine.send(message, into: &outbox) else { throw IOError(.closed, "send") }
        try await flush(until: deadline)
    }

    /// As `send`, for text.
    package func send(_ text: String) async throws(IOError) { try await send(.text(text)) }

    /// Begins the closing handshake; a second call does nothing. The connection waits for the client's answer, not the caller.
    /// - Parameter code: one that a server may send; another becomes 1000.
    package func close(_ code: WebSocketCloseCode = .normal, _ reason: String = "") {
        precondition(loop.isCurrent, "a WebSocket is used on its loop")
        startClose(WebSocketClose(code, reason))
    }

    /// The messages as a sequence, which ends with the connection.
    package var messages: Messages { Messages(socket: self) }

    /// The messages of a socket in order; for one task.
    package struct Messages: AsyncSequence, AsyncIteratorProtocol {
        let socket: WebSocket
        package func makeAsyncIterator() -> Messages { self }
        package mutating func next() async throws(IOError) -> WebSocketMessage? { try await socket.receive() }
    }

    // MARK: For the connection

    /// Queues our close frame and lets the connection send it.
    func startClose(_ close: WebSocketClose) {
        guard machine.maySend, closeDeadline == .distantFuture else { return }
        machine.close(close, into: &outbox)
        closeDeadline = loop.turnDeadline.adding(milliseconds: configuration.closeMilliseconds)
        wake()
    }

    /// Lets the connection and the handler look again.
    func wake() {
        stream.registration.interruptRead()
        changed.signal()
        arrived.signal()
    }

    /// The server goes down: the socket closes when its handler waits for a message, now or next time.
    func drain() {
        isDraining = true
        if isReceiving && inbox.isEmpty { arrived.signal() }
    }

    /// The client has gone, or has shut down its sending side without a close frame.
    func hungUp(isHalf: Bool) {
        if !isHalf { return cutOff(.gone) }
        // What it sent before is still read; a connection that does not read just now has so long to get there.
        loop.schedule(at: loop.turnDeadline.adding(milliseconds: configuration.closeGraceMilliseconds)) { [weak self] in self?.cutOff(.gone) }
    }

    /// Ends both directions at once.
    func cutOff(_ ending: WebSocketEnding) {
        if self.ending == nil { self.ending = ending }
        isBroken = true
        wake()
        written.signal()
    }

    /// Sends what is queued; returns at once when another task does.
    func flush(until deadline: Deadline) async throws(IOError) {
        if isFlushing { return }
        isFlushing = true
        defer {
            isFlushing = false
            written.signal()
            changed.signal()
        }
        while !outbox.isEmpty {
            if isBroken { throw IOError(.closed, "send") }
            var out: [UInt8] = []
            swap(&out, &outbox)
            let patience = configuration.writeMillisecondsMax + out.count / HTTPLimits.writeBytesPerMillisecondMin
            do throws(IOError) {
                try await stream.write(out, until: min(deadline, .after(milliseconds: patience)))
            } catch {
                // Part of a frame may have gone out: nothing after it would be understood.
                cutOff(.gone)
                throw error
            }
        }
    }

    /// Waits until nobody sends, no longer than `deadline`.
    func waitForWrites(until deadline: Deadline) async throws(IOError) {
        while isFlushing { try await written.wait(until: deadline, "send") }
    }
}

/// How a WebSocket ended.
package enum WebSocketEnding: Sendable, Hashable {
    /// The client sent a close frame.
    case closed(WebSocketClose)
    /// We ended it and the client answered.
    case finished
    /// The client broke a rule.
    case failed(WebSocketFault)
    /// The client went, fell silent or did not read (1006 in the words of RFC 6455, 7.1.5).
    case gone

    /// The close frame that it is owed: the client's own code given back (RFC 6455, 5.5.1), or why it was refused.
    var answer: WebSocketClose? {
        switch self {
        case .closed(let close): close
        case .failed(let fault): WebSocketClose(fault.code, fault.message)
        case .finished, .gone: nil
        }
    }
}
