/// Exhaustion: memory, threads, descriptors, scratch, time, noise, and every way to die in the middle of a call.
extension EscapeCases {
    private static let small = 48 << 20

    private static func memory(_ name: String, orReports: [String: String]? = nil) -> EscapeCase {
        let dies = Expectation.dies(["memory"])
        return .one(.exhaustion, name, orReports.map { .either([dies, .reports($0)]) } ?? dies) {
            $0.limits = ["memory_bytes": small, "scratch_bytes": 16 << 20]
        }
    }

    /// The caller hears of a time-out; the worker that goes on is killed for its deadline.
    private static func endless(_ name: String, or others: [String] = []) -> EscapeCase {
        .one(.exhaustion, name, .dies(["timeout"] + others)) {
            $0.timeoutMilliseconds = 700
            $0.endsBy = ["deadline"] + others
        }
    }

    private static func death(_ name: String, attack: String? = nil, _ argument: String = "", _ reasons: [String] = ["crash"]) -> EscapeCase {
        .one(.exhaustion, name, attack: attack, argument, .dies(reasons))
    }

    private static func flood(_ what: String, error: String = "EMFILE") -> EscapeCase {
        .one(
            .exhaustion, "descriptor-flood-\(what)", attack: "descriptor-flood", what,
            .reports(["made": "at most 64", "error": error, "raise limit": "EPERM", "dup2 high": "EBADF"]))
    }

    static let exhaustion: [EscapeCase] =
        [
            memory("memory-loop").landlock(.reports(["mmap": "ENOMEM"])), memory("memory-malloc").landlock(.reports(["malloc": "ENOMEM"])),
            memory("memory-threads").landlock(.reports(["thread": "EAGAIN"])), memory("memory-huge-map", orReports: ["huge map": "refused"]),
            memory("memory-populate", orReports: ["4 GiB populated": "ENOMEM"]), memory("memory-shared").landlock(.reports(["shared": "ENOMEM"])),
            memory("memory-page-tables").landlock(.reports(["sparse map": "ENOMEM"])),
            memory("memory-stack", orReports: ["stack of 1 TiB": "*", "thread": "EAGAIN|ENOMEM"]),
            memory("memory-mappings", orReports: ["mappings": "limited"]),
            .one(.exhaustion, "memory-hugetlb", .reports(["MAP_HUGETLB": "ENOMEM|EPERM|EINVAL"])),
            .one(
                .exhaustion, "memory-locked",
                .reports(["locked": "at most 64 MiB", "mlock": "EPERM|ENOMEM", "mlockall": "EPERM|ENOMEM"])),
            .one(.exhaustion, "thread-bomb", .reports(["threads": "under 32", "last": "EAGAIN"])),
            endless("thread-bomb-endless", or: ["memory"]),
            flood("open"), flood("eventfd"), flood("timerfd"), flood("epoll"), flood("pipe"), flood("dup"), flood("memfd", error: "EPERM"),
            .one(.exhaustion, "timer-flood", .reports(["timers": "limited", "last": "EPERM|EAGAIN"])),
            .one(.exhaustion, "signal-queue", .reports(["queued": "limited"])),
            .one(.exhaustion, "pipe-buffers", .reports(["pipe": "ok", "F_SETPIPE_SZ 1 GiB": "EPERM"])),
            .one(
                .exhaustion, "fill-scratch",
                .reports(["create": "ok", "written": "at most 64 MiB", "write": "ENOSPC|EFBIG", "fallocate 1 GiB": "ENOSPC|EFBIG"])
            ).landlock(.reports(["create": "ENOENT", "written": "at most 64 MiB", "write": "EBADF", "fallocate 1 GiB": "EPERM"])),
            .one(.exhaustion, "fill-inodes", .reports(["files": "limited", "last": "ENOSPC"])).landlock(
                .reports(["files": "limited", "last": "ENOENT"])),
            .one(.exhaustion, "deep-folders", .reports(["depth": "limited", "chdir /": "ok"])),
            endless("spin"), endless("spin-threads"), endless("sleep-for-ever"), endless("spin-in-handler"), endless("segv-for-ever", or: ["crash"]),
            endless("never-answer"),
            .one(.exhaustion, "log-flood", .either([.reports(["logged": "20000"]), .dies(["protocol"])])),
            .one(.exhaustion, "log-huge", .either([.reports(["logged": "one"]), .dies(["protocol"])])),
            .one(.exhaustion, "event-flood", .dies(["event_limit"])),
            .one(.exhaustion, "event-huge", .dies(["event_limit"])) { $0.limits = ["memory_bytes": 512 << 20] },
            .one(.exhaustion, "event-bytes", .dies(["event_limit"])),
            .one(.exhaustion, "standard-streams", .reports(["written": "yes"])),
            .one(.exhaustion, "output-2m", attack: "output-too-large", "2097152", .either([.badOutput, .dies(["output_limit"])])),
            .one(.exhaustion, "output-48m", attack: "output-too-large", "50331648", .either([.badOutput, .dies(["output_limit", "memory"])])),
            death("stack-overflow"), death("abort"), death("trap"), death("null-write"), death("wild-jump"), death("divide"), death("double-free"),
            death("exit-0", attack: "exit", "0", ["exit"]), death("exit-3", attack: "exit", "3", ["exit"]),
            death("exit-group", attack: "exit-group", "0", ["exit"]), death("thread-exit", "0", ["exit"]), death("pthread-exit", "0", ["exit"]),
            .one(.exhaustion, "kill-self", .reports(["SIGKILL to self": "EPERM", "SIGSTOP to self": "EPERM"])) { $0.timeoutMilliseconds = 2_500 }
                // Not the first process of a namespace, it may stop itself, and is killed for its deadline.
                .landlock(.dies(["timeout"])),
            death("unmap"), death("corrupt-host-table"), death("close-descriptors", "", ["exit", "crash", "protocol"]),
            .several(
                .exhaustion, "linger-spinning",
                [EscapeStep("linger-spinning", .reports(["left behind": "8 threads"])), EscapeStep("noop", .reports(["still": "here"]))]),
            .several(
                .exhaustion, "die-after-answer",
                [
                    EscapeStep("die-after-answer", .reports(["answered": "yes"])),
                    EscapeStep("noop", .reports(["still": "here"])), EscapeStep("noop", .reports(["still": "here"])),
                ]),
            .several(
                .exhaustion, "next-call-after-crash", [EscapeStep("abort", .dies(["crash"])), EscapeStep("noop", .reports(["still": "here"]))]),
        ]
}
