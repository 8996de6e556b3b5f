import Glibc
package import IO

/// An HTTP/1.1 server: one listener, its connections spread over the loops of a group.
///
/// One listening socket, not one a loop with SO_REUSEPORT: a second server on the same port is then an error at start, no other
/// process of the same user can take a share of the clients, and the connections are spread evenly.
package final class HTTPServer: Sendable {
    private struct State: ~Copyable, Sendable {
        var listener: FileDescriptor?
        var acceptor: OwnedTask<Void>?
    }

    let configuration: HTTPServerConfiguration
    let handler: any HTTPHandler
    let writer: ResponseWriter
    private let contexts: [LoopContext]
    private let ledger: Lock<ConnectionLedger>
    private let state = Lock(State())

    package init(configuration: HTTPServerConfiguration, group: EventLoopGroup, handler: any HTTPHandler) {
        self.configuration = configuration
        self.handler = handler
        writer = ResponseWriter(defaults: configuration.defaultHeaders)
        contexts = group.loops.map { LoopContext(loop: $0) }
        ledger = Lock(ConnectionLedger(max: configuration.connectionsMax, perAddressMax: configuration.connectionsPerAddressMax))
    }

    /// Connections open now.
    package var connectionCount: Int { ledger.withLock { $0.count } }
    /// What it does and has done.
    package var statistics: HTTPServerStatistics {
        var sum = HTTPServerStatistics()
        for context in contexts { context.counters.add(to: &sum) }
        return sum
    }
    /// Addresses that have a connection open now.
    package var addressCount: Int { ledger.withLock { $0.addressCount } }

    /// Listens and serves until `drain`; the answer is the address it is bound to.
    /// - Parameter inherited: a socket that listens already, which the server takes over; the configured address is then not used.
    package func start(on inherited: consuming FileDescriptor? = nil) throws(IOError) -> SocketAddress {
        do throws(Errno) {
            let listener: FileDescriptor
            if let inherited {
                listener = inherited
                try Syscall.setNonblocking(listener.raw)
            } else {
                listener = try Sockets.listen(on: configuration.address)
            }
            let fd = listener.raw
            let bound = try Sockets.localAddress(fd)
            let acceptor = OwnedTask(on: contexts[0].loop) { [self] in try await accept(fd) }
            store(listener, acceptor)
            return bound
        } catch {
            throw IOError(.system(error), "listen")
        }
    }

    private func store(_ listener: consuming FileDescriptor, _ acceptor: OwnedTask<Void>) {
        var listener: FileDescriptor? = consume listener
        state.withLock { state in
            state.acceptor = acceptor
            swap(&state.listener, &listener)
        }
    }

    /// A copy of the listening socket, for whoever is to serve after this process; nil when the server does not listen.
    package func copyListener() throws(IOError) -> FileDescriptor? {
        do throws(Errno) {
            return try state.withLock { state throws(Errno) -> FileDescriptor? in
                guard let fd = state.listener?.raw else { return nil }
                return FileDescriptor(try Syscall.retrying { fcntl(fd, F_DUPFD_CLOEXEC, 0) })
            }
        } catch {
            throw IOError(.system(error), "listener")
        }
    }

    /// Stops accepting, lets running requests finish for `milliseconds`, then cancels the rest and waits for them.
    package func drain(within milliseconds: Int = 30_000) async {
        let acceptor = state.withLock { $0.acceptor }
        acceptor?.cancel()
        await acceptor?.finish()
        closeListener()
        for context in contexts { context.loop.execute { context.beginDrain() } }
        let timer = contexts[0].loop
        await waitUntilEmpty(timer, .after(milliseconds: milliseconds))
        for context in contexts { context.loop.execute { for connection in context.all { connection.cut() } } }
        await waitUntilEmpty(timer, .distantFuture)
        for context in contexts { await context.dismissTasks() }
    }

    private func closeListener() {
        state.withLock { state in
            state.acceptor = nil
            state.listener = nil
        }
    }

    private func waitUntilEmpty(_ loop: EventLoop, _ deadline: Deadline) async {
        var pause = 1
        while connectionCount > 0 && !deadline.hasPassed {
            do {
                try await loop.sleep(until: min(deadline, .after(milliseconds: pause)))
            } catch {
                // Cancelled: whoever drains does not want to wait any longer.
                return
            }
            pause = min(50, pause * 2)
        }
    }

    /// Accepts until cancelled.
    private func accept(_ listener: Int32) async throws {
        let registration = try contexts[0].loop.register(listener)
        defer { registration.deregister() }
        var turn = 0
        while true {
            do throws(Errno) {
                while let (fd, peer) = try Sockets.accept(listener) {
                    open(fd, peer, contexts[turn % contexts.count])
                    turn += 1
                    if turn % 64 == 0 { await Task.yield() }
                }
            } catch {
                // A client that went before it was accepted is nobody's trouble; without descriptors we wait for some.
                if [ECONNABORTED, EPROTO, EPERM].contains(error.code) { continue }
                try await contexts[0].loop.sleep(until: .after(milliseconds: 50))
                continue
            }
            try await registration.readEdge(until: .distantFuture)
        }
    }

    private func open(_ fd: Int32, _ peer: SocketAddress?, _ context: LoopContext) {
        let key = ConnectionLedger.key(peer)
        if let refusal = ledger.withLock({ $0.open(key) }) { return refuse(fd, refusal) }
        let address = peer?.host ?? ""
        context.loop.execute { [self] in
            let connection = HTTPConnection(fd: fd, remoteAddress: address, server: self, context: context) { [self] in
                ledger.withLock { $0.close(key) }
            }
            connection.begin()
        }
    }

    /// Tells the client why and closes; one try, nothing waits.
    private func refuse(_ fd: Int32, _ refusal: ConnectionLedger.Refusal) {
        contexts[0].counters.reject(refusal == .tooMany ? .tooManyConnections : .tooManyOfAddress)
        let socket = FileDescriptor(fd)
        // Before a handshake nothing can be said that a client of TLS would understand.
        if configuration.tls != nil { return }
        let status = refusal == .tooMany ? 503 : 429
        var out: [UInt8] = []
        encodeError(&out, HTTPFailure(status, "There are too many connections."), requestID: configuration.makeRequestID(), retryAfter: true)
        do throws(Errno) {
            _ = try Syscall.send(socket.raw, out, from: 0)
            try socket.close()
        } catch {
            // The client has gone already; it wanted nothing more from us.
            assert(error.code != EBADF)
        }
    }

    /// Appends a whole error reply that ends the connection.
    func encodeError(_ out: inout [UInt8], _ failure: HTTPFailure, requestID: String, retryAfter: Bool = false) {
        var response = configuration.errorResponse(failure.status, failure.message, requestID)
        if retryAfter { response.headers["Retry-After"] = "1" }
        let bytes = response.bytes ?? []
        writer.head(
            &out, status: failure.status, headers: response.headers, framing: .length(bytes.count), keepsAlive: false, minorVersion: 1,
            requestID: requestID, date: ResponseWriter.dateNow())
        out.append(contentsOf: bytes)
    }
}
