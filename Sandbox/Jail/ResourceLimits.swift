import CLinux
import Glibc
import WorkerProtocol

/// rlimits (setrlimit(2)): what cgroups do not count, and what they would count where there are none.
enum ResourceLimits {
    /// Sets hard limits; without CAP_SYS_RESOURCE they cannot be raised again.
    /// - Throws: `JailError` naming the limit.
    static func apply(_ spec: JailSpec) throws(JailError) {
        let limits = spec.limits
        let table: [(String, Int32, UInt64)] = [
            ("core", Int32(RLIMIT_CORE.rawValue), 0),
            ("nofile", Int32(RLIMIT_NOFILE.rawValue), UInt64(limits.openFiles)),
            // Past the size of /scratch, so that a full scratch is ENOSPC and not a signal.
            ("fsize", Int32(RLIMIT_FSIZE.rawValue), spec.rung.hasNamespaces ? limits.scratchBytes + (1 << 20) : 0),
            ("memlock", Int32(Resource.lockedMemory), 0),
            ("msgqueue", Int32(Resource.messageQueue), 0),
            ("nice", Int32(Resource.nice), 0),
            ("rtprio", Int32(Resource.realTimePriority), 0),
            ("sigpending", Int32(Resource.pendingSignals), 1024),
            ("stack", Int32(RLIMIT_STACK.rawValue), 8 << 20),
        ]
        for (name, resource, value) in table + (spec.features.contains(.cgroup) ? [] : standIns(spec)) {
            try require("rlimit \(name)", clinux_set_limit(resource, value))
        }
        // With nothing to meter it, a worker gives way to the host, the spawner and whoever else has work.
        if !spec.features.contains(.cgroup) { try require("priority", checked(setpriority(Int32(PRIO_PROCESS.rawValue), 0, yieldingPriority))) }
    }

    private static let yieldingPriority: Int32 = 10

    /// Without a cgroup: memory by what may be mapped, and tasks by what may be cloned. A worker is one process that can make no
    /// other, so what bounds a process bounds a worker; what the kernel keeps for it (page tables, names of files) is not counted.
    private static func standIns(_ spec: JailSpec) -> [(String, Int32, UInt64)] {
        let memory = [
            ("data", Int32(RLIMIT_DATA.rawValue), spec.limits.memoryBytes),
            // Shared memory and libraries too. Threads reserve address space that they never touch; without threads none is needed.
            ("as", Int32(RLIMIT_AS.rawValue), spec.limits.memoryBytes + (spec.rung.hasNamespaces ? 2 << 30 : 64 << 20)),
        ]
        // The slot's own user, or the worker's own user namespace, holds this worker and nobody else.
        return spec.rung.hasNamespaces ? memory + [("nproc", Int32(Resource.tasks), UInt64(spec.limits.tasks))] : memory
    }

    /// Numbers that Glibc's module does not import (asm-generic/resource.h).
    private enum Resource {
        static let tasks = 6
        static let lockedMemory = 8
        static let pendingSignals = 11
        static let messageQueue = 12
        static let nice = 13
        static let realTimePriority = 14
    }
}
