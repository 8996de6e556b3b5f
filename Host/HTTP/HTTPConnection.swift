import Glibc
import IO

/// One client: reads requests, runs the handler, writes replies, one after another, all on one loop.
final class HTTPConnection<Handler: HTTPHandler>: AnyConnection, @unchecked Sendable {
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

    let server: HTTPServer<Handler>
    let context: LoopContext
    let remoteAddress: String
    let fd: Int32
    var phase = Phase.idle
    var input = InputBuffer()
    var parser: RequestParser
    var registration: FDRegistration?
    var isClosing = false
    /// The reply that is being streamed, if one is.
    var bodyWriter: HTTPBodyWriter?
    /// What the connection has become, if a handshake succeeded.
    var webSocket: WebSocket?
    private var task: OwnedTask<Void>?
    private var graceTimer: Timer?
    private let onEnd: @Sendable () -> Void
    private var burst = 0

    init(fd: Int32, remoteAddress: String, server: HTTPServer<Handler>, context: LoopContext, onEnd: @escaping @Sendable () -> Void) {
        self.fd = fd
        self.remoteAddress = remoteAddress
        self.server = server
        parser = RequestParser(headBytesMax: server.configuration.headBytesMax)
        self.context = context
        self.onEnd = onEnd
    }

    /// Takes the descriptor over and starts the connection's task.
    func begin() {
        guard !context.isDraining else { return end() }
        do throws(IOError) {
            let registration = try context.loop.register(fd)
            self.registration = registration
            registration.onHangup = { [weak self] isHalf in self?.peerHungUp(isHalf: isHalf) }
        } catch {
            return end()
        }
        do throws(Errno) { try Sockets.setNoDelay(fd) } catch {
            // Not a TCP socket, or gone already: the first read tells.
            assert(error.code != EBADF)
        }
        context.add(self)
        task = OwnedTask(on: context.loop) { [self] in
            await run()
            end()
        }
    }

    private func end() {
        guard phase != .ended else { return }
        phase = .ended
        graceTimer?.cancel()
        registration?.deregister(closingNext: true)
        registration = nil
        let result = close(fd)
        assert(result == 0 || errno != EBADF)
        context.remove(self)
        task = nil
        onEnd()
    }

    func drain() {
        isClosing = true
        if phase == .idle { registration?.interrupt() }
        webSocket?.drain()
    }

    func cut() {
        isClosing = true
        task?.cancel()
        registration?.interrupt()
    }

    /// The client went away: what is being done for it stops, after a short grace when it only shut down its sending side.
    private func peerHungUp(isHalf: Bool) {
        guard phase == .handling else { return }
        if let webSocket { return webSocket.hungUp(isHalf: isHalf) }
        if !isHalf {
            task?.cancel()
        } else if graceTimer == nil {
            bodyWriter?.probe?()
            let deadline = context.loop.turnDeadline.adding(milliseconds: server.configuration.halfCloseGraceMilliseconds)
            graceTimer = context.loop.schedule(at: deadline) { [weak self] in self?.task?.cancel() }
        }
    }

    /// Serves until either side has had enough.
    private func run() async {
        var isFirst = true
        while true {
            do {
                guard let (head, body, requestID) = try await readRequest(isFirst: isFirst) else { return }
                isFirst = false
                phase = .handling
                if registration?.hasHungUp == true { peerHungUp(isHalf: true) }
                let request = HTTPRequest(head: head, body: body, remoteAddress: remoteAddress, requestID: requestID)
                let response = await server.handler.handle(request)
                let keepsAlive = head.keepsAlive && !isClosing && !Task.isCancelled
                try await write(response, to: head, hasBody: !body.isEmpty, requestID: requestID, keepsAlive: keepsAlive)
                graceTimer?.cancel()
                graceTimer = nil
                if !keepsAlive || isClosing || Task.isCancelled { return await linger() }
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
}

/// A request that is answered without its handler; the connection ends after it.
struct Refusal: Error {
    let response: HTTPResponse
    let requestID: String
    let isHead: Bool
}
