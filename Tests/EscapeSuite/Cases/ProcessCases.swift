/// Processes: making them, reaching them, becoming someone else.
extension EscapeCases {
    private static let noCapabilities = "0000000000000000"

    /// Rootless, a worker is user 0 of a namespace in which that number means nothing.
    private static let asNamespaceUser = all(
        ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"], noCapabilities,
        [
            "NoNewPrivs": "1", "Seccomp": "2", "TracerPid": "0", "uid": "root", "gid": "root", "root among groups": "*", "dumpable": "0",
            "core limit": "0/0", "terminal": "none", "capget": "none",
        ])

    /// Without a /proc the worker is asked by calls alone. The bounding set is the account's: with no-new-privileges nothing comes of it.
    private static let asAccount: [String: String] = [
        "status": "EACCES", "uid": "not root", "gid": "not root", "root among groups": "0", "dumpable": "0", "core limit": "0/0", "terminal": "none",
        "capget": "none",
    ]

    static let processes: [EscapeCase] = [
        .one(
            .processes, "fork-every-way",
            .reports(
                all(
                    [
                        "fork", "raw fork", "raw vfork", "clone SIGCHLD", "clone no signal", "clone parent", "clone pidfd", "clone files",
                        "clone ptrace",
                        "clone high bits",
                    ], "EPERM", ["clone3": "ENOSYS", "clone3 new user": "ENOSYS"]))),
        .one(
            .processes, "spawn-every-way",
            .reports([
                "posix_spawn": "EPERM", "posix_spawnp": "EPERM", "system": "refused", "popen": "refused", "execve": "EPERM", "execvp": "EPERM|ENOENT",
                "execveat empty": "EPERM",
            ])),
        .one(
            .processes, "signals", "%pid",
            .reports([
                "kill host": "EPERM", "kill host group": "EPERM", "kill all": "EPERM", "kill parent": "ESRCH", "tgkill host": "ESRCH",
                "tkill host": "ESRCH", "rt_sigqueueinfo": "EPERM", "rt_tgsigqueueinfo": "EPERM", "pidfd_open host": "EPERM",
                "pidfd_send_signal": "EPERM", "others reachable": "0", "own id": "1", "parent id": "0",
            ])
        )
        // Without a pid namespace the others are there to be named, and nothing reaches them.
        .landlock(reports: ["kill parent": "EPERM", "tgkill host": "EPERM", "tkill host": "EPERM", "own id": "*", "parent id": "*"]),
        .one(
            .processes, "memory-of-others", "%pid",
            .reports([
                "process_madvise": "EPERM", "process_mrelease": "EPERM", "kcmp": "EPERM", "move_pages": "EPERM", "migrate_pages": "EPERM",
                "get_robust_list": "ESRCH", "prlimit host": "EPERM", "sched_getaffinity host": "ESRCH", "getpgid host": "ESRCH",
                "getsid host": "ESRCH",
                "ioprio_set host": "EPERM", "waitid": "EPERM",
            ])
        ).landlock(
            reports: ["get_robust_list": "EPERM", "sched_getaffinity host": "EPERM", "getpgid host": "EPERM", "getsid host": "EPERM"]),
        .one(
            .processes, "become-root",
            .reports(
                all(["setuid", "setgid", "setreuid", "setresuid", "setresgid", "setgroups", "capset"], "EPERM", ["setfsuid": "not root"]))),
        .one(
            .processes, "credentials",
            .reports(
                all(
                    ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"], noCapabilities,
                    [
                        "NoNewPrivs": "1", "Seccomp": "2", "TracerPid": "0", "uid": "not root", "gid": "not root", "root among groups": "0",
                        "dumpable": "0", "core limit": "0/0", "terminal": "none", "capget": "none",
                    ]))
        ) { $0.rootless = [EscapeStep("credentials", .reports(asNamespaceUser))] }.landlock(.reports(asAccount)),
        .one(.processes, "host-name", .reports(["node": "limen"])).landlock(.reports(["node": "EPERM"])),
        .one(
            .processes, "process-controls",
            .reports(
                all(
                    [
                        "PR_SET_DUMPABLE 1", "PR_SET_NO_NEW_PRIVS 0", "PR_SET_PDEATHSIG 0", "PR_SET_PTRACER any", "PR_SET_MM",
                        "PR_SET_SECCOMP strict",
                        "PR_SET_SECUREBITS", "PR_SET_KEEPCAPS", "PR_CAP_AMBIENT raise", "PR_CAPBSET_DROP", "PR_SET_CHILD_SUBREAPER",
                        "PR_SET_SYSCALL_USER_DISPATCH", "PR_SCHED_CORE", "PR_SET_SPECULATION_CTRL", "PR_SET_IO_FLUSHER", "PR_MCE_KILL",
                        "PR_SET_MDWE 0", "PR_SET_MEMORY_MERGE", "PR_SET_TIMING", "PR_SET_ENDIAN", "unknown prctl",
                    ], "EPERM", ["still not dumpable": "yes"]))),
        .one(
            .processes, "raise-limits",
            .reports(
                all(["RLIMIT_NOFILE", "RLIMIT_CORE", "RLIMIT_MEMLOCK", "RLIMIT_RTPRIO", "RLIMIT_NICE", "RLIMIT_MSGQUEUE", "prlimit64"], "EPERM"))),
        .one(
            .processes, "raise-priority",
            .reports(
                all(
                    [
                        "SCHED_FIFO", "SCHED_DEADLINE", "sched_setparam", "setpriority -20", "setpriority user", "ioprio_set realtime", "mlockall",
                    ], "EPERM"))),
        .one(
            .processes, "sessions",
            .reports(all(["setsid", "setpgid", "TIOCSTI", "TIOCSCTTY", "TIOCSETD", "TIOCLINUX", "TIOCCONS"], "EPERM"))),
        .several(.processes, "ignore-cancel", [EscapeStep("ignore-cancel", cancelAfterMilliseconds: 1_000, .cancelled)]) {
            $0.isSlow = true
            $0.endsBy = ["cancelled"]
        },
        .several(.processes, "ignore-cancel-spinning", [EscapeStep("ignore-cancel-spinning", cancelAfterMilliseconds: 1_000, .cancelled)]) {
            $0.isSlow = true
            $0.endsBy = ["cancelled"]
        },
    ]
}
