import CLinux
import Glibc
import JSON
import Testing

@Suite("Limen: recordings", .serialized)
struct RecordingTests {
    /// Tests/Fixtures/Outside, away from the sources.
    private func outside() throws -> String {
        let folder = "\(Command.temporary())/outside"
        mkdir(folder, 0o755)
        for file in ["outside.c", "Makefile", "plugin.json"] {
            try Command.write(Command.text("\(Command.root)/Tests/Fixtures/Outside/\(file)"), to: "\(folder)/\(file)")
        }
        return folder
    }

    @Test("what a plugin made of clock, randomness, state, network, deadline and config comes out the same at every replay")
    func replay() throws {
        let folder = try outside()
        let file = "\(folder)/call.jsonl"
        let recorded = try Command.limen("plugin", "run", folder, "look", #"{"a":1}"#, "--record", file)
        #expect(recorded.code == 0, "\(recorded)")
        let answer = try JSONValue(parsing: recorded.output)
        #expect(answer["got"]?.stringValue == "1:" + (answer["random"]?.stringValue ?? "?"), "\(answer)")
        #expect(answer["fetched"] == "0:forbidden" && answer["config"]?["greeting"] == "hello" && answer["id"] == "plugin-run")
        for _ in 0..<2 {
            let replayed = try Command.limen("plugin", "run", folder, "--replay", file)
            #expect(replayed.code == 0, "\(replayed)")
            #expect(replayed.output == recorded.output)
        }
        let other = try Command.limen("plugin", "run", folder, "look", #"{"a":1}"#, "--record", "\(folder)/other.jsonl")
        #expect(other.output != recorded.output, "two recordings are two calls")
        // The clock is the true one at the start: a recording is of this moment.
        let wall = answer["wall"]?.stringValue.flatMap { Int($0.prefix { $0 != "." }) } ?? 0
        #expect(abs(wall - time(nil)) < 300)
    }

    @Test("a plugin that does otherwise than it was recorded is told apart, with the first difference by name")
    func divergence() throws {
        let folder = try outside()
        let file = "\(folder)/call.jsonl"
        #expect(try Command.limen("plugin", "run", folder, "look", "{}", "--record", file).code == 0)
        let source = Command.text("\(folder)/outside.c")
        try Command.write(source.replacing("https://example.com/", with: "https://example.org/"), to: "\(folder)/outside.c")
        let asked = try Command.limen("plugin", "run", folder, "--replay", file)
        #expect(asked.code == 1)
        #expect(
            asked.complaints.contains(
                #"not as recorded: the plugin asked for fetch {"url":"https://example.org/"}; exchange 3 of the recording is fetch"#),
            "\(asked.complaints)")
        try Command.write(source.replacing("\\\"left\\\"", with: "\\\"rest\\\""), to: "\(folder)/outside.c")
        let answered = try Command.limen("plugin", "run", folder, "--replay", file)
        #expect(
            answered.code == 1 && answered.complaints.contains("not as recorded: the output at /left is nothing; recorded is "),
            "\(answered.complaints)")
    }

    @Test("recordings/*.jsonl in a plugin's folder are its regression tests, and plugin test --record writes them")
    func regression() throws {
        let folder = "\(Command.temporary())/hello"
        #expect(try Command.limen("plugin", "new", folder, "--language", "c").code == 0)
        mkdir("\(folder)/recordings", 0o755)
        let recorded = try Command.limen("plugin", "test", folder, "--record", "\(folder)/recordings/first.jsonl")
        #expect(recorded.code == 0, "\(recorded)")
        let tested = try Command.limen("plugin", "test", folder)
        #expect(tested.code == 0 && tested.output.contains("1 replayed as recorded, 0 not"), "\(tested)")
        let text = Command.text("\(folder)/recordings/first.jsonl")
        try Command.write(text.replacing(#""bytes":16"#, with: #""bytes":17"#), to: "\(folder)/recordings/first.jsonl")
        let failed = try Command.limen("plugin", "test", folder)
        #expect(failed.code == 1 && failed.output.contains("first.jsonl, recording 1: the output at /bytes is 16; recorded is 17"), "\(failed)")
    }

    @Test(
        "a file that is no recording is refused with file, line and reason",
        arguments: [
            ("", "holds no recording"), ("{}", "line 1: no recording begins here"), ("\nnot json", "line 2: "),
            (#"{"limen_recording":2}"#, "line 1: limen_recording is not 1"), (#"{"limen_recording":1}"#, "line 1: plugin is missing"),
        ] as [(String, String)])
    func malformed(text: String, reason: String) throws {
        let folder = try outside()
        try Command.write(text, to: "\(folder)/bad.jsonl")
        let outcome = try Command.limen("plugin", "run", folder, "--replay", "\(folder)/bad.jsonl")
        #expect(outcome.code == 1 && outcome.complaints.contains("bad.jsonl: \(reason)"), "\(outcome)")
        #expect(try Command.limen("plugin", "run", folder, "look", "{}", "--replay", "x", "--record", "y").code == 2)
    }

    @Test("a moment that a plugin waits for is waited for, and no longer, whatever the clocks of the machine say at the replay")
    func otherMachine() throws {
        let folder = try outside()
        let file = "\(folder)/call.jsonl"
        let recorded = try Command.limen("plugin", "run", folder, "look", "{}", "--record", file)
        let waits = try JSONValue(parsing: recorded.output)["waits"]?.arrayValue?.compactMap(\.intValue) ?? []
        // Exactly the wait and a few looks: on a true clock it would be more.
        #expect(waits.count == 6 && waits.allSatisfy { (5_000_000..<5_010_000).contains($0) }, "\(recorded)")
        let text = Command.text(file)
        // Recorded on a machine that had just been started, and on one that had run for months.
        for start in ["1000", "10000000000000000"] {
            try Command.write(text.replacing(/"monotonic_ns":\d+/, with: "\"monotonic_ns\":\(start)"), to: file)
            let replayed = try Command.limen("plugin", "run", folder, "--replay", file)
            #expect(replayed.code == 0 && replayed.output == recorded.output, "\(start): \(replayed)")
        }
    }

    @Test("a Swift plugin's clock repeats to the nanosecond")
    func swift() throws {
        let folder = Command.temporary()
        let arguments = ["plugin", "run", "\(Command.root)/Plugins/Time", "--libraries", Command.bin]
        let file = "\(folder)/now.jsonl"
        let recorded = try Command.limen(arguments + ["now", "{}", "--record", file])
        #expect(recorded.code == 0, "\(recorded)")
        let replayed = try Command.limen(arguments + ["--replay", file])
        #expect(replayed.code == 0 && replayed.output == recorded.output, "\(replayed)")
    }

    @Test(
        "a Swift plugin's random numbers and order of hashing repeat, and Task.sleep ends",
        arguments: ["libruntimeprobe.so", "libruntimeprobe-dynamic.so"])
    func swiftChance(library: String) throws {
        let folder = Command.temporary()
        try Command.copy("\(Command.bin)/\(library)", to: "\(folder)/libruntimeprobe.so")
        let arguments = ["plugin", "run", "\(Command.root)/Tests/Fixtures/RuntimeProbe", "--libraries", folder]
        let file = "\(folder)/chance.jsonl"
        let recorded = try Command.limen(arguments + ["chance", #"{"count":60}"#, "--record", file])
        #expect(recorded.code == 0, "\(recorded)")
        let slept = try JSONValue(parsing: recorded.output)["sleptMilliseconds"]?.intValue ?? 0
        #expect((60..<70).contains(slept), "\(recorded.output)")
        for start in [nil, "1000", "10000000000000000"] {
            if let start { try Command.write(Command.text(file).replacing(/"monotonic_ns":\d+/, with: "\"monotonic_ns\":\(start)"), to: file) }
            let replayed = try Command.limen(arguments + ["--replay", file])
            #expect(replayed.code == 0 && replayed.output == recorded.output, "\(start ?? "the same"): \(replayed)")
        }
        let other = try Command.limen(arguments + ["chance", #"{"count":60}"#, "--record", "\(folder)/other.jsonl"])
        let (one, two) = (try JSONValue(parsing: recorded.output), try JSONValue(parsing: other.output))
        #expect(one["random"] != two["random"], "two recordings are two calls")
    }

    @Test("a link among a plugin's recordings is refused: it could lead to what only the caller may read")
    func link() throws {
        let folder = "\(Command.temporary())/hello"
        #expect(try Command.limen("plugin", "new", folder, "--language", "c").code == 0)
        mkdir("\(folder)/recordings", 0o755)
        symlink("/etc/shadow", "\(folder)/recordings/x.jsonl")
        let outcome = try Command.limen("plugin", "test", folder)
        #expect(outcome.code == 1 && outcome.complaints.contains("recordings/x.jsonl is not an ordinary file"), "\(outcome)")
    }

    @Test("a recording is for its owner's eyes, and recording anew is not held against what was recorded before")
    func again() throws {
        let folder = "\(Command.temporary())/hello"
        #expect(try Command.limen("plugin", "new", folder, "--language", "c").code == 0)
        mkdir("\(folder)/recordings", 0o755)
        let file = "\(folder)/recordings/first.jsonl"
        try Command.write("damaged", to: file)
        chmod(file, 0o600)
        #expect(try Command.limen("plugin", "test", folder).code == 1)
        let outcome = try Command.limen("plugin", "test", folder, "--record", file)
        #expect(outcome.code == 0, "\(outcome)")
        var information = stat()
        #expect(stat(file, &information) == 0 && information.st_mode & 0o777 == 0o600)
        #expect(try Command.limen("plugin", "test", folder).code == 0)
    }
}
