import CLinux
import Glibc
import Jail
import WorkerProtocol

/// What this machine and account hold, as JSON for `/v1/admin/sandbox`, `limen doctor` and `sandbox.require`.
struct Posture {
    let ladder: Ladder
    let ground: Ground
    /// Libraries in the runtime image.
    let libraries: Int
    /// Why no plugin is started here; nil when plugins are.
    let refusal: String?

    var rung: Rung? { ladder.held?.rung }

    func json() -> [UInt8] {
        let attempts = ladder.attempts.map { attempt in
            #"{"rung":\#(quoted(attempt.rung.name)),"holds":\#(attempt.failure == nil),"reason":\#(quoted(attempt.failure.map(Self.reason) ?? ""))}"#
        }
        let members = [
            #""rung":\#(quoted(rung?.name ?? "none"))"#, #""accepts_plugins":\#(refusal == nil)"#, #""refusal":\#(quoted(refusal ?? ""))"#,
            #""cgroup_version":\#(quoted(ground.cgroups.version))"#, #""landlock_abi":\#(ladder.held?.proof.landlockABI ?? 0)"#,
            #""slots":\#(ground.options.slots)"#, #""attempts":[\#(attempts.joined(separator: ","))]"#,
            #""layers":[\#(layers.map(\.json).joined(separator: ","))]"#,
        ]
        return Array("{\(members.joined(separator: ","))}".utf8)
    }

    /// Every layer, in the order in which a table shows them.
    var layers: [Layer] { identity + namespaces + files + kernel + resources }

    /// A step and what the kernel said, as people read it.
    static func reason(_ error: JailError) -> String { error.errno == 0 ? error.step : "\(error.step): \(describe(errno: error.errno))" }

    /// What stopped the strongest rung that this account may try.
    private var obstacle: String { ladder.attempts.first?.failure.map(Self.reason) ?? "no rung was tried" }

    /// One that every rung holds, if a rung holds at all.
    private func always(_ name: String, _ detail: String) -> Layer {
        rung == nil ? .missing(name, "no jail could be built: \(weakest)", "the step must hold: \(weakestStep)") : .held(name, detail)
    }

    private var weakestStep: String { ladder.attempts.last?.failure?.step ?? "" }

    private var weakest: String { ladder.attempts.last?.failure.map(Self.reason) ?? "" }
}

// MARK: - Who a worker is

extension Posture {
    private var identity: [Layer] {
        [
            rung == .root
                ? .held("user", "each worker slot has a user id of its own, from \(ground.options.userIDBase)")
                : .missing("user", "workers share the account's user id \(ground.account.userID)", "start as root"),
            groups,
            always(
                "capabilities",
                rung?.hasNamespaces == true
                    ? "every set is empty, verified in every worker; securebits locked" : "the account has none, verified in every worker"),
            always("no_new_privileges", "set in every worker"),
        ]
    }

    private var groups: Layer {
        if getuid() == 0 { return .held("groups", "dropped in every worker") }
        let groups = LayerTrial.supplementaryGroups()
        if groups.isEmpty { return .held("groups", "the account has none beside its own") }
        return .missing(
            "groups", "workers keep the account's supplementary groups \(groups.map(String.init).joined(separator: ", "))",
            "an account without them (useradd --system), or accept them in writing with --accept-groups")
    }
}

// MARK: - What it sees

extension Posture {
    private var namespaces: [Layer] {
        let user =
            switch rung {
            case .root: Layer.notNeeded(NamespaceKind.user.name, "root builds jails without one")
            case .userNamespace: Layer.held(NamespaceKind.user.name, NamespaceKind.user.purpose)
            default: getuid() == 0 ? Layer.notNeeded(NamespaceKind.user.name, "root builds jails without one") : missing(NamespaceKind.user)
            }
        let inner = NamespaceKind.inner.map { kind in rung?.hasNamespaces == true ? .held(kind.name, kind.purpose) : missing(kind) }
        let pool =
            rung?.hasNamespaces == true
            ? Layer.held("network_pool", "one network namespace a slot, made ahead")
            : .missing("network_pool", "no network namespaces; seccomp gives no socket of any family", "see network")
        return [user] + inner + [pool, socketGrant]
    }

    private var socketGrant: Layer {
        guard rung?.hasNamespaces == true else {
            return .missing(
                "socket_grant",
                "plugins with `socket: true` are refused: without a network of the worker's own, port \(ProxyDoor.port) of the loopback may be anybody's",
                "see network")
        }
        let errno = LayerTrial.listener()
        if errno == 0 {
            let port = Int(ladder.held?.proof.landlockABI ?? 0) >= 4 ? "seccomp and Landlock leave" : "seccomp leaves TCP, the namespace"
            return .held("socket_grant", "\(port) a worker with `socket: true` the proxy on 127.0.0.1:\(ProxyDoor.port) and nothing else")
        }
        return .missing("socket_grant", "no listener in a network namespace: \(describe(errno: errno))", "see network")
    }

    /// Tells a kind that cannot be made from one that works by itself while another is missing.
    private func missing(_ kind: NamespaceKind) -> Layer {
        if getuid() != 0, kind.name != NamespaceKind.user.name {
            let errno = NamespaceKind.user.attempt()
            if errno != 0 {
                return .missing(kind.name, "no user namespace to make it in: \(describe(errno: errno))", NamespaceKind.user.remedy(errno))
            }
        }
        let errno = kind.attempt()
        if errno != 0 { return .missing(kind.name, "the kernel says: \(describe(errno: errno))", kind.remedy(errno)) }
        return .missing(kind.name, "works by itself, but the rung does not stand: \(obstacle)", obstacleRemedy)
    }

    /// How to get past the step at which the strongest rung fell.
    private var obstacleRemedy: String {
        guard let failure = ladder.attempts.first?.failure else { return "" }
        if failure.step == "mount /proc" { return "a /proc of which no part is covered: containers cover some, and then forbid a fresh one" }
        for kind in NamespaceKind.inner where kind.attempt() != 0 { return "see \(kind.name)" }
        let isMounting = ["mount", "bind", "seal", "pivot_root"].contains { failure.step.hasPrefix($0) }
        guard isMounting, failure.errno == EPERM || failure.errno == EACCES else { return "the step must hold: \(failure.step)" }
        return
            "let user namespaces mount: sysctl kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), no seccomp or AppArmor profile around Limen"
    }

    private var files: [Layer] {
        let isOwn = rung?.hasNamespaces == true
        let why = "the rung does not stand: \(obstacle)"
        let standIn = rung == .landlock ? "; Landlock stands in, and stat() sees names" : ""
        let remedy = NamespaceKind.user.attempt() == 0 || getuid() == 0 ? obstacleRemedy : "see user_namespace"
        return [
            isOwn
                ? .held("private_root", "read-only image of \(libraries) libraries, the bundle, nothing of the host's")
                : .missing("private_root", why + standIn, remedy),
            isOwn
                ? .held("scratch", "/scratch: tmpfs with size and inode limits, noexec")
                : .missing("scratch", "\(why); there is no /scratch and nothing can be written", remedy),
            isOwn
                ? .held("procfs", "/proc of the worker's own pid namespace, processes only, read-only")
                : .missing("procfs", "\(why); /proc is out of reach, so Dispatch does not run", remedy),
            landlock,
        ]
    }

    private var landlock: Layer {
        let features = ladder.features
        if features.landlock == 0, let abi = ladder.held?.proof.landlockABI, abi > 0 {
            return .held("landlock", "ABI \(abi): \(Landlock.coverage(Int(abi)))")
        }
        if features.landlock == 0 {
            return .missing("landlock", "works by itself, but no jail could be built: \(weakest)", "the step must hold: \(weakestStep)")
        }
        let remedy =
            features.landlock == EOPNOTSUPP
            ? "boot with lsm=landlock,... (it is built in and off)" : "kernel 5.13 or newer with CONFIG_SECURITY_LANDLOCK"
        return .missing("landlock", "the kernel says: \(describe(errno: features.landlock))", remedy)
    }
}

// MARK: - What it may ask of the kernel

extension Posture {
    private var kernel: [Layer] {
        [seccomp, tripwires, writeXorExecute]
    }

    private var seccomp: Layer {
        let errno = ladder.features.seccomp
        if errno != 0 {
            return .missing(
                "seccomp", "the kernel says: \(describe(errno: errno))", "a kernel with CONFIG_SECCOMP_FILTER, not forbidden by a container")
        }
        let count = WorkerPolicy.stage1(on: rung ?? .root).compiled().count
        return always("seccomp", "an allowlist of \(count) instructions\(rung?.hasNamespaces == false ? ", no threads, no change of files" : "")")
    }

    private var tripwires: Layer {
        let errno = ladder.features.notification
        if errno == 0 { return always("tripwires", "reported by name, audited, and the worker killed") }
        return .missing(
            "tripwires", "no listener can be had (\(describe(errno: errno))); the kernel kills without naming the call",
            "kernel 5.0 or newer, and no seccomp listener around Limen (container managers may keep one)")
    }

    private var writeXorExecute: Layer {
        always(
            "write_xor_execute",
            ladder.held?.proof.memoryDenyWriteExecute == true
                ? "seccomp refuses writable code, and the kernel too (PR_SET_MDWE)" : "seccomp refuses writable code; PR_SET_MDWE needs kernel 6.3")
    }
}

// MARK: - What it may use up

extension Posture {
    private var resources: [Layer] {
        let version = ground.cgroups.version
        let rlimits = always("rlimits", "core, nofile, fsize, memlock, msgqueue, nice, rtprio, sigpending, stack" + (hasCgroup ? "" : ", data, as"))
        guard !hasCgroup else {
            return [
                always("memory_limit", "cgroup \(version): memory, no swap"), always("cpu_limit", "cgroup \(version): cpu"),
                always("task_limit", "cgroup \(version): pids"),
                ground.cgroups.hasMemoryPeak
                    ? always("memory_peak", "cgroup \(version): read after every call")
                    : .missing("memory_peak", "the kernel does not count it; usage.peak_memory is 0", "kernel 5.19 or newer"),
                rlimits,
            ]
        }
        let why = "no cgroup (\(ground.cgroups.failure.map(Self.reason) ?? "none was made"))"
        return [
            .missing("memory_limit", "\(why); RLIMIT_DATA and RLIMIT_AS stand in, the kernel's own memory is not counted", remedy),
            .missing("cpu_limit", "\(why); a call's deadline bounds it, and workers run at nice 10", remedy), taskLimit(why),
            .missing("memory_peak", "\(why); usage.peak_memory is 0", remedy), rlimits,
        ]
    }

    private var hasCgroup: Bool { ground.cgroups.tree != nil }

    private func taskLimit(_ why: String) -> Layer {
        guard let rung else { return .missing("task_limit", why, remedy) }
        if !rung.hasNamespaces { return .held("task_limit", "\(why); seccomp: one thread a worker, no process") }
        let errno = LayerTrial.taskLimit(slotUserID: ground.options.userIDBase)
        if errno == 0 { return .held("task_limit", "\(why); RLIMIT_NPROC counts each worker by itself") }
        return .missing("task_limit", "\(why); RLIMIT_NPROC does not count a worker by itself", remedy)
    }

    private var remedy: String {
        switch ground.cgroups.version {
        case "v2": "delegate a cgroup: systemd-run --user --scope -p Delegate=yes limen serve, or Delegate=yes in the unit"
        case "none": "mount cgroup v2, or v1 with memory, pids and cpu"
        default: "give the account a folder in each of memory, pids and cpu and start in it (README, Without root)"
        }
    }
}
