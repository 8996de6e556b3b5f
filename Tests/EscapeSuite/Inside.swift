import Glibc
import IO

/// The suite as the spawner's host: takes the cases, several at a time, and prints a line for each.
package struct Inside: Sendable {
    package var rung: EscapeRung
    package var libraries: String
    package var data: String
    package var quickOnly = false
    package var filter: String?
    /// Runs the egress cases instead.
    package var isEgress = false
    /// Soaks for so long instead of running the cases.
    package var soakSeconds: Int?
    /// Every n-th case alone.
    package var sample = 1
    /// How many times as long everything may take; a machine that needs patience gets fewer cases at once as well.
    package var patience = 1

    /// Cases at once; slow ones wait for time to pass, not for the machine.
    private static let lanes = 4
    /// How long the neighbour's call in flight lasts, in milliseconds.
    private static let holdMilliseconds = 40

    package init(rung: EscapeRung, libraries: String, data: String) {
        self.rung = rung
        self.libraries = libraries
        self.data = data
    }

    /// The cases that were asked for, those that take longest first.
    package var cases: [EscapeCase] {
        let hasTLS = access(libraries + "/../tls/server.pem", R_OK) == 0 && access(libraries + "/curl", R_OK) == 0
        let chosen = EscapeCases.all.filter {
            (hasTLS || !$0.needsTLS) && (!quickOnly || $0.isQuick) && (filter == nil || $0.id.contains(filter ?? ""))
        }
        return chosen.enumerated().filter { $0.offset % sample == 0 }.map(\.element).sorted { !$0.isQuick && $1.isQuick }
    }

    private var paths: [String: String] {
        [
            "pid": "\(getpid())", "database": data + "/limen.db", "key": data + "/admin.key", "manifests": data, "bundle": data + "/bundles",
            "neighbour": data + "/bundles/host-neighbour-1.0.0/lib/libhost-neighbour.so", "secret": "limen-escape",
        ]
    }

    /// Runs the cases.
    package func run() throws {
        signal(SIGPIPE, SIG_IGN)
        guard let text = getenv("LIMEN_SPAWNER_FD"), let channel = Int32(String(cString: text)) else {
            throw EscapeError("LIMEN_SPAWNER_FD is not set")
        }
        guard fcntl(channel, F_SETFD, FD_CLOEXEC) == 0 else { throw EscapeError("LIMEN_SPAWNER_FD is not open") }
        let group = try EventLoopGroup(count: 2)
        if let soakSeconds {
            let soak = SoakHost(libraries: libraries, data: data, seconds: soakSeconds)
            try group.runBlocking { try await soak.run(channel: channel, group: group) }
            return group.stop()
        }
        if isEgress {
            let egress = EgressRun(rung: rung, libraries: libraries, data: data)
            try group.runBlocking { try await egress.run(channel: channel, group: group) }
            return group.stop()
        }
        try group.runBlocking {
            let host = try ToolHost(channel: channel, libraries: libraries, data: data, loop: group.loops[1], patience: patience)
            let found = await host.rung()
            report("host.rung", found == rung.spawnerName ? [] : ["the spawner holds \(found), not \(rung.spawnerName)"])
            try await host.prepare([Neighbour.escape])
            report("host.reload-under-load", await host.reloadUnderLoad(Neighbour.escape) { await Neighbour.hold(host, milliseconds: 5) })
            try await host.prepare(cases)
            await runAll(on: host)
            await host.stop()
        }
        group.stop()
    }

    private func runAll(on host: some EscapeHost) async {
        // The neighbour's workers exist before anything is counted.
        let early = await Neighbour.greet(host)
        if !early.isEmpty { report("host.neighbour-first", early) }
        let before = Resources.now()
        await withTaskGroup(of: Void.self) { group in
            let lanes = patience > 1 ? Self.lanes / 2 : Self.lanes
            for (index, escape) in cases.enumerated() {
                if index >= lanes { await group.next() }
                group.addTask { await run(escape, on: host) }
            }
        }
        let after = Resources.now()
        report("host.descriptors-and-memory", before.growth(to: after), "\(before.ownKiB) to \(after.ownKiB) KiB")
        report("host.audit-chain", await host.verify())
    }

    private func run(_ escape: EscapeCase, on host: some EscapeHost) async {
        var wrong = await Neighbour.greet(host).map { "before: " + $0 }
        async let inFlight = Neighbour.hold(host, milliseconds: Self.holdMilliseconds)
        for var step in escape.steps(on: rung) {
            step.argument = fill(step.argument)
            do {
                wrong += step.expected.mismatches(try await host.perform(escape, step))
            } catch {
                wrong.append("the suite failed: \(error)")
            }
        }
        if let expected = escape.endsBy(on: rung) {
            let found = await host.lastEnd(escape) ?? "nothing"
            if !expected.contains(found) { wrong.append("the worker ended by \(found), expected \(expected.joined(separator: " or "))") }
        }
        wrong += await inFlight.map { "in flight: " + $0 }
        wrong += await Neighbour.greet(host).map { "after: " + $0 }
        await host.finish(escape)
        report(escape.id, wrong, escape.summary(on: rung))
    }

    private func report(_ id: String, _ wrong: [String], _ note: String = "") { Self.report(rung, id, wrong, note) }

    /// Says what a case came to.
    static func report(_ rung: EscapeRung, _ id: String, _ wrong: [String], _ note: String = "") {
        // One write, so that lines of several lanes never mix.
        let line = "\(rung.rawValue)\t\(id)\t\(wrong.isEmpty ? "passed" : "failed")\t\(wrong.isEmpty ? note : wrong.joined(separator: "; "))\n"
        let bytes = Array(line.utf8.map { $0 })
        _ = write(1, bytes, bytes.count)
    }

    /// Replaces what a case's argument may name: `%pid` and paths of the host.
    private func fill(_ argument: String) -> String {
        var text = argument
        for (name, value) in paths.sorted(by: { $0.key > $1.key }) { text = Self.replace(text, "%" + name, value) }
        return text
    }

    private static func replace(_ text: String, _ word: String, _ value: String) -> String {
        var rest = text[...]
        var result = ""
        while let at = rest.firstRange(of: word) {
            result += rest[..<at.lowerBound] + value
            rest = rest[at.upperBound...]
        }
        return result + rest
    }
}

/// The well-behaved plugin beside the hostile ones.
enum Neighbour {
    static let escape: EscapeCase = {
        var made = EscapeCase(id: "host.neighbour", family: .tenants, library: "neighbour", steps: [])
        made.isolation = "shared"
        made.workers = 12
        return made
    }()

    /// It answers at once.
    static func greet(_ host: some EscapeHost) async -> [String] {
        await ask(host, EscapeStep("ping", .reports(["neighbour": "here"])))
    }

    /// It answers after a while.
    static func hold(_ host: some EscapeHost, milliseconds: Int) async -> [String] {
        await ask(host, EscapeStep("hold", "\(milliseconds)", .reports(["neighbour": "still here"])))
    }

    private static func ask(_ host: some EscapeHost, _ step: EscapeStep) async -> [String] {
        do { return step.expected.mismatches(try await host.perform(escape, step)) } catch { return ["neighbour: \(error)"] }
    }
}

/// What the host's process holds.
struct Resources {
    var descriptors: Int
    /// Its own memory, without the pages of files that it has mapped, for code that runs for the first time is no growth, and without what is free:
    /// how much of that an allocator keeps depends on how many calls met at once.
    var ownKiB: Int

    static func now() -> Resources {
        Allocator.trim()
        let pages = (try? Files.readSmall("/proc/self/statm")).map { $0.split(separator: " ") } ?? []
        // proc_pid_statm(5): resident, and what of it is shared with a file.
        let counts = pages.compactMap { Int($0.filter(\.isNumber)) }
        return Resources(descriptors: Files.list("/proc/self/fd").count, ownKiB: counts.count > 2 ? (counts[1] - counts[2]) * 4 : 0)
    }

    /// What grew past the bounds of SECURITY: descriptors by more than idle workers explain, memory by more than 64 MiB.
    func growth(to after: Resources) -> [String] {
        var wrong: [String] = []
        if after.descriptors > descriptors + 64 { wrong.append("descriptors grew from \(descriptors) to \(after.descriptors)") }
        if ownKiB == 0 || after.ownKiB > ownKiB + 64 << 10 { wrong.append("memory grew from \(ownKiB) to \(after.ownKiB) KiB") }
        return wrong
    }
}

extension EscapeCase {
    /// What held, for the line of a case that passed.
    func summary(on rung: EscapeRung) -> String { steps(on: rung).map(\.expected.summary).filter { !$0.isEmpty }.joined(separator: ", then ") }
}
