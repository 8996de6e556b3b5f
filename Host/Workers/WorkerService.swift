package import IO
import Jail
import Supervisor
import WorkerProtocol

/// Starts, uses and ends the workers of all plugins.
package final class WorkerService: Sendable {
    private struct State {
        var handles: [UInt64: WorkerHandle] = [:]
        var pools: [PluginPool] = []
        var nextPool: UInt64 = 1
        var posture: [UInt8] = []
        var isLost = false
        var isStopping = false
    }

    let spawner: any WorkerSpawner
    let observer: any WorkerObserver
    let loop: EventLoop
    let scope = TaskScope()
    let callIDs = CallIDs()
    let waiterIDs = CallIDs()
    private let state = Lock(State())
    private let onLost: @Sendable () -> Void

    /// - Parameters:
    ///   - loop: where workers are loaded and the spawner is listened to; calls run on their callers' loops.
    ///   - onLost: called once when the spawner is gone; the service cannot go on then.
    package init(spawner: any WorkerSpawner, observer: any WorkerObserver, loop: EventLoop, onLost: @escaping @Sendable () -> Void = {}) {
        self.spawner = spawner
        self.observer = observer
        self.loop = loop
        self.onLost = onLost
        spawner.start({ [unowned self] in handle($0, $1) }, lost: { [unowned self] in lost() })
    }

    /// Where workers are loaded and timers of the service run.
    package var eventLoop: EventLoop { loop }

    /// A number that was never given before and is not 0, for keys of `call` isolation.
    package func uniqueNumber() -> UInt64 { callIDs.next() }

    // MARK: Plugins

    /// Makes a pool for a plugin version and starts its spares.
    package func add(_ spec: PluginSpec) -> PluginPool {
        let pool = state.withLock { state in
            let pool = PluginPool(spec, service: self, firstWorker: state.nextPool << 32)
            state.nextPool += 1
            state.pools.append(pool)
            return pool
        }
        pool.step { $0.pool.tick(at: .now) }
        return pool
    }

    /// Lets the calls of a pool end, kills what is left at `deadline`, and forgets the pool when nothing of it is left.
    package func remove(_ pool: PluginPool, until deadline: Deadline) async {
        pool.step { $0.pool.drain() }
        await empty([pool], until: deadline)
        pool.step { $0.pool.killAll() }
        await empty([pool], until: .after(milliseconds: WorkersLimits.stopMillisecondsMax))
        state.withLock { state in state.pools.removeAll { $0 === pool } }
    }

    /// Lets every call end until `deadline`, then kills what is left, and returns when no process is left.
    package func stop(until deadline: Deadline) async {
        let pools = state.withLock { state in
            state.isStopping = true
            return state.pools
        }
        for pool in pools { pool.step { $0.pool.drain() } }
        await empty(pools, until: deadline)
        for pool in pools { pool.step { $0.pool.killAll() } }
        scope.cancel()
        await scope.finish()
        await empty(pools, until: .after(milliseconds: WorkersLimits.stopMillisecondsMax))
        spawner.stop()
        await spawner.finish()
        state.withLock { $0.pools = [] }
    }

    private func empty(_ pools: [PluginPool], until deadline: Deadline) async {
        while !deadline.hasPassed, pools.contains(where: { pool in pool.state.withLock { !$0.pool.isEmpty } }) {
            do {
                try await loop.sleep(until: min(deadline, .after(milliseconds: WorkersLimits.stopPollMilliseconds)))
            } catch {
                // The loop ends or the caller is cancelled: nothing can be waited for any more.
                return
            }
        }
    }

    // MARK: The spawner

    /// Makes a worker findable by its number; false when the spawner is gone.
    func remember(_ handle: WorkerHandle) -> Bool {
        state.withLock { state in
            if state.isLost { return false }
            state.handles[handle.id] = handle
            return true
        }
    }

    func forget(_ handle: WorkerHandle) { state.withLock { $0.handles[handle.id] = nil } }

    private func find(_ id: UInt64) -> WorkerHandle? { state.withLock { $0.handles[id] } }

    private func handle(_ event: SpawnerEvent, _ descriptor: Int32) {
        switch event {
        case .posture(let json):
            state.withLock { $0.posture = json }
        case .spawned(let id, let pid, _):
            guard let worker = find(id) else { return Self.drop(descriptor) }
            return worker.spawned(pid: pid, memoryPeak: descriptor)
        case .listening(let id): return listen(id, descriptor)
        case .failed(let id, let step, let code):
            if let worker = find(id) { worker.pool.gone(worker, .jail(code == 0 ? step : "\(step): \(describe(errno: code))")) }
        case .exited(let id, let exit):
            if let worker = find(id) { worker.pool.gone(worker, KillReason(exit), peakMemoryBytes: Int(clamping: exit.memoryPeakBytes)) }
        }
        Self.drop(descriptor)
    }

    /// Opens the worker's door; it is closed by the worker's end.
    private func listen(_ id: UInt64, _ descriptor: Int32) {
        guard descriptor >= 0, let worker = find(id), let make = worker.pool.spec.door else { return Self.drop(descriptor) }
        let door = make(FileDescriptor(descriptor), id, loop)
        let isRunning = worker.opened(door) && scope.start(on: loop) { await door.run() }
        if !isRunning { door.close() }
    }

    private static func drop(_ descriptor: Int32) {
        guard descriptor >= 0 else { return }
        do { try Syscall.close(descriptor) } catch { assertionFailure("\(error)") }
    }

    /// The spawner is gone, and with it every worker.
    private func lost() {
        let (handles, isExpected) = state.withLock { state in
            state.isLost = true
            return (Array(state.handles.values), state.isStopping)
        }
        for handle in handles { handle.pool.gone(handle, .drained) }
        if !isExpected { onLost() }
    }

    // MARK: Seen from outside

    /// The spawner's posture: rung, layers, as JSON; empty until it has spoken.
    package var posture: [UInt8] { state.withLock { $0.posture } }

    /// Whether the spawner is gone.
    package var isLost: Bool { state.withLock { $0.isLost } }

    /// The pools, in the order in which they were made.
    package var pools: [PluginPool] { state.withLock { $0.pools } }
}
