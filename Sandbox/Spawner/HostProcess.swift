import CLinux
import Glibc
import Jail

/// The host: started once, as an ordinary user, with one end of the channel.
struct HostProcess {
    let pid: Int32
    let channel: Int32

    /// Whom the host runs as.
    struct Account {
        var userID: uid_t
        var groupID: gid_t
    }

    /// The account named by `--user`; the caller's own unless the caller is root.
    /// - Throws: `JailError` saying how to make the account.
    static func account(_ options: SpawnerOptions) throws(JailError) -> Account {
        guard getuid() == 0 else { return Account(userID: getuid(), groupID: getgid()) }
        let parts = options.user.split(separator: ":").map { UInt32($0) }
        if parts.count == 2, let user = parts[0], let group = parts[1] { return try ordinary(Account(userID: user, groupID: group)) }
        guard let entry = getpwnam(options.user) else {
            throw JailError(
                "no account `\(options.user)` to run the host as: make it with `useradd --system --no-create-home --shell /usr/sbin/nologin \(options.user)`, or name one with --user"
            )
        }
        return try ordinary(Account(userID: entry.pointee.pw_uid, groupID: entry.pointee.pw_gid))
    }

    private static func ordinary(_ account: Account) throws(JailError) -> Account {
        guard account.userID != 0, account.groupID != 0 else { throw JailError("the host never runs as root: name another account with --user") }
        return account
    }

    /// Starts the host.
    /// - Throws: `JailError`.
    static func start(_ options: SpawnerOptions, _ account: Account) throws(JailError) -> HostProcess {
        var pair: [Int32] = [-1, -1]
        try require("host channel", checked(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair)))
        // Opened before the change of user: the program may lie where the host itself cannot look.
        let program = open(options.command[0], O_PATH | O_CLOEXEC)
        try require("open \(options.command[0])", checked(program))
        var pidfd: Int32 = -1
        let child = try require("start host", clinux_clone3(0, &pidfd, -1))
        if child == 0 { run(options, account, program, pair[1]) }
        close(pidfd)
        close(program)
        close(pair[1])
        options.sockets.closeAll()
        return HostProcess(pid: Int32(child), channel: pair[0])
    }

    private static func run(_ options: SpawnerOptions, _ account: Account, _ program: Int32, _ channel: Int32) -> Never {
        do {
            clinux_reset_signals()
            // Out of the way first, so that no target overwrites a source; the channel comes after systemd's sockets.
            let source = fcntl(channel, F_DUPFD_CLOEXEC, 64)
            try require("host channel", checked(source))
            let kept = fcntl(program, F_DUPFD_CLOEXEC, source + 1)
            try require("host channel", checked(kept))
            let channelDescriptor = options.sockets.end
            try require("host channel", checked(dup2(source, channelDescriptor)))
            try require("close descriptors", clinux_close_range(UInt32(channelDescriptor) + 1, UInt32(kept) - 1))
            try options.sockets.pass()
            try require("close descriptors", clinux_close_range(UInt32(kept) + 1, UInt32.max))
            if getuid() == 0 {
                try require("setgroups", clinux_setgroups_none())
                try require("setresgid", clinux_setresgid(account.groupID))
                try require("setresuid", clinux_setresuid(account.userID))
            }
            try require("no new privileges", clinux_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
            setenv("LIMEN_SPAWNER_FD", String(channelDescriptor), 1)
            var arguments: [UnsafeMutablePointer<CChar>?] = options.command.map { strdup($0) }
            arguments.append(nil)
            try require("run \(options.command[0])", clinux_execveat(kept, &arguments, environ))
        } catch {
            report("limen-spawner: \(error.step): \(describe(errno: error.errno))\n")
        }
        _exit(1)
    }
}
