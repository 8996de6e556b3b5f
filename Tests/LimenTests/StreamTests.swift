import Glibc
import HTTP
import JSON
import Testing

/// Large replies, sent as fast as they are taken.
private enum Large {
    static let bytes = 4 << 20
    static func site() throws -> TLSSite {
        try TLSSite { HTTPResponse(contentType: "text/plain", [UInt8](repeating: 1, count: $0.target == "/small" ? 10 : bytes)) }
    }
}

@Suite("Limen: a plugin reads replies piece by piece", .serialized)
struct StreamTests {
    /// Tests/Fixtures/Streams, away from the sources.
    func plugin(_ port: Int) throws -> String {
        let folder = "\(Command.temporary())/streams"
        mkdir(folder, 0o755)
        for file in ["streams.c", "Makefile", "plugin.json"] {
            let text = Command.text("\(Command.root)/Tests/Fixtures/Streams/\(file)")
            try Command.write(text.replacing("@PORT@", with: String(port)), to: "\(folder)/\(file)")
        }
        return folder
    }

    private func run(_ site: TLSSite, _ folder: String, _ mode: String, _ path: String = "/", _ words: String...) throws -> Command.Outcome {
        let input = JSONValue.object(["mode": .string(mode), "url": .string("https://localhost:\(site.port)\(path)")]).text
        return try Command.limen(["plugin", "run", folder, "read", input] + words, environment: site.environment)
    }

    @Test(
        "a C plugin in the jail reads a reply of 4 MiB in pieces of at most 64 KiB; turns that are not its own and more than eight at once are refused"
    )
    func jailed() async throws {
        let site = try Large.site()
        let folder = try plugin(site.port)
        let all = try run(site, folder, "all")
        let read = try JSONValue(parsing: all.output)
        #expect(read["status"] == 200 && read["bytes"]?.intValue == Large.bytes && read["sum"]?.intValue == Large.bytes, "\(all)")
        #expect(read["last"] == 1 && (1...(64 << 10)).contains(read["greatest"]?.intValue ?? 0), "\(all)")
        #expect(read["after"] == "invalid" && read["closed"] == "invalid", "what has ended is read no more")
        let abort = try JSONValue(parsing: try run(site, folder, "abort").output)
        #expect((1...(64 << 10)).contains(abort["bytes"]?.intValue ?? 0) && abort["closed"] == "invalid", "\(abort)")
        let misuse = try run(site, folder, "misuse")
        #expect(
            try JSONValue(parsing: misuse.output)
                == ["early": "invalid", "second": "invalid", "first": 1, "stranger": "invalid", "closed": "cancelled", "times": 2], "\(misuse)")
        let many = try run(site, folder, "many")
        #expect(try JSONValue(parsing: many.output) == ["opened": 8, "refused": 2], "\(many)")
        await site.stop()
    }

    @Test("a C plugin in the jail writes 4 MiB piece by piece, in chunks or with its length; turns that are not its own are refused; it replays")
    func uploads() async throws {
        let site = try TLSSite(bodyBytesMax: 8 << 20) { HTTPResponse(contentType: "text/plain", Array("\($0.body.count)".utf8)) }
        let folder = try plugin(site.port)
        let expected: JSONValue = [
            "status": 200, "head": "", "pieces": 64, "said": 7, "written": "", "empty": "invalid", "large": "invalid", "stranger": "invalid",
            "after": "invalid",
        ]
        for mode in ["upload", "chunks"] {
            let outcome = try run(site, folder, mode)
            #expect(try JSONValue(parsing: outcome.output) == expected, "\(outcome)")
            #expect(outcome.complaints.contains("\"egress_requests\":1"), "\(outcome)")
        }
        let first = try run(site, folder, "upload", "/", "--record", "\(folder)/upload.jsonl")
        #expect(first.code == 0, "\(first)")
        await site.stop()
        let again = try Command.limen("plugin", "run", folder, "--replay", "\(folder)/upload.jsonl")
        #expect(again.code == 0 && again.output == first.output, "\(again)")
    }

    @Test("a recording has the pieces of a streamed reply: it replays without the server, and reading on where the recording stopped is a difference")
    func recorded() async throws {
        let site = try Large.site()
        let folder = try plugin(site.port)
        let (whole, part) = ("\(folder)/whole.jsonl", "\(folder)/part.jsonl")
        let first = try run(site, folder, "all", "/small", "--record", whole)
        #expect(first.code == 0 && first.output.contains("\"bytes\":10"), "\(first)")
        #expect(try run(site, folder, "abort", "/", "--record", part).code == 0)
        await site.stop()
        let again = try Command.limen("plugin", "run", folder, "--replay", whole)
        #expect(again.code == 0 && again.output == first.output, "\(again)")
        #expect(try Command.limen("plugin", "run", folder, "--replay", part).code == 0)
        let source = Command.text("\(folder)/streams.c")
        try Command.write(source.replacing("sizeof output, 1);", with: "sizeof output, 3);"), to: "\(folder)/streams.c")
        let further = try Command.limen("plugin", "run", folder, "--replay", part)
        #expect(further.code == 1 && further.complaints.contains("the plugin read on where it had closed a reply"), "\(further)")
    }

    @Test("plugin run has the host's proxy with the bundle's own wishes as the grant, and plugin test names the hosts that it refused")
    func author() async throws {
        let site = try Large.site()
        let folder = try plugin(site.port)
        let inside = try run(site, folder, "all", "/small")
        #expect(inside.output.contains("\"bytes\":10"), "\(inside)")
        let refused = try Command.limen(
            ["plugin", "run", folder, "read", #"{"mode":"all","url":"https://other.example/"}"#], environment: site.environment)
        #expect(refused.output.contains("\"head\":\"forbidden\""), "\(refused)")
        await site.stop()
    }
}
