import Glibc

/// Reads what one worker process used since the last look: its CPU clock and its cgroup's memory peak.
struct ProcessAccount: Sendable {
    /// The process's CPU clock as `clock_gettime` names it, 0 when unknown.
    private let clock: clockid_t
    /// The cgroup's peak file, or -1.
    let memoryPeak: Int32
    private var cpuNanoseconds: UInt64 = 0

    /// - Parameters:
    ///   - pid: the process as this host sees it, 0 if it cannot.
    ///   - memoryPeak: a descriptor that the caller keeps open, or -1.
    init(pid: Int32, memoryPeak: Int32) {
        // CPUCLOCK_SCHED of a whole process; see MAKE_PROCESS_CPUCLOCK in the kernel's posix-timers.h.
        clock = pid > 0 ? clockid_t((~pid << 3) | 2) : 0
        self.memoryPeak = memoryPeak
    }

    /// Whether the process was not known when this was made.
    var isUnset: Bool { clock == 0 }

    /// CPU time since the last call, in nanoseconds.
    mutating func takeCPU() -> UInt64 {
        guard clock != 0 else { return 0 }
        var time = timespec()
        guard clock_gettime(clock, &time) == 0 else { return 0 }
        let total = UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
        defer { cpuNanoseconds = max(total, cpuNanoseconds) }
        return total > cpuNanoseconds ? total - cpuNanoseconds : 0
    }

    /// The memory peak since `takeMemoryPeak` in bytes, which right after it is the memory in use; 0 when it cannot be read.
    var memoryPeakBytes: Int {
        guard memoryPeak >= 0 else { return 0 }
        var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
        return withUnsafeMutableBytes(of: &digits) { buffer in
            let count = pread(memoryPeak, buffer.baseAddress, buffer.count, 0)
            guard count > 0 else { return 0 }
            var value = 0
            for byte in buffer[..<count] {
                guard byte >= 0x30, byte <= 0x39 else { break }
                value = value &* 10 &+ Int(byte - 0x30)
            }
            return value
        }
    }

    /// The memory peak since the last call in bytes, and starts a new period; 0 when it cannot be read.
    func takeMemoryPeak() -> Int {
        let value = memoryPeakBytes
        guard value > 0 else { return 0 }
        var zero: UInt8 = 0x30
        // A kernel that cannot reset the peak (v2 before 6.12) goes on reporting the highest so far.
        _ = pwrite(memoryPeak, &zero, 1, 0)
        return value
    }
}
