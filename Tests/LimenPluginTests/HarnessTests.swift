import Glibc
import JSON
import JSONSchema
import LimenPlugin
import PluginABI
import PluginHarness
import RuntimeProbe
import Synchronization
import Testing

private struct Defaults: Tool {
    static let name = "defaults"
    static let description = "Shows what it was given."
    struct Inner: Codable, Sendable { @Field var depth: Int = 7 }
    struct Input: Codable, Sendable {
        @Field var limit: Int = 5
        @Field var tags: [String] = ["a"]
        var inner: [Inner]
        @Field var note: String?
    }
    func call(_ input: Input, _ context: ToolContext) async throws -> Input { input }
}

private struct Outside: Tool {
    static let name = "outside"
    static let description = "Uses everything a context offers."
    struct Output: Codable, Sendable {
        var status: Int
        var body: String
        var stored: String?
        var keys: [String]
        var gone: Bool
        var city: String
        var scratch: String
        var hasTime: Bool
        var attached: [String]
    }
    func call(_ input: JSONValue, _ context: ToolContext) async throws -> Output {
        let response = try await context.fetch(FetchRequest("https://example.org/a", method: "POST", body: Array("ping".utf8)))
        try await context.keyValue.set("b/1", json: "one")
        try await context.keyValue.set("b/2", [])
        try await context.keyValue.delete("b/2")
        context.log(.info, "half way")
        try context.attach(Attachment(name: "copy", contentType: "text/plain", data: context.attachments.first?.data ?? []))
        return Output(
            status: response.status, body: response.text, stored: try await context.keyValue.get("b/1", as: String.self),
            keys: try await context.keyValue.list(prefix: "b/"), gone: try await context.keyValue.get("b/2") == nil,
            city: context.config["city"]?.stringValue ?? "", scratch: context.scratch, hasTime: context.timeRemaining > .seconds(1),
            attached: context.attachments.map(\.name))
    }
}

private struct Failing: Tool {
    static let name = "failing"
    static let description = "Fails as told."
    struct Oops: Error {}
    struct Input: Codable, Sendable { var how: String }
    func call(_ input: Input, _ context: ToolContext) async throws -> JSONValue {
        switch input.how {
        case "plugin": throw PluginError("Bad City!", "No such city.", details: ["name": "Atlantis"])
        case "fetch": return .string(try await context.fetch(FetchRequest("https://example.org")).text)
        case "cancel": throw CancellationError()
        case "long": throw PluginError("long", String(repeating: "é", count: 5_000))
        default: throw Oops()
        }
    }
}

private struct Streaming: Tool {
    static let name = "streaming"
    static let description = "Reads a reply piece by piece, as far as it is told."
    struct Input: Codable, Sendable { var pieces: Int }
    func call(_ input: Input, _ context: ToolContext) async throws -> [Int] {
        let body = [UInt8](repeating: 7, count: 150_000)
        let reply = try await context.fetchStream(FetchRequest("https://example.org/", method: "POST", body: body))
        guard reply.status == 201, reply.headers == ["x": "y"] else { return [] }
        var counts: [Int] = []
        for try await piece in reply.body {
            counts.append(piece.count)
            if counts.count == input.pieces { break }
        }
        return counts
    }
}

private struct Uploading: Tool {
    static let name = "uploading"
    static let description = "Writes a body piece by piece and counts what comes back."
    struct Input: Codable, Sendable { var pieces: Int }
    func call(_ input: Input, _ context: ToolContext) async throws -> [Int] {
        let pieces = AsyncThrowingStream<[UInt8], any Error> { stream in
            for _ in 0..<input.pieces { stream.yield([UInt8](repeating: 7, count: 100_000)) }
            stream.finish(throwing: input.pieces == 0 ? PluginError("no_pieces", "There is nothing to write.") : nil)
        }
        let reply = try await context.fetchStream(FetchRequest("https://example.org/", method: "POST"), body: pieces)
        return [reply.status, try await reply.body.collected(bytesMax: 1 << 20).count]
    }
}

private func harness(_ tools: [any Tool]) throws -> PluginHarness {
    try PluginHarness(
        config: ["city": "Ulm"],
        fetch: { request, body in
            request["method"] == "POST" ? .response(status: 201, headers: ["x": "y"], body: body) : .refused("forbidden", "not allowed")
        }, { Plugin(name: "t", version: "1.0.0", tools: tools).serve($0) })
}

@Suite(.timeLimit(.minutes(3))) struct HarnessTests {
    @Test("a tool gets its defaults, at any depth, and what was given stays")
    func defaults() async throws {
        let harness = try harness([Defaults()])
        let outcome = await harness.call("defaults", ["inner": [[:], ["depth": 1]], "tags": []])
        #expect(try outcome.output == ["limit": 5, "tags": [], "inner": [["depth": 7], ["depth": 1]]])
    }

    @Test("a body is written piece by piece from a sequence; what the sequence throws ends the request and is the call's")
    func uploads() async throws {
        let harness = try harness([Uploading()])
        let outcome = await harness.call("uploading", ["pieces": 3])
        #expect(try outcome.output == [201, 300_000])
        let failed = await harness.call("uploading", ["pieces": 0])
        #expect(throws: PluginError("no_pieces", "There is nothing to write.")) { try failed.output }
    }

    @Test("fetch, key-value state, log, attachments, configuration and deadline reach a tool")
    func outside() async throws {
        let harness = try harness([Outside()])
        let outcome = await harness.call(
            "outside", [:], attachments: [Attachment(name: "in", contentType: "text/plain", data: [1, 2, 3])])
        let expected: JSONValue = [
            "status": 201, "body": "ping", "stored": "one", "keys": ["b/1"], "gone": true, "city": "Ulm", "scratch": "/tmp", "hasTime": true,
            "attached": ["in"],
        ]
        #expect(try outcome.output == expected)
        #expect(outcome.logs == ["half way"])
        #expect(outcome.attachments == [Attachment(name: "copy", contentType: "text/plain", data: [1, 2, 3])])
    }

    @Test("a tool reads a reply piece by piece as an AsyncSequence, to its end or as far as it likes, and a refusal is an error as of any fetch")
    func streams() async throws {
        let harness = try harness([Streaming()])
        #expect(try await harness.call("streaming", ["pieces": 9]).output == [65_536, 65_536, 18_928])
        #expect(try await harness.call("streaming", ["pieces": 1]).output == [65_536])
    }

    @Test(
        "an error keeps its code, message and details, within bounds",
        arguments: [
            ("plugin", "_ad__ity_", "No such city."), ("fetch", "forbidden", "not allowed"), ("cancel", "cancelled", "The call was cancelled."),
            ("other", "failed", "Oops()"),
        ])
    func errors(_ how: String, _ code: String, _ message: String) async throws {
        let harness = try harness([Failing()])
        guard case .failure(let error) = await harness.call("failing", ["how": .string(how)]).result else {
            Issue.record("the tool did not fail")
            return
        }
        #expect(error.code == code)
        #expect(error.message == message)
        if how == "plugin" { #expect(error.details == ["name": "Atlantis"]) }
    }

    @Test("messages are cut at a character within the limit; unknown tools and bad inputs are refused")
    func refusals() async throws {
        let harness = try harness([Failing()])
        guard case .failure(let long) = await harness.call("failing", ["how": "long"]).result else { return #expect(Bool(false)) }
        #expect(long.message.utf8.count == 2_000)
        for (tool, input, code) in [("nope", [:], "unknown_tool"), ("failing", ["how": 3], "invalid_input"), ("failing", [], "invalid_input")]
            as [(String, JSONValue, String)]
        {
            guard case .failure(let error) = await harness.call(tool, input).result else { return #expect(Bool(false)) }
            #expect(error.code == code)
        }
    }

    @Test("a plugin whose types have no schema, or with two tools of one name, refuses to serve and says why")
    func refusesToServe() throws {
        struct Recursive: Codable, Sendable { var inner: [Recursive] }
        struct Bad: Tool {
            static let name = "bad"
            static let description = ""
            func call(_ input: Recursive, _ context: ToolContext) async throws -> Recursive { input }
        }
        #expect(throws: PluginError.self) { try harness([Bad()]) }
        #expect(throws: PluginError.self) { try harness([Defaults(), Defaults()]) }
    }

    @Test("a plugin describes itself to a host that wants it and to one from before the question, and spares itself the work otherwise")
    func describesOnRequest() throws {
        let member = try #require(MemoryLayout<limen_host>.offset(of: \.wants_description))
        for (size, wants, isDescribed) in [(member + 4, 1, true), (member + 4, 0, false), (member, 0, true)] as [(Int, UInt32, Bool)] {
            _ = try PluginHarness { host in
                let table = UnsafeMutablePointer<limen_host>.allocate(capacity: 1)
                table.initialize(to: host.pointee)
                (table.pointee.size, table.pointee.wants_description) = (UInt32(size), wants)
                let entry = Plugin(name: "probe", version: "1.0.0", tools: [Defaults()]).serve(UnsafePointer(table))
                #expect((entry?.pointee.description.length ?? 0 > 0) == isDescribed && entry != nil, "size \(size), wants \(wants)")
                return Plugin(name: "probe", version: "1.0.0", tools: [Defaults()]).serve(host)
            }
        }
    }

    @Test("the description compiles: every schema of the probe plugin is a valid 2020-12 schema")
    func description() throws {
        let tools = try #require(runtimeProbe.description()["tools"]?.arrayValue)
        #expect(tools.count == 14)
        for tool in tools {
            _ = try CompiledSchema(#require(tool["input_schema"]))
            _ = try CompiledSchema(#require(tool["output_schema"]))
            #expect(tool["annotations"]?["read_only"] == false)
        }
    }
}

/// Every probe with an input and its output.
let probes: [(String, JSONValue, String)] = [
    ("echo", ["a": [1, 2.5, nil]], #"{"a":[1,2.5,null]}"#), ("actors", ["count": 100], #"{"sum":5050}"#),
    ("groups", ["count": 100], #"{"sum":5050}"#), ("async_let", ["count": 100], #"{"sum":5050}"#), ("sleep", ["count": 3], #"{"sum":55}"#),
    ("casts", [:], #"{"areas":7,"names":["square"],"sendable":true,"mirrored":["side:3"]}"#),
    ("generics", ["count": 3], #"{"number":8,"text":"aaaaaaaa"}"#),
    (
        "codable", ["items": [["kind": "small", "tags": ["x": [1]]], ["kind": "large", "size": 1.5, "tags": [:], "when": "2026-01-01T00:00:00Z"]]],
        #"{"items":[{"kind":"large","size":1.5,"tags":{},"when":"2026-01-01T00:00:00Z"},{"kind":"small","tags":{"x":[1]}}]}"#
    ),
    ("detached", ["count": 100], #"{"sum":5050}"#), ("stream", ["count": 3], #"{"sum":3}"#), ("mixed", ["count": 2], #"{"sum":308}"#),
    ("model.chat", ["count": 3], #"{"sum":3}"#),
]

@Suite(.timeLimit(.minutes(3))) struct ExecutorTests {
    private func probe() throws -> PluginHarness { try PluginHarness { runtimeProbe.serve($0) } }

    @Test("actors, groups, async let, sleep, casts, generics and Codable work", arguments: probes)
    func runtime(_ tool: String, _ input: JSONValue, _ output: String) async throws {
        let outcome = await (try probe()).call(tool, input)
        #expect(try outcome.output == JSONValue(parsing: output))
    }

    @Test("events come in order, and an adapter's tokens are events")
    func events() async throws {
        let harness = try probe()
        let stream = await harness.call("stream", ["count": 2])
        #expect(stream.events.map(\.kind) == [.progress, .token, .partial, .progress, .token, .partial])
        #expect(stream.events.first?.payload == ["fraction": 0.5, "message": "step 1"])
        let chat = await harness.call("model.chat", ["count": 3])
        #expect(chat.events.compactMap { $0.payload["text"]?.stringValue }.joined() == "1 2 3 ")
    }

    @Test("a cancelled call ends at once, whether it sleeps or computes", arguments: ["wait", "spin"])
    func cancellation(_ tool: String) async throws {
        let start = ContinuousClock.now
        let outcome = await (try probe()).call(tool, [:], cancelAfter: .milliseconds(20))
        guard case .failure(let error) = outcome.result else { return #expect(Bool(false)) }
        #expect(error.code == "cancelled")
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test("a passed deadline cancels the call")
    func deadline() async throws {
        let outcome = await (try probe()).call("wait", [:], timeout: .milliseconds(30))
        guard case .failure(let error) = outcome.result else { return #expect(Bool(false)) }
        #expect(error.code == "cancelled")
    }

    @Test("a tool that never suspends runs on the main thread, inside the host's call, without a thread of its own")
    func noHop() async throws {
        struct Where: Tool {
            static let name = "where"
            static let description = ""
            func call(_ input: JSONValue, _ context: ToolContext) async throws -> [UInt] {
                let before = UInt(pthread_self())
                await Task.yield()
                let inner = await withTaskGroup(of: UInt.self) { group in
                    group.addTask { UInt(pthread_self()) }
                    return await group.reduce(0, +)
                }
                return [before, UInt(pthread_self()), inner]
            }
        }
        let harness = try PluginHarness { Plugin(name: "w", version: "1.0.0", tools: [Where()]).serve($0) }
        var threads: Set<UInt64> = []
        for _ in 0..<20 {
            for thread in try await harness.call("where", [:]).output.arrayValue ?? [] { threads.insert(UInt64(thread.int64Value ?? 0)) }
        }
        #expect(threads.count == 1)
    }

    @Test("ten thousand calls leave no task, no context and no use of an ended call behind")
    func noLeak() async throws {
        let live = Mutex(0)
        final class Token: Sendable {
            let live: @Sendable (Int) -> Void
            init(_ live: @escaping @Sendable (Int) -> Void) { self.live = live; live(1) }
            deinit { live(-1) }
        }
        let count: @Sendable (Int) -> Void = { change in live.withLock { $0 += change } }
        struct Holder: Tool {
            static let name = "holder"
            static let description = ""
            let count: @Sendable (Int) -> Void
            func call(_ input: JSONValue, _ context: ToolContext) async throws -> JSONValue {
                let token = Token(count)
                async let doubled = context.keyValue.get("k")
                _ = try await doubled
                withExtendedLifetime(token) {}
                return input
            }
        }
        let late = PluginHarness.usesAfterEnd
        let harness = try PluginHarness { Plugin(name: "h", version: "1.0.0", tools: [Holder(count: count)]).serve($0) }
        for number in 0..<10_000 { #expect(try await harness.call("holder", .number(JSONNumber(number))).output == .number(JSONNumber(number))) }
        // The last task's frame may be freed a moment after its call has ended.
        for _ in 0..<200 where live.withLock({ $0 }) != 0 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(live.withLock { $0 } == 0)
        #expect(PluginHarness.usesAfterEnd == late)
    }

    @Test("many calls at once share the main thread fairly")
    func concurrent() async throws {
        let harness = try probe()
        try await withThrowingTaskGroup(of: JSONValue.self) { group in
            for _ in 0..<50 { group.addTask { try await harness.call("mixed", ["count": 3]).output } }
            for try await output in group { #expect(output == ["sum": 462]) }
        }
    }
}
