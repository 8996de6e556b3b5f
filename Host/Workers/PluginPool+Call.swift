import IO
import Supervisor

/// The path of one call: a worker, the conversation, the bill.
extension PluginPool {
    /// Calls the plugin. Runs on the caller's loop, or on the service's if the caller has none; ends by `call.deadline` or on cancellation.
    package func call(_ call: WorkerCall, host: any WorkerCallHost) async -> WorkerCallOutcome {
        guard let loop = EventLoop.current else {
            return await withTaskExecutorPreference(service.loop) { await self.hop(call, host) }
        }
        return await self.call(call, host: host, on: loop)
    }

    /// Only a concurrent function really moves to the preferred executor; others go on where their caller was.
    @concurrent private func hop(_ call: WorkerCall, _ host: any WorkerCallHost) async -> WorkerCallOutcome {
        await self.call(call, host: host, on: service.loop)
    }

    private func call(_ call: WorkerCall, host: any WorkerCallHost, on loop: EventLoop) async -> WorkerCallOutcome {
        var usage = CallUsage()
        for _ in 0..<WorkersLimits.checkOutsMax {
            switch await checkOut(call, &usage) {
            case .cancelled: return WorkerCallOutcome(end: .cancelled, reachedPlugin: false, usage: usage)
            case .refused(let refusal):
                let end: WorkerCallEnd = refusal == .timedOut && call.deadline.hasPassed ? .deadline : .refused(refusal)
                return WorkerCallOutcome(end: end, reachedPlugin: false, usage: usage)
            case .worker(let handle, _):
                guard handle.acquire() else {
                    // It died between the choice and now; its end is on its way to the pool.
                    step { $0.pool.workerFailing(handle.id) }
                    continue
                }
                return await run(call, handle, host, usage, on: loop)
            }
        }
        return WorkerCallOutcome(end: .refused(.busy), reachedPlugin: false, usage: usage)
    }

    private func checkOut(_ call: WorkerCall, _ usage: inout CallUsage) async -> Grant {
        let now = Moment.now
        let (ready, mustArm): (WorkerHandle?, Bool) = step { state in
            guard let id = state.pool.checkOutNow(key: call.key, at: now) else { return (nil, false) }
            return (state.handles[id], state.pool.owesSpare && state.armedAt == nil)
        }
        if mustArm { arm() }
        if let ready { return .worker(ready, startedFor: false) }
        let grant = await wait(call)
        if case .worker(_, true) = grant { usage.workerStartNanoseconds &+= Moment.now.nanoseconds &- now.nanoseconds }
        return grant
    }

    private func wait(_ call: WorkerCall) async -> Grant {
        let waiter = service.waiterIDs.next()
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let answer: Grant? = step { state in
                    if Task.isCancelled { return .cancelled }
                    switch state.pool.checkOut(waiter, key: call.key, until: Moment(call.deadline), at: .now) {
                    case .granted(let id): return state.handles[id].map { .worker($0, startedFor: false) } ?? .refused(.busy)
                    case .refused(let refusal): return .refused(refusal)
                    case .queued:
                        state.waiters[waiter] = continuation
                        return nil
                    }
                }
                if let answer { continuation.resume(returning: answer) } else { arm() }
            }
        } onCancel: {
            let continuation = step { state in
                guard state.pool.cancel(waiter, at: .now) else { return UnsafeContinuation<Grant, Never>?.none }
                return state.waiters.removeValue(forKey: waiter)
            }
            continuation?.resume(returning: .cancelled)
        }
    }

    private func run(
        _ call: WorkerCall, _ handle: WorkerHandle, _ host: any WorkerCallHost, _ before: CallUsage, on loop: EventLoop
    ) async -> WorkerCallOutcome {
        var usage = before
        let callID = service.callIDs.next()
        let (begun, door) = handle.shared.withLock { shared in
            handle.openAccount(shared)
            shared.hasCaller = true
            return (shared.state.begin(callID, deadline: Moment(call.deadline)), shared.door)
        }
        guard begun, let registration = watch(handle, on: loop) else {
            handle.kill(.protocolFault(.unexpectedType), service.spawner)
            leave(handle)
            return WorkerCallOutcome(end: .died(.protocolFault(.unexpectedType)), reachedPlugin: false, usage: usage)
        }
        let traffic = door?.traffic ?? (requests: 0, bytes: 0)
        door?.works(for: call.requestID, tenant: call.tenant)
        let served = await handle.serve(call, id: callID, registration, host)
        handle.shared.withLock { $0.hasCaller = false }
        let cpuNanoseconds = handle.account.takeCPU()
        usage.cpuNanoseconds &+= cpuNanoseconds
        if let door {
            let after = door.traffic
            door.works(for: nil, tenant: "")
            usage.egressRequests += after.requests - traffic.requests
            usage.egressBytes += after.bytes - traffic.bytes
        }
        usage.peakMemoryBytes = max(usage.peakMemoryBytes, handle.takePeak(cpuNanoseconds: cpuNanoseconds))
        settle(handle, served.fate, registration, on: loop)
        return WorkerCallOutcome(end: served.end, reachedPlugin: served.reachedPlugin, usage: usage)
    }

    private func watch(_ handle: WorkerHandle, on loop: EventLoop) -> FDRegistration? {
        do {
            return try handle.watch(on: loop)
        } catch {
            service.observer.workerLogged(plugin: spec.name, level: 4, message: "a worker's socket could not be watched: \(error)")
            return nil
        }
    }

    /// Hands the worker on: to the pool, to a task that winds the call down, or to its death.
    private func settle(_ handle: WorkerHandle, _ fate: WorkerHandle.ServeEnd.Fate, _ registration: FDRegistration, on loop: EventLoop) {
        switch fate {
        case .idle:
            checkIn(handle)
        case .windDown:
            let isOwned = service.scope.start(on: loop) { await self.windDown(handle, registration) }
            if isOwned { return }
            handle.kill(.cancelled, service.spawner)
            leave(handle)
        case .kill(let reason):
            handle.kill(reason, service.spawner)
            leave(handle)
        case .gone:
            leave(handle)
        }
    }

    private func checkIn(_ handle: WorkerHandle) {
        handle.release()
        let mustArm = step { state in
            state.pool.checkIn(handle.id, at: .now)
            return state.armedAt == nil
        }
        if mustArm { arm() }
    }

    /// Gives up a worker that will serve nobody any more.
    private func leave(_ handle: WorkerHandle) {
        handle.release()
        step { $0.pool.workerFailing(handle.id) }
        arm()
    }

    private func windDown(_ handle: WorkerHandle, _ registration: FDRegistration) async {
        let reason = await handle.windDown(registration)
        if let reason {
            handle.kill(reason, service.spawner)
            leave(handle)
        } else {
            _ = handle.takePeak(cpuNanoseconds: handle.account.takeCPU())
            checkIn(handle)
        }
    }
}
