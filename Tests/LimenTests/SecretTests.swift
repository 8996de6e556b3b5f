import CLinux
import Glibc
import HTTP
import IO
import JSON
import Testing

@Suite("Limen: secrets, from the command line and the API", .serialized)
struct SecretTests {
    /// What must turn up nowhere.
    private static let planted = ["planted-by-file-4711", "planted-by-input-4712", "planted-by-api-4713", "refused\\u0009by-api-4714"]

    private func limen(_ server: LiveServer, _ words: String...) throws -> Command.Outcome { try Command.limen(words + ["--data", server.data]) }

    /// Runs `limen secret set` with a text on standard input.
    private func set(_ server: LiveServer, _ name: String, _ text: String) throws -> Command.Outcome {
        let folder = Command.temporary()
        defer { Command.remove(folder) }
        try Command.write(text, to: "\(folder)/in")
        let child = try Command.start(
            ["\(Command.bin)/limen", "secret", "set", name, "-", "--data", server.data], input: "\(folder)/in", output: "\(folder)/out",
            complaints: "\(folder)/err")
        return Command.Outcome(code: Command.wait(child), output: Command.text("\(folder)/out"), complaints: Command.text("\(folder)/err"))
    }

    /// The bytes of every file beneath a folder, one string a file.
    private func files(_ folder: String) -> [(path: String, text: String)] {
        let found = (try? Command.run(["/usr/bin/find", folder, "-type", "f", "-size", "-64M"]))?.output ?? ""
        return found.split(separator: "\n").map { (String($0), Command.text(String($0))) }
    }

    @Test(
        "secrets are set, listed and removed by command and by API; no log, audit entry, metric, reply, environment or file holds a value (AUTH-16, CFG-6)"
    )
    func story() async throws {
        let server = try LiveServer(plugins: [])
        let file = "\(server.folder)/value"
        try Command.write("\(Self.planted[0])\n", to: file)
        var told: [String] = []
        for outcome in [try limen(server, "secret", "set", "by_file", "--file", file), try set(server, "by_input", Self.planted[1] + "\r\n")] {
            #expect(outcome.code == 0, "\(outcome.complaints)")
            told += [outcome.output, outcome.complaints]
        }
        unlink(file)
        let put = try await server.send(.put, "/v1/admin/secrets/by_api", #"{"value":"\#(Self.planted[2])"}"#)
        #expect(put.status == 200 && put.json["data"]?["name"] == "by_api", "\(put.text)")
        let refused = try await server.send(.put, "/v1/admin/secrets/other", #"{"value":"\#(Self.planted[3])"}"#)
        #expect(refused.status == 400 && refused.json["error"]?["code"] == "validation_error")
        let list = try await server.send(.get, "/v1/admin/secrets")
        #expect(list.json["data"]?["items"]?.arrayValue?.compactMap { $0["name"]?.stringValue } == ["by_api", "by_file", "by_input"])
        let one = try await server.send(.get, "/v1/admin/secrets/by_file")
        #expect(one.json["data"]?["uses"] == 0 && one.json["data"]?["last_used_at"] == .null)
        let listed = try limen(server, "secret", "list")
        #expect(listed.code == 0 && ["by_api", "by_file", "by_input", "never"].allSatisfy(listed.output.contains), "\(listed.output)")
        told += [put.text, refused.text, list.text, one.text, listed.output]
        let rotated = try limen(server, "keys", "rotate")
        #expect(rotated.code == 0 && rotated.output.contains("5 secrets are sealed under a new key"), "\(rotated)")
        // The server goes on with the new key.
        #expect(try await server.send(.put, "/v1/admin/secrets/by_api", #"{"value":"\#(Self.planted[2])"}"#).status == 200)
        #expect(try await server.send(.delete, "/v1/admin/secrets/by_input").status == 200)
        #expect(try await server.send(.delete, "/v1/admin/secrets/by_input").status == 404)
        #expect(try limen(server, "secret", "remove", "by_file").code == 0)
        #expect(try limen(server, "secret", "remove", "by_file").code == 1)
        let audit = try await server.send(.get, "/v1/admin/audit")
        let entries = audit.json["data"]?["items"]?.arrayValue?.filter { $0["tenant"] != "@host" } ?? []
        let actions = entries.compactMap { $0["action"]?.stringValue }.filter { $0.hasPrefix("secret.") }
        #expect(
            actions.reversed() == [
                "secret.set", "secret.set", "secret.set", "secret.rotate", "secret.set", "secret.remove", "secret.remove",
            ])
        told += [audit.text, try await server.send(.get, "/metrics").text, try await server.send(.get, "/openapi.json").text]
        for process in server.processes() { told += ["environ", "cmdline"].map { Command.text("/proc/\(process)/\($0)") } }
        server.stop()
        told.append(server.log)
        let kept = files(server.folder)
        #expect(kept.contains { $0.path.hasSuffix("limen.db") && !$0.text.isEmpty } && kept.contains { $0.path.hasSuffix("keys/secrets.key") })
        for (path, text) in kept + told.map({ ("what was told", $0) }) {
            for value in Self.planted + ["refused\tby-api-4714"] { #expect(!text.contains(value), "\(path) holds \(value)") }
        }
    }

    @Test("a value is never taken from an argument, and what cannot be kept is refused with the reason and without the value")
    func refusals() throws {
        let server = try LiveServer(plugins: [])
        let argument = try limen(server, "secret", "set", "key", "value-on-the-command-line")
        #expect(argument.code == 2 && argument.complaints.contains("--file") && !argument.complaints.contains("value-on-the"))
        let short = try set(server, "key", "short\n")
        #expect(short.code == 1 && short.complaints.contains("at least 8") && !short.complaints.contains("short\n"))
        let name = try set(server, "no/name", "long-enough-value")
        #expect(name.code == 2 && name.complaints.contains("no secret's name"))
        let missing = try limen(server, "secret", "set", "key", "--file", "/does/not/exist")
        #expect(missing.code == 1 && missing.complaints.contains("cannot open"))
        #expect(try limen(server, "secret", "list", "--tenant", "main").output.split(separator: "\n").count == 2)
    }

    @Test("the master key's file is made 0600; one that others can read is refused, with what to do")
    func keyFile() async throws {
        let server = try LiveServer(plugins: [])
        #expect(try set(server, "key", "long-enough-value").code == 0)
        let file = "\(server.data)/keys/secrets.key"
        var information = stat()
        #expect(stat(file, &information) == 0 && information.st_mode & 0o777 == 0o600)
        chmod(file, 0o644)
        let rotated = try limen(server, "keys", "rotate")
        #expect(rotated.code == 1 && rotated.complaints.contains("chmod 600"), "\(rotated)")
        chmod(file, 0o600)
        #expect(try limen(server, "keys", "rotate").code == 0)
    }

    @Test("no key is in the history, in the sources, or in the environment or command line of any process of ours (AUTH-19)")
    func nowhere() async throws {
        let server = try LiveServer(plugins: ["calc"])
        #expect(try set(server, "key", "long-enough-value").code == 0)
        #expect(try await server.send(.post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":"1+1"}}"#).status == 200)
        let workers = try await server.send(.get, "/v1/admin/sandbox").json["data"]?["workers"]?.arrayValue ?? []
        let processes = Set(server.processes() + workers.compactMap { $0["pid"]?.intValue.map { pid_t($0) } })
        #expect(!workers.isEmpty && processes.count > workers.count)
        let file = Command.text("\(server.data)/keys/secrets.key").split(separator: " ").last.map { String($0.prefix { $0 != "\n" }) }
        let keys = [server.key, "long-enough-value", try #require(file)]
        #expect(keys.allSatisfy { $0.utf8.count > 8 })
        let texts = processes.flatMap { process in ["environ", "cmdline"].map { Command.text("/proc/\(process)/\($0)") } }
        #expect(texts.contains { $0.contains("LIMEN_SPAWNER_FD") })
        for text in texts { #expect(!keys.contains(where: text.contains), "\(text)") }
        let pattern =
            #"limen-secrets-key-1 [A-Za-z0-9_-]{43}|lm[kropsv]_[A-Za-z0-9_-]{43}|BEGIN [A-Z ]*PRIVATE KEY|"private_key": ?"[A-Za-z0-9_-]{43}"|AKIA[0-9A-Z]{16}"#
        // A copy without history, as from an archive, has its sources alone.
        let script = """
            set -eo pipefail; cd "$1"; shopt -s globstar nullglob
            { cat Host/**/*.* SDK/**/*.* Sandbox/**/*.* Plugins/**/*.* Tests/**/*.* manifests/**/*.* deploy/**/*.* *.md 2>/dev/null || true
              if [ -e .git ]; then git -c safe.directory='*' log --all -p --no-color --no-ext-diff; fi; } | { grep -aEo "$2" || true; }
            """
        let found = try Command.run(["/bin/bash", "-c", script, "scan", Command.root, pattern])
        #expect(found.code == 0 && found.output.isEmpty, "\(found)")
        // The scan finds what it looks for.
        let planted = Command.temporary()
        defer { Command.remove(planted) }
        try Command.write("x \(server.key) y", to: "\(planted)/a.md")
        #expect(try Command.run(["/bin/bash", "-c", script, "scan", planted, pattern]).output.contains(server.key))
    }
}
