import Glibc
import Jail

/// What an administrator does once for a rootless account: cgroups of its own in every hierarchy. Made by the suite when it runs as
/// root, beneath its own cgroups, and removed afterwards.
struct Delegation {
    /// An account that needs no entry anywhere.
    static let userID: uid_t = 64_999

    private var folders: [String] = []

    /// Makes the folders and gives them away, those of the named v1 controllers or all.
    init(_ controllers: [String]? = nil) throws(EscapeError) {
        let layout: CgroupLayout
        do { layout = try CgroupLayout.discover() } catch { throw EscapeError("cgroups: \(error.step)") }
        let parents: [String] =
            switch layout.version {
            case .v1(let own): own.filter { controllers?.contains($0.key) ?? true }.map(\.value)
            case .v2(let own): controllers?.isEmpty == true ? [] : [own]
            }
        for parent in parents {
            let folder = parent + "/limen-escape-\(getpid())"
            try Files.makeFolder(folder)
            folders.append(folder)
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
        folders.filter { folder in
            for name in Files.list(folder) { rmdir(folder + "/" + name) }
            return rmdir(folder) != 0
        }
    }
}
