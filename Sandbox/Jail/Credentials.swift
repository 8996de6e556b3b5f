import CLinux
import Glibc

/// Users, groups and capabilities: what the worker is allowed to be.
enum Credentials {
    /// Gives up every capability, for this process and for whatever it might execute, and proves it.
    /// - Throws: `JailError` naming the set that could not be emptied.
    static func drop(_ spec: JailSpec) throws(JailError) {
        // An ordinary account has no privilege to lock these, and with no-new-privileges it can gain none.
        if spec.rung.hasNamespaces { try lock() }
        try require("ambient set", clinux_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0))
        if spec.rung == .root {
            try require("setgroups", clinux_setgroups_none())
            try require("setresgid", clinux_setresgid(spec.groupID))
            try require("setresuid", clinux_setresuid(spec.userID))
        }
        try require("capabilities", clinux_capabilities_clear())
        guard getuid() == spec.userID, geteuid() == spec.userID, getgid() == spec.groupID else { throw JailError("user of the slot") }
    }

    private static func lock() throws(JailError) {
        for capability in 0..<UInt(64) {
            let result = clinux_prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
            if result == -Int(EINVAL) { break }  // past the kernel's last capability
            try require("bounding set", result)
        }
        try require("securebits", clinux_prctl(PR_SET_SECUREBITS, lockedSecurebits, 0, 0, 0))
    }

    /// NOROOT, NO_SETUID_FIXUP, KEEP_CAPS off and NO_CAP_AMBIENT_RAISE, each locked (capabilities(7)).
    private static let lockedSecurebits: UInt = 0x01 | 0x02 | 0x04 | 0x08 | 0x20 | 0x40 | 0x80
}

/// User namespaces (user_namespaces(7)).
package enum UserNamespace {
    /// Maps the caller's one user and group to 0 in the namespace that it has just entered.
    ///
    /// The worker program is executed right after a clone into a namespace of its own; only as its user 0 does it keep the privilege to
    /// build its root, which it then gives up with securebits locked, so that 0 is a number like any other.
    /// - Parameter outer: the caller's ids in the parent namespace.
    /// - Throws: `JailError` naming the map.
    package static func mapSelf(outer: (userID: UInt32, groupID: UInt32)) throws(JailError) {
        try writeText("deny", to: "/proc/self/setgroups")
        try writeText(selfMap(outer: outer.userID), to: "/proc/self/uid_map")
        try writeText(selfMap(outer: outer.groupID), to: "/proc/self/gid_map")
    }

    /// The text of a map that holds one id of the parent namespace as 0.
    package static func selfMap(outer: UInt32) -> String { "0 \(outer) 1" }
}
