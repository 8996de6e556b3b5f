import CLinux
import Glibc
import Jail

/// The kinds of namespaces that a jail is made of.
struct NamespaceKind {
    /// As `sandbox.require` knows it.
    let name: String
    let flag: Int32
    /// The last word of `user.max_…_namespaces`.
    let sysctl: String
    /// What it is for.
    let purpose: String

    static let user = NamespaceKind(name: "user_namespace", flag: Int32(CLONE_NEWUSER), sysctl: "user", purpose: "builds jails without root")
    static let inner: [NamespaceKind] = [
        NamespaceKind(name: "mount", flag: Int32(CLONE_NEWNS), sysctl: "mnt", purpose: "mounts of its own"),
        NamespaceKind(name: "pid", flag: Int32(CLONE_NEWPID), sysctl: "pid", purpose: "sees and signals no process but itself"),
        NamespaceKind(
            name: "network", flag: Int32(CLONE_NEWNET), sysctl: "net", purpose: "no interface but a loopback, which is down without a socket grant"),
        NamespaceKind(name: "ipc", flag: Int32(CLONE_NEWIPC), sysctl: "ipc", purpose: "no System V or POSIX queue of the host's"),
        NamespaceKind(name: "uts", flag: Int32(CLONE_NEWUTS), sysctl: "uts", purpose: "does not learn the host's name"),
        NamespaceKind(name: "cgroup", flag: Int32(CLONE_NEWCGROUP), sysctl: "cgroup", purpose: "sees its own cgroup as the root"),
    ]

    /// Makes one in a child.
    /// - Returns: 0, or the errno.
    func attempt() -> Int32 {
        let outer = getuid() == 0 ? 0 : Int32(CLONE_NEWUSER)
        return Trial.errno { clinux_unshare(outer | flag) }
    }

    /// How an administrator allows them.
    func remedy(_ errno: Int32) -> String {
        switch errno {
        case ENOSPC: "sysctl user.max_\(sysctl)_namespaces=15000"
        case EINVAL: "a kernel with this kind of namespace"
        default:
            getuid() == 0
                ? "start with CAP_SYS_ADMIN (a container needs --privileged, or start Limen there as an ordinary account)"
                : "sysctl kernel.unprivileged_userns_clone=1 (Debian), kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), or start as root"
        }
    }
}

/// Tries that need more than one call.
enum LayerTrial {
    /// Whether RLIMIT_NPROC bounds the tasks of one worker and no other's: a child with a limit of one task cannot make a second.
    static func taskLimit(slotUserID: UInt32) -> Int32 {
        Trial.errno {
            let alone = getuid() == 0 ? clinux_setresuid(slotUserID) : clinux_unshare(Int32(CLONE_NEWUSER))
            if alone < 0 { return alone }
            let limited = clinux_set_limit(6, 1)
            if limited < 0 { return limited }
            return clinux_try_fork() == -Int(EAGAIN) ? 0 : -Int(ENOTSUP)
        }
    }

    /// Whether the proxy's listener can be made in a network namespace of one's own.
    static func listener() -> Int32 {
        Trial.errno {
            let made = clinux_unshare(Int32(CLONE_NEWNET) | (getuid() == 0 ? 0 : Int32(CLONE_NEWUSER)))
            if made < 0 { return made }
            do throws(JailError) { return Int(try NetworkNamespaces.listen()) } catch { return -Int(error.errno) }
        }
    }

    /// Groups that rootless workers keep.
    static func supplementaryGroups() -> [gid_t] {
        let count = getgroups(0, nil)
        var groups = [gid_t](repeating: 0, count: Int(max(count, 1)))
        let have = getgroups(count, &groups)
        return groups[..<Int(max(have, 0))].filter { $0 != getgid() }
    }
}
