import Glibc
import IO
import JSON
import LimenPlugin
import Registry
import Store
import Supervisor
import TestSupport
import Testing
import Tools
import WorkerProtocol
import Workers

@Suite(.serialized) struct AdapterTests {
    /// An answer that keeps the contract.
    static let reply =
        #"{"content":"ab","tool_calls":[],"finish_reason":"stop","model":"m","adapters":[],"usage":{"tokens_in":3,"tokens_out":null}}"#
    static let question = #"{"model":"?","messages":[{"role":"user","content":"hello"}]}"#

    /// Takes events after a while each, and remembers when they came.
    final class Sink: ToolEventSink {
        private let state = Lock<[(text: String, at: UInt64)]>([])
        let milliseconds: Int
        init(milliseconds: Int = 0) { self.milliseconds = milliseconds }
        var texts: [String] { state.withLock { $0.map(\.text) } }
        var times: [UInt64] { state.withLock { $0.map(\.at) } }
        func send(_ event: ToolEvent, until deadline: Deadline) async throws {
            state.withLock { $0.append((String(decoding: event.json, as: UTF8.self), Deadline.now().nanoseconds)) }
            if milliseconds > 0 { try await EventLoop.current?.sleep(until: .after(milliseconds: milliseconds)) }
        }
    }

    /// A service whose plugin `fake` adapts chat and embeddings, with the models of a list or any.
    func run(
        _ models: [String] = [], silence: Int? = nil, more: [String: [String]] = [:], script: @escaping FakeSpawner.Script,
        _ body: @escaping @Sendable (ToolHarness) async throws -> Void
    ) async throws {
        var options = ToolService.Options()
        options.silenceMilliseconds = silence
        try await ToolHarness.run(options: options, script: script) { harness in
            let pool = try #require(harness.tools.entry("fake.echo")).pool
            let kinds: [AdapterKind] = [.modelChat, .modelEmbed]
            for (plugin, models) in [("fake", models)] + more.map({ ($0, $1) }) {
                harness.tools.install(
                    kinds.map { ToolSpec(adapter: $0, models: models, plugin: plugin, version: "1.0.0") }, plugin: plugin, pool: pool)
            }
            try await body(harness)
        }
    }

    func call(
        _ harness: ToolHarness, _ model: String = "fake/m", kind: AdapterKind = .modelChat, input: String = question, sink: Sink = Sink(),
        milliseconds: Int? = nil
    ) async -> ToolOutcome {
        await harness.tools.call(
            AdapterCall(
                kind: kind, model: model, input: Array(input.utf8), caller: harness.caller(), requestID: "r-1", timeoutMilliseconds: milliseconds),
            events: sink)
    }

    func error(_ outcome: ToolOutcome) throws -> ToolError {
        guard case .failure(let error) = outcome.result else { throw Unexpected() }
        return error
    }

    struct Unexpected: Error {}

    @discardableResult
    static func token(_ worker: FakeWorker, _ call: UInt64, _ text: String) -> Bool {
        worker.send(.event, call, EventPayload(kind: .token, json: Array(#"{"text":"\#(text)"}"#.utf8)).encoded())
    }

    // MARK: The contract

    @Test("the host's copy of the contract is what the SDK derives from its types")
    func contract() throws {
        let derived: [(AdapterKind, JSONValue, JSONValue)] = [
            (.modelChat, try .inputSchema(of: ModelChatRequest.self), try .outputSchema(of: ModelChatReply.self)),
            (.modelEmbed, try .inputSchema(of: ModelEmbedRequest.self), try .outputSchema(of: ModelEmbedReply.self)),
        ]
        for (kind, input, output) in derived {
            let texts = AdapterContract.texts(kind)
            #expect(try JSONValue(parsing: texts.input) == input, "\(kind): \(input.text)")
            #expect(try JSONValue(parsing: texts.output) == output, "\(kind): \(output.text)")
        }
    }

    @Test("tool names are written as providers take them, and come back as they were")
    func names() {
        let long = "plugin." + String(repeating: "x", count: 80)
        let names = ["calc.evaluate", "calc__evaluate", "größe.maß", long, long + "y", "a.b"]
        let map = ModelToolNames(names)
        let outward = names.map(map.provider)
        #expect(outward.allSatisfy { (1...64).contains($0.utf8.count) && $0.utf8.allSatisfy { $0 == 95 || $0 == 45 || isalnum(Int32($0)) != 0 } })
        #expect(Set(outward).count == names.count && outward.map(map.original) == names)
        #expect(outward[0] == "calc__evaluate" && map.original("invented") == "invented")
    }

    // MARK: The path

    @Test("an adapter is called by kind and model: its tokens pass as they come, its answer is validated, accounted and audited")
    func happyPath() async throws {
        try await run(
            script: { worker in
                worker.load()
                guard let (id, call) = worker.nextCall() else { return }
                guard call.tool == "model.chat", String(decoding: call.input, as: UTF8.self).contains(#""model":"gpt/4""#) else {
                    worker.fail(id, "wrong", call.tool)
                    return
                }
                Self.token(worker, id, "a")
                usleep(200_000)
                Self.token(worker, id, "b")
                worker.answer(id, Self.reply)
                _ = worker.next()
            }
        ) { harness in
            let sink = Sink()
            let outcome = await call(harness, "fake/gpt/4", sink: sink)
            let output = try outcome.result.get().output
            #expect(output == Array(Self.reply.utf8))
            #expect(sink.texts == [#"{"text":"a"}"#, #"{"text":"b"}"#])
            #expect(sink.times[1] - sink.times[0] > 150_000_000, "the first did not wait for the second")
            let entry = try #require(try await harness.audited().first)
            #expect(entry.action == "adapter.call" && entry.plugin == "fake" && entry.tool == "model.chat" && entry.outcome == "ok")
            #expect(entry.details?["model"] == "fake/gpt/4")
            #expect(harness.tools.entry("fake.model.chat")?.counts.outcomes["ok"] == 1)
        }
    }

    @Test("a model is found by its bare name where one plugin offers it, else by plugin/model; no tool call reaches an adapter")
    func resolution() async throws {
        try await run(
            ["small", "shared"], more: ["other": ["shared"], "any": []],
            script: { worker in
                worker.load()
                while let (id, _) = worker.nextCall() { worker.answer(id, Self.reply) }
            }
        ) { harness in
            for name in ["small", "fake/small", "other/shared", "any/whatever/it:is"] {
                let outcome = await call(harness, name)
                #expect(outcome.name == "ok", "\(name): \(outcome.result)")
            }
            for (name, reason) in [
                ("shared", "ambiguous_model"), ("large", "unknown_model"), ("fake/large", "unknown_model"), ("any/", "unknown_model"),
            ] {
                let refusal = try error(await call(harness, name))
                #expect(refusal.code == .notFound && refusal.details["reason"] == .string(reason), "\(name): \(refusal)")
            }
            #expect(try error(await call(harness, "shared")).details["models"] == ["fake/shared", "other/shared"])
            #expect(try error(await call(harness, "small", kind: .parserDocument)).code == .notFound)
            for tool in ["fake.model.chat", "model.chat"] { #expect(try error(await harness.call(tool: tool)).code == .notFound) }
            let views = harness.tools.adapters(of: .modelChat)
            #expect(views.map(\.name) == ["any/*", "fake/shared", "fake/small", "other/shared"])
            #expect(views.allSatisfy { $0.state == "ready" && $0.breaker == .closed && $0.version == "1.0.0" })
        }
    }

    @Test(
        "input that breaks the contract reaches no adapter",
        arguments: [#"{"model":"m"}"#, #"{"model":"m","messages":[{"role":"boss","content":""}]}"#, "[1"])
    func badInput(_ input: String) async throws {
        try await run(script: { $0.echo() }) { harness in
            let refusal = try error(await call(harness, input: input))
            #expect(refusal.code == .validation && refusal.details["where"] == "input")
        }
    }

    @Test(
        "an answer that breaks the contract never reaches the caller, is the server's fault, and opens the provider's breaker",
        arguments: [#"{"content":"x"}"#, reply.replacing("stop", with: "done"), reply.replacing("3", with: "-1"), "{"])
    func badOutput(_ answer: String) async throws {
        try await run(
            script: { worker in
                worker.load()
                while let (id, _) = worker.nextCall() { worker.answer(id, answer) }
            }
        ) { harness in
            for _ in 0..<5 {
                let refusal = try error(await call(harness))
                #expect(refusal.code == .server && refusal.details["reason"] == "plugin_output", "\(refusal)")
            }
            let paused = try error(await call(harness))
            #expect(paused.details["reason"] == "breaker_open")
            #expect(harness.tools.adapters(of: .modelChat).first?.breaker == .open)
            #expect(harness.tools.adapters(of: .modelEmbed).first?.breaker == .closed, "one breaker a kind and provider")
        }
    }

    @Test(
        "what an adapter says of its provider becomes the contract's code",
        arguments: [
            ("rate_limited", ToolError.Code.rateLimited, 429), ("unavailable", .server, 503), ("unauthorized", .server, 503),
            ("invalid_request", .validation, 400), ("context_overflow", .validation, 400), ("malformed_reply", .server, 503),
            ("forbidden", .server, 503),
        ])
    func codes(_ code: String, _ expected: ToolError.Code, _ status: Int) async throws {
        try await run(
            script: { worker in
                worker.load()
                while let (id, _) = worker.nextCall() {
                    let details = Array(#"{"retry_after_ms":2500}"#.utf8)
                    worker.send(.failure, id, FailurePayload(code: code, message: "because", details: details).encoded())
                }
            }
        ) { harness in
            let refusal = try error(await call(harness))
            #expect(refusal.code == expected && refusal.status == status && refusal.message == "because")
            #expect(refusal.details["plugin_code"] == .string(code) && refusal.details["retry_after_ms"] == 2500)
        }
    }

    // MARK: Time

    @Test(
        "an adapter that falls silent is stopped after its cap, before its first event and between two, and its breaker hears of it",
        arguments: [0, 2])
    func silent(_ events: Int) async throws {
        try await run(
            silence: 300,
            script: { worker in
                worker.load()
                guard let (id, _) = worker.nextCall() else { return }
                for _ in 0..<events {
                    usleep(200_000)
                    Self.token(worker, id, "x")
                }
                while let frame = worker.next() { if frame.type == .cancel { worker.fail(id, "cancelled") } }
            }
        ) { harness in
            let begun = Deadline.now()
            let refusal = try error(await call(harness))
            let milliseconds = Int((Deadline.now().nanoseconds - begun.nanoseconds) / 1_000_000)
            #expect(refusal.code == .server && refusal.details["reason"] == "silent" && refusal.message.contains("300 ms"), "\(refusal)")
            #expect(refusal.details["events"]?.intValue ?? 0 == events)
            #expect((200 * events + 250...200 * events + 900).contains(milliseconds), "\(milliseconds) ms")
        }
    }

    @Test("a caller who is slow to take the tokens does not make the adapter silent")
    func slowCaller() async throws {
        try await run(
            silence: 200,
            script: { worker in
                worker.load()
                guard let (id, _) = worker.nextCall() else { return }
                for _ in 0..<3 { Self.token(worker, id, "x") }
                worker.answer(id, Self.reply)
                _ = worker.next()
            }
        ) { harness in
            let sink = Sink(milliseconds: 500)
            #expect(await call(harness, sink: sink).name == "ok")
            #expect(sink.texts.count == 3)
        }
    }

    @Test("an adapter may take longer than any tool, within a time that its caller names, and its requests as long as its calls")
    func caps() async throws {
        let chat = ToolSpec(adapter: .modelChat, models: [], plugin: "p", version: "1")
        #expect(chat.timeoutMilliseconds == 600_000 && chat.silenceMilliseconds == 30_000)
        let embed = ToolSpec(adapter: .modelEmbed, models: [], plugin: "p", version: "1")
        #expect(embed.timeoutMilliseconds == 60_000 && embed.silenceMilliseconds == nil)
        #expect(ToolSpec(adapter: .parserDocument, models: [], plugin: "p", version: "1").timeoutMilliseconds == 600_000)
        try await run(
            script: { worker in
                worker.load()
                while let frame = worker.next() { if frame.type == .cancel { worker.fail(frame.callID, "cancelled") } }
            }
        ) { harness in
            let refusal = try error(await call(harness, milliseconds: 200))
            #expect(refusal.details["reason"] == "timeout" && refusal.message == "the adapter did not answer in time")
        }
    }

    // MARK: Ends

    @Test(
        "a crash before the first token is tried again; after it the caller hears what happened and nothing is said twice", arguments: [false, true])
    func crash(afterToken: Bool) async throws {
        try await run(
            script: { worker in
                worker.load()
                guard let (id, _) = worker.nextCall() else { return }
                if worker.index == 0 || afterToken {
                    if afterToken { Self.token(worker, id, "x") }
                    usleep(50_000)
                    worker.die(WorkerExit(status: nil, signal: 11))
                } else {
                    worker.answer(id, Self.reply)
                    _ = worker.next()
                }
            }
        ) { harness in
            let sink = Sink()
            let outcome = await call(harness, sink: sink)
            if afterToken {
                let refusal = try error(outcome)
                #expect(
                    refusal.details["reason"] == "crash" && refusal.message == "the adapter crashed" && refusal.details["events"] == 1, "\(refusal)")
                #expect(sink.texts.count == 1 && outcome.usage.retries == 0)
            } else {
                #expect(outcome.name == "ok" && sink.texts.isEmpty)
                #expect(harness.spawner.spawnedCount > 1)
            }
        }
    }

    @Test("a cancelled call ends at once and its adapter is told (TOOL-8)")
    func cancel() async throws {
        let told = Lock(false)
        try await run(
            script: { worker in
                worker.load()
                guard let (id, _) = worker.nextCall() else { return }
                Self.token(worker, id, "x")
                while let frame = worker.next() {
                    guard frame.type == .cancel else { continue }
                    told.withLock { $0 = true }
                    worker.fail(id, "cancelled")
                }
            }
        ) { harness in
            let task = OwnedTask(on: EventLoop.current) { await call(harness) }
            try await EventLoop.current?.sleep(until: .after(milliseconds: 300))
            let begun = Deadline.now()
            task.cancel()
            let outcome = try await task.value
            #expect((Deadline.now().nanoseconds - begun.nanoseconds) / 1_000_000 < 50)
            #expect(outcome.name == "cancelled")
            try await EventLoop.current?.sleep(until: .after(milliseconds: 100))
            #expect(told.withLock { $0 } && harness.tools.callsInFlight == 0)
        }
    }
}
