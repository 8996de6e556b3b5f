import Glibc
import Jail

/// Kernel surface: tripwires one at a time, other entries, W^X.
extension EscapeCases {
    /// The traps of kernel.c and the call that the audit log must name.
    private static let traps: [(trap: String, systemCall: String)] =
        [
            "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "bpf", "mount", "umount2", "pivot_root", "open_tree", "move_mount",
            "fsopen",
            "fsconfig", "fsmount", "fspick", "mount_setattr", "setns", "keyctl", "add_key", "request_key", "userfaultfd", "perf_event_open",
            "io_uring_setup", "io_uring_enter", "io_uring_register", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module",
            "open_by_handle_at", "swapon", "swapoff", "reboot", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "open_tree_attr",
        ].map { ($0, $0) }
        + ["traceme", "seize"].map { ("ptrace-\($0)", "ptrace") }
        + ["user", "mount", "pid", "net", "ipc", "uts", "cgroup", "time", "files"].map { ("unshare-\($0)", "unshare") }
        + ["user", "mount", "pid", "net", "ipc", "uts", "cgroup", "thread-user"].map { ("clone-\($0)", "clone") }
        + ["alg", "netlink", "packet", "vsock", "high-bits"].map { ("socket-\($0)", "socket") }

    private static let unknownNumbers = ["600", "1000", "65535", "536870911", "old 180 nfsservctl", "old 183 afs_syscall", "old 156 _sysctl"]

    /// What the policy answers to every number with no argument set, as a letter: E for EPERM, N for ENOSYS, a point for what would run, be a
    /// tripwire, or (uretprobe and uprobe) is shown to no filter.
    private static let everyCall: String = {
        let none = [UInt64](repeating: 0, count: 6)
        let letters = (UInt32(0)..<512).map { number -> String in
            guard number != 335, number != 336 else { return "." }
            let later = WorkerPolicy.stage2().action(number: number, arguments: none)
            switch later == .allow ? WorkerPolicy.stage1(on: .root).action(number: number, arguments: none) : later {
            case .errno(let code): return code == EPERM ? "E" : code == ENOSYS ? "N" : "."
            default: return "."
            }
        }
        return letters.joined()
    }()

    static let kernel: [EscapeCase] =
        traps.map { trap in
            .one(.kernel, trap.trap.map { $0 == "_" ? "-" : String($0) }.joined(), attack: "tripwire", trap.trap, .violation(trap.systemCall))
        } + [
            .one(.kernel, "tripwire-thread", .violation("bpf")).landlock(.reports(["thread": "EAGAIN"])),
            .one(.kernel, "tripwire-storm", .violation("bpf")).landlock(.reports(["thread": "EAGAIN"])),
            .one(.kernel, "every-call", everyCall, .reports(["tried": "all", "wrong": "0"])),
            .one(.kernel, "unknown-calls", .reports(all(unknownNumbers, "ENOSYS", ["old 134 uselib": "EPERM|ENOSYS"]))),
            .one(
                .kernel, "newer-calls",
                .reports(
                    all(
                        [
                            "cachestat", "fchmodat2", "map_shadow_stack", "statmount", "listmount", "lsm_get_self_attr", "lsm_set_self_attr",
                            "lsm_list_modules", "mseal", "setxattrat", "getxattrat",
                        ], "ENOSYS",
                        ["memfd_secret": "EPERM", "process_mrelease": "EPERM", "set_mempolicy_home_node": "EPERM", "quotactl_fd": "EPERM"]))),
            .one(
                .kernel, "forbidden-calls",
                .reports(
                    all(
                        [
                            "sethostname", "setdomainname", "syslog", "vhangup", "personality", "personality no randomize", "shmget", "semget",
                            "msgget",
                            "mq_open", "io_setup", "mbind", "set_mempolicy", "get_mempolicy", "remap_file_pages", "vmsplice", "pkey_alloc",
                            "pkey_mprotect", "fanotify_mark", "iopl", "ioperm", "modify_ldt", "ustat", "sysfs", "arch_prctl CET", "arch_prctl CPUID",
                        ], "EPERM", ["lookup_dcookie": "ENOSYS", "mlock2": "EINVAL|EPERM"]))),
            .one(
                .kernel, "own-filters",
                .reports(
                    all(
                        [
                            "seccomp filter", "seccomp listener", "seccomp filter on all threads", "seccomp strict", "prctl filter",
                            "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
                        ], "EPERM", ["file still absent": "yes"]))),
            .one(.kernel, "int80", .dies(["crash"])),
            .one(.kernel, "int80-socket", .dies(["crash"])),
            .one(.kernel, "x32", .dies(["crash"])),
            .one(.kernel, "x32-special", .dies(["crash"])),
            .one(.kernel, "sysenter", .dies(["crash"])),
            .one(.kernel, "vsyscall", .either([.reports(["vsyscall": "returned"]), .dies(["crash"])])),
            .one(
                .kernel, "write-and-execute",
                .reports(
                    all(
                        [
                            "map rwx", "map rx", "map x", "map shared rx", "map growsdown rwx", "rw to rx", "rw to rwx", "rw to x", "r to rx",
                            "own text to rwx", "pkey_mprotect", "map rx with high bits", "stack to rx", "stack growsdown",
                        ], "EPERM"))),
            .one(.kernel, "text-to-writable", .either([.dies(["crash"]), .reports(["text rx to rw": "EPERM|EACCES"])])),
            .one(.kernel, "personality-exec", .reports(all(["READ_IMPLIES_EXEC", "query"], "EPERM"))),
            .one(.kernel, "run-stack", .dies(["crash"])),
            .one(.kernel, "run-heap", .dies(["crash"])),
            .one(
                .kernel, "ordinary-calls",
                .reports(
                    all(
                        [
                            "clock_gettime", "getrandom", "mmap", "madvise", "munmap", "sched_yield", "scratch", "write", "urandom", "null",
                        ], "ok"))
            ).landlock(reports: ["scratch": "ENOENT", "write": "EBADF"]),
        ]
}
