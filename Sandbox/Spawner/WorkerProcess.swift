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
    let leaf: CgroupLeaf
    var memoryPeak: Int32?
    /// Open until the jail stands.
    var setup: Int32?
    /// Reports tripwires, once the filter stands.
    var listener: Int32?
    var violation: SyscallViolation?
    /// A jail step that did not hold.
    var failure: JailError?

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
    let program: Int32
    let rung: Rung

    private static let namespaces = UInt64(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

    /// Starts the process; it waits for its specification on the other end of `setup`.
    /// - Parameters:
    ///   - frames: the worker's end of the frame socket.
    ///   - setup: the worker's end of the setup socket.
    /// - Throws: `JailError`.
    func start(leaf: CgroupLeaf, frames: Int32, setup: Int32) throws(JailError) -> (pid: Int32, pidfd: Int32) {
        let tasks = try leaf.openTasks()
        var unified: Int32 = -1
        if let directory = leaf.unifiedDirectory {
            unified = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            try require("open \(directory)", checked(unified))
        }
        defer {
            for descriptor in tasks { close(descriptor) }
            if unified >= 0 { close(unified) }
        }
        var flags = Self.namespaces
        if rung == .userNamespace { flags |= UInt64(CLONE_NEWUSER) }
        var pidfd: Int32 = -1
        let child = try require("clone worker", clinux_clone3(flags, &pidfd, unified))
        if child == 0 { run(tasks, frames, setup) }
        return (Int32(child), pidfd)
    }

    /// In the child: joins the cgroup, takes its two descriptors and becomes the worker program.
    private func run(_ tasks: [Int32], _ frames: Int32, _ setup: Int32) -> Never {
        for descriptor in tasks where write(descriptor, "0", 1) != 1 { _exit(70) }
        // After joining, so that the leaf is the root of what it sees.
        guard clinux_unshare(Int32(CLONE_NEWCGROUP)) == 0 else { _exit(71) }
        if rung == .userNamespace {
            do { try UserNamespace.mapSelf(outer: (0, 0)) } catch { _exit(74) }
        }
        clinux_reset_signals()
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        let (keptFrames, keptSetup, keptProgram) = (fcntl(frames, F_DUPFD, 64), fcntl(setup, F_DUPFD, 64), fcntl(program, F_DUPFD_CLOEXEC, 64))
        guard null >= 0, keptFrames >= 0, keptSetup >= 0, keptProgram >= 0 else { _exit(72) }
        for target in 0..<Int32(3) { if dup2(null, target) < 0 { _exit(72) } }
        guard dup2(keptFrames, WorkerDescriptor.frames) >= 0, dup2(keptSetup, WorkerDescriptor.setup) >= 0 else { _exit(72) }
        guard clinux_close_range(WorkerDescriptor.count, 63) == 0 else { _exit(72) }
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("limen-worker"), nil]
        var environment: [UnsafeMutablePointer<CChar>?] = [strdup("SWIFT_BACKTRACE=enable=no"), strdup("TZ=UTC"), nil]
        _ = clinux_execveat(keptProgram, &arguments, &environment)
        _exit(73)
    }
}
