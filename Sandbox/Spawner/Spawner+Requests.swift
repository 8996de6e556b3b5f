import CLinux
import Glibc
import Jail
import WorkerProtocol

// MARK: - Requests

extension Spawner {
    mutating func receiveRequest() {
        var descriptors = [Int32](repeating: -1, count: 4)
        var count = Int32(descriptors.count)
        let length = clinux_receive_fds(host.channel, &buffer, buffer.count, &descriptors, &count, Int32(MSG_DONTWAIT))
        if length == -Int(EAGAIN) { return }
        guard length > 0 else { return hostClosed() }
        let received = Array(descriptors[..<Int(count)])
        defer { for descriptor in received { close(descriptor) } }
        do {
            switch try SpawnerRequest(decoding: Array(buffer[..<length])) {
            case .spawn(let request): spawn(request, received)
            case .kill(let workerID):
                if let worker = workers[workerID] { _ = clinux_pidfd_send_signal(worker.pidfd, SIGKILL) }
            case .stop: hostClosed()
            }
        } catch {
            report("limen-spawner: the host sent a malformed request (\(error)); ending it\n")
            kill(host.pid, SIGKILL)
        }
    }

    /// The host closed its channel: it is ending, and its exit status comes with SIGCHLD.
    mutating func hostClosed() {
        _ = clinux_epoll_remove(epoll, host.channel)
        for worker in workers.values { _ = clinux_pidfd_send_signal(worker.pidfd, SIGKILL) }
    }

    private mutating func spawn(_ request: SpawnRequest, _ descriptors: [Int32]) {
        do {
            try make(request, descriptors)
        } catch {
            send(.failed(workerID: request.workerID, step: error.step, errno: error.errno))
        }
    }

    private mutating func make(_ request: SpawnRequest, _ descriptors: [Int32]) throws(JailError) {
        guard descriptors.count == SpawnRequest.descriptorCount else {
            throw JailError("spawn request carries \(descriptors.count) descriptors", errno: EPROTO)
        }
        guard let builder = nursery?.builder else { throw JailError(refusal ?? "no plugin is started here") }
        guard workers[request.workerID] == nil, request.workerID < 1 << 60 else { throw JailError("worker id is in use", errno: EEXIST) }
        // What can be refused is refused before a process is used up for it.
        try builder.checkSocketGrant(request)
        let bundle = try builder.inspect(bundle: descriptors[0])
        guard let prepared = try nursery?.take() else { throw JailError("no plugin is started here") }
        let workerID = request.workerID
        workerByPid[prepared.pid] = workerID
        workers[workerID] = WorkerProcess(workerID: workerID, prepared)
        do {
            if request.hasSocket { try listen(workerID, slot: prepared.slot) }
            let spec = builder.specification(request, slot: prepared.slot, bundle)
            try builder.assign(spec, frames: descriptors[1], over: prepared.setup)
            // While it builds its root: no code of the plugin's runs before its filter is acknowledged here.
            try prepared.leaf?.apply(request.limits)
            try watch(prepared.setup, .setup, workerID)
        } catch {
            end(workerID, error)
        }
        send(.spawned(workerID: workerID, pid: prepared.pid, hasMemoryPeak: prepared.memoryPeak != nil), descriptor: prepared.memoryPeak)
    }

    /// Gives the host the listener of a worker's own network namespace; no copy of it stays here.
    private mutating func listen(_ workerID: UInt64, slot: Int) throws(JailError) {
        guard let listener = try nursery?.listen(slot: slot) else { return }
        send(.listening(workerID: workerID), descriptor: listener)
        close(listener)
    }

    /// Kills a worker whose jail does not stand; its exit is reported as a failure of that step.
    mutating func end(_ workerID: UInt64, _ error: JailError) {
        guard let worker = workers[workerID] else { return }
        workers[workerID]?.failure = worker.failure ?? error
        _ = clinux_pidfd_send_signal(worker.pidfd, SIGKILL)
    }
}
