import CLinux
import Glibc
import Jail

/// Takes layers of protection away from a program before it starts, the way a machine without them would: what the program then says
/// of itself can be held against the truth. Everything here is done to the process itself and ends with it.
struct Deprivation {
    /// Names of system calls' worth of kernel that are missing; see `filters`.
    private var filters: [UInt32: SyscallRule] = [:]
    /// Kinds whose `user.max_…_namespaces` is 0.
    private var namespaces: [String] = []
    private var groups: [gid_t] = []
    private var coversProc = false

    /// What can be taken away, by name, beside `max-KIND`.
    private static let known: [String: [(Int32, SyscallRule)]] = [
        "userns": [__NR_unshare, __NR_clone].map { ($0, refuse(.hasAny(argument: 0, mask: UInt32(CLONE_NEWUSER)), EPERM)) },
        "landlock": [(__NR_landlock_create_ruleset, SyscallRule(otherwise: .errno(ENOSYS)))],
        "landlock-at-boot": [(__NR_landlock_create_ruleset, SyscallRule(otherwise: .errno(EOPNOTSUPP)))],
        "listener": [(__NR_seccomp, refuse(.hasAny(argument: 1, mask: 8), EBUSY))],
        "seccomp": [(__NR_seccomp, SyscallRule(otherwise: .errno(EINVAL)))],
        "mount": [(__NR_mount, SyscallRule(otherwise: .errno(EPERM)))],
        "pivot-root": [(__NR_pivot_root, SyscallRule(otherwise: .errno(EPERM)))],
        "capset": [(__NR_capset, SyscallRule(otherwise: .errno(EPERM)))],
        // glibc's setrlimit asks for no old value.
        "rlimits": [(__NR_prlimit64, refuse(.equals(argument: 3, value: 0), EPERM))],
    ]

    private static func refuse(_ test: ArgumentTest, _ errno: Int32) -> SyscallRule {
        SyscallRule([.init([test], .errno(errno))], otherwise: .allow)
    }

    /// - Throws: `EscapeError` naming a word that means nothing.
    init(_ words: [String]) throws(EscapeError) {
        for word in words where !word.isEmpty {
            if word == "groups" {
                groups = [64_996, 64_997]
            } else if word == "procfs" {
                coversProc = true
            } else if word.hasPrefix("max-") {
                namespaces.append(String(word.dropFirst(4)))
            } else if let rules = Self.known[word] {
                for (number, rule) in rules { filters[UInt32(number)] = rule }
            } else {
                throw EscapeError("nothing called `\(word)` can be taken away")
            }
        }
    }

    /// Does it to the calling process, which must be single-threaded, and becomes the account when it is root.
    /// - Throws: `EscapeError` naming what could not be done.
    func apply(becoming account: uid_t?) throws(EscapeError) {
        if coversProc { try coverProc() }
        if !namespaces.isEmpty { try limitNamespaces(account) }
        // While still root: an ordinary account could install a filter only by giving up set-user-id programs, which is a change of its own.
        if !filters.isEmpty {
            if getuid() != 0 { try hold("no new privileges", clinux_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) }
            let program = SeccompPolicy(rules: filters, otherwise: .allow).compiled().encoded()
            try hold("filter", BPFProgram.install(program, flags: 0))
        }
        guard let account, getuid() == 0 else { return }
        try hold("groups", checked(groups.withUnsafeBufferPointer { setgroups($0.count, $0.baseAddress) }))
        try hold("setgid", checked(setgid(account)))
        try hold("setuid", checked(setuid(account)))
    }

    /// A procfs of which a part is hidden may not be mounted anew by an ordinary account.
    private func coverProc() throws(EscapeError) {
        try hold("mount namespace", clinux_unshare(Int32(CLONE_NEWNS)))
        try hold("mount propagation", clinux_mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil))
        try hold("cover /proc/sys", clinux_mount("tmpfs", "/proc/sys", "tmpfs", 0, nil))
    }

    /// A user namespace of the test's own, in which an administrator has set the limits to 0.
    private func limitNamespaces(_ account: uid_t?) throws(EscapeError) {
        let isRoot = getuid() == 0
        let own = isRoot ? [0, account ?? 0] : [getuid()]
        let map = Set(own).sorted().map { "\($0) \($0) 1\n" }.joined()
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw EscapeError("pipe: errno \(errno)") }
        let parent = getpid()
        var pidfd: Int32 = -1
        let child = clinux_clone3(0, &pidfd, -1)
        if child == 0 {
            // Only a process outside may map more than one id.
            var byte: UInt8 = 0
            _ = read(ends[0], &byte, 1)
            do {
                try writeText(map, to: "/proc/\(parent)/uid_map")
                try writeText(map, to: "/proc/\(parent)/gid_map")
            } catch { _exit(1) }
            _exit(0)
        }
        try hold("helper", child)
        try hold("user namespace", clinux_unshare(Int32(CLONE_NEWUSER)))
        // Without this an ordinary account may map no group.
        if !isRoot { do { try writeText("deny", to: "/proc/self/setgroups") } catch { throw EscapeError(error.step) } }
        _ = write(ends[1], [1], 1)
        var status: Int32 = 0
        waitpid(pid_t(child), &status, 0)
        for descriptor in ends + [pidfd] { close(descriptor) }
        guard status == 0 else { throw EscapeError("the maps of the user namespace could not be written") }
        for kind in namespaces {
            do { try writeText("0", to: "/proc/sys/user/max_\(kind)_namespaces") } catch { throw EscapeError(error.step) }
        }
    }

    private func hold(_ step: String, _ result: Int) throws(EscapeError) {
        if result < 0 { throw EscapeError("\(step): \(describe(errno: Int32(-result)))") }
    }
}

/// `limen-escape --deprive`: runs a program as an ordinary account on a machine that lacks something.
struct DeprivedProgram {
    var without: [String]
    /// Controllers whose hierarchy is delegated to the account; nil for all.
    var controllers: [String]?
    var account: uid_t = Delegation.userID
    /// Stay root.
    var asRoot = false
    var words: [String]

    /// Runs it to its end, passing signals on.
    /// - Returns: its exit status.
    func run() throws(EscapeError) -> Int32 {
        let deprivation = try Deprivation(without)
        let delegation = getuid() == 0 && !asRoot ? try Delegation(controllers) : nil
        defer { for folder in delegation?.remove() ?? [] { print("left behind: \(folder)") } }
        var pidfd: Int32 = -1
        let child = clinux_clone3(0, &pidfd, -1)
        if child == 0 { become(deprivation, delegation) }
        guard child > 0 else { throw EscapeError("start \(words[0]): errno \(-child)") }
        Self.child = pid_t(child)
        for number in [SIGTERM, SIGINT, SIGHUP] { signal(number) { kill(DeprivedProgram.child, $0) } }
        var status: Int32 = 0
        while waitpid(pid_t(child), &status, 0) < 0, errno == EINTR {}
        return clinux_exited(status) != 0 ? clinux_exit_status(status) : 128 + clinux_term_signal(status)
    }

    // SAFETY: written once before the handlers that read it are installed; the program is single-threaded.
    nonisolated(unsafe) private static var child: pid_t = 0

    private func become(_ deprivation: Deprivation, _ delegation: Delegation?) -> Never {
        do {
            if let delegation, !delegation.join() { throw EscapeError("the delegated cgroups cannot be joined") }
            try deprivation.apply(becoming: asRoot ? nil : account)
        } catch {
            let bytes = Array("limen-escape: \(error)\n".utf8)
            _ = write(2, bytes, bytes.count)
            _exit(126)
        }
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        execvp(words[0], arguments)
        perror(words[0])
        _exit(127)
    }
}
