import Glibc
import IO
import JSON
import Store
import Supervisor
import TestSupport
import Testing
import Tools
import WorkerProtocol
import Workers

@Suite(.serialized) struct ToolServiceTests {
    func code(_ outcome: ToolOutcome) -> String {
        switch outcome.result {
        case .success: "ok"
        case .failure(let error): error.code.rawValue
        }
    }

    func error(_ outcome: ToolOutcome) throws -> ToolError {
        guard case .failure(let error) = outcome.result else { throw Unexpected(what: "a result") }
        return error
    }

    func output(_ outcome: ToolOutcome) throws -> String {
        String(decoding: try outcome.result.get().output, as: UTF8.self)
    }

    struct Unexpected: Error { let what: String }

    static let numberSchema: JSONValue = [
        "type": "object", "properties": ["n": ["type": "integer"], "s": ["type": "string"]], "required": ["n"], "additionalProperties": false,
    ]

    @Test("a call answers with the plugin's bytes, its usage, and leaves one audit record")
    func happyPath() async throws {
        try await ToolHarness.run(script: { $0.echo() }) { harness in
            let outcome = await harness.call("{\"a\": [1,2,3]}")
            same(try output(outcome), "{\"a\": [1,2,3]}")
            #expect(outcome.usage.inputBytes == 14 && outcome.usage.outputBytes == 14)
            #expect(outcome.usage.wallNanoseconds > 0)
            let json = outcome.usage.json
            #expect(
                json.map(\.key) == [
                    "wall_ms", "cpu_ms", "peak_memory_bytes", "input_bytes", "output_bytes", "egress_requests", "egress_bytes", "retries",
                    "worker_start_ms",
                ])
            let entries = try await harness.audited()
            #expect(entries.count == 1)
            #expect(entries.first?.action == "tool.call" && entries.first?.outcome == "ok" && entries.first?.callID == "r-1")
            #expect(entries.first?.plugin == "fake" && entries.first?.tool == "echo" && entries.first?.actor == "key-1")
        }
    }

    @Test("a call that was made for one version is served by no other: what was looked at is what runs")
    func version() async throws {
        try await ToolHarness.run(script: { $0.echo() }) { harness in
            var call = ToolCall(tool: "fake.echo", input: Array("1".utf8), caller: harness.caller(), requestID: "r")
            call.version = "1.0.0"
            same(try output(await harness.tools.call(call)), "1")
            call.version = "0.9.0"
            let outcome = await harness.tools.call(call)
            let refusal = try error(outcome)
            #expect(refusal.code == .conflict && refusal.details["reason"] == "version" && outcome.usage.cpuNanoseconds == 0)
        }
    }

    @Test("input that breaks its schema never reaches the plugin; every failing pointer is named (TOOL-5)")
    func badInput() async throws {
        try await ToolHarness.run([.init(input: Self.numberSchema)], script: { $0.echo() }) { harness in
            let outcome = await harness.call("{\"n\":\"x\",\"s\":3}")
            let refusal = try error(outcome)
            #expect(refusal.code == .validation && refusal.status == 400)
            let pointers = refusal.details["errors"]?.arrayValue?.compactMap { $0["instance_path"]?.stringValue } ?? []
            #expect(Set(pointers) == ["/n", "/s"])
            #expect(refusal.details["errors"]?.arrayValue?.allSatisfy { $0["keyword"]?.stringValue == "type" } == true)
            #expect(outcome.usage.cpuNanoseconds == 0)
        }
    }

    @Test("at most twenty failures are named (TOOL-5)")
    func manyFailures() async throws {
        try await ToolHarness.run([.init(input: ["items": ["type": "string"]])], script: { $0.echo() }) { harness in
            let refusal = try error(await harness.call("[" + (0..<100).map(String.init).joined(separator: ",") + "]"))
            #expect(refusal.details["errors"]?.arrayValue?.count == 20)
        }
    }

    @Test("input that is no JSON, too deep or too large is a validation error", arguments: ["{\"n\":", "[1,]", "\u{FEFF}{}", "nested", "large", ""])
    func malformedInput(_ kind: String) async throws {
        try await ToolHarness.run(script: { $0.echo() }) { harness in
            let input =
                switch kind {
                case "nested": String(repeating: "[", count: 100_000)
                case "large": "\"" + String(repeating: "x", count: 1 << 20) + "\""
                default: kind
                }
            same(code(await harness.call(input)), "validation_error")
            same(try output(await harness.call("1")), "1")
        }
    }

    @Test(
        "output that breaks its schema, is no JSON or is hostile JSON never reaches the caller (TOOL-5)",
        arguments: [
            "{\"n\":\"x\"}", "{\"n\":1", "{\"n\":1,\"n\":2}", "\"\\ud800\"", "nested", "{}",
        ])
    func badOutput(_ kind: String) async throws {
        let answer = kind == "nested" ? String(repeating: "[", count: 100_000) : kind
        try await ToolHarness.run(
            [.init(output: Self.numberSchema)],
            script: { worker in
                worker.load()
                while let (id, _) = worker.nextCall() { worker.answer(id, answer) }
            }
        ) { harness in
            let refusal = try error(await harness.call())
            #expect(refusal.code == .validation)
            #expect(refusal.details["where"]?.stringValue == "output")
        }
    }

    @Test(
        "a privileged tool is refused to everybody while there are no artifacts, whatever their role (TOOL-7)",
        arguments: [CallerRole.user, .admin, .operator])
    func privileged(_ role: CallerRole) async throws {
        try await ToolHarness.run([.init(isPrivileged: true)], script: { $0.echo() }) { harness in
            let outcome = await harness.call(caller: harness.caller(role: role))
            same(try error(outcome).code, .forbidden)
            same(try await harness.audited().first?.outcome, "forbidden")
        }
    }

    @Test("an unknown tool is not found; a bare name works while one plugin has it")
    func resolve() async throws {
        try await ToolHarness.run(script: { $0.echo() }) { harness in
            same(code(await harness.call(tool: "fake.nothing")), "not_found")
            same(code(await harness.call(tool: "echo")), "ok")
        }
    }

    @Test("five crashes open the breaker; calls are then refused at once with the time to wait (TOOL-1)")
    func breaker() async throws {
        try await ToolHarness.run(
            script: { worker in
                worker.load()
                _ = worker.nextCall()
                worker.die(WorkerExit(status: nil, signal: 11))
            }
        ) { harness in
            for _ in 0..<5 { same(code(await harness.call()), "server_error") }
            #expect(harness.tools.entry("fake.echo")?.breakerPhase == .open)
            let before = harness.spawner.spawnedCount
            let refusal = try error(await harness.call())
            #expect(refusal.details["reason"]?.stringValue == "breaker_open" && refusal.status == 503)
            #expect((25_000...30_000).contains(refusal.details["retry_after_ms"]?.intValue ?? 0))
            #expect(harness.spawner.spawnedCount <= before + 1)
        }
    }

    @Test("callers' own mistakes and plugins' clean errors do not open the breaker (TOOL-1)")
    func breakerIgnoresCallers() async throws {
        try await ToolHarness.run(
            [.init(input: Self.numberSchema)],
            script: { worker in
                worker.load()
                while let (id, _) = worker.nextCall() { worker.fail(id, "no_such_city", "there is no such city") }
            }
        ) { harness in
            for _ in 0..<10 {
                same(code(await harness.call("[]")), "validation_error")
                let refusal = try error(await harness.call("{\"n\":1}"))
                #expect(refusal.code == .validation && refusal.message == "there is no such city")
                #expect(refusal.details["plugin_code"]?.stringValue == "no_such_city")
            }
            #expect(harness.tools.entry("fake.echo")?.breakerPhase == .closed)
        }
    }

    @Test(
        "a plugin's own error has one of the host's codes by a fixed table, and only what it says of itself counts against it (API-1, TOOL-1)",
        arguments: [
            ("no_such_city", 400, false), ("not_found", 404, false), ("conflict", 409, false), ("rate_limited", 429, false), ("failed", 500, false),
            ("out_of_memory", 500, false), ("cancelled", 500, false), ("unreachable", 500, false), ("unavailable", 500, true),
            ("internal", 500, true), ("timed_out", 500, true),
            ("unauthorized", 400, false), ("forbidden", 400, false), ("validation_error", 400, false), ("", 400, false),
        ])
    func pluginCodes(_ plugin: String, _ status: Int, _ opens: Bool) async throws {
        try await ToolHarness.run(script: { worker in
            worker.load()
            while let (id, _) = worker.nextCall() { worker.fail(id, plugin, "so it is") }
        }) { harness in
            for _ in 0..<5 {
                let refusal = try error(await harness.call())
                #expect(refusal.status == status && refusal.message == "so it is")
                #expect(refusal.details["reason"] == "plugin_error" && refusal.details["plugin_code"]?.stringValue == plugin)
            }
            #expect((harness.tools.entry("fake.echo")?.breakerPhase == .open) == opens)
        }
    }

    @Test("an idempotent tool is tried again after about a second; the usage counts the retry (TOOL-8)")
    func retry() async throws {
        try await ToolHarness.run(
            [.init(isIdempotent: true)], workersMax: 1,
            script: { worker in
                worker.load()
                guard worker.index == 0, worker.nextCall() != nil else { return worker.echoLoaded() }
                worker.die(WorkerExit(status: nil, signal: 11))
            }
        ) { harness in
            let begun = Deadline.now()
            let outcome = await harness.call("{\"x\":1}")
            let took = Int((Deadline.now().nanoseconds - begun.nanoseconds) / 1_000_000)
            same(try output(outcome), "{\"x\":1}")
            #expect(outcome.usage.retries == 1)
            #expect((780...1_400).contains(took), "\(took) ms")
        }
    }

    @Test("a tool that is not idempotent is not tried again once the call has reached the plugin (TOOL-8)")
    func noRetry() async throws {
        try await ToolHarness.run(
            workersMax: 1,
            script: { worker in
                worker.load()
                guard worker.index == 0, worker.nextCall() != nil else { return worker.echoLoaded() }
                worker.die(WorkerExit(status: nil, signal: 11))
            }
        ) { harness in
            let outcome = await harness.call()
            same(try error(outcome).details["reason"]?.stringValue, "crash")
            #expect(outcome.usage.retries == 0)
        }
    }

    @Test("a back-off ends within 50 ms of a cancellation (WF-2, TOOL-8)")
    func cancelBackoff() async throws {
        try await ToolHarness.run(
            [.init(isIdempotent: true)], workersMax: 1,
            script: { worker in
                worker.load()
                _ = worker.nextCall()
                worker.die(WorkerExit(status: nil, signal: 11))
            }
        ) { harness in
            let task = OwnedTask(on: EventLoop.current) { await harness.call() }
            try await EventLoop.current?.sleep(until: .after(milliseconds: 400))
            let begun = Deadline.now()
            task.cancel()
            let outcome = try await task.value
            #expect((Deadline.now().nanoseconds - begun.nanoseconds) / 1_000_000 < 50)
            #expect(outcome.name == "cancelled")
            #expect(harness.tools.callsInFlight == 0)
        }
    }

    @Test("the deadline is over all tries: no retry is begun that could not end before it (TOOL-8, WF-2)")
    func budget() async throws {
        try await ToolHarness.run(
            [.init(isIdempotent: true, retries: 3)], workersMax: 1,
            script: { worker in
                worker.load()
                _ = worker.nextCall()
                worker.die(WorkerExit(status: nil, signal: 11))
            }
        ) { harness in
            let begun = Deadline.now()
            let outcome = await harness.call(milliseconds: 600)
            #expect(code(outcome) == "server_error")
            #expect((Deadline.now().nanoseconds - begun.nanoseconds) / 1_000_000 < 700)
        }
    }

    @Test("a plugin that hangs is told at its deadline and its caller answered at once")
    func timeout() async throws {
        try await ToolHarness.run(
            [.init(timeoutMilliseconds: 200)],
            script: { worker in
                worker.load()
                while worker.next() != nil {}
            }
        ) { harness in
            let begun = Deadline.now()
            let refusal = try error(await harness.call())
            #expect(refusal.details["reason"]?.stringValue == "timeout")
            #expect((Deadline.now().nanoseconds - begun.nanoseconds) / 1_000_000 < 260)
        }
    }

    @Test("a caller past his limit hears conflict, busy; the places come back (LIM-6)")
    func busy() async throws {
        var options = ToolService.Options()
        options.callsPerCallerMax = 2
        try await ToolHarness.run(
            mode: .shared, options: options,
            script: { worker in
                worker.load()
                while worker.next() != nil {}
            }
        ) { harness in
            let tasks = (0..<2).map { _ in OwnedTask(on: EventLoop.current) { await harness.call(milliseconds: 300) } }
            try await EventLoop.current?.sleep(until: .after(milliseconds: 50))
            let refusal = try error(await harness.call())
            #expect(refusal.code == .conflict && refusal.status == 409 && refusal.details["reason"]?.stringValue == "busy")
            for task in tasks { _ = try await task.value }
            #expect(harness.tools.callsInFlight == 0)
        }
    }

    @Test("a violation is told to the caller and audited with plugin, version, tool, call, user and system call")
    func violation() async throws {
        try await ToolHarness.run(
            script: { worker in
                worker.load()
                _ = worker.nextCall()
                worker.die(WorkerExit(status: nil, signal: 9, violation: SyscallViolation(number: 101, name: "ptrace", arguments: [0, 1])))
            }
        ) { harness in
            let refusal = try error(await harness.call())
            #expect(refusal.details["reason"]?.stringValue == "violation")
            let entries = try await harness.audited()
            let entry = entries.first { $0.action == "sandbox.violation" }
            #expect(entry?.plugin == "fake" && entry?.version == "1.0.0" && entry?.tool == "echo" && entry?.callID == "r-1")
            #expect(entry?.reason == "ptrace" && entry?.details?["user"]?.stringValue == "u")
            #expect(entries.contains { $0.action == "tool.call" && $0.outcome == "server_error" })
            #expect(harness.observer.counts.violations == ["ptrace": 1])
        }
    }
}
