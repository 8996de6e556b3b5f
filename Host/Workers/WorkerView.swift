import IO
package import Supervisor
package import WorkerProtocol

/// One worker as the sandbox view shows it.
package struct WorkerView: Sendable {
    package var id: UInt64
    package var pid: Int32
    package var plugin: String
    package var version: String
    /// `spawning`, `jailing`, `loading`, `ready`, `busy`, `cancelling`, `draining`, `killing`, `dead`.
    package var state: String
    /// Whom it serves, as a number that tells keys apart and nothing else; nil for a spare.
    package var keyHash: UInt64?
    package var calls: Int
    package var peakMemoryBytes: Int
    package var ageMilliseconds: Int
    /// What the worker's own jail said before the plugin was loaded.
    package var posture: JailedPayload?
}

/// One plugin's pool as the sandbox view and metrics show it.
package struct PoolView: Sendable {
    package var plugin: String
    package var version: String
    package var counts: WorkerPool.Counts
    package var broken: String?
    package var workers: [WorkerView]
}

extension PluginPool {
    /// What the pool holds now.
    package var view: PoolView {
        let now = Moment.now
        let (counts, broken, handles) = state.withLock { state in
            (state.pool.counts, state.pool.broken, state.handles.values.map { ($0, state.pool.key(of: $0.id), state.pool.calls(of: $0.id)) })
        }
        let workers = handles.sorted { $0.0.id < $1.0.id }.map { handle, key, calls in handle.view(key, calls, at: now) }
        return PoolView(plugin: spec.name, version: spec.version, counts: counts, broken: broken, workers: workers)
    }

    /// Why the plugin is broken, or nil.
    package var broken: String? { state.withLock { $0.pool.broken } }

    /// Whether a worker has loaded the plugin.
    package var isReady: Bool { state.withLock { $0.wasReady } }

    /// Numbers of workers and waiters.
    package var counts: WorkerPool.Counts { state.withLock { $0.pool.counts } }

    /// Forgets that the plugin was broken, after the operator's reload.
    package func mend() { step { $0.pool.mend(at: .now) } }

    /// The process ids of the workers that have one.
    package var pids: [Int32] { view.workers.map(\.pid).filter { $0 > 0 } }
}

extension WorkerHandle {
    fileprivate func view(_ key: IsolationKey?, _ calls: Int, at now: Moment) -> WorkerView {
        shared.withLock { shared in
            WorkerView(
                id: id, pid: shared.pid, plugin: pool.spec.name, version: pool.spec.version, state: shared.state.name,
                keyHash: key.map { UInt64(bitPattern: Int64($0.hashValue)) }, calls: calls, peakMemoryBytes: shared.peakMemoryBytes,
                ageMilliseconds: now.milliseconds(since: born), posture: shared.posture)
        }
    }

    /// Starts counting for the first call: what loading cost is not its own.
    func openAccount(_ shared: Shared) {
        guard account.isUnset else { return }
        account = ProcessAccount(pid: shared.pid, memoryPeak: shared.memoryPeak)
        _ = account.takeCPU()
        if account.takeMemoryPeak() > 0 { lastPeak = account.memoryPeakBytes }
    }

    /// The memory peak of the call that has just ended and used that much CPU, in bytes; 0 when this rung cannot tell.
    ///
    /// Reading costs three system calls, so a call that can hardly have moved it reports what was in use when the peak was last read. That is never
    /// an earlier call's peak: each reading starts the peak anew, and what is kept is the value after that.
    func takePeak(cpuNanoseconds: UInt64) -> Int {
        unreadNanoseconds &+= cpuNanoseconds
        if unreadNanoseconds < WorkersLimits.peakReadNanosecondsMin, lastPeak > 0 { return lastPeak }
        unreadNanoseconds = 0
        let peak = account.takeMemoryPeak()
        guard peak > 0 else { return 0 }
        lastPeak = account.memoryPeakBytes
        shared.withLock { $0.peakMemoryBytes = max($0.peakMemoryBytes, peak) }
        return peak
    }
}
