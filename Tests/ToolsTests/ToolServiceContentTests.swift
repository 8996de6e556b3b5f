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

/// Events, fetches, HTML, the audit record and what is left behind.
extension ToolServiceTests {
    private final class EventList: ToolEventSink {
        private let state = Lock<[ToolEvent]>([])
        var events: [ToolEvent] { state.withLock { $0 } }
        func send(_ event: ToolEvent, until deadline: Deadline) async throws { state.withLock { $0.append(event) } }
    }

    @Test("events reach the caller in order before the result; one that is no JSON ends the worker")
    func events() async throws {
        try await ToolHarness.run(
            script: { worker in
                worker.load()
                while let (id, call) = worker.nextCall() {
                    worker.send(.event, id, EventPayload(kind: .progress, json: Array("{\"fraction\":0.5}".utf8)).encoded())
                    let isBad = call.input == Array("1".utf8)
                    worker.send(.event, id, EventPayload(kind: .token, json: Array((isBad ? "{" : "{\"text\":\"a\"}").utf8)).encoded())
                    worker.answer(id, "true")
                }
            }
        ) { harness in
            let list = EventList()
            let call = ToolCall(tool: "fake.echo", input: Array("0".utf8), caller: harness.caller(), requestID: "r")
            same(code(await harness.tools.call(call, events: list)), "ok")
            #expect(list.events.map(\.kind) == [.progress, .token])
            let bad = ToolCall(tool: "fake.echo", input: Array("1".utf8), caller: harness.caller(), requestID: "r")
            same(try error(await harness.tools.call(bad, events: list)).details["reason"]?.stringValue, "protocol")
        }
    }

    @Test("a fetch is answered forbidden while there is no proxy")
    func fetch() async throws {
        try await ToolHarness.run(
            script: { worker in
                worker.load()
                while let (id, _) = worker.nextCall() {
                    worker.send(.fetch, id, FetchPayload(id: 5, request: Array("{\"url\":\"http://169.254.169.254/\"}".utf8), body: []).encoded())
                    guard let frame = worker.next(), let reply = try? FetchReplyPayload(decoding: frame.payload) else { return }
                    worker.answer(id, "\"\(reply.status) \(reply.errorCode) \(reply.id)\"")
                }
            }
        ) { harness in
            same(try output(await harness.call()), "\"0 forbidden 5\"")
        }
    }

    @Test(
        "key-value state is kept apart by tenant and by user, and refused to shared and call isolation",
        arguments: [
            (IsolationMode.tenant, "seen by the tenant"), (.user, "seen by the user"), (.shared, "forbidden"), (.call, "forbidden"),
        ])
    func keyValue(_ mode: IsolationMode, _ promise: String) async throws {
        try await ToolHarness.run(
            mode: mode, workersMax: 4, keepsState: true,
            script: { worker in
                worker.load()
                while let (id, call) = worker.nextCall() {
                    let isWrite = call.input == Array("\"write\"".utf8)
                    let request = KeyValuePayload(id: 1, operation: isWrite ? .set : .get, key: "k", value: isWrite ? Array("secret".utf8) : [])
                    worker.send(.keyValue, id, request.encoded())
                    guard let frame = worker.next(), let reply = try? KeyValueReplyPayload(decoding: frame.payload) else { return }
                    worker.answer(
                        id,
                        "\"\(reply.errorCode.isEmpty ? (reply.found ? "found " : "absent") : reply.errorCode)\(String(decoding: reply.value, as: UTF8.self))\""
                    )
                }
            }
        ) { harness in
            func ask(_ input: String, _ tenant: String, _ user: String) async throws -> String {
                try output(await harness.call("\"\(input)\"", caller: harness.caller(tenant, user: user)))
            }
            let written = try await ask("write", "a", "x")
            if mode == .shared || mode == .call {
                #expect(written == "\"forbidden\"")
                return
            }
            #expect(written == "\"found \"")
            same(try await ask("read", "a", "x"), "\"found secret\"")
            same(try await ask("read", "a", "y"), (mode == .tenant ? "\"found secret\"" : "\"absent\""))
            same(try await ask("read", "b", "x"), "\"absent\"")
        }
    }

    @Test("HTML is marked, and sanitised by another jailed plugin for whoever asks for HTML (TOOL-6)")
    func html() async throws {
        var options = ToolService.Options()
        options.sanitizer = "fake.sanitize"
        try await ToolHarness.run(
            [
                .init(name: "page", content: .htmlUntrusted), .init(name: "sanitize", content: .htmlUntrusted),
                .init(name: "object", content: .htmlUntrusted), .init(name: "number", content: .htmlUntrusted),
            ], options: options,
            script: { worker in
                worker.load()
                while let (id, call) = worker.nextCall() {
                    switch call.tool {
                    case "object": worker.answer(id, "{\"html\":\"<i onclick=x>\",\"title\":null}")
                    case "page": worker.answer(id, "\"<b onclick=x>hi</b>\"")
                    case "number": worker.answer(id, "7")
                    default:
                        // The sanitiser is given the HTML alone, whatever form the tool's output has.
                        let isHTML =
                            call.input == Array("{\"html\":\"<b onclick=x>hi</b>\"}".utf8) || call.input == Array("{\"html\":\"<i onclick=x>\"}".utf8)
                        worker.answer(id, isHTML ? "{\"html\":\"<b>hi</b>\",\"removed\":{}}" : "{\"html\":\"wrong input\"}")
                    }
                }
            }
        ) { harness in
            let plain = try (await harness.call(tool: "fake.page")).result.get()
            #expect(plain.contentType == .htmlUntrusted && plain.sanitizedHTML == nil)
            let shown = try (await harness.call(tool: "fake.page", wantsHTML: true)).result.get()
            #expect(shown.sanitizedHTML == "<b>hi</b>")
            let object = try (await harness.call(tool: "fake.object", wantsHTML: true)).result.get()
            #expect(object.sanitizedHTML == "<b>hi</b>")
            same(try error(await harness.call(tool: "fake.number")).details["where"]?.stringValue, "output")
        }
    }

    @Test("without a sanitiser untrusted HTML is not shown at all (TOOL-6)")
    func noSanitizer() async throws {
        try await ToolHarness.run(
            [.init(content: .htmlUntrusted)],
            script: { worker in
                worker.load()
                while let (id, _) = worker.nextCall() { worker.answer(id, "\"<script>\"") }
            }
        ) { harness in
            same(try error(await harness.call(wantsHTML: true)).details["reason"]?.stringValue, "no_sanitizer")
        }
    }

    @Test("a call whose record the audit log does not take fails rather than go unrecorded (OPS-6)")
    func auditRefuses() async throws {
        try await ToolHarness.run(script: { $0.echo() }) { harness in
            same(code(await harness.call()), "ok")
            harness.database.close()
            let refusal = try error(await harness.call())
            #expect(refusal.code == .server && refusal.details["reason"]?.stringValue == "audit")
        }
    }

    @Test("a thousand aborted calls leave nothing in flight (LIM-6)")
    func aborted() async throws {
        try await ToolHarness.run(
            mode: .shared,
            script: { worker in
                worker.load()
                while let frame = worker.next() { if frame.type == .cancel { worker.fail(frame.callID, "cancelled") } }
            }
        ) { harness in
            for _ in 0..<20 {
                let tasks = (0..<50).map { _ in OwnedTask(on: EventLoop.current) { await harness.call() } }
                try await EventLoop.current?.sleep(until: .after(milliseconds: 2))
                for task in tasks { task.cancel() }
                for task in tasks { _ = try await task.value }
            }
            #expect(harness.tools.callsInFlight == 0)
            #expect(harness.tools.entry("fake.echo")?.counts.inFlight == 0)
            #expect(harness.tools.entry("fake.echo")?.breakerPhase == .closed)
        }
    }
}
