import CLinux
import Glibc
import Jail
import WorkerProtocol

/// The privileged loop: takes requests from the host, makes and reaps workers, watches tripwires.
struct Spawner {
    private let options: SpawnerOptions
    private let cgroups: CgroupTree?
    private let host: HostProcess
    /// What makes the jails; nil when no plugin is started here, for the reason in `refusal`.
    private let builder: JailBuilder?
    private let refusal: String?
    private let signals: Int32
    private let epoll: Int32
    private var networks: NetworkNamespaces
    private var freeSlots: [Int]
    /// Made while there was time: a leaf's folders cost a tenth of a cold start.
    private var nextLeaf: CgroupLeaf?
    private var leavesMade = 0
    private var buffer = [UInt8](repeating: 0, count: SpawnerRequest.bytesMax)
    /// By worker id.
    private var workers: [UInt64: WorkerProcess] = [:]
    private var workerByPid: [Int32: UInt64] = [:]
    /// Leaves whose last process the kernel had not finished with.
    private var leavesToRemove: [CgroupLeaf] = []
    private var hostStatus: Int32?

    /// Runs the service in the current process.
    /// - Returns: the host's exit status, or 1.
    static func main(_ options: SpawnerOptions, _ cgroups: CgroupGround) -> Int32 {
        do {
            var spawner = try Spawner(options, cgroups)
            return spawner.run()
        } catch {
            report("limen-spawner: \(error.step): \(describe(errno: error.errno))\n")
            return 1
        }
    }

    private init(_ options: SpawnerOptions, _ cgroups: CgroupGround) throws(JailError) {
        self.options = options
        self.cgroups = cgroups.tree
        if getuid() != 0, !options.acceptsGroups { try Self.refuseGroups() }
        signals = Int32(try require("signals", clinux_supervision_signals()))
        let account = try HostProcess.account(options)
        let ground = Ground(
            options: options, dataFolder: try Self.prepareData(options.dataDirectory, account), account: account, cgroups: cgroups)
        host = try HostProcess.start(options, account)
        let ladder = Ladder.climb(ground)
        let refusal = Self.refusal(ladder, options.lowestRung)
        // Looked at from outside: from here on the namespaces are the spawner's own, while the host stays where it is.
        let posture = Posture(ladder: ladder, ground: ground, libraries: RuntimeImage.allowedLibraryFiles.count, refusal: refusal).json()
        builder = try Self.builder(ladder, ground, refusal)
        self.refusal = refusal
        networks = NetworkNamespaces(slots: options.slots)
        freeSlots = Array((0..<options.slots).reversed())
        epoll = clinux_epoll_create()
        try require("epoll", checked(epoll))
        try watch(host.channel, .host, 0)
        try watch(signals, .signal, 0)
        send(.posture(json: posture))
    }

    private static func builder(_ ladder: Ladder, _ ground: Ground, _ refusal: String?) throws(JailError) -> JailBuilder? {
        guard let held = ladder.held, refusal == nil else { return nil }
        return try JailBuilder(held.rung, ladder.features.jail(held.rung, hasCgroup: ground.cgroups.tree != nil), ground)
    }

    /// Why this machine starts no stranger's code; nil when it does.
    private static func refusal(_ ladder: Ladder, _ lowest: Rung) -> String? {
        guard let rung = ladder.held?.rung else {
            let why = ladder.attempts.last?.failure.map(Posture.reason) ?? "no rung was tried"
            return "no jail can be built here (\(why)), so no plugin is started; `limen doctor` says what is missing and how to enable it"
        }
        if rung.isAtLeast(lowest) { return nil }
        return
            "this machine holds only the rung `\(rung.name)`, so no plugin is started; `limen doctor` says what is missing; to accept it write sandbox.lowest_rung: \"\(rung.name)\""
    }

    /// Without setgroups a rootless worker keeps the account's groups, and with them whatever those may open.
    private static func refuseGroups() throws(JailError) {
        guard LayerTrial.supplementaryGroups().isEmpty else {
            throw JailError(
                "this account has supplementary groups that rootless workers would keep; use an account without them, or accept it with --accept-groups"
            )
        }
    }

    private static func prepareData(_ directory: String, _ account: HostProcess.Account) throws(JailError) -> String {
        if mkdir(directory, 0o700) == 0 { try require("own \(directory)", checked(chown(directory, account.userID, account.groupID))) }
        var information = stat()
        try require("data folder \(directory)", checked(stat(directory, &information)))
        guard information.st_uid == account.userID else {
            throw JailError(
                "data folder \(directory) belongs to user \(information.st_uid), but the host runs as \(account.userID): `chown -R \(account.userID):\(account.groupID) \(directory)`"
            )
        }
        for folder in [directory + "/run", directory + "/run/jail", directory + "/run/trial"] {
            if mkdir(folder, 0o755) != 0, errno != EEXIST { throw JailError("make \(folder)", errno: errno) }
        }
        try require("own \(directory)/run/trial", checked(chown(directory + "/run/trial", account.userID, account.groupID)))
        guard let absolute = realpath(directory, nil) else { throw JailError("find \(directory)", errno: errno) }
        defer { free(absolute) }
        return String(cString: absolute)
    }
}

// MARK: - The loop

extension Spawner {
    /// What a descriptor in the epoll set is; the worker id is beside it, so that an event for a dead worker finds nothing.
    private enum Source: UInt64 {
        case host = 0
        case signal = 1
        case setup = 2
        case listener = 3
    }

    private func watch(_ descriptor: Int32, _ source: Source, _ workerID: UInt64) throws(JailError) {
        try require("epoll", checked(clinux_epoll_add(epoll, descriptor, clinux_epoll_in, workerID << 2 | source.rawValue)))
    }

    private mutating func run() -> Int32 {
        var ready = [clinux_ready](repeating: clinux_ready(), count: 64)
        while hostStatus == nil {
            let count = clinux_epoll_wait(epoll, &ready, Int32(ready.count), leavesToRemove.isEmpty ? -1 : 20)
            for index in 0..<Int(max(count, 0)) { handle(ready[index]) }
            leavesToRemove.removeAll { $0.remove() }
            prepareNext()
        }
        return finish()
    }

    /// Does ahead, after the answers are out, what the next worker will need.
    private mutating func prepareNext() {
        do {
            if builder != nil, nextLeaf == nil { nextLeaf = try makeLeaf() }
            if builder?.rung.hasNamespaces == true, let slot = freeSlots.last { try networks.prepare(slot: slot) }
        } catch {
            // The next request meets the same obstacle and reports it to the host.
            report("limen-spawner: \(error.step): \(describe(errno: error.errno))\n")
        }
    }

    private mutating func makeLeaf() throws(JailError) -> CgroupLeaf? {
        guard let cgroups else { return nil }
        leavesMade += 1
        return try cgroups.makeLeaf("w\(leavesMade)")
    }

    private mutating func takeLeaf() throws(JailError) -> CgroupLeaf? {
        defer { nextLeaf = nil }
        if let nextLeaf { return nextLeaf }
        return try makeLeaf()
    }

    private mutating func handle(_ event: clinux_ready) {
        let workerID = event.data >> 2
        switch Source(rawValue: event.data & 3) {
        case .host: receiveRequest()
        case .signal: handleSignals()
        case .setup: receiveSetup(workerID)
        case .listener: receiveViolation(workerID)
        case nil: break
        }
    }

    private mutating func handleSignals() {
        for number in Signals.read(signals) {
            if number == SIGCHLD { reap() } else { kill(host.pid, number) }
        }
    }

    /// Kills what is left and waits for it, at most two seconds: everything here dies of SIGKILL.
    private mutating func finish() -> Int32 {
        for worker in workers.values { _ = clinux_pidfd_send_signal(worker.pidfd, SIGKILL) }
        for _ in 0..<200 where !workers.isEmpty {
            var set = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
            poll(&set, 1, 10)
            _ = Signals.read(signals)
            reap()
        }
        if let nextLeaf { leavesToRemove.append(nextLeaf) }
        for _ in 0..<100 where !leavesToRemove.isEmpty {
            usleep(10_000)
            leavesToRemove.removeAll { $0.remove() }
        }
        return hostStatus ?? 1
    }

    private func send(_ event: SpawnerEvent, descriptor: Int32? = nil) {
        let bytes = event.encoded()
        var descriptors = [descriptor ?? -1]
        let sent = clinux_send_fds(host.channel, bytes, bytes.count, &descriptors, descriptor == nil ? 0 : 1)
        // A host that is gone is noticed by its exit; one that does not read its channel is ended by it being full.
        if sent < 0, sent != -Int(EPIPE) { report("limen-spawner: tell host: \(describe(errno: Int32(-sent)))\n") }
    }
}

// MARK: - Requests

extension Spawner {
    private mutating func receiveRequest() {
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
    private mutating func hostClosed() {
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
        guard let builder else { throw JailError(refusal ?? "no plugin is started here") }
        guard workers[request.workerID] == nil, request.workerID < 1 << 60 else { throw JailError("worker id is in use", errno: EEXIST) }
        guard let slot = freeSlots.popLast() else { throw JailError("all \(options.slots) worker slots are taken", errno: EAGAIN) }
        do {
            let spec = try builder.specification(request, slot: slot, bundle: descriptors[0])
            try start(builder, request, slot, spec, frames: descriptors[1])
        } catch {
            freeSlots.append(slot)
            throw error
        }
    }

    private mutating func start(
        _ builder: JailBuilder, _ request: SpawnRequest, _ slot: Int, _ spec: JailSpec, frames: Int32
    ) throws(JailError) {
        var pair: [Int32] = [-1, -1]
        try require("setup socket", checked(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair)))
        defer { close(pair[1]) }
        var leaf: CgroupLeaf?
        do {
            let made = try takeLeaf()
            leaf = made
            try made?.apply(request.limits)
            if builder.rung.hasNamespaces { try networks.enter(slot: slot) }
            // Before the clone, so that the worker never waits for it.
            let bytes = spec.encoded()
            try require("send specification", clinux_send_fds(pair[0], bytes, bytes.count, nil, 0))
            let (pid, pidfd) = try builder.birth.start(leaf: made, frames: frames, setup: pair[1])
            let worker = WorkerProcess(
                workerID: request.workerID, slot: slot, pid: pid, pidfd: pidfd, leaf: made, memoryPeak: made?.openMemoryPeak(), setup: pair[0])
            workers[request.workerID] = worker
            workerByPid[pid] = request.workerID
            send(.spawned(workerID: request.workerID, pid: pid, hasMemoryPeak: worker.memoryPeak != nil), descriptor: worker.memoryPeak)
        } catch {
            close(pair[0])
            if let leaf, !leaf.remove() { leavesToRemove.append(leaf) }
            throw error
        }
        do { try watch(pair[0], .setup, request.workerID) } catch { end(request.workerID, error) }
    }

    /// Kills a worker whose jail does not stand; its exit is reported as a failure of that step.
    private mutating func end(_ workerID: UInt64, _ error: JailError) {
        guard let worker = workers[workerID] else { return }
        workers[workerID]?.failure = worker.failure ?? error
        _ = clinux_pidfd_send_signal(worker.pidfd, SIGKILL)
    }
}

// MARK: - Workers

extension Spawner {
    private mutating func receiveSetup(_ workerID: UInt64) {
        guard let setup = workers[workerID]?.setup else { return }
        var bytes = [UInt8](repeating: 0, count: SetupMessage.bytesMax)
        var listener: Int32 = -1
        var count: Int32 = 1
        let length = clinux_receive_fds(setup, &bytes, bytes.count, &listener, &count, Int32(MSG_DONTWAIT))
        if length == -Int(EAGAIN) { return }
        // One message, then the socket is done with: the plugin must never have a line to this process.
        defer {
            _ = clinux_epoll_remove(epoll, setup)
            close(setup)
            workers[workerID]?.setup = nil
        }
        guard length > 0 else { return end(workerID, JailError("worker ended in its setup", errno: ECONNRESET)) }
        do {
            switch try SetupMessage(decoding: Array(bytes[..<length])) {
            case .failed(let step, let errno): end(workerID, JailError(step, errno: errno))
            case .filtered:
                guard (count == 1) == builder?.features.contains(.notification) else {
                    return end(workerID, JailError("listener is missing", errno: EPROTO))
                }
                if count == 1 {
                    workers[workerID]?.listener = listener
                    try watch(listener, .listener, workerID)
                }
                let answer = SetupMessage.acknowledgement
                try require("acknowledge listener", clinux_send_fds(setup, answer, answer.count, nil, 0))
            }
        } catch let error as JailError {
            end(workerID, error)
        } catch {
            end(workerID, JailError("setup message: \(error)", errno: EPROTO))
        }
    }

    /// A tripwire: records the call and kills. It is never allowed to continue.
    private mutating func receiveViolation(_ workerID: UInt64) {
        guard let worker = workers[workerID], let listener = worker.listener else { return }
        var notification = clinux_notification()
        let result = clinux_seccomp_receive(listener, &notification)
        if result == 0, worker.violation == nil {
            workers[workerID]?.violation = SyscallViolation(
                number: notification.number, name: SyscallNames.name(notification.number),
                arguments: withUnsafeBytes(of: notification.arguments) { Array($0.bindMemory(to: UInt64.self)) })
        }
        if result == 0 || result != -Int(ENOENT) {
            _ = clinux_pidfd_send_signal(worker.pidfd, SIGKILL)
            _ = clinux_epoll_remove(epoll, listener)
            close(listener)
            workers[workerID]?.listener = nil
        }
    }

    private mutating func reap() {
        while true {
            var status: Int32 = 0
            var usage = rusage()
            let pid = clinux_wait_any(&status, &usage)
            guard pid > 0 else { return }
            if pid == Int(host.pid) {
                hostStatus = clinux_exited(status) != 0 ? clinux_exit_status(status) : 1
            } else if let workerID = workerByPid.removeValue(forKey: Int32(pid)) {
                // Its last words, if it died before they were read.
                receiveSetup(workerID)
                if let worker = workers.removeValue(forKey: workerID) { bury(worker, status, usage) }
            }
        }
    }

    private mutating func bury(_ worker: WorkerProcess, _ status: Int32, _ usage: rusage) {
        let exited = clinux_exited(status) != 0
        let exit = WorkerExit(
            status: exited ? clinux_exit_status(status) : nil, signal: exited ? nil : clinux_term_signal(status),
            userMicroseconds: microseconds(usage.ru_utime), systemMicroseconds: microseconds(usage.ru_stime),
            memoryPeakBytes: worker.readMemoryPeak(), outOfMemoryKills: worker.leaf?.outOfMemoryKills() ?? 0, violation: worker.violation)
        worker.closeDescriptors()
        freeSlots.append(worker.slot)
        if let leaf = worker.leaf, !leaf.remove() { leavesToRemove.append(leaf) }
        if let failure = worker.failure {
            send(.failed(workerID: worker.workerID, step: failure.step, errno: failure.errno))
        } else {
            send(.exited(workerID: worker.workerID, exit))
        }
    }

    private func microseconds(_ time: timeval) -> UInt64 { UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_usec) }
}
