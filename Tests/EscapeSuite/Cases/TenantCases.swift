/// Tenants and time: what one caller leaves for the next.
extension EscapeCases {
    private static func pair(
        _ name: String, isolation: String, keep: String, read: String, by next: Caller, argument: String = "secret", kept: [String: String],
        found: [String: String]
    ) -> EscapeCase {
        .several(
            .tenants, name, [EscapeStep(keep, argument, .reports(kept)), EscapeStep(read, by: next, .reports(found))]
        ) { $0.isolation = isolation }
    }

    private static func globals(_ isolation: String, _ next: Caller, found: String = "nothing") -> EscapeCase {
        pair(
            "globals-\(isolation)-\(next.rawValue)", isolation: isolation, keep: "keep-global", read: "read-global", by: next,
            kept: ["kept": "secret"],
            found: ["global": found, "thread local": found])
    }
    private static func scratch(_ isolation: String, _ next: Caller) -> EscapeCase {
        pair(
            "scratch-\(isolation)-\(next.rawValue)", isolation: isolation, keep: "keep-scratch", read: "read-scratch", by: next,
            kept: ["write": "ok"],
            found: ["files left": "0", "writable": "ok"]
        )
        // There is no scratch.
        .landlock(.reports(["write": "EBADF"]), .reports(["opendir": "ENOENT"]))
    }
    private static func state(_ isolation: String, _ next: Caller, found: String) -> EscapeCase {
        pair(
            "state-\(isolation)-\(next.rawValue)", isolation: isolation, keep: "keep-state", read: "read-state", by: next,
            kept: ["found": "*", "error": "", "value": ""],
            found: found.isEmpty ? ["found": "0", "error": "", "value": ""] : ["found": "1", "error": "", "value": found])
    }

    static let tenants: [EscapeCase] = [
        globals("call", .alice), globals("call", .carol), globals("user", .bob), globals("user", .carol), globals("tenant", .carol),
        globals("tenant", .bob, found: "secret"),
        scratch("call", .alice), scratch("user", .bob), scratch("tenant", .carol),
        state("user", .alice, found: "secret"), state("user", .bob, found: ""), state("tenant", .bob, found: "secret"),
        state("tenant", .carol, found: ""),
        pair(
            "state-path-climb", isolation: "tenant", keep: "keep-state", read: "list-state", by: .carol,
            kept: ["found": "*", "error": "", "value": ""], found: ["found": "*", "error": "", "value": "[]"]),
        pair(
            "descriptor", isolation: "tenant", keep: "keep-descriptor", read: "read-descriptor", by: .carol, kept: ["write": "ok", "dup": "ok"],
            found: ["descriptor 50": "EBADF"]
        ).landlock(.reports(["write": "EBADF", "dup": "EBADF"]), .reports(["descriptor 50": "EBADF"])),
        pair(
            "environment-next", isolation: "tenant", keep: "keep-environment", read: "read-environment", by: .carol, kept: ["environment": "secret"],
            found: ["KEPT": "absent", "SWIFT_BACKTRACE": "enable=no", "TZ": "UTC", "other variables": "0", "umask all": "no"]),
        // The mount table names the folders of the host that the bundle and the worker program are bound from: their paths are no secret.
        .one(
            .tenants, "arguments", attack: "read-arguments", "%secret",
            .reports(["cmdline": "0", "environ": "0|-1", "mountinfo": "0|1|2|-1", "maps": "0|-1", "cgroup": "0|-1", "own library": "jail path"])
        ) {
            // Rootless, the worker's own program is mapped from the tree that the jail's root was copied from.
            $0.rootless = [
                EscapeStep(
                    "read-arguments", "%secret",
                    .reports(["cmdline": "0", "environ": "0|-1", "mountinfo": "0|1|2|-1", "maps": "*", "cgroup": "0|-1", "own library": "jail path"]))
            ]
        }
        // No /proc; but the library lies where the host keeps it.
        .landlock(reports: ["cmdline": "-1", "own library": "host path"]),
        .one(
            .tenants, "shared-memory", attack: "keep-shared",
            .reports(["shm_open": "ENOENT|EACCES", "shmget": "EPERM", "mq_open": "EPERM", "semget": "EPERM"])),
        .several(
            .tenants, "randomness",
            [
                EscapeStep("randomness", .reports(["random": "*", "stack": "*", "canary": "hidden"])),
                EscapeStep("randomness", by: .carol, .reports(["random": "*", "stack": "*", "canary": "hidden"])),
            ]
        ) { $0.isolation = "call" },
        .several(
            .tenants, "core-file",
            [EscapeStep("core-file", .dies(["crash"])), EscapeStep("read-scratch", .reports(["files left": "0", "writable": "ok"]))]
        ).landlock(.dies(["crash"]), .reports(["opendir": "ENOENT"])),
        .several(
            .tenants, "cancelled-then-late",
            [
                EscapeStep("cancelled-then-late", cancelAfterMilliseconds: 50, .cancelled),
                EscapeStep("say", "mine", .reports(["said": "mine"])), EscapeStep("say", "also mine", by: .bob, .reports(["said": "also mine"])),
            ]),
        .several(
            .tenants, "answer-then-forge",
            [
                // A slow host reads the forged frame together with the answer.
                EscapeStep("answer-then-forge", .either([.reports(["from": "this call"]), .dies(["protocol"])])),
                EscapeStep("say", "mine", by: .bob, .either([.reports(["said": "mine"]), .dies(["protocol"])])),
                EscapeStep("say", "other", by: .carol, .reports(["said": "other"])),
            ]),
    ]

    /// Where the language's runtime matters.
    static let swift: [EscapeCase] =
        [
            withoutDispatch("ordinary", .reports(["swift": "async"])), one("force-unwrap", .dies(["crash"])), one("out-of-bounds", .dies(["crash"])),
            one("overflow", .dies(["crash"])), one("fatal-error", .dies(["crash"])), one("recursion", .dies(["crash"])),
            withoutDispatch("task-bomb", .reports(["swift": "sum 199990000"])), one("memory", .dies(["memory", "crash"])),
            endless("threads"), endless("task-storm"), endless("never"), endless("block-pool"),
            .several(
                .swift, "linger", library: "hostile-swift",
                [EscapeStep("linger", .reports(["swift": "lingering"])), EscapeStep("linger", by: .carol, .reports(["swift": "lingering"]))]
            ) { $0.timeoutMilliseconds = 2_500 }.landlock(.dies(["timeout"]), .dies(["timeout"])),
        ]

    private static func one(_ name: String, _ expected: Expectation) -> EscapeCase { .one(.swift, name, library: "hostile-swift", expected) }
    /// What needs a thread of Dispatch's waits for it in vain where there is none, until its deadline.
    private static func withoutDispatch(_ name: String, _ expected: Expectation) -> EscapeCase {
        .one(.swift, name, library: "hostile-swift", expected) { $0.timeoutMilliseconds = 2_500 }.landlock(.dies(["timeout"]))
    }
    private static func endless(_ name: String) -> EscapeCase {
        .one(.swift, name, library: "hostile-swift", .dies(["timeout", "memory", "crash"])) { $0.timeoutMilliseconds = 700 }
    }
}
