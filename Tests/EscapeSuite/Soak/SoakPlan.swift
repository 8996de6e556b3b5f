/// The plugins of a soak and what each of them does to its host, at random.
struct SoakPlan: Sendable {
    /// One kind of plugin; there are `count` of each, because a breaker soon keeps the callers of a crashing one away.
    struct Kind: Sendable {
        let name: String
        let library: String
        let count: Int
        /// Attack and argument; what stands twice is tried twice as often.
        let attacks: [(attack: String, argument: String)]
        var timeoutMilliseconds = 2_000
        var limits: [String: Int] = [:]
    }

    private static func plain(_ attacks: String...) -> [(String, String)] { attacks.map { ($0, "") } }

    static let kinds: [Kind] = [
        Kind(
            name: "crash", library: "hostile-exhaustion", count: 6,
            attacks: plain("noop", "noop", "abort", "null-write", "stack-overflow", "wild-jump", "double-free", "die-after-answer", "unmap")
                + [("exit", "3"), ("thread-exit", "0")]),
        Kind(
            name: "hang", library: "hostile-exhaustion", count: 3,
            attacks: plain("noop", "never-answer", "sleep-for-ever", "spin", "linger-spinning"),
            timeoutMilliseconds: 200, limits: ["cpu_percent": 10]),
        Kind(
            name: "memory", library: "hostile-exhaustion", count: 3, attacks: plain("noop", "memory-loop", "memory-threads", "memory-shared"),
            limits: ["memory_bytes": 32 << 20, "scratch_bytes": 8 << 20]),
        Kind(
            name: "leak", library: "hostile-leaks", count: 4,
            attacks: plain("leak-memory", "leak-descriptors", "leak-threads", "leak-scratch", "leak-events", "noop"),
            limits: ["memory_bytes": 48 << 20, "scratch_bytes": 16 << 20]),
        Kind(
            name: "forge", library: "hostile-protocol", count: 3,
            attacks: plain("garbage", "half-payload", "two-results", "result-unknown-call", "fetch-flood", "kv-flood", "shutdown-socket", "length-4g")
        ),
        Kind(name: "load", library: "load-constructor-crash", count: 2, attacks: plain("noop")),
        Kind(name: "trip", library: "hostile-kernel", count: 2, attacks: [("tripwire", "ptrace"), ("tripwire", "bpf"), ("tripwire", "mount")]),
    ]

    /// Every plugin as a case of the suite, with the kind it is of.
    static let plugins: [(escape: EscapeCase, kind: Kind)] = kinds.flatMap { kind in
        (0..<kind.count).map { number in
            var escape = EscapeCase(id: "soak.\(kind.name)-\(number)", family: .exhaustion, library: kind.library, steps: [])
            escape.timeoutMilliseconds = kind.timeoutMilliseconds
            escape.limits = kind.limits
            escape.workers = 2
            return (escape, kind)
        }
    }

    /// Ends that a soak must have seen, or it proved nothing.
    static let mustHappen = ["crash", "exit", "memory", "deadline", "protocol", "load", "violation"]
}
