import IO
import Supervisor
import WorkerProtocol

/// The workers of one plugin version: the pool's decisions bound to processes.
package final class PluginPool: Sendable {
    enum Grant: Sendable {
        case worker(WorkerHandle, startedFor: Bool)
        case refused(WorkerPool.Refusal)
        case cancelled
    }

    struct State: Sendable {
        var pool: WorkerPool
        var handles: [UInt64: WorkerHandle] = [:]
        var waiters: [UInt64: UnsafeContinuation<Grant, Never>] = [:]
        /// When the timer that is set will fire, nil if none is.
        var armedAt: Moment?
        var wasReady = false
    }

    /// What must be done outside the lock.
    enum Effect {
        case start(WorkerHandle)
        case retire(WorkerHandle, KillReason)
        case resume(UnsafeContinuation<Grant, Never>, Grant)
        case broken(String)
    }

    package let spec: PluginSpec
    let service: WorkerService
    let state: Lock<State>

    init(_ spec: PluginSpec, service: WorkerService, firstWorker: UInt64) {
        self.spec = spec
        self.service = service
        state = Lock(State(pool: WorkerPool(spec.pool, firstWorker: firstWorker)))
    }

    // MARK: Decisions

    /// Changes the pool under its lock and does what follows outside it.
    @discardableResult
    func step<T: Sendable>(_ change: (inout State) -> T) -> T {
        let (value, effects) = state.withLock { state -> (T, [Effect]) in
            let value = change(&state)
            return (value, state.pool.hasActions ? collect(&state) : [])
        }
        if !effects.isEmpty {
            for effect in effects { perform(effect) }
            arm()
        }
        return value
    }

    private func collect(_ state: inout State) -> [Effect] {
        var effects: [Effect] = []
        for action in state.pool.takeActions() {
            switch action {
            case .spawn(let id):
                let handle = WorkerHandle(id: id, pool: self, at: .now)
                state.handles[id] = handle
                effects.append(.start(handle))
            case .retire(let id, let reason):
                if let handle = state.handles[id] { effects.append(.retire(handle, reason)) }
            case .grant(let waiter, let worker, let startedFor):
                guard let continuation = state.waiters.removeValue(forKey: waiter), let handle = state.handles[worker] else { continue }
                effects.append(.resume(continuation, .worker(handle, startedFor: startedFor)))
            case .refuse(let waiter, let refusal):
                guard let continuation = state.waiters.removeValue(forKey: waiter) else { continue }
                effects.append(.resume(continuation, .refused(refusal)))
            case .broken(let reason): effects.append(.broken(reason))
            }
        }
        return effects
    }

    private func perform(_ effect: Effect) {
        switch effect {
        case .start(let handle): start(handle)
        case .retire(let handle, let reason): retire(handle, reason)
        case .resume(let continuation, let grant): continuation.resume(returning: grant)
        case .broken(let reason): service.observer.pluginBroken(plugin: spec.name, version: spec.version, generation: spec.generation, reason: reason)
        }
    }

    // MARK: Workers

    private func start(_ handle: WorkerHandle) {
        let request = SpawnRequest(
            workerID: handle.id, limits: spec.limits, bundlePath: spec.bundlePath, files: spec.files, library: spec.library,
            hasSocket: spec.door != nil)
        guard service.remember(handle), handle.start(service.spawner, request, bundle: spec.bundleDescriptor) else {
            return gone(handle, .jail("the spawner did not take the request"))
        }
        let isOwned = service.scope.start(on: service.loop) { await self.load(handle) }
        if !isOwned {
            handle.kill(.drained, service.spawner)
            handle.release()
        }
    }

    private func load(_ handle: WorkerHandle) async {
        let reason = await handle.load(on: service.loop)
        if let reason, reason != handle.postponed?.cause { handle.kill(reason, service.spawner) }
        // While it is ours, so that no call pays for it.
        if reason == nil { handle.shared.withLock { handle.openAccount($0) } }
        handle.release()
        if let end = handle.takePostponed() { return gone(handle, end.cause, peakMemoryBytes: end.peakMemoryBytes) }
        guard reason == nil else { return arm() }
        let isFirst = step { state in
            state.pool.workerReady(handle.id, at: .now)
            defer { state.wasReady = true }
            return !state.wasReady
        }
        service.observer.workerStarted(plugin: spec.name, nanoseconds: Moment.now.nanoseconds &- handle.born.nanoseconds)
        if isFirst { service.observer.pluginReady(plugin: spec.name, version: spec.version, generation: spec.generation) }
    }

    private func retire(_ handle: WorkerHandle, _ reason: KillReason) {
        let mayDrain = spec.pool.mode != .call && reason != .evicted
        if mayDrain, handle.drain(reason) { return }
        handle.kill(reason, service.spawner)
    }

    /// The spawner says that the process is gone, or there never was one.
    ///
    /// While the plugin is being loaded its last words come first: they say why better than an exit status does.
    func gone(_ handle: WorkerHandle, _ cause: KillReason, peakMemoryBytes: Int = 0) {
        if handle.postpone(WorkerHandle.End(cause: cause, peakMemoryBytes: peakMemoryBytes)) { return }
        let (reason, wasLoading, hasCaller, isFirst) = handle.exited(cause, peakMemoryBytes: peakMemoryBytes)
        guard isFirst else { return }
        service.forget(handle)
        service.observer.workerEnded(plugin: spec.name, version: spec.version, worker: handle.id, reason: reason, isReported: hasCaller)
        step { state in
            state.handles[handle.id] = nil
            state.pool.workerGone(handle.id, loadFailure: wasLoading && reason.isFault ? reason.explanation : nil, at: .now)
        }
        arm()
    }

    // MARK: Time

    /// Sets the timer to the next thing that time demands.
    func arm() {
        let now = Moment.now
        let due: Moment? = state.withLock { state in
            var next = state.pool.nextTick(at: now)
            for handle in state.handles.values {
                if let tick = handle.nextTick { next = min(next ?? tick, tick) }
            }
            guard let next, state.armedAt == nil || next < state.armedAt! || state.armedAt! <= now else { return nil }
            state.armedAt = next
            return next
        }
        guard let due else { return }
        service.loop.schedule(at: Deadline(max(due, now.adding(milliseconds: 1)))) { self.tick(due) }
    }

    private func tick(_ due: Moment) {
        let now = Moment.now
        let handles = state.withLock { state in
            if state.armedAt == due { state.armedAt = nil }
            return Array(state.handles.values)
        }
        for handle in handles { handle.tickUnowned(service.spawner, at: now) }
        step { $0.pool.tick(at: now) }
        arm()
    }
}
