import EgressCases
import EscapeSuite
import Glibc
import Testing

/// What one rung's run brought, case by case; each rung is run once, when the first case asks.
private actor RungRun {
    static let root = RungRun(.root)
    static let rootless = RungRun(.rootless)
    static let landlock = RungRun(.landlock)

    private let rung: EscapeRung
    private var found: Result<[String: Launcher.Result], EscapeError>?

    init(_ rung: EscapeRung) { self.rung = rung }

    /// The result of a case.
    func result(_ id: String) throws -> Launcher.Result? {
        if let found { return try found.get()[id] }
        let outcome: Result<[String: Launcher.Result], EscapeError>
        do {
            var launcher = Launcher(build: BuildFolder.path, sources: Session.hostileSources)
            launcher.quickOnly = getenv("LIMEN_ESCAPE") == nil
            outcome = .success(Dictionary(try launcher.run(rung) { _ in }.map { ($0.id, $0) }, uniquingKeysWith: { $1 }))
        } catch {
            outcome = .failure(error)
        }
        found = outcome
        return try outcome.get()[id]
    }
}

/// Where the programs lie: beside the test bundle.
private enum BuildFolder {
    static var path: String {
        for argument in CommandLine.arguments {
            guard let at = argument.firstRange(of: ".xctest") else { continue }
            let bundle = argument[..<at.lowerBound]
            if let slash = bundle.lastIndex(of: "/") { return String(bundle[..<slash]) }
        }
        return Session.buildFolder
    }
}

/// The cases that `swift test` runs; `LIMEN_ESCAPE=full` adds those that take seconds by nature, as `make escape` does.
private let cases = EscapeCases.all.filter { $0.isQuick || getenv("LIMEN_ESCAPE") != nil }.map(\.id)
/// What is asserted of the host itself after each run.
private let hostPromises = ["host.rung", "host.reload-under-load", "host.descriptors-and-memory", "host.audit-chain", "host.nothing-left-behind"]

@Suite("Escape: hostile plugins in real jails", .serialized)
struct EscapeTests {
    @Test(
        "as root, no plugin gets out, neighbours go on, the audit log knows (TOOL-2, TOOL-3)", .enabled(if: Launcher.obstacle(.root) == nil),
        arguments: cases + hostPromises)
    func root(id: String) async throws {
        let result = try #require(await RungRun.root.result(id), "\(id) was not run")
        #expect(result.passed, "\(result.note)")
    }

    @Test("rootless, no plugin gets out, neighbours go on, the audit log knows (TOOL-2, TOOL-3)", arguments: cases + hostPromises)
    func rootless(id: String) async throws {
        let result = try #require(await RungRun.rootless.result(id), "\(id) was not run")
        #expect(result.passed, "\(result.note)")
    }

    @Test(
        "crashing, hanging, leaking and forging plugins leave host, spawner, cgroups and mounts as they were (TOOL-9, OPS-3)",
        arguments: EscapeRung.soaked.filter { Launcher.obstacle($0) == nil })
    func soak(rung: EscapeRung) throws {
        var soak = SoakRun(rung: rung)
        try soak.run(Launcher(build: BuildFolder.path, sources: Session.hostileSources), seconds: 12) { _ in }
        print("measured soak \(soak.summary)")
        #expect(soak.problems.isEmpty)
    }

    @Test(
        "with Landlock, seccomp and rlimits alone, no plugin gets out, neighbours go on, the audit log knows (TOOL-2, TOOL-3)",
        arguments: cases + hostPromises)
    func landlock(id: String) async throws {
        let result = try #require(await RungRun.landlock.result(id), "\(id) was not run")
        #expect(result.passed, "\(result.note)")
    }

    @Test("the table has a case for every row of the attack list, each with an id of its own")
    func table() {
        #expect(Set(EscapeCases.all.map(\.id)).count == EscapeCases.all.count)
        for family in EscapeFamily.allCases { #expect(EscapeCases.all.contains { $0.family == family }, "\(family)") }
        #expect(EscapeCases.all.count >= 150)
    }

    @Test(
        "every egress case comes to the same through a jailed plugin, real servers, a name server and an authority, as root and rootless",
        arguments: EscapeRung.soaked.filter { Launcher.obstacle($0) == nil })
    func egress(rung: EscapeRung) throws {
        let results = try Launcher(build: BuildFolder.path, sources: Session.hostileSources).egress(rung)
        let cases = results.filter { $0.id.hasPrefix("egress.") }
        print("egress cases, \(rung.rawValue): \(cases.count)")
        #expect(Set(cases.map(\.id)) == Set(EgressCases.all.map { "egress.\($0)" }))
        for result in results { #expect(result.passed, "\(result.id): \(result.note)") }
    }
}
