import CLinux
import Glibc
import Jail
import WorkerProtocol

/// The service's cgroups, proved by a child that was born into one; or why there are none.
struct CgroupGround {
    /// Nil when this account may make no cgroup with all three controllers.
    private(set) var tree: CgroupTree?
    /// Why there are none.
    private(set) var failure: JailError?
    /// `v1`, `v2`, `hybrid` (v1 controllers beside an empty v2 tree) or `none`.
    private(set) var version = "none"
    private(set) var hasMemoryPeak = false

    /// Makes the service's folders and tries them; what could not be used is removed again.
    static func prepare() -> CgroupGround {
        var ground = CgroupGround()
        do { try ground.build() } catch { ground.failure = error }
        return ground
    }

    private mutating func build() throws(JailError) {
        let layout = try CgroupLayout.discover()
        version = try Self.name(layout)
        var made = CgroupTree(layout: layout, pid: getpid())
        do throws(JailError) {
            try made.prepare()
            hasMemoryPeak = try Self.prove(made)
            tree = made
        } catch {
            _ = made.remove()
            throw error
        }
    }

    /// - Returns: folders that could not be removed, with the reason.
    func remove() -> [JailError] { tree?.remove() ?? [] }

    private static func name(_ layout: CgroupLayout) throws(JailError) -> String {
        switch layout.version {
        case .v1: try readText("/proc/self/mountinfo").contains(" - cgroup2 ") ? "hybrid" : "v1"
        case .v2: "v2"
        }
    }

    /// A leaf with limits, a child in it, and the leaf gone again.
    /// - Returns: whether the kernel counts the memory peak.
    private static func prove(_ tree: CgroupTree) throws(JailError) -> Bool {
        let leaf = try tree.makeLeaf("trial")
        defer { removeSoon(leaf) }
        try leaf.apply(WorkerLimits())
        let tasks = try leaf.openTasks()
        defer { for descriptor in tasks { close(descriptor) } }
        var unified: Int32 = -1
        if let directory = leaf.unifiedDirectory {
            unified = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            try require("open \(directory)", checked(unified))
        }
        defer { if unified >= 0 { close(unified) } }
        var pidfd: Int32 = -1
        let child = try require("start in a cgroup", clinux_clone3(0, &pidfd, unified))
        if child == 0 { _exit(tasks.allSatisfy { write($0, "0", 1) == 1 } ? 0 : errno) }
        close(pidfd)
        let status = Trial.wait(for: Int32(child)) ?? ECANCELED
        guard status == 0 else { throw JailError("join a cgroup", errno: status) }
        guard let peak = leaf.openMemoryPeak() else { return false }
        close(peak)
        return true
    }

    /// The kernel takes a moment to finish with a process.
    static func removeSoon(_ leaf: CgroupLeaf) {
        for _ in 0..<SpawnerLimits.leafRemovalsMax {
            if leaf.remove() { return }
            usleep(10_000)
        }
    }
}
