import Glibc
import JSON
import Testing

/// Every layer there is, as `sandbox.require` names them.
private let layers: Set<String> = [
    "user", "groups", "capabilities", "no_new_privileges", "user_namespace", "mount", "pid", "network", "ipc", "uts", "cgroup", "network_pool",
    "socket_grant", "private_root", "scratch", "procfs", "landlock", "seccomp", "tripwires", "write_xor_execute", "memory_limit", "cpu_limit",
    "task_limit",
    "memory_peak", "rlimits",
]
/// What falls with the user namespaces.
private let namespaces: Set<String> = [
    "user_namespace", "mount", "pid", "network", "ipc", "uts", "cgroup", "network_pool", "socket_grant", "private_root", "scratch",
    "procfs",
]

@Suite("Limen: doctor, with each layer taken away in turn", .serialized, .enabled(if: Ordinary.isPossible))
struct DoctorTests {
    /// One machine that lacks something.
    struct Machine: Sendable, CustomTestStringConvertible {
        var without: [String]
        var delegated: [String]?
        var asRoot = false
        var rung: String
        var missing: Set<String>

        var testDescription: String {
            let cgroups = delegated.map { $0.isEmpty ? "no cgroup" : "only \($0.joined(separator: ", "))" }
            return ([asRoot ? "root" : "an account"] + without + [cgroups].compactMap { $0 }).joined(separator: ", without: ")
        }

        static func account(_ rung: String, _ missing: Set<String>, without: String..., delegated: [String]? = nil) -> Machine {
            Machine(without: without, delegated: delegated, rung: rung, missing: missing.union(["user"]))
        }
        static func root(_ rung: String, _ missing: Set<String>, without: String...) -> Machine {
            Machine(without: without, asRoot: true, rung: rung, missing: missing)
        }
    }

    static let kinds = ["mnt", "pid", "net", "ipc", "uts", "cgroup", "user"]
    static let limits: Set<String> = ["memory_limit", "cpu_limit", "memory_peak"]

    static let machines: [Machine] =
        [
            .root("root", []), .root("root", ["landlock"], without: "landlock"), .root("root", ["tripwires"], without: "listener"),
            .root("none", layers.subtracting(["user_namespace", "groups"]), without: "seccomp"),
            .account("userns", []), .account("userns", limits, delegated: []), .account("userns", limits, delegated: ["memory", "pids"]),
            .account("userns", limits, delegated: ["pids", "cpu"]), .account("userns", ["groups"], without: "groups"),
            .account("userns", ["landlock"], without: "landlock"), .account("userns", ["landlock"], without: "landlock-at-boot"),
            .account("userns", ["tripwires"], without: "listener"), .account("landlock", namespaces, without: "userns"),
            .account("landlock", namespaces, without: "mount"), .account("landlock", namespaces, without: "pivot-root"),
            .account("landlock", namespaces, without: "procfs"), .account("landlock", namespaces.union(limits), without: "userns", delegated: []),
            .account("landlock", namespaces.union(["tripwires"]), without: "userns", "listener"),
            .account("seccomp", namespaces.union(["landlock"]), without: "userns", "landlock"),
            .account("none", layers.subtracting(["groups"]), without: "capset"), .account("none", layers.subtracting(["groups"]), without: "rlimits"),
            .account("none", layers.subtracting(["groups"]), without: "seccomp"),
        ] + kinds.map { .account("landlock", namespaces, without: "max-\($0)") }

    @Test("doctor says which layers are missing, why and how to enable them, and which rung is left", arguments: machines)
    func missing(machine: Machine) throws {
        let report = try Ordinary.doctor(without: machine.without, delegated: machine.delegated, asRoot: machine.asRoot)
        #expect(report.rung == machine.rung, "\(report.json["attempts"]?.text ?? "") \(report.complaints)")
        #expect(report.names("missing") == machine.missing)
        #expect(Set(report.layers.compactMap { $0["name"]?.stringValue }) == layers)
        #expect(report.unexplained.isEmpty)
        let isWhole = machine.missing.subtracting(["user"]).isEmpty
        #expect(report.code == (isWhole ? 0 : 1) && report.json["complete"]?.boolValue == isWhole)
        #expect(report.json["accepts_plugins"]?.boolValue == !["seccomp", "none"].contains(machine.rung))
    }

    @Test("an ordinary account without delegation gets a table that ends with what to do, not the spawner's message")
    func table() throws {
        let outcome = try Ordinary.limen(["doctor"], without: ["max-net"], delegated: [])
        #expect(outcome.code == 1)
        for words in [
            "memory_limit       MISSING", "README, Without root", "network            MISSING", "sysctl user.max_net_namespaces", "rung: landlock",
            "not userns: make network namespace: No space left on device", "for plugins in C that start no thread",
        ] { #expect(outcome.output.contains(words), "\(words)") }
        #expect(outcome.complaints.isEmpty, "\(outcome.complaints)")
    }

    /// For each layer, a machine that lacks it.
    static let requirements: [(layer: String, without: [String], delegated: [String]?)] =
        [
            ("user", [], nil), ("groups", ["groups"], nil), ("capabilities", ["capset"], nil), ("no_new_privileges", ["seccomp"], nil),
            ("user_namespace", ["max-user"], nil), ("mount", ["max-mnt"], nil), ("pid", ["max-pid"], nil), ("network", ["max-net"], nil),
            ("ipc", ["max-ipc"], nil), ("uts", ["max-uts"], nil), ("cgroup", ["max-cgroup"], nil), ("network_pool", ["max-net"], nil),
            ("socket_grant", ["max-net"], nil), ("private_root", ["pivot-root"], nil), ("scratch", ["mount"], nil), ("procfs", ["procfs"], nil),
            ("landlock", ["landlock"], nil),
            ("seccomp", ["seccomp"], nil), ("tripwires", ["listener"], nil), ("write_xor_execute", ["seccomp"], nil), ("memory_limit", [], []),
            ("cpu_limit", [], []), ("task_limit", ["rlimits"], []), ("memory_peak", [], []), ("rlimits", ["rlimits"], nil),
        ]

    @Test("sandbox.require refuses to start without the layer: exit code 1, its name, why, and how to enable it", arguments: requirements)
    func require(requirement: (layer: String, without: [String], delegated: [String]?)) throws {
        let outcome = try Ordinary.limen(
            ["serve", "--listen", "127.0.0.1:0", "--data", "\(Ordinary.folder())/data", "--accept-groups"], without: requirement.without,
            delegated: requirement.delegated, environment: ["LIMEN_SANDBOX_REQUIRE": requirement.layer])
        #expect(outcome.code == 1)
        let line = outcome.complaints.split(separator: "\n").first { $0.hasPrefix("  \(requirement.layer): ") }
        let text = try #require(line, "\(outcome.complaints)")
        #expect(text.contains("; to enable it: ") && !text.hasSuffix(": "))
        #expect(!outcome.output.contains("serves on"))
    }

    @Test("there is a machine for every layer that can be required")
    func all() { #expect(Set(Self.requirements.map(\.layer)) == layers) }
}
