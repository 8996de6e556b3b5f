import CLinux
import Glibc
import Jail
import WorkerProtocol

/// A worker as the spawner keeps it.
struct WorkerProcess {
    let workerID: UInt64
    let slot: Int
    let pid: Int32
    let pidfd: Int32
    /// Nil where no cgroup is to be had.
    let leaf: CgroupLeaf?
    var memoryPeak: Int32?
    /// Open until the jail stands.
    var setup: Int32?
    /// Reports tripwires, once the filter stands.
    var listener: Int32?
    var violation: SyscallViolation?
    /// A jail step that did not hold.
    var failure: JailError?

    /// The prepared process, now that it is this worker.
    init(workerID: UInt64, _ prepared: PreparedWorker) {
        self.workerID = workerID
        slot = prepared.slot
        pid = prepared.pid
        pidfd = prepared.pidfd
        leaf = prepared.leaf
        memoryPeak = prepared.memoryPeak
        setup = prepared.setup
    }

    /// Closes what is still open.
    func closeDescriptors() {
        for descriptor in [pidfd, memoryPeak, setup, listener] { if let descriptor { close(descriptor) } }
    }

    /// The peak as the kernel counted it, in bytes; 0 when it does not count.
    func readMemoryPeak() -> UInt64 {
        guard let memoryPeak else { return 0 }
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(memoryPeak, &bytes, bytes.count, 0)
        guard count > 0 else { return 0 }
        return UInt64(String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").first ?? "") ?? 0
    }
}

/// Clones one worker into its namespaces and cgroup and executes the worker program there.
struct WorkerBirth {
    private let null: Int32
    private let rung: Rung
    // SAFETY: allocated once for the life of the process and only read by the child that borrows this memory.
    private let program: UnsafeMutablePointer<CChar>?
    private let arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let environment: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let selfMap: UnsafeMutablePointer<CChar>?

    /// The environment of every worker, whole (DESIGN 4).
    static let environment = ["SWIFT_BACKTRACE=enable=no", "TZ=UTC"]
    private static let allNamespaces = UInt64(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

    /// Prepares births of the worker program at `program`.
    /// - Throws: `JailError`.
    init(program: String, rung: Rung) throws(JailError) {
        self.program = strdup(program)
        self.rung = rung
        null = open("/dev/null", O_RDWR | O_CLOEXEC)
        try require("open /dev/null", checked(null))
        arguments = Self.strings(["limen-worker"])
        environment = Self.strings(Self.environment)
        selfMap = rung == .userNamespace ? strdup(UserNamespace.selfMap(outer: 0)) : nil
    }

    private static func strings(_ texts: [String]) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
        let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: texts.count + 1)
        for (index, text) in texts.enumerated() { list[index] = strdup(text) }
        list[texts.count] = nil
        return list
    }

    private var namespaces: UInt64 {
        switch rung {
        case .root: Self.allNamespaces
        case .userNamespace: Self.allNamespaces | UInt64(CLONE_NEWUSER)
        case .landlock, .seccomp: 0
        }
    }

    /// Starts the process; it waits for its specification.
    /// - Parameter setup: the worker's end of the setup socket.
    /// - Throws: `JailError`.
    func start(leaf: CgroupLeaf?, setup: Int32) throws(JailError) -> (pid: Int32, pidfd: Int32) {
        let tasks = try leaf?.openTasks() ?? []
        var unified: Int32 = -1
        defer {
            for descriptor in tasks { close(descriptor) }
            if unified >= 0 { close(unified) }
        }
        if let directory = leaf?.unifiedDirectory {
            unified = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            try require("open \(directory)", checked(unified))
        }
        var pidfd: Int32 = -1
        let child = tasks.withUnsafeBufferPointer { joins in
            var birth = clinux_birth(
                flags: namespaces, unified_cgroup: unified, joins: joins.baseAddress,
                join_count: Int32(joins.count), null: null, setup: setup, program: program, user_map: selfMap,
                group_map: selfMap, arguments: arguments, environment: environment)
            return clinux_clone_worker(&birth, &pidfd)
        }
        return (Int32(try require("clone worker", child)), pidfd)
    }
}
