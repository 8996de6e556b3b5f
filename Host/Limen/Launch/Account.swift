import CLinux
import Glibc

/// Whom everything that parses strangers' bytes runs as. Never root.
struct Account: Sendable {
    var userID: uid_t
    var groupID: gid_t

    /// The system account's name, made by `make serve` as root or by the package.
    static let name = "limen"

    /// Used by root when there is no account of that name: a number that belongs to nobody, just below the worker slots.
    static let unnamed: UInt32 = 0x6c68_ffff

    /// The caller, or the service account when the caller is root.
    static func current() -> Account {
        guard getuid() == 0 else { return Account(userID: getuid(), groupID: getgid()) }
        if let entry = getpwnam(name), entry.pointee.pw_uid != 0, entry.pointee.pw_gid != 0 {
            return Account(userID: entry.pointee.pw_uid, groupID: entry.pointee.pw_gid)
        }
        return Account(userID: unnamed, groupID: unnamed)
    }

    /// Whoever gave the command, as the user database names them.
    static func callersName() -> String { getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? String(getuid()) }

    /// As the spawner's `--user` takes it.
    var argument: String { "\(userID):\(groupID)" }

    /// Gives up root for good; no-op for anybody else.
    /// - Throws: `CommandError` when a step fails.
    func become() throws(CommandError) {
        guard getuid() == 0 else { return }
        for result in [clinux_setgroups_none(), clinux_setresgid(groupID), clinux_setresuid(userID)] where result < 0 {
            throw CommandError("cannot give up root: \(String(cString: strerror(Int32(-result))))")
        }
    }

    /// Makes a folder and gives it to the account, with its parents as the caller's.
    /// - Throws: `CommandError` when it cannot be made.
    func makeFolder(_ path: String, mode: mode_t = 0o700) throws(CommandError) {
        var information = stat()
        if stat(path, &information) == 0 { return }
        let parent = Path.parent(of: path)
        if stat(parent, &information) != 0 { try makeFolder(parent, mode: 0o755) }
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw CommandError("cannot make \(path): \(Path.reason())") }
        if getuid() == 0, chown(path, userID, groupID) != 0 { throw CommandError("cannot give away \(path): \(Path.reason())") }
    }
}

/// Paths and small files, for commands.
enum Path {
    static func reason() -> String { String(cString: strerror(errno)) }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func name(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isFolder(_ path: String) -> Bool {
        var information = stat()
        return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
    }

    /// The path without links, or nil when it does not exist.
    static func absolute(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The running executable.
    static func ownExecutable() -> String { absolute("/proc/self/exe") ?? CommandLine.arguments[0] }

    /// The repository that the running executable was built in, or the folder that an installation keeps the SDK in.
    static func home() -> String? {
        var folder = parent(of: ownExecutable())
        for _ in 0..<6 {
            if exists("\(folder)/SDK/PluginABI/include/limen_plugin.h") { return folder }
            if exists("\(folder)/share/limen/SDK/PluginABI/include/limen_plugin.h") { return "\(folder)/share/limen" }
            folder = parent(of: folder)
        }
        return nil
    }
}
