import JSON
import Testing

@Suite("Limen: the command line")
struct CommandLineTests {
    @Test(
        "every command has help, and says its exit codes",
        arguments: [
            "serve", "doctor", "plugin new", "plugin build", "plugin pack", "plugin install", "plugin list", "plugin enable", "plugin disable",
            "plugin schema", "plugin test", "plugin run", "plugin sign", "plugin verify", "plugin key new", "plugin key show", "plugin trust add",
            "plugin trust list", "plugin trust remove", "bench", "bench egress", "bench store", "openapi", "config check", "config reference",
            "plugin rollback", "plugin promote", "plugin history", "plugin dev", "egress test",
        ])
    func help(command: String) throws {
        let outcome = try Command.limen(command.split(separator: " ").map(String.init) + ["--help"])
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("usage: limen \(command)") && outcome.output.contains("exit codes: 0 done, 1 failed, 2 wrong usage"))
    }

    @Test(
        "wrong usage ends with 2 and a sentence",
        arguments: [
            ["nonsense"], ["serve", "--bogus"], ["serve", "--listen"], ["serve", "--listen", "here"], ["plugin"], ["plugin", "new"],
            ["plugin", "new", "Bad Name"], ["plugin", "new", "x", "--language", "cobol"], ["plugin", "enable"], ["openapi", "extra"],
            ["plugin", "sign"], ["plugin", "verify"], ["plugin", "trust"], ["plugin", "trust", "add"], ["plugin", "trust", "remove"],
            ["plugin", "key", "new"], ["plugin", "key", "new", "--name", "../x"], ["plugin", "key", "new", "--name", "local"],
            ["plugin", "rollback"], ["plugin", "history", "Bad Name"], ["plugin", "install", "/tmp", "--canary", "100"],
            ["plugin", "install", "/tmp", "--mounts", "nonsense"], ["plugin", "install", "/tmp", "--hosts", "a.example:x"],
            ["egress"], ["egress", "test"], ["egress", "test", "x.json"], ["egress", "test", "x.json", "x:1", "--connect", "--method", "GET"],
            ["egress", "test", "x.json", "https://x.org/", "--resolve", "x.org"],
            ["egress", "test", "x.json", "https://x.org/", "--resolve", "x.org=1"],
            ["bench", "--soak", "never"], ["bench", "egress", "--serve", "nothing"], ["bench-measure"], ["plugin", "dev"], ["plugin-dev"],
        ])
    func wrongUsage(words: [String]) throws {
        let outcome = try Command.limen(words)
        #expect(outcome.code == 2, "\(outcome)")
        #expect(!outcome.complaints.isEmpty)
    }

    @Test("the version and the document are printed")
    func printing() throws {
        #expect(try Command.limen("--version").output.hasPrefix("limen "))
        let document = try JSONValue(parsing: Command.limen("openapi").output)
        #expect(document["paths"]?["/v1/tools/{id}/invoke"] != nil)
    }

    @Test("a configuration that is wrong is refused with every place and reason")
    func configuration() throws {
        let folder = Command.temporary()
        try Command.write(#"{"listen":{"port":70000},"surprise":1}"#, to: "\(folder)/limen.json")
        let outcome = try Command.limen("config", "check", "--config", "\(folder)/limen.json")
        #expect(outcome.code == 1)
        #expect(outcome.complaints.contains("/listen/port") && outcome.complaints.contains("surprise"))
        #expect(try Command.limen("config", "reference").output.contains("`LIMEN_LISTEN_PORT`"))
    }

    @Test("doctor names every protection and whether it holds")
    func doctor() throws {
        let outcome = try Command.limen("doctor")
        #expect(outcome.code == 0, "\(outcome.complaints)")
        for word in ["landlock", "seccomp", "private_root", "memory_limit", "capabilities", "kernel", "rung:"] {
            #expect(outcome.output.contains(word), "\(word)")
        }
    }

    @Test("a bundle that was tampered with is refused with file and reason")
    func tampered() throws {
        let folder = Command.temporary()
        #expect(try Command.limen("plugin", "new", "\(folder)/victim", "--language", "c").code == 0)
        #expect(try Command.limen("plugin", "pack", "\(folder)/victim", "--output", folder, "--data", "\(folder)/data").code == 0)
        try Command.write("changed", to: "\(folder)/victim-0.1.0/README.md")
        let outcome = try Command.limen("plugin", "install", "\(folder)/victim-0.1.0", "--enable", "--data", "\(folder)/data")
        #expect(outcome.code == 1)
        #expect(outcome.complaints.contains("README.md"))
        let list = try Command.limen("plugin", "list", "--data", "\(folder)/data")
        #expect(!list.output.contains("victim"))
    }

    /// Rust only where there is a cargo: no package of ours needs it.
    private static let languages = ["c", "swift"] + (Command.hasCargo ? ["rust"] : [])

    @Test("what plugin new writes builds and passes its own tests at once", .timeLimit(.minutes(15)), arguments: languages)
    func newPlugin(language: String) throws {
        let folder = "\(Command.temporary())/hello"
        #expect(try Command.limen("plugin", "new", folder, "--language", language).code == 0)
        let test = try Command.limen("plugin", "test", folder)
        #expect(test.code == 0, "\(test.complaints)")
        #expect(test.output.contains(", 0 failed") && test.output.contains("system calls refused: none"))
        #expect(try Command.limen("plugin", "new", folder).code == 1, "an existing folder is never touched")
    }

    @Test("an example whose output is not the expected one fails the test of the plugin")
    func failingExample() throws {
        let folder = "\(Command.temporary())/hello"
        #expect(try Command.limen("plugin", "new", folder, "--language", "c").code == 0)
        let manifest = Command.text("\(folder)/plugin.json")
        try Command.write(manifest.replacing("\"bytes\": 16", with: "\"bytes\": 17"), to: "\(folder)/plugin.json")
        let test = try Command.limen("plugin", "test", folder)
        #expect(test.code == 1)
        #expect(test.output.contains("FAILED") && test.output.contains("1 failed"))
    }

    @Test("one call from the command line prints the output, or the failing places")
    func run() throws {
        let folder = "\(Command.temporary())/hello"
        #expect(try Command.limen("plugin", "new", folder, "--language", "c").code == 0)
        let good = try Command.limen("plugin", "run", folder, "count", #"{"text":"Hello"}"#)
        #expect(good.code == 0 && good.output == "{\"bytes\":16}\n", "\(good)")
        let bad = try Command.limen("plugin", "run", folder, "count", #"{"text":7}"#)
        #expect(bad.code == 1 && bad.complaints.contains("/text"))
    }
}
