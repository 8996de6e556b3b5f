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

    /// What may be done beneath a path, or with one file.
    package struct Rule: Sendable {
        var path: String
        var access: UInt64
    }

    /// What a worker may do with files: as its mounts have it, or, in the host's own tree, read what its bundle needs to run.
    static func rules(_ spec: JailSpec) -> [Rule] {
        let authorities = spec.hasAuthorities ? [Rule(path: ProxyDoor.authoritiesPath, access: Access.readFile)] : []
        return files(spec) + authorities
    }

    private static func files(_ spec: JailSpec) -> [Rule] {
        let read = Access.readFile | Access.readDirectory
        let bundle = Rule(path: spec.bundleInside, access: read | Access.execute)
        guard spec.rung.hasNamespaces else { return [bundle] + onHost }
        let special = Access.makeCharacter | Access.makeBlock | Access.makeSocket | Access.makeFIFO | Access.execute | Access.ioctlDevice
        return [
            bundle, Rule(path: "/usr", access: read | Access.execute), Rule(path: "/proc", access: read),
            Rule(path: "/dev", access: read | Access.writeFile), Rule(path: "/scratch", access: ~special),
        ]
    }

    /// File by file: the libraries that a bundle may need, time zones, three devices. No `/proc`, and nothing to write to but /dev/null.
    private static var onHost: [Rule] {
        let libraries = RuntimeImage.allowedLibraryFiles.map { Rule(path: $0, access: Access.readFile | Access.execute) }
        let devices = ["/dev/zero", "/dev/urandom"].map { Rule(path: $0, access: Access.readFile) }
        return libraries + devices + [
            Rule(path: "/dev/null", access: Access.readFile | Access.writeFile),
            Rule(path: "/usr/share/zoneinfo", access: Access.readFile | Access.readDirectory),
        ]
    }

    /// Applies the rules to the calling thread; it must be the only one.
    /// - Parameter port: the one TCP port that may be connected to, where the ABI knows ports (4 and later).
    /// - Returns: the ABI that was used.
    /// - Throws: `JailError` if the kernel has no Landlock or refuses a rule.
    package static func enter(_ rules: [Rule], connectingTo port: UInt16? = nil) throws(JailError) -> Int {
        let abi = try require("landlock", clinux_landlock_abi())
        let handled = handledFiles(abi)
        // With no rule for them, all TCP binds and connects and all signals and abstract sockets beyond the domain are refused.
        var attributes = clinux_landlock_ruleset(fs: handled, net: abi >= 4 ? 3 : 0, scoped: abi >= 6 ? 3 : 0)
        let ruleset = Int32(try require("landlock ruleset", clinux_landlock_create(&attributes)))
        defer { close(ruleset) }
        for rule in rules { try allow(ruleset, rule.path, rule.access & handled) }
        if let port, abi >= 4 { try require("landlock rule port \(port)", clinux_landlock_add_connect(ruleset, port)) }
        try require("landlock restrict", clinux_landlock_restrict(ruleset))
        return abi
    }

    /// What an ABI restricts, in words.
    package static func coverage(_ abi: Int) -> String {
        let parts = [
            (1, "files"), (2, "moves between folders"), (3, "truncation"), (4, "TCP"), (5, "device controls"), (6, "signals and abstract sockets"),
        ]
        return parts.filter { abi >= $0.0 }.map(\.1).joined(separator: ", ")
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
