import CLinux
import Glibc

/// Users, groups and capabilities: what the worker is allowed to be.
enum Credentials {
    /// Maps the one outer user into the worker's own user namespace (user_namespaces(7)).
    /// - Throws: `JailError`.
    static func mapUser(_ spec: JailSpec) throws(JailError) {
        try write("deny", to: "/proc/self/setgroups")
        try write("\(spec.userID) \(spec.outerUserID) 1", to: "/proc/self/uid_map")
        try write("\(spec.groupID) \(spec.outerGroupID) 1", to: "/proc/self/gid_map")
    }

    /// Gives up every capability, for this process and for whatever it might execute, and proves it.
    /// - Throws: `JailError` naming the set that could not be emptied.
    static func drop(_ spec: JailSpec) throws(JailError) {
        for capability in 0..<UInt(64) {
            let result = clinux_prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
            if result == -Int(EINVAL) { break }  // past the kernel's last capability
            try require("bounding set", result)
        }
        try require("ambient set", clinux_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0))
        try require("securebits", clinux_prctl(PR_SET_SECUREBITS, lockedSecurebits, 0, 0, 0))
        if spec.rung == .root {
            try require("setgroups", clinux_setgroups_none())
            try require("setresgid", clinux_setresgid(spec.groupID))
            try require("setresuid", clinux_setresuid(spec.userID))
        }
        try require("capabilities", clinux_capabilities_clear())
        guard getuid() == spec.userID, geteuid() == spec.userID, getgid() == spec.groupID else { throw JailError("user of the slot") }
    }

    /// NOROOT, NO_SETUID_FIXUP, KEEP_CAPS off and NO_CAP_AMBIENT_RAISE, each locked (capabilities(7)).
    private static let lockedSecurebits: UInt = 0x01 | 0x02 | 0x04 | 0x08 | 0x20 | 0x40 | 0x80

    private static func write(_ text: String, to path: String) throws(JailError) {
        let fd = open(path, O_WRONLY | O_CLOEXEC)
        try require(path, checked(fd))
        defer { close(fd) }
        let bytes = Array(text.utf8)
        try require(path, checked(Int32(Glibc.write(fd, bytes, bytes.count))))
    }
}
