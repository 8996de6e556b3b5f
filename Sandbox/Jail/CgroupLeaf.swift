import CLinux
import Glibc
package import WorkerProtocol

/// The cgroup of one worker: one directory in each v1 hierarchy, or one in the unified one.
package struct CgroupLeaf: Sendable {
    /// By controller; the unified directory under the empty name.
    package let directories: [String: String]

    /// The unified directory, when version 2 has the controllers.
    package var unifiedDirectory: String? { directories[""] }

    /// Sets the limits. Swap is off wherever the kernel counts it.
    /// - Throws: `JailError` naming the file.
    package func apply(_ limits: WorkerLimits) throws(JailError) {
        let period: UInt64 = 100_000
        let quota = period * UInt64(limits.cpuPercent) / 100
        if let directory = unifiedDirectory {
            try writeText(String(limits.memoryBytes), to: directory + "/memory.max")
            try optional("0", directory + "/memory.swap.max")
            try writeText("1", to: directory + "/memory.oom.group")
            try writeText(String(limits.tasks), to: directory + "/pids.max")
            try writeText("\(quota) \(period)", to: directory + "/cpu.max")
            return
        }
        if let directory = directories["memory"] {
            try writeText(String(limits.memoryBytes), to: directory + "/memory.limit_in_bytes")
            try optional(String(limits.memoryBytes), directory + "/memory.memsw.limit_in_bytes")
            try optional("0", directory + "/memory.swappiness")
        }
        if let directory = directories["pids"] { try writeText(String(limits.tasks), to: directory + "/pids.max") }
        if let directory = directories["cpu"] {
            try writeText(String(period), to: directory + "/cpu.cfs_period_us")
            try writeText(String(quota), to: directory + "/cpu.cfs_quota_us")
        }
    }

    /// For files that exist only where the kernel counts swap.
    private func optional(_ text: String, _ path: String) throws(JailError) {
        if access(path, F_OK) == 0 { try writeText(text, to: path) }
    }

    /// Descriptors of the files that a process writes `0` to in order to join; v1 only, opened before the clone. (`tasks` rather
    /// than `cgroup.procs`, which stalls for milliseconds after idling.)
    /// - Throws: `JailError`.
    package func openTasks() throws(JailError) -> [Int32] {
        guard unifiedDirectory == nil else { return [] }
        var descriptors: [Int32] = []
        for directory in directories.values {
            let fd = open(directory + "/tasks", O_WRONLY | O_CLOEXEC)
            if fd < 0 {
                let reason = errno
                for descriptor in descriptors { close(descriptor) }
                throw JailError("open \(directory)/tasks", errno: reason)
            }
            descriptors.append(fd)
        }
        return descriptors
    }

    private var memoryPeakPath: String? {
        if let directory = unifiedDirectory { return directory + "/memory.peak" }
        return directories["memory"].map { $0 + "/memory.max_usage_in_bytes" }
    }

    /// The file that shows the peak and, where the kernel can, resets it when written to; nil where there is none (v2 before 5.19).
    package func openMemoryPeak() -> Int32? {
        guard let path = memoryPeakPath else { return nil }
        var fd = open(path, O_RDWR | O_CLOEXEC)
        if fd < 0 { fd = open(path, O_RDONLY | O_CLOEXEC) }
        return fd < 0 ? nil : fd
    }

    /// Processes that the kernel killed for want of memory here.
    package func outOfMemoryKills() -> UInt64 {
        let path = unifiedDirectory.map { $0 + "/memory.events" } ?? directories["memory"].map { $0 + "/memory.oom_control" }
        guard let path else { return 0 }
        let text: String
        do { text = try readText(path) } catch { return 0 }  // the leaf is gone: nothing was counted
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == "oom_kill" { return UInt64(words[1]) ?? 0 }
        }
        return 0
    }

    /// Removes the leaf.
    /// - Returns: false while the kernel still finishes a process in it: try again.
    package func remove() -> Bool {
        var isGone = true
        for directory in directories.values where rmdir(directory) != 0 && errno != ENOENT { isGone = false }
        return isGone
    }
}
