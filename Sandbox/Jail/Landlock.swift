import CLinux
import Glibc

/// Landlock (landlock(7)): the file system once more, enforced by another mechanism than the mounts.
package enum Landlock {
    /// Access rights of files, ABI 1 (linux/landlock.h).
    private enum Access {
        static let execute: UInt64 = 1 << 0
        static let writeFile: UInt64 = 1 << 1
        static let readFile: UInt64 = 1 << 2
        static let readDirectory: UInt64 = 1 << 3
        static let allABI1: UInt64 = (1 << 13) - 1
        static let refer: UInt64 = 1 << 13
        static let truncate: UInt64 = 1 << 14
        static let ioctlDevice: UInt64 = 1 << 15
        static let makeCharacter: UInt64 = 1 << 6
        static let makeSocket: UInt64 = 1 << 9
        static let makeFIFO: UInt64 = 1 << 10
        static let makeBlock: UInt64 = 1 << 11
    }

    /// The newest ABI that the kernel has, 0 when it has none.
    package static var abi: Int { max(0, clinux_landlock_abi()) }

    /// Applies the rules to the calling thread; it must be the only one.
    /// - Returns: the ABI that was used.
    /// - Throws: `JailError` if the kernel has no Landlock or refuses a rule.
    static func enter() throws(JailError) -> Int {
        let abi = try require("landlock", clinux_landlock_abi())
        let handled = handledFiles(abi)
        // With no rule for them, all TCP binds and connects and all signals and abstract sockets beyond the domain are refused.
        var attributes = clinux_landlock_ruleset(fs: handled, net: abi >= 4 ? 3 : 0, scoped: abi >= 6 ? 3 : 0)
        let ruleset = Int32(try require("landlock ruleset", clinux_landlock_create(&attributes)))
        defer { close(ruleset) }
        let read = Access.readFile | Access.readDirectory
        try allow(ruleset, "/usr", read | Access.execute)
        try allow(ruleset, "/bundle", read | Access.execute)
        try allow(ruleset, "/proc", read)
        try allow(ruleset, "/dev", read | Access.writeFile)
        let special = Access.makeCharacter | Access.makeBlock | Access.makeSocket | Access.makeFIFO | Access.execute | Access.ioctlDevice
        try allow(ruleset, "/scratch", handled & ~special)
        try require("landlock restrict", clinux_landlock_restrict(ruleset))
        return abi
    }

    private static func handledFiles(_ abi: Int) -> UInt64 {
        var handled = Access.allABI1
        if abi >= 2 { handled |= Access.refer }
        if abi >= 3 { handled |= Access.truncate }
        if abi >= 5 { handled |= Access.ioctlDevice }
        return handled
    }

    private static func allow(_ ruleset: Int32, _ path: String, _ access: UInt64) throws(JailError) {
        let fd = open(path, O_PATH | O_CLOEXEC)
        try require("landlock open \(path)", checked(fd))
        defer { close(fd) }
        try require("landlock rule \(path)", clinux_landlock_add_path(ruleset, fd, access))
    }
}
