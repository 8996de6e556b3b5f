import CLinux
import Glibc

/// The system calls of a worker (DESIGN 4): an allowlist, tripwires, and W^X. Stage 1 is installed before any of the
/// plugin's code runs and carries every promise; stage 2 is hardening after the library is mapped. One policy, written by name, for every architecture.
package enum WorkerPolicy {
    /// Stage 1 of a rung, installed before the plugin's first constructor.
    ///
    /// Where the file system is the host's own, a worker's user owns files that Landlock does not protect from a change of mode or
    /// time, and the account's tasks and memory are counted together: there nothing changes a file, and no thread is made.
    /// - Parameters:
    ///   - reportsTripwires: false where no listener can be had: a tripwire then kills by itself.
    ///   - hasSocket: whether the worker has a socket grant; only on a rung with namespaces.
    package static func stage1(
        on rung: Rung, reportsTripwires: Bool = true, hasSocket: Bool = false, for architecture: Architecture = .native
    ) -> SeccompPolicy {
        var rules = hasSocket && rung.hasNamespaces ? everywhere.merging(withSocket) { $1 } : everywhere
        if !rung.hasNamespaces {
            for call in SyscallTable.changesOfFiles { rules[call] = SyscallRule(otherwise: .errno(EPERM)) }
            rules[.clone] = noThreads
            // The name of the host.
            rules[.uname] = SyscallRule(otherwise: .errno(EPERM))
        }
        if rung == .seccomp {
            for (call, argument) in SyscallTable.openFlags { rules[call] = readOnly(flags: argument) }
        }
        // Whatever libraries probe for must look absent, so that they fall back.
        let policy = SeccompPolicy(named: rules, otherwise: .errno(ENOSYS), for: architecture)
        return reportsTripwires ? policy : policy.killingAtTripwires()
    }

    private static var everywhere: [Syscall: SyscallRule] {
        var rules = conditional
        for call in SyscallTable.allowed { rules[call] = SyscallRule(otherwise: .allow) }
        for call in SyscallTable.refused { rules[call] = SyscallRule(otherwise: .errno(EPERM)) }
        for call in SyscallTable.tripwires { rules[call] = SyscallRule(otherwise: .tripwire) }
        return rules
    }

    /// Before stage 1 where there is no pid namespace: a worker names no process but itself.
    package static func ownProcess(_ pid: Int32, for architecture: Architecture = .native) -> SeccompPolicy {
        let own = UInt32(bitPattern: pid)
        var rules: [Syscall: SyscallRule] = [:]
        for call in [Syscall.tgkill, .tkill] { rules[call] = oneOf(argument: 0, [own]) }
        for call in [Syscall.sched_getaffinity, .sched_getparam, .sched_getscheduler, .getpgid, .getsid, .get_robust_list] {
            rules[call] = oneOf(argument: 0, [0, own])
        }
        rules[.getpriority] = SyscallRule(
            [0, own].map { .init([.equals(argument: 0, value: 0), .equals(argument: 1, value: $0)], .allow) }, otherwise: .errno(EPERM))
        return SeccompPolicy(named: rules, otherwise: .allow, for: architecture)
    }

    /// Added after `dlopen` with TSYNC: no new code, no further filters. A later filter's errno would outrank an earlier tripwire, so
    /// everything else is allowed here and left to stage 1.
    package static func stage2(for architecture: Architecture = .native) -> SeccompPolicy {
        let refuse = SyscallRule(otherwise: .errno(EPERM))
        let rules: [Syscall: SyscallRule] = [
            .mmap: SyscallRule([.init([.hasAny(argument: 2, mask: UInt32(PROT_EXEC))], .errno(EPERM))], otherwise: .allow),
            .seccomp: refuse,
            // Its one use was to hand the listener over.
            .sendmsg: refuse,
            .execve: refuse, .execveat: refuse,
        ]
        return SeccompPolicy(named: rules, otherwise: .allow, for: architecture)
    }

    private static var conditional: [Syscall: SyscallRule] {
        [
            .mmap: mmap, .mprotect: noExecute, .pkey_mprotect: noExecute, .clone: clone, .prctl: prctl, .ioctl: ioctl, .fcntl: fcntl,
            .prlimit64: prlimit, .seccomp: seccomp, .socket: socket,
        ]
    }

    /// No anonymous and no writable executable mapping.
    private static var mmap: SyscallRule {
        let execute = ArgumentTest.hasAny(argument: 2, mask: UInt32(PROT_EXEC))
        return SyscallRule(
            [
                .init([execute, .hasAny(argument: 2, mask: UInt32(PROT_WRITE))], .errno(EPERM)),
                .init([execute, .hasAny(argument: 3, mask: UInt32(MAP_ANONYMOUS))], .errno(EPERM)),
                .init([execute, .hasAny(argument: 3, mask: UInt32(MAP_SHARED))], .errno(EPERM)),
            ], otherwise: .allow)
    }

    private static var noExecute: SyscallRule {
        SyscallRule([.init([.hasAny(argument: 2, mask: UInt32(PROT_EXEC))], .errno(EPERM))], otherwise: .allow)
    }

    /// Threads exactly as glibc makes them; a new namespace is a tripwire, a process is refused. `clone3` is ENOSYS: its flags
    /// lie in memory where a filter cannot read them. `clone` has its flags first on both architectures; arm64 swaps only what follows the third.
    private static var clone: SyscallRule {
        SyscallRule(
            [
                .init([.equals(argument: 0, value: Flags.glibcThread)], .allow),
                .init([.hasAny(argument: 0, mask: Flags.namespaces)], .tripwire),
            ], otherwise: .errno(EPERM))
    }

    /// As if the machine had no more threads to give: libraries know that answer.
    private static var noThreads: SyscallRule {
        SyscallRule(
            [
                .init([.equals(argument: 0, value: Flags.glibcThread)], .errno(EAGAIN)),
                .init([.hasAny(argument: 0, mask: Flags.namespaces)], .tripwire),
            ], otherwise: .errno(EPERM))
    }

    private static func readOnly(flags argument: Int) -> SyscallRule {
        let writes = UInt32(O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND)
        return SyscallRule([.init([.hasAny(argument: argument, mask: writes)], .errno(EPERM))], otherwise: .allow)
    }

    private static var prctl: SyscallRule {
        // Names of threads, and questions; nothing that changes what the jail has set.
        let allowed: [Int32] = [PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP, PR_CAPBSET_READ, PR_GET_PDEATHSIG]
        return oneOf(argument: 0, allowed.map { UInt32($0) })
    }

    private static var ioctl: SyscallRule { oneOf(argument: 1, [Flags.fionread, Flags.fionbio, Flags.fioclex, Flags.fionclex, Flags.tcgets]) }

    static var fcntl: SyscallRule {
        let allowed: [Int32] = [
            F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_DUPFD_CLOEXEC, Flags.ofdGetLock, Flags.ofdSetLock,
            Flags.ofdSetLockWait,
        ]
        return oneOf(argument: 1, allowed.map { UInt32($0) })
    }

    /// Its own limits only; the kernel refuses to raise them.
    private static var prlimit: SyscallRule { oneOf(argument: 0, [0]) }

    /// For stage 2 alone: one more filter on all threads.
    private static var seccomp: SyscallRule {
        SyscallRule(
            [
                .init(
                    [.equals(argument: 0, value: UInt32(SECCOMP_SET_MODE_FILTER)), .equals(argument: 1, value: Flags.seccompThreadSync)], .allow)
            ], otherwise: .errno(EPERM))
    }

    /// Families that only reach for the kernel are tripwires; the others are refused politely, because Dispatch tries syslog.
    static var socket: SyscallRule {
        let traps: [Int32] = [AF_ALG, AF_NETLINK, AF_PACKET, AF_VSOCK]
        return SyscallRule(traps.map { .init([.equals(argument: 0, value: UInt32($0))], .tripwire) }, otherwise: .errno(EPERM))
    }

    private static func oneOf(argument: Int, _ values: [UInt32]) -> SyscallRule {
        SyscallRule(values.map { .init([.equals(argument: argument, value: $0)], .allow) }, otherwise: .errno(EPERM))
    }

    private enum Flags {
        /// CLONE_VM|FS|FILES|SIGHAND|THREAD|SYSVSEM|SETTLS|PARENT_SETTID|CHILD_CLEARTID: glibc's pthread_create.
        static let glibcThread: UInt32 = 0x003d_0f00
        /// CLONE_NEWNS|NEWCGROUP|NEWUTS|NEWIPC|NEWUSER|NEWPID|NEWNET and NEWTIME (0x80).
        static let namespaces: UInt32 = 0x7e02_0080
        static let fionread: UInt32 = 0x541b
        static let fionbio: UInt32 = 0x5421
        static let fioclex: UInt32 = 0x5451
        static let fionclex: UInt32 = 0x5450
        static let tcgets: UInt32 = 0x5401
        static let ofdGetLock: Int32 = 36
        static let ofdSetLock: Int32 = 37
        static let ofdSetLockWait: Int32 = 38
        static let seccompThreadSync: UInt32 = 1
    }
}
