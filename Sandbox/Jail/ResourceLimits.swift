import CLinux
import Glibc
import WorkerProtocol

/// rlimits (setrlimit(2)): what cgroups do not count.
enum ResourceLimits {
    /// Sets hard limits; without CAP_SYS_RESOURCE they cannot be raised again.
    /// - Throws: `JailError` naming the limit.
    static func apply(_ limits: WorkerLimits) throws(JailError) {
        let table: [(String, Int32, UInt64)] = [
            ("core", Int32(RLIMIT_CORE.rawValue), 0),
            ("nofile", Int32(RLIMIT_NOFILE.rawValue), UInt64(limits.openFiles)),
            // Past the size of /scratch, so that a full scratch is ENOSPC and not a signal.
            ("fsize", Int32(RLIMIT_FSIZE.rawValue), limits.scratchBytes + (1 << 20)),
            ("memlock", Int32(Resource.lockedMemory), 0),
            ("msgqueue", Int32(Resource.messageQueue), 0),
            ("nice", Int32(Resource.nice), 0),
            ("rtprio", Int32(Resource.realTimePriority), 0),
            ("sigpending", Int32(Resource.pendingSignals), 1024),
            ("stack", Int32(RLIMIT_STACK.rawValue), 8 << 20),
        ]
        for (name, resource, value) in table { try require("rlimit \(name)", clinux_set_limit(resource, value)) }
    }

    /// Numbers that Glibc's module does not import (asm-generic/resource.h).
    private enum Resource {
        static let lockedMemory = 8
        static let pendingSignals = 11
        static let messageQueue = 12
        static let nice = 13
        static let realTimePriority = 14
    }
}
