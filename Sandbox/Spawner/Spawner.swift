import CLinux
import Glibc
import Jail
import WorkerProtocol

/// The privileged loop: takes requests from the host, makes and reaps workers, watches tripwires.
struct Spawner {
    let options: SpawnerOptions
    let host: HostProcess
    /// What makes the workers; nil when no plugin is started here, for the reason in `refusal`.
    var nursery: Nursery?
    let refusal: String?
    let signals: Int32
    let epoll: Int32
    var buffer = [UInt8](repeating: 0, count: SpawnerRequest.bytesMax)
    /// By worker id.
    var workers: [UInt64: WorkerProcess] = [:]
    var workerByPid: [Int32: UInt64] = [:]
    /// Leaves whose last process the kernel had not finished with.
    var leavesToRemove: [CgroupLeaf] = []
    var hostStatus: Int32?

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
        nursery = try Self.builder(ladder, ground, refusal).map {
            Nursery(builder: $0, cgroups: cgroups.tree, slots: options.slots, target: options.prepared)
        }
        self.refusal = refusal
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
    enum Source: UInt64 {
        case host = 0
        case signal = 1
        case setup = 2
        case listener = 3
    }

    func watch(_ descriptor: Int32, _ source: Source, _ workerID: UInt64) throws(JailError) {
        try require("epoll", checked(clinux_epoll_add(epoll, descriptor, clinux_epoll_in, workerID << 2 | source.rawValue)))
    }

    private mutating func run() -> Int32 {
        var ready = [clinux_ready](repeating: clinux_ready(), count: 64)
        while hostStatus == nil {
            let count = clinux_epoll_wait(epoll, &ready, Int32(ready.count), patience)
            for index in 0..<Int(max(count, 0)) { handle(ready[index]) }
            leavesToRemove.removeAll { $0.remove() }
            if count == 0 { prepareNext() }
        }
        return finish()
    }

    /// How long the loop waits for the next event, in milliseconds.
    private var patience: Int32 {
        // Prepared in a quiet moment: whoever was just served comes first.
        if nursery?.wantsMore == true { return SpawnerLimits.quietMilliseconds }
        return leavesToRemove.isEmpty ? -1 : 20
    }

    /// Does ahead what the next worker will need.
    private mutating func prepareNext() {
        do {
            try nursery?.prepare()
        } catch {
            // The next request meets the same obstacle and reports it to the host.
            report("limen-spawner: prepare a worker: \(error.step): \(describe(errno: error.errno))\n")
            nursery?.rest()
        }
    }

    mutating func handle(_ event: clinux_ready) {
        let workerID = event.data >> 2
        switch Source(rawValue: event.data & 3) {
        case .host: receiveRequest()
        case .signal: handleSignals()
        case .setup: receiveSetup(workerID)
        case .listener: receiveViolation(workerID)
        case nil: break
        }
    }

    mutating func handleSignals() {
        for number in Signals.read(signals) {
            if number == SIGCHLD { reap() } else { kill(host.pid, number) }
        }
    }

    /// Kills what is left and waits for it, at most two seconds: everything here dies of SIGKILL.
    private mutating func finish() -> Int32 {
        for worker in workers.values { _ = clinux_pidfd_send_signal(worker.pidfd, SIGKILL) }
        nursery?.close()
        for _ in 0..<200 where !workers.isEmpty || nursery?.isEmpty == false {
            var set = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
            poll(&set, 1, 10)
            _ = Signals.read(signals)
            reap()
        }
        for _ in 0..<100 where !leavesToRemove.isEmpty {
            usleep(10_000)
            leavesToRemove.removeAll { $0.remove() }
        }
        return hostStatus ?? 1
    }

    func send(_ event: SpawnerEvent, descriptor: Int32? = nil) {
        let bytes = event.encoded()
        var descriptors = [descriptor ?? -1]
        let sent = clinux_send_fds(host.channel, bytes, bytes.count, &descriptors, descriptor == nil ? 0 : 1)
        // A host that is gone is noticed by its exit; one that does not read its channel is ended by it being full.
        if sent < 0, sent != -Int(EPIPE) { report("limen-spawner: tell host: \(describe(errno: Int32(-sent)))\n") }
    }
}
