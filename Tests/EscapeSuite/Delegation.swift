import Glibc
import Jail

/// What an administrator does once for a rootless account: a cgroup of its own in every hierarchy. Made by the suite when it runs as
/// root, and removed afterwards.
struct Delegation {
    /// An account that needs no entry anywhere.
    static let userID: uid_t = 64_999

    private let tree: CgroupTree
    private let leaf: CgroupLeaf
    /// Those of the leaf's folders that were given away.
    private let folders: [String]

    /// Makes the folders and gives them away, those of the named v1 controllers or all.
    init(_ controllers: [String]? = nil) throws(EscapeError) {
        do {
            var tree = CgroupTree(layout: try CgroupLayout.discover(), pid: getpid())
            try tree.prepare()
            self.tree = tree
            leaf = try tree.makeLeaf("delegated")
        } catch {
            throw EscapeError("cgroups: \(error.step): errno \(error.errno)")
        }
        // The unified folder has them all, under the empty name.
        folders = leaf.directories.filter { controllers?.contains($0.key) ?? true || ($0.key.isEmpty && controllers?.isEmpty == false) }.map(\.value)
        for folder in folders {
            for name in ["", "/tasks", "/cgroup.procs", "/cgroup.threads", "/cgroup.subtree_control"] where access(folder + name, F_OK) == 0 {
                guard chown(folder + name, Self.userID, Self.userID) == 0 else { throw Files.failure("chown", folder + name) }
            }
        }
    }

    /// Joins the folders and becomes the account; for a single-threaded child that executes a program next.
    func enter() -> Bool {
        // Of root: all three ids.
        join() && setgroups(0, nil) == 0 && setgid(Self.userID) == 0 && setuid(Self.userID) == 0
    }

    /// Joins the folders.
    func join() -> Bool {
        for folder in folders {
            let file = open(folder + (access(folder + "/tasks", F_OK) == 0 ? "/tasks" : "/cgroup.procs"), O_WRONLY | O_CLOEXEC)
            guard file >= 0, write(file, "0", 1) == 1 else { return false }
            close(file)
        }
        return true
    }

    /// Removes the folders; nothing runs in them any more.
    /// - Returns: those that could not be removed: something was left behind.
    func remove() -> [String] {
        let left = leaf.directories.values.filter { rmdir($0) != 0 }
        return left + tree.remove().map(\.step)
    }
}
