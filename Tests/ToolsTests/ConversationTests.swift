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

/// What happens between a call and its end: events, requests, and workers that go too soon.
@Suite(.serialized) struct ConversationTests {
    private func text(_ outcome: ToolOutcome) -> String {
        switch outcome.result {
        case .success(let reply): String(decoding: reply.output, as: UTF8.self)
        case .failure(let error): "\(error.code.rawValue) \(error.details["reason"]?.stringValue ?? error.message)"
        }
    }

    private static func event(_ id: UInt64, _ json: String = "{\"text\":\"word\"}") -> [UInt8] {
        Frame(type: .event, callID: id, payload: EventPayload(kind: .token, json: Array(json.utf8)).encoded()).encoded()
    }

    // MARK: Loading

    @Test("only the first worker of a version is asked to describe itself; what a later one says of itself changes nothing")
    func describesOnce() async throws {
        let asked = Lock<[Bool]>([])
        try await ToolHarness.run(script: { worker in
            worker.load(description: worker.index == 0 ? "{}" : "no JSON at all")
            asked.withLock { $0.append(worker.hello?.wantsDescription ?? false) }
            guard let (id, _) = worker.nextCall() else { return }
            worker.answer(id, "true")
        }) { harness in
            for _ in 0..<3 {
                let call = ToolCall(tool: "fake.echo", input: Array("0".utf8), caller: harness.caller(), requestID: "r")
                #expect(text(await harness.tools.call(call)) == "true")
                // The script has ended, and with it the worker.
                try await EventLoop.current?.sleep(until: .after(milliseconds: 50))
            }
        }
        // A spare that began beside the first, before that had described the version, may have been asked as well.
        #expect(asked.withLock { $0.first == true && $0.count >= 3 && $0.last == false })
    }

    // MARK: Events

    private final class Counter: ToolEventSink {
        private let state = Lock(0)
        private let pauseMilliseconds: Int
        init(pauseMilliseconds: Int = 0) { self.pauseMilliseconds = pauseMilliseconds }
        var count: Int { state.withLock { $0 } }
        func send(_ event: ToolEvent, until deadline: Deadline) async throws {
            state.withLock { $0 += 1 }
            if pauseMilliseconds > 0 { try await EventLoop.current?.sleep(until: .after(milliseconds: pauseMilliseconds)) }
        }
    }

    @Test("a tool may stream as fast as it can within its budget: 50,000 tokens at once, all delivered")
    func stream() async throws {
        try await ToolHarness.run(script: { worker in
            worker.load()
            while let (id, _) = worker.nextCall() {
                let frames = Array((0..<100).map { _ in Self.event(id) }.joined())
                for _ in 0..<500 { worker.send(raw: frames) }
                worker.answer(id, "true")
            }
        }) { harness in
            for _ in 0..<2 {
                let counter = Counter()
                let call = ToolCall(tool: "fake.echo", input: Array("0".utf8), caller: harness.caller(), requestID: "r")
                #expect(text(await harness.tools.call(call, events: counter)) == "true")
                #expect(counter.count == 50_000)
            }
            #expect(harness.observer.counts.ended.isEmpty)
        }
    }

    @Test("a flood of events ends in an error that names the limit; the worker goes, the next call is served")
    func flood() async throws {
        try await ToolHarness.run(
            workersMax: 1,
            script: { worker in
                worker.load()
                guard worker.index == 0, let (id, _) = worker.nextCall() else { return worker.echoLoaded() }
                let frames = Array((0..<100).map { _ in Self.event(id) }.joined())
                while worker.send(raw: frames) {}
            }
        ) { harness in
            let outcome = await harness.call()
            #expect(text(outcome) == "server_error event_limit")
            guard case .failure(let error) = outcome.result else { return }
            #expect(error.details["events_max"]?.intValue == SupervisorLimits.eventsPerCallMax)
            #expect(text(await harness.call("1")) == "1")
        }
    }

    @Test("a consumer that is slow holds the tool up; the host keeps nothing for it and kills nobody")
    func backPressure() async throws {
        let sent = Lock(0)
        try await ToolHarness.run(script: { worker in
            worker.load()
            while let (id, _) = worker.nextCall() {
                let large = "\"\(String(repeating: "x", count: 100_000))\""
                for _ in 0..<40 {
                    worker.send(raw: Self.event(id, large))
                    sent.withLock { $0 += 1 }
                }
                worker.answer(id, "true")
            }
        }) { harness in
            let counter = Counter(pauseMilliseconds: 20)
            let call = ToolCall(tool: "fake.echo", input: Array("0".utf8), caller: harness.caller(), requestID: "r")
            let task = OwnedTask(on: EventLoop.current) { await harness.tools.call(call, events: counter) }
            var lead = 0
            while sent.withLock({ $0 }) < 40 {
                lead = max(lead, sent.withLock { $0 } - counter.count)
                try await EventLoop.current?.sleep(until: .after(milliseconds: 5))
            }
            // What lies between is the socket's buffer (about 200 KiB) and one read.
            #expect((1...6).contains(lead), "\(lead) events of 100 KB lay between")
            #expect(text(try await task.value) == "true")
            #expect(counter.count == 40)
        }
    }

    @Test("a tool that never stops talking does not outlive its deadline, and other calls of its loop get their turns (TOOL-8, TOOL-10)")
    func chatter() async throws {
        try await ToolHarness.run(
            mode: .user,
            script: { worker in
                worker.load()
                while let (id, call) = worker.nextCall() {
                    if call.input == Array("1".utf8) {
                        worker.answer(id, "1")
                        continue
                    }
                    // Log lines over the rate are dropped, so they never end the call by themselves so soon.
                    let frame = Frame(type: .log, callID: id, payload: LogPayload(level: 1, message: "x").encoded()).encoded()
                    for _ in 0..<40_000 {
                        if !worker.send(raw: frame) { return }
                        usleep(10)
                    }
                }
            }
        ) { harness in
            let begun = Deadline.now()
            let task = OwnedTask(on: EventLoop.current) { await harness.call("0", caller: harness.caller(user: "a"), milliseconds: 400) }
            try await EventLoop.current?.sleep(until: .after(milliseconds: 50))
            let other = Deadline.now()
            #expect(text(await harness.call("1", caller: harness.caller(user: "b"))) == "1")
            #expect(Deadline.now() < other.adding(milliseconds: 150))
            #expect(text(try await task.value) == "server_error timeout")
            #expect(Deadline.now() < begun.adding(milliseconds: 600))
        }
    }

    // MARK: Requests

    private final class SlowFetch: FetchHandler {
        struct Seen: Sendable {
            var now = 0
            var most = 0
            var cancelled = 0
        }
        private let state = Lock(Seen())
        let milliseconds: Int
        init(milliseconds: Int) { self.milliseconds = milliseconds }
        var seen: Seen { state.withLock { $0 } }

        func fetch(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchReplyPayload {
            state.withLock { state in
                state.now += 1
                state.most = max(state.most, state.now)
            }
            defer { state.withLock { $0.now -= 1 } }
            // The later ones answer first.
            let wait = milliseconds - Int(request.id % 8)
            do { try await EventLoop.current?.sleep(until: .after(milliseconds: wait)) } catch { state.withLock { $0.cancelled += 1 } }
            return FetchReplyPayload(id: request.id, status: 200, body: request.body)
        }
    }

    @Test("the fetches of one call are made side by side, eight at once, each answered under its own number")
    func fetches() async throws {
        let fetcher = SlowFetch(milliseconds: 100)
        try await ToolHarness.run(
            fetcher: fetcher,
            script: { worker in
                worker.load()
                while let (id, _) = worker.nextCall() {
                    for number in 1...200 {
                        worker.send(.fetch, id, FetchPayload(id: UInt32(number), request: Array("{}".utf8), body: [UInt8(number % 251)]).encoded())
                    }
                    var answered: Set<UInt32> = []
                    for _ in 1...200 {
                        guard let frame = worker.next(), let reply = try? FetchReplyPayload(decoding: frame.payload) else { return }
                        if reply.body == [UInt8(reply.id % 251)] { answered.insert(reply.id) }
                    }
                    worker.answer(id, "\(answered.count)")
                }
            }
        ) { harness in
            let begun = Deadline.now()
            #expect(text(await harness.call()) == "200")
            let took = Int((Deadline.now().nanoseconds - begun.nanoseconds) / 1_000_000)
            #expect(took < 5_000, "\(took) ms; one after the other would be 20 s")
            #expect(fetcher.seen.most == SupervisorLimits.requestsRunningMax)
        }
    }

    @Test("a plugin reads what it wrote before, though it did not wait; other keys do not wait for it")
    func keyValueOrder() async throws {
        try await ToolHarness.run(
            keepsState: true,
            script: { worker in
                worker.load()
                while let (id, _) = worker.nextCall() {
                    func ask(_ number: UInt32, _ operation: KeyValueOperation, _ key: String, _ value: String = "") {
                        let request = KeyValuePayload(id: number, operation: operation, key: key, value: Array(value.utf8))
                        worker.send(.keyValue, id, request.encoded())
                    }
                    for number in 1...20 { ask(UInt32(number), .set, "a", "\(number)") }
                    ask(21, .get, "a")
                    ask(22, .set, "b", "x")
                    ask(23, .list, "")
                    ask(24, .delete, "a")
                    ask(25, .get, "a")
                    var replies: [UInt32: KeyValueReplyPayload] = [:]
                    while replies.count < 25 {
                        guard let frame = worker.next(), let reply = try? KeyValueReplyPayload(decoding: frame.payload) else { return }
                        replies[reply.id] = reply
                    }
                    let read = String(decoding: replies[21]?.value ?? [], as: UTF8.self)
                    let list = String(decoding: replies[23]?.value ?? [], as: UTF8.self).filter { $0 != "\"" }
                    worker.answer(id, "\"\(read) \(list) \(replies[25]?.found == true)\"")
                }
            }
        ) { harness in
            #expect(text(await harness.call()) == "\"20 [a,b] false\"")
        }
    }

    @Test("a plugin that asks without end and reads no answer is held up, and its call ends at its deadline")
    func neverReads() async throws {
        try await ToolHarness.run(
            workersMax: 1, keepsState: true,
            script: { worker in
                worker.load()
                guard worker.index == 0, let (id, _) = worker.nextCall() else { return worker.echoLoaded() }
                let request = KeyValuePayload(id: 1, operation: .get, key: "k", value: []).encoded()
                for _ in 0..<9_000 { if !worker.send(.keyValue, id, request) { return } }
                while true {
                    // Alive, but deaf.
                    usleep(10_000)
                    if !worker.send(.log, id, LogPayload(level: 1, message: "x").encoded()) { return }
                }
            }
        ) { harness in
            let begun = Deadline.now()
            let outcome = text(await harness.call(milliseconds: 500))
            #expect(outcome == "server_error timeout")
            #expect(Deadline.now() < begun.adding(milliseconds: 600))
            #expect(text(await harness.call("1")) == "1")
        }
    }

    @Test("when a call is cancelled all its requests are, at once (TOOL-8)")
    func cancelRequests() async throws {
        let fetcher = SlowFetch(milliseconds: 20_000)
        try await ToolHarness.run(
            fetcher: fetcher,
            script: { worker in
                worker.load()
                while let frame = worker.next() {
                    if frame.type == .call {
                        for number in 1...5 {
                            worker.send(.fetch, frame.callID, FetchPayload(id: UInt32(number), request: Array("{}".utf8), body: []).encoded())
                        }
                    }
                    if frame.type == .cancel { worker.fail(frame.callID, "cancelled") }
                }
            }
        ) { harness in
            let task = OwnedTask(on: EventLoop.current) { await harness.call() }
            while fetcher.seen.now < 5 { try await EventLoop.current?.sleep(until: .after(milliseconds: 5)) }
            let begun = Deadline.now()
            task.cancel()
            #expect(text(try await task.value) == "conflict cancelled")
            #expect(Deadline.now() < begun.adding(milliseconds: 50))
            try await EventLoop.current?.sleep(until: .after(milliseconds: 20))
            #expect(fetcher.seen.now == 0 && fetcher.seen.cancelled == 5)
        }
    }

    @Test("a call that answers with requests open ends them; their answers never reach the worker's next call")
    func answersFirst() async throws {
        let fetcher = SlowFetch(milliseconds: 60)
        try await ToolHarness.run(
            fetcher: fetcher,
            script: { worker in
                worker.load()
                while let frame = worker.next() {
                    guard frame.type == .call else {
                        if frame.type == .drain { return }
                        // A stray answer.
                        return worker.die(WorkerExit(status: nil, signal: 11))
                    }
                    worker.send(.fetch, frame.callID, FetchPayload(id: 1, request: Array("{}".utf8), body: []).encoded())
                    worker.answer(frame.callID, "true")
                }
            }
        ) { harness in
            for _ in 0..<20 {
                #expect(text(await harness.call()) == "true")
                try await EventLoop.current?.sleep(until: .after(milliseconds: 10))
            }
            #expect(harness.observer.counts.ended.isEmpty)
        }
    }

    // MARK: Workers that go too soon

    @Test("a worker that ends right after its answer costs the next call nothing: it goes to another, uncounted (TOOL-8)", arguments: [10, 900_000])
    func endsAfterAnswer(_ bytes: Int) async throws {
        let input = "\"\(String(repeating: "x", count: bytes))\""
        try await ToolHarness.run(
            workersMax: 1,
            script: { worker in
                worker.load()
                guard worker.index == 0, let (id, _) = worker.nextCall() else { return worker.echoLoaded() }
                worker.answer(id, "1")
                // The next call is on its way before the process is gone, and nobody reads it.
                var poller = pollfd(fd: worker.socket, events: Int16(POLLIN), revents: 0)
                poll(&poller, 1, 3_000)
            }
        ) { harness in
            #expect(text(await harness.call()) == "1")
            let begun = Deadline.now()
            let outcome = await harness.call(input)
            #expect(text(outcome) == input)
            #expect(outcome.usage.retries == 0)
            #expect(Deadline.now() < begun.adding(milliseconds: 500))
            #expect(harness.tools.entry("fake.echo")?.counts.outcomes["ok"] == 2)
        }
    }

    @Test("a worker that had read the call may have begun: a tool that is not idempotent is not tried again (TOOL-8)")
    func endsAfterReading() async throws {
        try await ToolHarness.run(
            workersMax: 1,
            script: { worker in
                worker.load()
                guard worker.index == 0, let (id, _) = worker.nextCall() else { return worker.echoLoaded() }
                worker.answer(id, "1")
                _ = worker.nextCall()
            }
        ) { harness in
            #expect(text(await harness.call()) == "1")
            #expect(text(await harness.call()) == "server_error exit")
        }
    }

    @Test("workers that all go before they read a call end it after a few, with the reason")
    func neverReadsACall() async throws {
        try await ToolHarness.run(
            [.init(retries: 0)],
            script: { worker in
                worker.load()
                var poller = pollfd(fd: worker.socket, events: Int16(POLLIN), revents: 0)
                poll(&poller, 1, 3_000)
            }
        ) { harness in
            #expect(text(await harness.call()) == "server_error exit")
            #expect(harness.spawner.spawnedCount <= 8)
        }
    }

    @Test("a tripwire that a call left behind is audited under the plugin, not under the next call, which is served")
    func lateViolation() async throws {
        try await ToolHarness.run(
            workersMax: 1,
            script: { worker in
                worker.load()
                guard worker.index == 0, let (id, _) = worker.nextCall() else { return worker.echoLoaded() }
                worker.answer(id, "1")
                var poller = pollfd(fd: worker.socket, events: Int16(POLLIN), revents: 0)
                poll(&poller, 1, 3_000)
                worker.exits(WorkerExit(status: nil, signal: 9, violation: SyscallViolation(number: 101, name: "ptrace", arguments: [0])))
            }
        ) { harness in
            #expect(text(await harness.call()) == "1")
            #expect(text(await harness.call("2")) == "2")
            let entries = try await harness.audited().filter { $0.action == "sandbox.violation" }
            #expect(entries.count == 1 && entries.first?.reason == "ptrace" && entries.first?.callID == nil)
        }
    }
}
