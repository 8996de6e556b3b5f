import Glibc
import IO

/// One client: reads requests, runs the handler, writes replies, one after another, all on one loop.
///
/// It has a task only while there is something to do: between two requests it is parked, and costs no more than its own few fields.
final class HTTPConnection: WarmWork, @unchecked Sendable {
    // SAFETY: every member that changes is touched only on the loop of `context`; `begin`, `drain` and `cut` are called there.

    /// Where the connection is in its life.
    enum Phase {
        /// Waits for a request's first byte; goes to `reading` or `ended`.
        case idle
        /// Goes to `handling` or `ended`.
        case reading
        /// Goes to `idle` or `ended`.
        case handling
        /// Nothing follows.
        case ended
    }

    let server: HTTPServer
    let context: LoopContext
    let remoteAddress: String
    private let fd: Int32
    /// How much of the first head's time the TLS handshake took.
    private(set) var handshakeMilliseconds = 0
    var phase = Phase.idle {
        didSet { context.counters.move(from: oldValue, to: phase) }
    }
    var input = InputBuffer()
    var parser: RequestParser
    /// The socket, from `begin` to the end.
    private(set) var stream: SocketStream?
    var isClosing = false
    /// When the present request's head had come.
    var arrived = Deadline(nanoseconds: 0)
    /// Bytes sent since the connection began.
    var bytesOut = 0
    /// The reply that is being streamed, if one is.
    var bodyWriter: HTTPBodyWriter?
    /// The body that the handler is reading, if it is.
    private var bodyReader: HTTPBodyReader?
    /// Bytes of the present request's body that were read.
    var bodyBytesIn = 0
    /// What the connection has become, if a handshake succeeded.
    var webSocket: WebSocket? {
        didSet { context.counters.webSockets.add((webSocket == nil ? 0 : 1) - (oldValue == nil ? 0 : 1)) }
    }
    /// What it is served by, while it is.
    private var task: WarmTask?
    /// Whether it waits for a request without a task.
    var isParked = false
    /// Whether its end is wanted at once.
    private(set) var isCut = false
    /// Whether the client has not sent a whole request yet.
    private(set) var isFirst = true
    /// Until when the first bytes of the next request must have come; nil while one is being read or answered.
    var idleDeadline: Deadline?
    private var hasBegun = false
    private var graceTimer: Timer?
    private let onEnd: @Sendable () -> Void
    private var burst = 0

    init(fd: Int32, remoteAddress: String, server: HTTPServer, context: LoopContext, onEnd: @escaping @Sendable () -> Void) {
        self.fd = fd
        self.remoteAddress = remoteAddress
        self.server = server
        parser = RequestParser(headBytesMax: server.configuration.headBytesMax)
        self.context = context
        self.onEnd = onEnd
    }

    /// Takes the descriptor over and starts the connection's task.
    func begin() {
        context.counters.move(from: nil, to: phase)
        do throws(IOError) {
            let registration = try context.loop.register(fd)
            stream = SocketStream(registration)
            registration.onHangup = { [weak self] isHalf in self?.peerHungUp(isHalf: isHalf) }
            registration.onWake = { [weak self] outcome in self?.wake(outcome) }
        } catch {
            let result = close(fd)
            assert(result == 0 || errno != EBADF)
            return end()
        }
        do throws(Errno) { try Sockets.setNoDelay(fd) } catch {
            // Not a TCP socket, or gone already: the first read tells.
            assert(error.code != EBADF)
        }
        // It was accepted before the drain began, so it is served like the others that were.
        isClosing = context.isDraining
        context.counters.accepted.add(1)
        context.add(self)
        context.tasks.run(self)
    }

    /// A parked connection has something to read, is wanted gone, or has waited for long enough.
    private func wake(_ outcome: FDRegistration.Outcome) {
        isParked = false
        let goesOn = outcome == .ready || (outcome == .cancelled && !isCut)
        if goesOn { context.tasks.run(self) } else { end() }
    }

    func work(in task: WarmTask) async {
        self.task = task
        await serve()
        self.task = nil
        if !isParked { end() }
    }

    private func end() {
        guard phase != .ended else { return }
        // A client that waits for a reply is not told that this is its end.
        if phase == .idle { stream?.sayGoodbye() }
        phase = .ended
        graceTimer?.cancel()
        stream?.close()
        stream = nil
        context.remove(self)
        onEnd()
    }

    /// Ends when idle, else after the present reply.
    func drain() {
        isClosing = true
        if phase == .idle { stream?.registration.interrupt() }
        webSocket?.drain()
    }

    /// Cancels the handler and ends.
    func cut() {
        isClosing = true
        isCut = true
        task?.cancel()
        stream?.registration.interrupt()
    }

    /// The client went away: what is being done for it stops, after a short grace when it only shut down its sending side.
    func peerHungUp(isHalf: Bool) {
        guard phase == .handling else { return }
        if let webSocket { return webSocket.hungUp(isHalf: isHalf) }
        if !isHalf {
            task?.cancel()
        } else if graceTimer == nil, bodyReader?.isComplete != false {
            bodyWriter?.probe?()
            let deadline = context.loop.turnDeadline.adding(milliseconds: server.configuration.halfCloseGraceMilliseconds)
            graceTimer = context.loop.schedule(at: deadline) { [weak self] in self?.task?.cancel() }
        }
    }

    /// Serves until either side has had enough, or the client has nothing more to ask just now: then the connection is parked.
    private func serve() async {
        if !hasBegun {
            hasBegun = true
            guard await secure() else { return }
        }
        while true {
            do {
                guard let partial = try await readRequest(), let head = partial.head else { return }
                isFirst = false
                idleDeadline = nil
                guard try await answer(head, partial) else { return await linger() }
                phase = .idle
                burst += 1
                if burst >= HTTPLimits.burstMax && !input.isEmpty {
                    burst = 0
                    await Task.yield()
                }
            } catch let refusal as Refusal {
                return await refuse(refusal)
            } catch {
                // The client has gone, is too slow to be told, or the task was cancelled.
                return
            }
        }
    }

    /// Shakes hands if the server speaks TLS, within the time that the first head has; false when there is nobody to serve.
    private func secure() async -> Bool {
        guard let tls = server.configuration.tls, let registration = stream?.registration else { return true }
        let began = context.loop.turnDeadline
        let limit = min(server.configuration.headMillisecondsMax, IOLimits.handshakeMillisecondsMax)
        do throws(IOError) {
            stream = SocketStream(registration, tls: try await tls.accept(registration, until: began.adding(milliseconds: limit)))
        } catch {
            guard case .tls(let error) = error.code, error.kind == .plainHTTP else { return false }
            await refuse(refusal(HTTPFailure(400, "This port speaks TLS: ask again with https:// instead of http://."), ""))
            return false
        }
        handshakeMilliseconds = Int((Deadline.now().nanoseconds - began.nanoseconds) / 1_000_000)
        return true
    }

    /// Runs the handler and sends its reply; false when no further request is to be read.
    private func answer(_ head: HTTPRequestHead, _ partial: Partial) async throws -> Bool {
        phase = .handling
        bodyBytesIn = partial.bodyCount
        var request = HTTPRequest(
            head: head, body: partial.body, remoteAddress: remoteAddress, requestID: partial.requestID, trailers: parser.trailers)
        if partial.isStreamed {
            bodyReader = HTTPBodyReader(partial, of: self)
            request.bodyReader = bodyReader
        }
        if stream?.hasHungUp == true { peerHungUp(isHalf: true) }
        let response = await server.handler.handle(request)
        let isBodyRead = try finishBody()
        let keepsAlive = head.keepsAlive && isBodyRead && !isClosing && !Task.isCancelled
        let before = bytesOut
        var isWhole = false
        defer { exchanged(head, partial.requestID, response, since: before, isWhole: isWhole) }
        try await write(response, to: head, hasBody: bodyBytesIn > 0, requestID: partial.requestID, keepsAlive: keepsAlive)
        isWhole = true
        graceTimer?.cancel()
        graceTimer = nil
        return keepsAlive && !isClosing && !Task.isCancelled
    }

    /// Ends the handler's reading; false when there is more of the body, which nobody reads any more.
    private func finishBody() throws -> Bool {
        guard let reader = bodyReader else { return true }
        bodyReader = nil
        defer { reader.detach() }
        bodyBytesIn = reader.count
        if let refusal = reader.refusal { throw refusal }
        return reader.isComplete
    }
}

/// A request that is answered without its handler; the connection ends after it.
struct Refusal: Error {
    let response: HTTPResponse
    let requestID: String
    /// The request's head, if it could be read.
    let head: HTTPRequestHead?
    /// What the server itself found wrong.
    var cause: HTTPFailure?
}
