import CLinux
import Glibc

/// The cgroups of one service: a folder of its own beneath the caller's, and a leaf in it for every worker.
package struct CgroupTree: Sendable {
    package let layout: CgroupLayout
    /// The service's folder in every hierarchy; empty until `prepare`.
    package private(set) var folders: [String: String] = [:]
    private let name: String
    /// Where the service sits in the unified hierarchy; nil on version 1 and until `prepare`.
    private var home: CgroupHome?

    private static let prefix = "limen-"
    /// Key of the unified hierarchy in `folders`.
    private static let unified = ""

    /// Plans a tree for the service whose first process is `pid`.
    package init(layout: CgroupLayout, pid: Int32) {
        self.layout = layout
        name = Self.prefix + String(pid)
    }

    /// Removes what crashed services left, then makes this one's folders.
    /// - Throws: `JailError` naming the folder that could not be made: the hierarchy is not delegated to this account.
    package mutating func prepare() throws(JailError) {
        switch layout.version {
        case .v1(let own):
            for (controller, parent) in own {
                Self.sweep(parent)
                let folder = parent + "/" + name
                try require("make cgroup \(folder) (delegate the \(controller) hierarchy)", checked(mkdir(folder, 0o755)))
                folders[controller] = folder
            }
        case .v2(let own):
            let home = try CgroupHome.settle(own, name: name, sweep: Self.sweep)
            folders[Self.unified] = home.folder
            self.home = home
        }
    }

    /// Makes an empty leaf; its limits are set before anything runs in it.
    /// - Throws: `JailError` naming the folder that could not be made.
    package func makeLeaf(_ leaf: String) throws(JailError) -> CgroupLeaf {
        var directories: [String: String] = [:]
        for (controller, folder) in folders {
            let directory = folder + "/" + leaf
            if mkdir(directory, 0o755) != 0 {
                let reason = errno
                for made in directories.values { rmdir(made) }
                throw JailError("make cgroup \(directory)", errno: reason)
            }
            directories[controller] = directory
        }
        return CgroupLeaf(directories: directories)
    }

    /// Removes the service's folders with what is left in them. Call when no process is left.
    /// - Returns: folders that could not be removed, with the reason.
    package func remove() -> [JailError] {
        var left: [JailError] = []
        home?.leave()
        for folder in folders.values {
            if let error = Self.removeTree(folder) { left.append(error) }
        }
        return left
    }

    /// Folders of services that are gone: their first process does not exist and no process is in them, or rmdir would refuse.
    private static func sweep(_ parent: String) {
        for entry in entries(parent) where entry.hasPrefix(prefix) {
            guard let pid = Int32(entry.dropFirst(prefix.count)), kill(pid, 0) != 0, errno == ESRCH else { continue }
            _ = removeTree(parent + "/" + entry)
        }
    }

    private static func removeTree(_ folder: String) -> JailError? {
        for entry in entries(folder) where rmdir(folder + "/" + entry) != 0 && entry != CgroupHome.hostLeaf { clear(folder + "/" + entry) }
        guard rmdir(folder) != 0, errno != ENOENT else { return nil }
        return JailError("remove cgroup \(folder)", errno: errno)
    }

    /// Kills whoever is left in a worker's leaf and removes it, where the kernel can (`cgroup.kill`, version 2). Elsewhere a worker's pid
    /// namespace, which dies with its first process, has done the same.
    private static func clear(_ leaf: String) {
        do { try writeText("1", to: leaf + "/cgroup.kill") } catch { return }  // version 1, or gone by now
        for _ in 0..<100 where rmdir(leaf) != 0 && errno == EBUSY { usleep(5_000) }
    }

    /// Names of the directories in `path`.
    private static func entries(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
