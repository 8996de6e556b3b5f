internal import Glibc
internal import HTTP
package import IO

/// The CONNECT proxy of one worker, on the listener in that worker's own network namespace.
///
/// Whoever reaches the listener is the worker: identity is the namespace. One server lives on one loop; `close` ends it with every tunnel.
package final class TunnelServer: @unchecked Sendable {
    // SAFETY: `registration`, `turnedAway` and what the scratch buffer holds are touched only on the loop; the rest is constant or locked.

    /// What a plugin's proxies have in common.
    package struct Settings: Sendable {
        package var policy: EgressPolicy
        package var quota: TunnelQuota
        package var budget: TunnelBudget
        package var dialer: any TunnelDialer
        /// Hears of every decision, once, when all of it is known; on the loop.
        package var report: @Sendable (TunnelRecord) -> Void

        package init(
            policy: EgressPolicy, quota: TunnelQuota, budget: TunnelBudget, dialer: any TunnelDialer,
            report: @escaping @Sendable (TunnelRecord) -> Void
        ) {
            self.policy = policy
            self.quota = quota
            self.budget = budget
            self.dialer = dialer
            self.report = report
        }
    }

    let settings: Settings
    let worker: UInt64
    let loop: EventLoop
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.tunnelBufferBytes, alignment: 64)
    private let listener: Int32
    private let connections = TaskScope()
    private let state = Lock(State())
    private var registration: FDRegistration?
    private var turnedAway = TurnedAway()

    private struct State {
        var isRunning = false
        var isClosed = false
        var errand: Errand?
        var requests = 0
        var bytes = 0
    }

    /// Connections that were turned away and not reported yet: a flood is one line a second.
    private struct TurnedAway {
        var count = 0
        var reported = Deadline(nanoseconds: 0)
    }

    /// Takes over a listener; `run` must then be called on `loop`.
    package init(_ listener: consuming FileDescriptor, worker: UInt64, on loop: EventLoop, _ settings: Settings) {
        self.settings = settings
        self.worker = worker
        self.loop = loop
        self.listener = listener.release()
    }

    deinit { scratch.deallocate() }

    /// Tunnels and requests that are open now.
    package var open: Int { connections.count }

    /// Says for which call the worker works from now on; requests that it makes meanwhile are that call's.
    package func works(for requestID: String?, tenant: String) {
        state.withLock { $0.errand = requestID.map { Errand(requestID: $0, tenant: tenant) } }
    }

    /// A call that the worker has in hand.
    struct Errand: Sendable {
        let requestID: String
        let tenant: String
    }

    /// The call that a request is made for; nil between calls.
    var errand: Errand? { state.withLock { $0.errand } }

    /// Tunnels that were opened, and bytes that passed both ways.
    package var traffic: (requests: Int, bytes: Int) { state.withLock { ($0.requests, $0.bytes) } }

    func countTunnel() { state.withLock { $0.requests += 1 } }
    func count(bytes: Int) { state.withLock { $0.bytes += bytes } }

    /// Serves until `close()` or until the task is cancelled; returns when no connection is left and the listener is closed.
    package func run() async {
        let begins = state.withLock { state in
            state.isRunning = !state.isClosed
            return state.isRunning
        }
        guard begins else { return }
        await accept()
        registration?.deregister()
        registration = nil
        // After the last use of the number.
        do throws(Errno) { try Syscall.close(listener) } catch { assert(error.code != EBADF) }
        connections.cancel()
        await connections.finish()
        reportTurnedAway()
    }

    /// Ends the server and every tunnel; from any thread. A server that was never run closes its listener with this.
    package func close() {
        let owns = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isRunning && !state.isClosed
        }
        if owns { FileDescriptor(listener).letGo() } else { loop.execute { self.registration?.interrupt() } }
    }

    private func accept() async {
        do {
            registration = try loop.register(listener)
            while !state.withLock({ $0.isClosed }) {
                switch try takeAll() {
                case .none: try await registration?.readEdge(until: .distantFuture)
                case .more: await Task.yield()
                case .starved: try await loop.sleep(until: .after(milliseconds: Limits.starvedMilliseconds))
                }
            }
        } catch let error as IOError where error.code == .cancelled || error.code == .closed {
            return
        } catch {
            // A listener that cannot be watched or accepted from serves nobody: its worker hears that connections are refused.
            settings.report(TunnelRecord(.failed(.connect), worker: worker))
        }
    }

    /// What is left on the listener after a turn.
    private enum Left {
        /// Nothing: the next edge tells of more.
        case none
        /// Perhaps more, whose edge has passed.
        case more
        /// The host has no descriptor for it just now.
        case starved
    }

    private func takeAll() throws -> Left {
        for _ in 0..<Limits.tunnelAcceptsMax {
            do throws(Errno) {
                guard let accepted = try Sockets.accept(listener) else { return .none }
                begin(accepted.fd)
            } catch {
                // A client that is gone again is no trouble of ours.
                if error.code == ECONNABORTED { continue }
                if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.code) { return .starved }
                throw error
            }
        }
        return .more
    }

    private func begin(_ fd: Int32) {
        if settings.budget.take() != nil { return turnAway(fd) }
        let isStarted = connections.start(on: loop) {
            defer { self.settings.budget.give() }
            guard let stream = self.watch(fd) else { return }
            await TunnelConnection(stream, self).run()
        }
        if isStarted { return }
        settings.budget.give()
        FileDescriptor(fd).letGo()
    }

    private func watch(_ fd: Int32) -> SocketStream? {
        do {
            try Sockets.setNoDelay(fd)
            return SocketStream(try loop.register(fd))
        } catch {
            FileDescriptor(fd).letGo()
            return nil
        }
    }

    /// Too many: told so at once, without a task and without reading.
    private func turnAway(_ fd: Int32) {
        let socket = FileDescriptor(fd)
        do throws(Errno) {
            // A client that reads finds the answer before the end; one that does not loses nothing.
            _ = try Syscall.send(fd, TunnelReply.shortage(.tooMany), from: 0)
        } catch { assert(error.code == EPIPE || error.code == ECONNRESET) }
        socket.letGo()
        noteTurnedAway()
    }

    private func noteTurnedAway() {
        turnedAway.count += 1
        if loop.turnDeadline >= turnedAway.reported.adding(milliseconds: Limits.turnedAwayMilliseconds) { reportTurnedAway() }
    }

    private func reportTurnedAway() {
        guard turnedAway.count > 0 else { return }
        var record = TunnelRecord(.turnedAway(.tooMany), worker: worker)
        record.count = turnedAway.count
        // The call of the latest: a worker has one at a time.
        (record.requestID, record.tenant) = (errand?.requestID, errand?.tenant ?? "")
        turnedAway = TurnedAway(count: 0, reported: loop.turnDeadline)
        settings.report(record)
    }
}

extension FileDescriptor {
    /// Closes it; what the kernel says of a socket that nobody reads is of no use.
    fileprivate consuming func letGo() {}
}
