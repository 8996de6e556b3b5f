import Glibc
import IO
import Supervisor
import WorkerProtocol

/// One worker process as the host holds it: its socket, its state, and who owns it just now.
///
/// At any time at most one task owns the conversation (loading, a call, or winding a call down); it alone touches `decoder` and reads or
/// writes the socket. Between owners the worker is idle and only the spawner's report can end it.
final class WorkerHandle: @unchecked Sendable {
    // SAFETY: `decoder`, `account`, `lastPeak`, `unreadNanoseconds`, `isMidFrame`, `partialSince`, `isDescribing` and `watch` are touched only by the owning task, or under `shared` when there is none; everything else is constant or behind `shared`.

    struct Shared {
        var state: WorkerState
        /// -1 until the worker is started and after it is closed.
        var socket: Int32 = -1
        var memoryPeak: Int32 = -1
        var pid: Int32 = 0
        var isOwned = false
        /// Whether a caller waits for the call's end and will be told of a death.
        var hasCaller = false
        var exit: KillReason?
        var exitWaiters: [OneShot] = []
        var calls = 0
        var peakMemoryBytes = 0
        var posture: JailedPayload?
        /// The plugin was loaded and accepted; before that every fault is a failure to load.
        var wasReady = false
        var isKillAsked = false
        /// Serves the worker's own network namespace, if it has a socket grant.
        var door: (any WorkerDoor)?
        /// The end of a worker whose last frames are still being read.
        var postponed: End?
    }

    /// How the spawner saw a worker end.
    struct End: Sendable {
        let cause: KillReason
        let peakMemoryBytes: Int
    }

    let id: UInt64
    let pool: PluginPool
    let born: Moment
    let shared: Lock<Shared>
    var decoder: FrameDecoder
    var account = ProcessAccount(pid: 0, memoryPeak: -1)
    /// Memory in use when the peak was last read and started anew; 0 before.
    var lastPeak = 0
    /// CPU time of calls since then.
    var unreadNanoseconds: UInt64 = 0
    /// Part of a frame was sent and the rest was not: nothing else may follow it.
    var isMidFrame = false
    /// When the first byte of the frame that is not yet whole came.
    var partialSince: Moment?
    /// Valid while the handle is owned.
    var socket: Int32 = -1
    /// Whether this worker was asked to describe its plugin.
    var isDescribing = false
    /// The watch over the socket, kept from call to call: most calls of a worker come from one loop.
    private var watch: FDRegistration?

    init(id: UInt64, pool: PluginPool, at now: Moment) {
        self.id = id
        self.pool = pool
        born = now
        shared = Lock(Shared(state: WorkerState(at: now)))
        decoder = FrameDecoder(from: .worker, limits: pool.spec.frames)
    }

    // MARK: Ownership

    /// Takes the conversation; false if the worker is gone.
    func acquire() -> Bool {
        let got: Int32? = shared.withLock { shared in
            guard shared.exit == nil, shared.socket >= 0, !shared.isOwned else { return nil }
            shared.isOwned = true
            return shared.socket
        }
        guard let got else { return false }
        socket = got
        return true
    }

    /// Gives the conversation back; the last one to leave a dead worker closes its descriptors.
    func release() {
        shared.withLock { shared in
            shared.isOwned = false
            if shared.exit != nil { closeAll(&shared) }
        }
    }

    /// The watch over the socket on `loop`, whose thread this must be; for the owner.
    func watch(on loop: EventLoop) throws(IOError) -> FDRegistration {
        if let watch, watch.loop === loop, watch.isOpen {
            watch.renew()
            return watch
        }
        watch?.abandon()
        watch = nil
        let made = try loop.register(socket)
        watch = made
        return made
    }

    private func closeAll(_ shared: inout Shared) {
        watch?.abandon()
        watch = nil
        if shared.socket >= 0 { close(shared.socket) }
        if shared.memoryPeak >= 0 { close(shared.memoryPeak) }
        (shared.socket, shared.memoryPeak) = (-1, -1)
    }

    // MARK: The spawner's side

    /// Makes the socket pair and asks for the process; false if that could not be done or the worker is no longer wanted.
    func start(_ spawner: any WorkerSpawner, _ request: SpawnRequest, bundle: Int32) -> Bool {
        guard let pair = Self.socketPair() else { return false }
        let asked = shared.withLock { shared in
            guard case .spawning = shared.state.phase, shared.exit == nil else { return false }
            guard spawner.spawn(request, bundle: bundle, socket: pair.theirs) else { return false }
            shared.socket = pair.ours
            shared.isOwned = true
            shared.state.spawned(at: .now)
            return true
        }
        close(pair.theirs)
        if asked { socket = pair.ours } else { close(pair.ours) }
        return asked
    }

    private static func socketPair() -> (ours: Int32, theirs: Int32)? {
        var fds: (Int32, Int32) = (-1, -1)
        let made = withUnsafeMutableBytes(of: &fds) {
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, $0.baseAddress?.assumingMemoryBound(to: Int32.self))
        }
        guard made == 0 else { return nil }
        // Only our end is non-blocking: a worker that waits for us is the back-pressure on its plugin.
        guard fcntl(fds.0, F_SETFL, O_NONBLOCK) == 0 else {
            close(fds.0)
            close(fds.1)
            return nil
        }
        return fds
    }

    /// The process exists.
    func spawned(pid: Int32, memoryPeak: Int32) {
        shared.withLock { shared in
            shared.pid = pid
            if shared.exit == nil { shared.memoryPeak = memoryPeak } else if memoryPeak >= 0 { close(memoryPeak) }
        }
    }

    /// The worker's door is open; false if the worker is gone or has one, and nobody would close it.
    func opened(_ door: any WorkerDoor) -> Bool {
        shared.withLock { shared in
            guard shared.exit == nil, shared.postponed == nil, shared.door == nil else { return false }
            shared.door = door
            return true
        }
    }

    /// Closes the door, and with it every connection that came through it.
    private static func closeDoor(_ shared: inout Shared) {
        shared.door?.close()
        shared.door = nil
    }

    /// The process is gone. Answers the reason, and whether it died before it was ready.
    func exited(_ cause: KillReason, peakMemoryBytes: Int) -> (reason: KillReason, wasLoading: Bool, hasCaller: Bool, isFirst: Bool) {
        let (answer, waiters) = shared.withLock { shared in
            let isFirst = shared.exit == nil
            let wasLoading = !shared.wasReady
            let reason = shared.state.exited(cause)
            shared.exit = reason
            shared.peakMemoryBytes = max(shared.peakMemoryBytes, peakMemoryBytes)
            if !shared.isOwned { closeAll(&shared) }
            Self.closeDoor(&shared)
            defer { shared.exitWaiters = [] }
            return ((reason, wasLoading, shared.hasCaller, isFirst), shared.exitWaiters)
        }
        for waiter in waiters { waiter.resume() }
        return answer
    }

    /// Keeps an end for whoever is loading the plugin just now; false if nobody is.
    func postpone(_ end: End) -> Bool {
        let waiters: [OneShot]? = shared.withLock { shared in
            guard shared.isOwned, shared.state.isLoadPhase, shared.exit == nil, shared.postponed == nil else { return nil }
            shared.postponed = end
            Self.closeDoor(&shared)
            defer { shared.exitWaiters = [] }
            return shared.exitWaiters
        }
        for waiter in waiters ?? [] { waiter.resume() }
        return waiters != nil
    }

    /// The end that waits for the loader, if any.
    var postponed: End? { shared.withLock { $0.postponed } }

    /// Takes that end; the loader has given the worker back.
    func takePostponed() -> End? {
        shared.withLock { shared in
            defer { shared.postponed = nil }
            return shared.postponed
        }
    }

    /// Asks the spawner for its death, once; `tickUnowned` repeats it. The state may have been told of the reason already, by whoever judged a
    /// frame or the time.
    func kill(_ reason: KillReason, _ spawner: any WorkerSpawner) {
        shared.withLock { shared in
            _ = shared.state.kill(reason, at: .now)
            guard shared.exit == nil, !shared.isKillAsked else { return }
            shared.isKillAsked = true
            spawner.kill(id)
        }
    }

    /// Applies limits of time to a worker that nobody owns; kills are repeated here until the spawner has reported them done.
    func tickUnowned(_ spawner: any WorkerSpawner, at now: Moment) {
        shared.withLock { shared in
            var isKilling = false
            if case .killing = shared.state.phase { isKilling = true }
            guard shared.exit == nil, !shared.isOwned || isKilling else { return }
            if case .kill = shared.state.tick(at: now) { spawner.kill(id) }
        }
    }

    /// When `tickUnowned` has something to do next.
    var nextTick: Moment? {
        shared.withLock { shared in
            guard shared.exit == nil else { return nil }
            if case .killing = shared.state.phase { return shared.state.nextTick }
            return shared.isOwned ? nil : shared.state.nextTick
        }
    }

    /// Waits until the spawner has reported the end, at most until `deadline`; answers the reason if it is known.
    func exitReason(until deadline: Deadline) async -> KillReason? {
        await withUnsafeContinuation { continuation in
            let shot = OneShot(continuation)
            let isOver = shared.withLock { shared in
                let isKnown = shared.exit != nil || shared.postponed != nil
                if !isKnown { shared.exitWaiters.append(shot) }
                return isKnown
            }
            if isOver { return shot.resume() }
            EventLoop.current?.schedule(at: deadline) { shot.resume() }
        }
        return shared.withLock { $0.exit ?? $0.postponed?.cause }
    }
}

extension Moment {
    /// The present on CLOCK_MONOTONIC.
    static var now: Moment { Moment(nanoseconds: Deadline.now().nanoseconds) }
    init(_ deadline: Deadline) { self.init(nanoseconds: deadline.nanoseconds) }
}

extension Deadline {
    init(_ moment: Moment) { self.init(nanoseconds: moment.nanoseconds) }
}

extension KillReason {
    /// What the spawner saw, as a reason.
    init(_ exit: WorkerExit) {
        if let violation = exit.violation {
            self = .violation(Violation(number: Int(violation.number), name: violation.name, arguments: violation.arguments))
        } else if exit.outOfMemoryKills > 0 {
            self = .memory
        } else if let signal = exit.signal {
            self = .crash(signal: Int(signal))
        } else {
            self = .exited(status: Int(exit.status ?? 0))
        }
    }
}
