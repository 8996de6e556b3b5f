import CLinux
import Glibc
import IO
import JSON

/// `limen doctor`: what this kernel and this account can enforce, what is missing, how to enable it.
enum DoctorCommand {
    /// What can be seen without making a jail, then the jail itself: proved by doing.
    static func outer(_ arguments: Arguments) throws -> LaunchPlan {
        let (workshop, _) = try AuthorCommands.workshop()
        var words = ["doctor"]
        if arguments.has("json") {
            words += ["--json"]
        } else {
            let rows = dependencies(account: account()) + CertificateRows.rows(arguments)
            Output.print(TextTable.titled(["dependency", "found", "what it means"], rows) + "\n")
        }
        words += ["--caller", account()]
        // No plugin runs here: groups that a server would refuse are a row of the table.
        return .inWorkshop(workshop, words: words, spawnerOptions: ["--accept-groups"])
    }

    /// Beneath the spawner: the table, or one JSON object.
    /// - Returns: 0 when plugins are served with every layer of their rung, 1 when a layer is missing.
    static func run(_ arguments: Arguments) throws -> Int32 {
        let posture = try Engine.run { engine in try await Posture.await(engine) }
        let isWhole = posture.missing.isEmpty && posture.refusal == nil
        if arguments.has("json") {
            Output.print(document(posture, isWhole, account: arguments["caller"] ?? account()).text + "\n")
        } else {
            Output.print(table(posture))
        }
        return isWhole ? 0 : 1
    }

    private static func table(_ posture: Posture) -> String {
        let rows = posture.layers.map { [$0.name, word($0.state), $0.detail] }
        var text = TextTable.titled(["protection", "here", "how, or why not"], rows)
        if !posture.missing.isEmpty {
            text += "\nto enable what is missing:\n" + remedies(posture.missing)
        }
        text += "\nrung: \(posture.rung)\(explanation(posture.rung))\n"
        for attempt in posture.attempts where !attempt.holds { text += "not \(attempt.rung): \(attempt.reason)\n" }
        if let refusal = posture.refusal { text += "plugins: REFUSED, \(refusal)\n" }
        return text
    }

    /// Each remedy once, with the layers that it brings.
    private static func remedies(_ missing: [Posture.Layer]) -> String {
        var named: [(remedy: String, layers: [String])] = []
        for layer in missing {
            if let at = named.firstIndex(where: { $0.remedy == layer.remedy }) {
                named[at].layers.append(layer.name)
            } else {
                named.append((layer.remedy, [layer.name]))
            }
        }
        return named.map { "  \($0.layers.joined(separator: ", ")):\n      \($0.remedy)\n" }.joined()
    }

    private static func word(_ state: Posture.Layer.State) -> String {
        switch state {
        case .held: "held"
        case .missing: "MISSING"
        case .notNeeded: "not needed"
        }
    }

    private static func document(_ posture: Posture, _ isWhole: Bool, account: String) -> JSONValue {
        let found = dependencies(account: account).map { row -> JSONValue in
            ["name": .string(row[0]), "found": .string(row[1]), "meaning": .string(row[2])]
        }
        var members = posture.json.objectValue ?? [:]
        members["complete"] = .bool(isWhole)
        members["dependencies"] = .array(found)
        return .object(members)
    }

    private static func explanation(_ rung: String) -> String {
        switch rung {
        case "root": " (every worker has a user of its own; the host runs as another)"
        case "userns": " (workers share this account's user; run `limen serve` as root to give each its own)"
        case "landlock": " (for plugins in C that start no thread: no namespaces, no /scratch, no /proc; stat() sees the names of the host's files)"
        case "seccomp": " (plugins read whatever this account reads: refused unless sandbox.lowest_rung says seccomp)"
        default: " (no plugin is started)"
        }
    }

    private static func account() -> String { getuid() == 0 ? "root" : "user \(getuid())" }

    private static func dependencies(account: String) -> [[String]] {
        var name = utsname()
        uname(&name)
        let release = withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let isUnified = Path.exists("/sys/fs/cgroup/cgroup.controllers")
        return [
            ["kernel", release, "6.1 or newer is what the jail is built for"],
            [
                "account", account,
                account == "root" ? "the host itself runs as \(accountName())" : "rootless: needs user namespaces and a delegated cgroup",
            ],
            [
                "cgroups", isUnified ? "v2" : "v1",
                isUnified ? "rootless needs systemd's Delegate=yes" : "rootless needs a folder of its own in memory, pids and cpu",
            ],
            ["spawner", Path.exists(Path.parent(of: Path.ownExecutable()) + "/limen-spawner") ? "yes" : "MISSING", "the one privileged process"],
            ["worker", Path.exists(Path.parent(of: Path.ownExecutable()) + "/limen-worker") ? "yes" : "MISSING", "what is jailed"],
            ["SDK", Path.home() ?? "not found", "for limen plugin new and build"],
        ]
    }

    private static func accountName() -> String { getpwnam(Account.name) == nil ? "user \(Account.unnamed)" : Account.name }
}
