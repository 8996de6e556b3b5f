import CLinux
import Glibc

/// The cgroups of one service: a folder of its own beneath the caller's, and a leaf in it for every worker.
package struct CgroupTree: Sendable {
    package let layout: CgroupLayout
    /// The service's folder in every hierarchy; empty until `prepare`.
    package private(set) var folders: [String: String] = [:]
    private let name: String

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
        let parents: [String: String] =
            switch layout.version {
            case .v1(let own): own
            case .v2(let own): [Self.unified: own]
            }
        for (controller, parent) in parents {
            Self.sweep(parent)
            let folder = parent + "/" + name
            try require(
                "make cgroup \(folder) (delegate the \(controller.isEmpty ? "unified" : controller) hierarchy)", checked(mkdir(folder, 0o755)))
            folders[controller] = folder
        }
        guard case .v2(let own) = layout.version, let folder = folders[Self.unified] else { return }
        // A v2 group with controllers in its subtree may hold no process: this one moves aside first.
        try require("make cgroup \(folder)/host", checked(mkdir(folder + "/host", 0o755)))
        try writeText("0", to: folder + "/host/cgroup.procs")
        let enabled = CgroupLayout.controllers.map { "+" + $0 }.joined(separator: " ")
        try writeText(enabled, to: own + "/cgroup.subtree_control")
        try writeText(enabled, to: folder + "/cgroup.subtree_control")
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
        for folder in folders.values {
            if case .v2(let own) = layout.version { Self.leave(folder, for: own) }
            if let error = Self.removeTree(folder) { left.append(error) }
        }
        return left
    }

    /// This process goes back to where it came from; a failure shows as a folder that cannot be removed.
    private static func leave(_ folder: String, for parent: String) {
        let disable = CgroupLayout.controllers.map { "-" + $0 }.joined(separator: " ")
        for (text, path) in [
            (disable, folder + "/cgroup.subtree_control"), (disable, parent + "/cgroup.subtree_control"), ("0", parent + "/cgroup.procs"),
        ] {
            do { try writeText(text, to: path) } catch { continue }
        }
    }

    /// Folders of services that are gone: their first process does not exist and no process is in them, or rmdir would refuse.
    private static func sweep(_ parent: String) {
        for entry in entries(parent) where entry.hasPrefix(prefix) {
            guard let pid = Int32(entry.dropFirst(prefix.count)), kill(pid, 0) != 0, errno == ESRCH else { continue }
            _ = removeTree(parent + "/" + entry)
        }
    }

    private static func removeTree(_ folder: String) -> JailError? {
        for entry in entries(folder) { rmdir(folder + "/" + entry) }
        guard rmdir(folder) != 0, errno != ENOENT else { return nil }
        return JailError("remove cgroup \(folder)", errno: errno)
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
