import Glibc
import HTTP
import Testing

@Suite("An author's plugins")
struct AuthorTests {
    private static let abi1 = "\(Command.root)/Tests/Fixtures/ABI1"

    /// A copy of the fixture that may be built in.
    private static func fixture() throws -> String {
        let folder = "\(Command.temporary())/abi1"
        try Command.copy(abi1, to: folder)
        return folder
    }

    private static func template(_ language: String) throws -> String {
        let folder = "\(Command.temporary())/hello"
        #expect(try Command.limen("plugin", "new", folder, "--language", language).code == 0)
        return folder
    }

    @Test("a plugin built against the first header of ABI 1 loads and finds all that the header promised")
    func firstHeader() throws {
        let test = try Command.limen("plugin", "test", try Self.fixture())
        #expect(test.code == 0, "\(test.output) \(test.complaints)")
        #expect(test.output.contains("1 passed, 0 failed"))
    }

    @Test("every member of ABI 1 lies where the first header put it, and every number means what it meant")
    func layout() throws {
        let folder = try Self.fixture()
        func layout(_ source: String, _ include: String) throws -> String {
            let compiled = try Command.run(["/usr/bin/cc", "-I", include, "-o", "\(folder)/layout", source])
            #expect(compiled.code == 0, "\(compiled.complaints)")
            return try Command.run(["\(folder)/layout"]).output
        }
        let then = try layout("\(Self.abi1)/layout.c", Self.abi1)
        // A quoted include looks beside the source first: today's header is found once the old one is not there.
        unlink("\(folder)/limen_plugin.h")
        let today = try layout("\(folder)/layout.c", "\(Command.root)/SDK/PluginABI/include")
        #expect(then == today && then.split(separator: "\n").count == 56)
    }

    /// `limen plugin dev` on a folder, with its outputs and its own temporary folder.
    private final class Development {
        let pid: pid_t
        let folder: String
        let temporary = Command.temporary()
        var out: String { Command.text("\(folder).out") }
        var err: String { Command.text("\(folder).err") }

        init(_ folder: String, environment: [String: String] = [:]) throws {
            self.folder = folder
            mkfifo("\(folder).in", 0o600)
            pid = try Command.start(
                ["\(Command.bin)/limen", "plugin", "dev", folder], input: "\(folder).in", output: "\(folder).out", complaints: "\(folder).err",
                environment: environment.merging(["TMPDIR": temporary]) { $1 })
        }

        /// The seconds that the newest turn took from the save to its answers.
        var seconds: Double? { err.split(separator: "\n").last { $0.contains(": answers ") }.flatMap { Double($0.split(separator: " ")[3]) } }

        func waits(_ holds: () -> Bool) -> Bool {
            for _ in 0..<1200 {
                if holds() { return true }
                usleep(50_000)
            }
            return false
        }

        /// Its exit code; nil when it does not end.
        func ends() -> Int32? {
            var status: Int32 = 0
            guard waits({ waitpid(pid, &status, WNOHANG) == pid }) else { return nil }
            return status
        }

        deinit { kill(pid, SIGKILL) }
    }

    @Test("plugin dev answers anew within 2 s of a save, and keeps what it serves while a save does not build or does not load")
    func development() throws {
        let folder = try Self.template("c")
        let dev = try Development(folder)
        #expect(dev.waits { dev.out.contains(#"hello.count, five letters: {"bytes":16}"#) }, "\(dev.err)")
        let source = Command.text("\(folder)/plugin.c")
        let other = source.replacing("request->input.length);\n    host->log", with: "request->input.length + 1);\n    host->log")
        try #require(other != source)
        try Command.replace(other, at: "\(folder)/plugin.c")
        #expect(dev.waits { dev.out.contains(#"{"bytes":17}"#) && dev.err.contains("turn 2: answers") }, "\(dev.err)")
        #expect(dev.seconds ?? 99 < 2)
        try Command.write(source.replacing("host->complete", with: "host->no_such_member"), to: "\(folder)/plugin.c")
        #expect(dev.waits { dev.err.contains("not reloaded: what is served goes on") && dev.err.contains("no_such_member") }, "\(dev.err)")
        try Command.write(source.replacing("ABI_VERSION", with: "ABI_VERSION + 1"), to: "\(folder)/plugin.c")
        #expect(dev.waits { dev.err.contains("turn 3 does not load") && dev.err.contains("turn 2 goes on") }, "\(dev.err)")
        try Command.write(source, to: "\(folder)/plugin.c")
        #expect(dev.waits { dev.err.contains("turn 4: answers") }, "\(dev.err)")
        let workshop = try #require(Command.names(dev.temporary).first)
        #expect(
            dev.waits { (1...3).allSatisfy { access("\(dev.temporary)/\(workshop)/turn-\($0)/bundles", F_OK) != 0 } }, "turns that nothing needs stay"
        )
        kill(dev.pid, SIGTERM)
        #expect(dev.ends() == 0, "\(dev.err)")
        #expect(Command.names(dev.temporary) == [])
    }

    @Test("plugin dev calls examples and what is typed through the host's proxy and the CONNECT proxy, with the author's own authority")
    func proxied() async throws {
        let site = try TLSSite { _ in HTTPResponse(contentType: "text/plain", Array("tea".utf8)) }
        let dev = try Development(try TunnelServiceTests.sample(site), environment: site.environment)
        #expect(dev.waits { dev.out.contains(#"sample-curl.get, a page: {"status":200,"bytes":3}"#) }, "\(dev.out) \(dev.err)")
        try Command.write("get {\"url\":\"https://127.0.0.1:\(site.port)/\"}\n", to: "\(dev.folder).in")
        #expect(dev.waits { dev.out.contains(#""plugin_code":"forbidden""#) }, "\(dev.out)")
        kill(dev.pid, SIGTERM)
        #expect(dev.ends() == 0, "\(dev.err)")
        await site.stop()
    }

    @Test("plugin dev and plugin test make fetches through the host's proxy, and name the host that it refused")
    func fetching() async throws {
        let site = try TLSSite { _ in HTTPResponse(contentType: "text/plain", [UInt8](repeating: 1, count: 10)) }
        let folder = try StreamTests().plugin(site.port)
        let manifest = Command.text("\(folder)/plugin.json")
        let (url, stranger) = ("https://localhost:\(site.port)/", "https://other.example/")
        let tools = """
            "tools": [{"name": "read", "examples": [{"name": "inside", "input": {"mode": "all", "url": "\(url)"}},
              {"name": "outside", "input": {"mode": "all", "url": "\(stranger)"}}]}],
            """
        try Command.write(manifest.replacing("\"abi\": 1,", with: "\"abi\": 1,\n\(tools)"), to: "\(folder)/plugin.json")
        let test = try Command.limen(["plugin", "test", folder], environment: site.environment)
        #expect(test.code == 0 && test.output.contains("2 passed") && test.output.contains("hosts refused: other.example"), "\(test)")
        let dev = try Development(folder, environment: site.environment)
        #expect(dev.waits { dev.out.contains("\"bytes\":10") && dev.out.contains("\"head\":\"forbidden\"") }, "\(dev.out) \(dev.err)")
        kill(dev.pid, SIGTERM)
        #expect(dev.ends() == 0, "\(dev.err)")
        await site.stop()
    }

    @Test("what is typed at plugin dev is called in the version that is served, or refused with the reason")
    func typed() throws {
        let folder = try Self.template("c")
        let dev = try Development(folder)
        #expect(dev.waits { dev.err.contains("turn 1: answers") }, "\(dev.err)")
        try Command.write(
            "count {\"text\":\"123456\"}\n\nhello.count {\"text\":\"1234567\"}\ncount\nnothing {}\ncount {\"text\":1}\ncount {", to: "\(folder).in")
        #expect(dev.waits { dev.out.contains(#"{"bytes":17}"#) && dev.out.contains(#"{"bytes":18}"#) }, "\(dev.out)")
        #expect(dev.waits { dev.err.contains("there is no tool nothing") && dev.out.split(separator: "validation_error").count == 3 }, "\(dev.out)")
        kill(dev.pid, SIGTERM)
        #expect(dev.ends() == 0, "\(dev.err)")
    }

    @Test("plugin dev that is interrupted, terminated or hung up leaves neither a process nor a file", arguments: [SIGINT, SIGTERM, SIGHUP])
    func interrupted(signal: Int32) throws {
        let dev = try Development(try Self.template("c"))
        if signal != SIGTERM { #expect(dev.waits { dev.err.contains("turn 1: answers") }, "\(dev.err)") }
        #expect(dev.waits { !Command.names(dev.temporary).isEmpty })
        // Terminated in its first build, where nothing is served yet.
        kill(dev.pid, signal)
        #expect(dev.ends() == 0, "\(dev.err)")
        #expect(Command.names(dev.temporary) == [])
        #expect(Command.processes(naming: dev.temporary) == [])
    }

    @Test("plugin dev whose outer half is killed outright leaves no process")
    func killed() throws {
        let dev = try Development(try Self.template("c"))
        #expect(dev.waits { dev.err.contains("turn 1: answers") }, "\(dev.err)")
        kill(dev.pid, SIGKILL)
        #expect(dev.ends() == SIGKILL)
        #expect(dev.waits { Command.processes(naming: dev.temporary) == [] })
    }

    @Test("an author who is not root finds nothing left in the temporary folder either", .enabled(if: Ordinary.isPossible))
    func ordinaryAccount() throws {
        let folder = try Self.template("c")
        #expect(try Command.limen("plugin", "build", folder).code == 0)
        let temporary = Ordinary.folder()
        let outcome = try Ordinary.limen(["plugin", "test", folder, "--libraries", "\(folder)/lib"], environment: ["TMPDIR": temporary])
        #expect(outcome.code == 0 && outcome.output.contains("1 passed, 0 failed"), "\(outcome)")
        #expect(Command.names(temporary) == [])
    }

    @Test("a machine without a language's builder is told which one is missing and how to get it", arguments: ["swift", "c"])
    func noBuilder(language: String) throws {
        let outcome = try Command.limen(["plugin", "build", try Self.template(language)], environment: ["PATH": "/nowhere", "HOME": "/nowhere"])
        let (name, remedy) = language == "c" ? ("make", "apt install make gcc") : ("swift", "swift.org/install")
        #expect(outcome.code == 1 && outcome.complaints.contains("there is no \(name) in PATH") && outcome.complaints.contains(remedy), "\(outcome)")
    }

    @Test("without cargo, plugin new --language rust says how to get it and writes nothing")
    func noCargo() throws {
        let folder = "\(Command.temporary())/hello"
        let outcome = try Command.limen(["plugin", "new", folder, "--language", "rust"], environment: ["PATH": "/nowhere", "HOME": "/nowhere"])
        #expect(outcome.code == 1 && outcome.complaints.contains("install Rust"), "\(outcome)")
        #expect(access(folder, F_OK) != 0)
    }

    @Test("a plugin.json that is not JSON is refused with its line")
    func brokenManifest() throws {
        let folder = try Self.template("c")
        let text = Command.text("\(folder)/plugin.json")
        try Command.write(text.replacing("\"abi\": 1,", with: "\"abi\": 1"), to: "\(folder)/plugin.json")
        for command in ["test", "dev"] {
            let outcome = try Command.limen("plugin", command, folder)
            #expect(outcome.code == 1 && outcome.complaints.contains("plugin.json:6: "), "\(outcome)")
        }
    }
}
