import CLinux
import Glibc
import IO
import JSON

/// `limen doctor`: what this kernel and this account can enforce, what is missing, how to enable it.
enum DoctorCommand {
    /// What can be seen without making a jail, then the jail itself: proved by doing.
    static func outer(_ arguments: Arguments) throws -> LaunchPlan {
        let (workshop, _) = try AuthorCommands.workshop()
        Output.print(TextTable.titled(["dependency", "found", "what it means"], dependencies()) + "\n")
        return .inWorkshop(workshop, words: ["doctor"], arguments)
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        let posture = try Engine.run { engine in try await Posture.await(engine) }
        let rows = posture.layers.map { [$0.name, $0.isHeld ? "holds" : "MISSING", $0.detail] }
        Output.print(TextTable.titled(["protection", "here", "how"], rows))
        Output.print("\nrung: \(posture.rung)\(explanation(posture.rung))\n")
        let missing = posture.layers.filter { !$0.isHeld && $0.name != "own user a slot" }
        return missing.isEmpty ? 0 : 1
    }

    private static func explanation(_ rung: String) -> String {
        switch rung {
        case "root": " (every worker has a user of its own; the host runs as another)"
        default: " (workers share this account's user; run `limen serve` as root to give each its own)"
        }
    }

    private static func dependencies() -> [[String]] {
        var name = utsname()
        uname(&name)
        let release = withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let landlock = clinux_landlock_abi()
        let isUnified = Path.exists("/sys/fs/cgroup/cgroup.controllers")
        return [
            ["kernel", release, "6.1 or newer is what the jail is built for"],
            [
                "account", getuid() == 0 ? "root" : "user \(getuid())",
                getuid() == 0 ? "the host itself runs as \(accountName())" : "rootless: needs user namespaces and a delegated cgroup",
            ],
            [
                "landlock", landlock > 0 ? "ABI \(landlock)" : "no",
                landlock > 0 ? "files; from ABI 4 also TCP, from 6 signals" : "boot with lsm=landlock,...",
            ],
            [
                "cgroups", isUnified ? "v2" : "v1",
                isUnified ? "rootless needs systemd's Delegate=yes" : "limits need root; v2 is booted with systemd.unified_cgroup_hierarchy=1",
            ],
            ["user namespaces", userNamespaces(), "needed rootless; sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces"],
            ["seccomp", Path.exists("/proc/sys/kernel/seccomp/actions_avail") ? "yes" : "no", "filters, and notifications for tripwires"],
            ["spawner", Path.exists(Path.parent(of: Path.ownExecutable()) + "/limen-spawner") ? "yes" : "MISSING", "the one privileged process"],
            ["worker", Path.exists(Path.parent(of: Path.ownExecutable()) + "/limen-worker") ? "yes" : "MISSING", "what is jailed"],
            ["SDK", Path.home() ?? "not found", "for limen plugin new and build"],
        ]
    }

    private static func accountName() -> String { getpwnam(Account.name) == nil ? "user \(Account.unnamed)" : Account.name }

    private static func userNamespaces() -> String {
        // try?: a sysctl that is not there cannot forbid anything.
        let clone = (try? File.read("/proc/sys/kernel/unprivileged_userns_clone")).map { String(decoding: $0, as: UTF8.self) } ?? "1"
        // try?: as above.
        let most = (try? File.read("/proc/sys/user/max_user_namespaces")).map { String(decoding: $0, as: UTF8.self) } ?? "0"
        return clone.hasPrefix("0") || most.hasPrefix("0") ? "no" : "yes"
    }
}
