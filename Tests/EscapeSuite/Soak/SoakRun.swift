import Glibc
import Jail

/// What host, spawner and machine hold between two rounds, when no worker should be alive.
package struct SoakSample: Sendable, Equatable {
    package var hostDescriptors = 0
    package var hostKiB = 0
    /// Without the network namespaces, of which every slot that was ever used keeps one.
    package var spawnerDescriptors = 0
    package var spawnerNamespaces = 0
    package var spawnerKiB = 0
    package var spawnerChildren = 0
    package var spawnerMounts = 0
    package var cgroups = 0
}

/// A soak: hostile plugins under load for a while; afterwards host, spawner and machine must be as they were.
package struct SoakRun: Sendable {
    package var rung: EscapeRung
    package private(set) var samples: [SoakSample] = []
    /// Everything that is not as it was; empty after a good soak.
    package private(set) var problems: [String] = []
    package private(set) var calls: [String: Int] = [:]
    package private(set) var ends: [String: Int] = [:]
    package private(set) var neighbourCalls = 0
    private var groups = SoakGroups()

    /// What a process may grow between the first empty moment and the last, in KiB: allocators keep what they once had.
    private static let growthKiBMax = 16 << 10

    package init(rung: EscapeRung) { self.rung = rung }

    /// Runs for so long; `show` sees a line a round.
    package mutating func run(_ launcher: Launcher, seconds: Int, show: (String) -> Void) throws(EscapeError) {
        var run = self
        let left = try launcher.soak(rung, seconds: seconds) { line in show(run.heard(line) ?? line) }
        self = run
        problems += left + groups.folders().map { "cgroup \($0) is left" } + groups.processes().map { "process \($0) is left" }
        judge()
    }

    /// One line for a report.
    package var summary: String {
        func list(_ counts: [String: Int]) -> String { counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ") }
        guard let first = samples.first, let last = samples.last else { return "no round ended" }
        return """
            \(rung.rawValue): \(calls.values.reduce(0, +)) calls (\(list(calls))), \(neighbourCalls) of the neighbour; \
            \(ends.values.reduce(0, +)) workers ended (\(list(ends))); \
            host \(first.hostKiB) -> \(last.hostKiB) KiB, \(first.hostDescriptors) -> \(last.hostDescriptors) descriptors; \
            spawner \(first.spawnerKiB) -> \(last.spawnerKiB) KiB, \(first.spawnerDescriptors) -> \(last.spawnerDescriptors) descriptors and \(first.spawnerNamespaces) -> \(last.spawnerNamespaces) namespaces, \
            \(first.spawnerChildren) -> \(last.spawnerChildren) children, \(first.spawnerMounts) -> \(last.spawnerMounts) mounts; \
            \(first.cgroups) -> \(last.cgroups) cgroups
            """
    }

    /// Takes a line of the inner half; nil if it is none.
    private mutating func heard(_ line: String) -> String? {
        let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 3, parts[0] == "soak" else { return nil }
        if parts[1] == "wrong" {
            problems.append(parts[2])
            return "WRONG: \(parts[2])"
        }
        guard parts.count == 9 else { return nil }
        groups.learn(spawner: parts[3])
        var sample = SoakSample.spawner(parts[3])
        sample.cgroups = groups.folders().count
        (sample.hostDescriptors, sample.hostKiB) = (Int(parts[4]) ?? -1, Int(parts[5]) ?? -1)
        samples.append(sample)
        neighbourCalls = Int(parts[6]) ?? 0
        (calls, ends) = (Self.counts(parts[7]), Self.counts(parts[8]))
        return "round \(parts[2]): \(sample)"
    }

    private static func counts(_ text: String) -> [String: Int] {
        let pairs = text.split(separator: ",").map { $0.split(separator: "=") }
        return Dictionary(pairs.compactMap { $0.count == 2 ? (String($0[0]), Int($0[1]) ?? 0) : nil }, uniquingKeysWith: +)
    }

    private mutating func judge() {
        // The first empty moment is after a whole round of load: pools, caches and arenas have what they need.
        guard samples.count >= 2, let first = samples.first, let last = samples.last else { return problems.append("fewer than two rounds") }
        func same(_ what: String, _ a: Int, _ b: Int) { if a != b { problems.append("\(what): \(a) before, \(b) after") } }
        same("host descriptors", first.hostDescriptors, last.hostDescriptors)
        same("spawner descriptors", first.spawnerDescriptors, last.spawnerDescriptors)
        same("children of the spawner", first.spawnerChildren, last.spawnerChildren)
        same("mounts of the spawner", first.spawnerMounts, last.spawnerMounts)
        same("cgroups", first.cgroups, last.cgroups)
        for (what, a, b) in [("host", first.hostKiB, last.hostKiB), ("spawner", first.spawnerKiB, last.spawnerKiB)] where b > a + Self.growthKiBMax {
            problems.append("\(what) memory: \(a) KiB before, \(b) after")
        }
        for reason in SoakPlan.mustHappen where ends[reason] == nil {
            problems.append("no worker ended by \(reason): the soak proved nothing about it")
        }
        if neighbourCalls == 0 { problems.append("the neighbour was never called") }
    }
}

extension SoakSample {
    /// Looks at a spawner, as whoever started it may.
    static func spawner(_ pid: String) -> SoakSample {
        var sample = SoakSample()
        func text(_ name: String) -> String { (try? Files.readSmall("/proc/\(pid)/\(name)")) ?? "" }
        let targets = Files.list("/proc/\(pid)/fd").map { target("/proc/\(pid)/fd/\($0)") }
        sample.spawnerNamespaces = targets.count { $0.hasPrefix("net:[") }
        sample.spawnerDescriptors = targets.count - sample.spawnerNamespaces
        sample.spawnerChildren = text("task/\(pid)/children").split(separator: " ").count
        sample.spawnerMounts = text("mountinfo").split(separator: "\n").count
        let pages = text("statm").split(separator: " ")
        sample.spawnerKiB = pages.count > 1 ? (Int(pages[1]) ?? 0) * 4 : 0
        return sample
    }
}

extension SoakSample {
    private static func target(_ link: String) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        let count = readlink(link, &buffer, buffer.count)
        return String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// What the machine shows of a spawner and its workers: the cgroups that carry their names, and who lives in them.
struct SoakGroups: Sendable {
    /// Names of the folders: the service's, by the first two processes, and the suite's own.
    private var names: Set<String> = ["limen-escape-\(getpid())"]

    /// Learns the names from the spawner's pid; the janitor is its parent.
    mutating func learn(spawner pid: String) {
        names.insert("limen-" + pid)
        let status = (try? Files.readSmall("/proc/\(pid)/status")) ?? ""
        for line in status.split(separator: "\n") where line.hasPrefix("PPid:") {
            names.insert("limen-" + line.dropFirst(5).filter { $0 != "\t" })
        }
    }

    /// Every folder of ours.
    func folders() -> [String] {
        guard let layout = try? CgroupLayout.discover() else { return [] }
        let roots: [String] =
            switch layout.version {
            case .v1(let own): Array(Set(own.values))
            case .v2(let own): [own]
            }
        return roots.flatMap { root in names.flatMap { Self.beneath("\(root)/\($0)") } }.sorted()
    }

    /// Every process that is in one of them.
    func processes() -> [String] {
        Files.list("/proc").filter { pid in
            guard Int32(pid) != nil, let text = try? Files.readSmall("/proc/\(pid)/cgroup") else { return false }
            return names.contains { text.contains("/\($0)") }
        }
    }

    private static func beneath(_ folder: String) -> [String] {
        var status = stat()
        guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return [] }
        return [folder] + Files.list(folder).flatMap { beneath("\(folder)/\($0)") }
    }
}
