import Glibc

/// Runs the suite on a rung: builds the hostile libraries, starts a spawner with this same program as its host, reads what it prints.
package struct Launcher {
    /// One line of a case: rung, id, `passed` or `failed`, and why.
    package struct Result: Sendable {
        package let rung: EscapeRung
        package let id: String
        package let passed: Bool
        package let note: String
    }

    /// Where SwiftPM put the programs.
    package var build: String
    /// The sources' Tests/Hostile.
    package var sources: String
    package var quickOnly = false
    package var filter: String?
    /// Every n-th case alone.
    package var sample = 1
    /// As in `Session`.
    package var patience = 1
    /// A folder of hostile libraries that were compiled before; nil compiles them.
    package var hostile: String?

    package init(build: String, sources: String) {
        self.build = build
        self.sources = sources
    }

    /// Why a rung cannot be run by this account; nil when it can.
    package static func obstacle(_ rung: EscapeRung) -> String? {
        switch rung {
        case .root: getuid() == 0 ? nil : "needs root"
        case .rootless, .landlock: nil
        }
    }

    /// Compiles every hostile library, unless that was done.
    package func compile() throws(EscapeError) -> String {
        if let hostile { return hostile }
        let output = build + "/hostile"
        let status = try Program(path: "make", arguments: ["-s", "-C", sources, "-j4", "OUT=" + output]).run { print($0) }
        guard status == 0 else { throw EscapeError("make -C \(sources) ended with \(status)") }
        return output
    }

    /// Runs the cases on one rung; `each` sees them as they end.
    package func run(_ rung: EscapeRung, each: (Result) -> Void) throws(EscapeError) -> [Result] {
        var results: [Result] = []
        let last = try inside(rung, []) { line in
            guard let result = Self.parse(line) else { return print(line) }
            results.append(result)
            each(result)
        }
        return results + [last]
    }

    /// Runs the egress cases on one rung, through jailed plugins; `each` sees them as they end.
    package func egress(_ rung: EscapeRung, each: (Result) -> Void = { _ in }) throws(EscapeError) -> [Result] {
        var results: [Result] = []
        let last = try inside(rung, ["--egress"]) { line in
            guard let result = Self.parse(line) else { return print(line) }
            results.append(result)
            each(result)
        }
        return results + [last]
    }

    /// Runs a soak on one rung; `line` sees what its inner half prints. Answers what is left behind.
    package func soak(_ rung: EscapeRung, seconds: Int, line: (String) -> Void) throws(EscapeError) -> [String] {
        let last = try inside(rung, ["--soak", "\(seconds)"], line)
        return last.passed ? [] : [last.note]
    }

    /// Starts a spawner with this same program as its host, waits for both, and looks at what they leave.
    private func inside(_ rung: EscapeRung, _ words: [String], _ line: (String) -> Void) throws(EscapeError) -> Result {
        let hostile = try compile()
        let isRoot = getuid() == 0
        let hostUser: uid_t = rung == .root ? 64_998 : Delegation.userID
        let stage = try Stage(rung: rung, build: build, hostile: hostile, owner: isRoot ? hostUser : nil)
        defer { stage.remove() }
        let delegation = rung == .rootless && isRoot ? try Delegation() : nil
        var program = Program(path: stage.program("limen-spawner"), arguments: spawnerArguments(rung, stage, hostUser) + words)
        if let delegation { program.prepare = { delegation.enter() } }
        if rung == .landlock { program.prepare = Self.withoutNamespaces }
        let status = try program.run(line: line)
        return Self.leftovers(rung, stage, status, delegation)
    }

    /// Becomes an account that may make no user namespace and was given no cgroup.
    private static func withoutNamespaces() -> Bool {
        do { try Deprivation(["max-user"]).apply(becoming: Delegation.userID) } catch {
            let bytes = Array("limen-escape: \(error)\n".utf8)
            return write(2, bytes, bytes.count) < 0
        }
        return true
    }

    private func spawnerArguments(_ rung: EscapeRung, _ stage: Stage, _ hostUser: uid_t) -> [String] {
        var arguments = ["--data", stage.data, "--worker", stage.program("limen-worker"), "--accept-groups"]
        if stage.hasTLS { arguments += ["--ca-file", TLSServer.authority(in: stage.tls)] }
        if rung == .root { arguments += ["--user", "\(hostUser):\(hostUser)"] }
        arguments += ["--", stage.program("limen-escape"), "--inside", rung.rawValue, "--libraries", stage.libraries, "--data", stage.data]
        if quickOnly { arguments.append("--quick") }
        if let filter { arguments += ["--filter", filter] }
        if sample > 1 { arguments += ["--sample", String(sample)] }
        if patience > 1 { arguments += ["--patience", String(patience)] }
        return arguments
    }

    /// Nothing is left behind after the host has ended: no process of the suite's users, no cgroup, no mount.
    private static func leftovers(_ rung: EscapeRung, _ stage: Stage, _ status: Int32, _ delegation: Delegation?) -> Result {
        var wrong: [String] = []
        if status != 0 { wrong.append("the host ended with \(status)") }
        if let text = try? Files.readSmall("/proc/self/mountinfo"), text.contains(stage.path) {
            wrong.append("a mount beneath \(stage.path) is left")
        }
        wrong += (delegation?.remove() ?? []).map { "cgroup \($0) is left" }
        return Result(rung: rung, id: "host.nothing-left-behind", passed: wrong.isEmpty, note: wrong.joined(separator: "; "))
    }

    /// The line of a case, as `Report` writes it.
    static func parse(_ line: String) -> Result? {
        let parts = line.split(separator: "\t", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, let rung = EscapeRung(rawValue: String(parts[0])), parts[2] == "passed" || parts[2] == "failed" else { return nil }
        return Result(rung: rung, id: String(parts[1]), passed: parts[2] == "passed", note: String(parts[3]))
    }
}

extension Files {
    /// A file of the kernel's, whose size is not known before.
    static func readSmall(_ path: String) throws(EscapeError) -> String {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw failure("open", path) }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(fd, &chunk, chunk.count)
            if count <= 0 { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
