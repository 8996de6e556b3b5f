import Glibc
import HTTP
import JSON
import Testing

@Suite("Limen: the README's upgrade story", .serialized)
struct UpgradeStoryTests {
    /// The story's commands, in the paragraphs that the README has them in.
    private static let paragraphs: [String] = {
        let text = Command.text("\(Command.root)/README.md")
        guard let section = text.firstRange(of: "## Upgrade, try out, roll back"),
            let begin = text[section.upperBound...].firstRange(of: "```sh\n"), let end = text[begin.upperBound...].firstRange(of: "```")
        else { return [] }
        var paragraphs = [""]
        for line in text[begin.upperBound..<end.lowerBound].split(separator: "\n", omittingEmptySubsequences: false) {
            if line.isEmpty { paragraphs.append("") } else { paragraphs[paragraphs.count - 1] += line + "\n" }
        }
        return paragraphs.filter { !$0.isEmpty }
    }()

    /// Runs lines as a person would paste them, in a folder of their own, against a server.
    private func paste(_ lines: String, _ server: LiveServer, in folder: String) throws -> Command.Outcome {
        let script = """
            set -euo pipefail
            limen() { '\(Command.bin)/limen' "$@"; }
            KEY='\(server.key)'
            cd '\(folder)'
            \(lines.replacing("127.0.0.1:8080", with: "127.0.0.1:\(server.port)"))
            """
        let files = ("\(folder)/.out", "\(folder)/.err")
        let child = try Command.start(
            ["/bin/bash", "-c", script], output: files.0, complaints: files.1, environment: ["LIMEN_DATA": server.data])
        return Command.Outcome(code: Command.wait(child), output: Command.text(files.0), complaints: Command.text(files.1))
    }

    private func served(_ server: LiveServer) async throws -> [String] {
        let versions = try await server.send(.get, "/v1/admin/plugins/bytes").json["data"]?["versions"]?.arrayValue ?? []
        return versions.filter { $0["share"] != 0 }.map { "\($0["version"]?.stringValue ?? "") \($0["share"]?.intValue ?? -1)" }
    }

    private func expect(_ versions: [String], _ server: LiveServer) async throws {
        for _ in 0..<200 {
            if try await served(server) == versions { return }
            usleep(50_000)
        }
        Issue.record("\(try await served(server)) instead of \(versions)")
    }

    @Test("install, upgrade with a diff, roll back, try out, promote: every line of the README does what it says", .timeLimit(.minutes(3)))
    func story() async throws {
        try #require(Self.paragraphs.count == 5)
        let server = try LiveServer(plugins: [])
        let folder = Command.temporary()
        // As `make serve` does: the data folder's own key is made when the bundled plugins are packed.
        _ = try StampPlugin().pack(into: folder, data: server.data)
        let install = try paste(Self.paragraphs[0], server, in: folder)
        #expect(install.code == 0 && install.output.contains("bytes 0.1.0 is installed and enabled"), "\(install)")
        try await expect(["0.1.0 100"], server)

        let upgrade = try paste(Self.paragraphs[1], server, in: folder)
        #expect(upgrade.code == 0, "\(upgrade)")
        for row in [
            ["granted before", "asked now", "change"], ["limit memory_bytes", "134217728", "268435456", "wider"], ["limit tasks", "narrower"],
        ] {
            #expect(upgrade.output.split(separator: "\n").contains { line in row.allSatisfy { line.contains($0) } }, "\(row)")
        }
        try await expect(["0.2.0 100"], server)

        let back = try paste(Self.paragraphs[2], server, in: folder)
        #expect(back.code == 0 && back.output.contains("bytes 0.1.0 is back in the place of 0.2.0"), "\(back)")
        try await expect(["0.1.0 100"], server)

        // Nobody at a terminal and no --yes: refused, with what widens, and nothing changes.
        let refused = try paste("limen plugin install bytes-0.2.0", server, in: folder)
        #expect(refused.code == 1 && refused.complaints.contains("limit memory_bytes: 134217728 -> 268435456"), "\(refused)")
        #expect(!refused.complaints.contains("limit tasks"))
        try await expect(["0.1.0 100"], server)

        let trial = try paste(Self.paragraphs[3], server, in: folder)
        #expect(trial.code == 0 && trial.output.contains("canary 10 %"), "\(trial)")
        try await expect(["0.1.0 90", "0.2.0 10"], server)

        let promoted = try paste(Self.paragraphs[4], server, in: folder)
        #expect(promoted.code == 0 && promoted.output.contains("bytes 0.2.0 gets all calls in the place of 0.1.0"), "\(promoted)")
        for word in ["promote", "canary", "rollback", "upgrade", "install", "cli:"] { #expect(promoted.output.contains(word), "\(word)") }
        try await expect(["0.2.0 100"], server)
        // Narrowing asks nobody.
        let narrower = try paste("limen plugin install bytes-0.1.0 --yes; limen plugin rollback bytes", server, in: folder)
        #expect(narrower.code == 0, "\(narrower)")
    }

    @Test("an upgrade that only narrows asks nobody")
    func narrowing() throws {
        let folder = Command.temporary()
        let wide = try StampPlugin(memoryBytes: 134_217_728).pack(into: folder, data: "\(folder)/data")
        let narrow = try StampPlugin(version: "1.1.0").pack(into: folder, data: "\(folder)/data")
        #expect(try Command.limen("plugin", "install", wide, "--enable", "--data", "\(folder)/data").code == 0)
        let outcome = try Command.limen("plugin", "install", narrow, "--data", "\(folder)/data")
        #expect(outcome.code == 0 && outcome.output.contains("narrower") && outcome.complaints.isEmpty, "\(outcome)")
        #expect(outcome.output.contains("stamp 1.1.0 is installed and enabled in the place of 1.0.0"))
    }
}
