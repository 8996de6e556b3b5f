import Glibc
import IO
import JSON
import Store
import StoreKit
import TestKit
import Testing

@testable import Chat

/// A turn whose database fails, or whose host ends, at each of its statements in turn.
@Suite("Faults in turns", .serialized)
struct FaultTests {
    @Test(
        "a failure of any statement of a turn leaves whole messages, numbers without a gap, and a conversation that goes on (STORE-4, CHAT-6)",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func everyStatement(engine: DatabaseEngine) async throws {
        let fuse = StoreFuse()
        let bench = try await ChatBench(engine, probe: fuse.probe)
        let chat = ChatService(
            store: bench.store, loop: bench.loop,
            models: ScriptedModels(models: [
                ScriptedModel { request, tokens in
                    guard request.messages.last?.role == .tool else { return ScriptedModel.ask("calc.evaluate", ["expression": "1"]) }
                    return try await ScriptedModel.say(["answer"], tokens)
                }
            ]), toolbox: ScriptedTools())
        let id = try await onLoop { try await chat.turn(TurnRequest(content: "first"), origin()) }.conversation
        fuse.arm(nil)
        _ = try await onLoop { try await chat.turn(TurnRequest(conversation: id, content: "counted"), origin()) }
        let statements = fuse.count
        #expect(statements >= 6)
        for number in 1...statements {
            fuse.arm(number)
            let cause = await failure {
                _ = try await onLoop { try await chat.turn(TurnRequest(conversation: id, content: "try \(number)"), origin()) }
            }
            fuse.arm(nil)
            guard case .store? = cause else {
                Issue.record("statement \(number): \(String(describing: cause))")
                continue
            }
            let messages = try await bench.messages(id)
            #expect(messages.map(\.seq) == Array(1...messages.count), "statement \(number)")
            #expect(messages.count.isMultiple(of: 2))
            #expect(messages.count == (try await bench.store.conversation(id, of: ChatBench.ann)).messageCount)
            // What was stored of the person's is whole; an answer without its end says so.
            if let last = messages.last, messages.contains(where: { $0.content == "try \(number)" }) { #expect(last.isTruncated) }
            bench.clock.advance(milliseconds: ChatLimits.turnLeaseMilliseconds)
            let reply = try await onLoop { try await chat.turn(TurnRequest(conversation: id, content: "after \(number)"), origin()) }
            #expect(reply.content == "answer")
        }
        // A new conversation is there with both messages, or not at all.
        for number in 1...4 {
            let before = try await bench.count("SELECT count(*) FROM conversation")
            fuse.arm(number)
            _ = await failure { _ = try await onLoop { try await chat.turn(TurnRequest(content: "new"), origin()) } }
            fuse.arm(nil)
            let (now, orphans) = (
                try await bench.count("SELECT count(*) FROM conversation"),
                try await bench.count(
                    "SELECT count(*) FROM conversation c WHERE c.message_count <> (SELECT count(*) FROM message m WHERE m.conversation = c.id)")
            )
            #expect(now - before <= 1 && orphans == 0, "statement \(number)")
        }
    }

    /// A turn of every kind of event: two pieces, a tool that its person approves, two pieces more.
    private static func eventful(_ bench: ChatBench, _ tools: ScriptedTools) -> ChatService {
        bench.service(toolbox: tools) { request, tokens in
            for piece in ["a ", "b "] { try await tokens.take(piece) }
            guard request.messages.last?.role == .tool else { return ScriptedModel.ask("calc.evaluate", ["expression": "1"]) }
            return ModelReply(content: "a b ", model: "scripted")
        }
    }

    @Test("a client that goes at any event leaves what it had heard, marked, and a conversation that is free within a second (CHAT-4, CHAT-6)")
    func everyEvent() async throws {
        let bench = try await ChatBench()
        let tools = ScriptedTools(destructive: true)
        let chat = Self.eventful(bench, tools)
        let approver = OwnedTask(on: try ChatBench.loops.get().loops[1]) {
            while true {
                for approval in try await chat.approvals.pending(of: ChatBench.ann, cursor: nil, limit: 50).items {
                    _ = try await chat.approvals.decide(approval.id, .approved, by: ChatBench.ann, requestID: "a")
                }
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        defer { approver.cancel() }
        let whole = KeptEvents()
        let id = try await onLoop { try await chat.turn(TurnRequest(content: "all of it"), origin(), sink: whole) }.conversation
        #expect(whole.events.count >= 7 && whole.text == "a b a b " && whole.entries("approval").count == 2)
        for count in 0..<whole.events.count {
            let events = KeptEvents(leavingAfter: count)
            let calls = tools.calls.values.count
            let began = Deadline.now()
            let cause = await failure {
                _ = try await onLoop { try await chat.turn(TurnRequest(conversation: id, content: "until \(count)"), origin(), sink: events) }
            }
            #expect(cause == .cancelled && began.adding(milliseconds: 1_000) > .now(), "event \(count)")
            let answer = try #require(try await bench.messages(id).last)
            // Of the piece that could not be sent the store knows, too; no more.
            #expect(answer.isTruncated && answer.meta["error"] == "cancelled" && answer.content.hasPrefix(events.text), "event \(count)")
            #expect(answer.content.count - events.text.count <= 2 && whole.text.hasPrefix(answer.content), "event \(count): \(answer.content)")
            #expect(tools.calls.values.count - calls <= 1 && chat.running.count == 0)
            let free = try await bench.count("SELECT count(*) FROM conversation WHERE turn IS NOT NULL")
            #expect(free == 0, "event \(count)")
        }
        #expect(try await onLoop { try await chat.turn(TurnRequest(conversation: id, content: "again"), origin()) }.content == "a b a b ")
    }

    private static let variable = "LIMEN_TEST_TURN"

    @Test(
        "a host that is killed with -9 at a statement of its turns leaves whole rows, numbers without a gap, and conversations that go on (STORE-4, CHAT-1)",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func killed(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        // A turn has about a dozen steps, its second one too; each is met.
        for at in 1...26 {
            let child = try spawnTest("FaultTests/child", Self.variable, "\(bench.words) \(at)")
            var status: Int32 = 0
            #expect(waitpid(child, &status, 0) == child)
            #expect(status & 0x7f == SIGKILL, "the child of step \(at) ended by itself: \(status)")
            #expect(
                try await bench.count(
                    "SELECT count(*) FROM conversation c WHERE c.message_count <> (SELECT count(*) FROM message m WHERE m.conversation = c.id)") == 0)
            #expect(
                try await bench.count(
                    "SELECT count(*) FROM conversation c WHERE c.message_count <> (SELECT max(m.seq) FROM message m WHERE m.conversation = c.id)")
                    == 0)
            #expect(try await bench.count("SELECT count(*) FROM message WHERE done = 0 AND truncated = 0") == 0, "step \(at)")
            #expect(
                try await bench.count(
                    "SELECT count(*) FROM conversation c WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.id = c.head AND m.conversation = c.id)")
                    == 0)
        }
        bench.clock.advance(milliseconds: 120_000)
        let chat = bench.service { _, tokens in try await ScriptedModel.say(["fine"], tokens) }
        let page = try await bench.store.list(of: ChatBench.ann, status: nil, cursor: nil, limit: 100)
        #expect(page.items.count >= 20)
        for conversation in page.items {
            let reply = try await onLoop { try await chat.turn(TurnRequest(conversation: conversation.id, content: "Go on"), origin()) }
            #expect(reply.content == "fine" && !reply.isTruncated)
        }
    }

    /// The child's part: does nothing unless this process was started by `killed`.
    @Test("the host that is killed", .enabled(if: getenv(variable) != nil))
    func child() async throws {
        guard let words = getenv(Self.variable).map({ String(cString: $0).split(separator: " ").map(String.init) }), words.count >= 4 else { return }
        let steps = Lock(0)
        let at = Int(words[words.count - 1]) ?? 1
        let isArmed = Lock(false)
        let bench = try await ChatBench(
            beside: words,
            probe: StoreProbe { _ in
                guard isArmed.withLock({ $0 }) else { return }
                let step = steps.withLock { steps in
                    steps += 1
                    return steps
                }
                if step == at { kill(getpid(), SIGKILL) }
            })
        let chat = Self.eventful(bench, ScriptedTools())
        isArmed.withLock { $0 = true }
        var conversation: String?
        for number in 0..<20 {
            let before = conversation
            conversation = try await onLoop { try await chat.turn(TurnRequest(conversation: before, content: "turn \(number)"), origin()) }
                .conversation
        }
    }

    @Test("a thousand streams with readers as slow as can be: all end, nobody starves, and what they hold is flat")
    func manyStreams() async throws {
        let bench = try await ChatBench()
        let chat = bench.service { _, tokens in
            for number in 0..<20 { try await tokens.take("piece \(number) ") }
            return ModelReply(content: "", model: "scripted")
        }
        struct Slow: TurnSink {
            func send(_ event: TurnEvent) async throws { try await EventLoop.current?.sleep(until: .after(milliseconds: 20)) }
        }
        let began = Deadline.now()
        let took = Kept<UInt64>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<1_000 {
                let loop = try ChatBench.loops.get().loops[number % 2]
                group.addTask {
                    _ = try await OwnedTask(on: loop) { try await chat.turn(TurnRequest(content: "go \(number)"), origin(), sink: Slow()) }.value
                    took.add(Deadline.now().nanoseconds - began.nanoseconds)
                }
            }
            try await group.waitForAll()
        }
        #expect(took.values.count == 1_000 && chat.running.count == 0)
        #expect(try await bench.count("SELECT count(*) FROM message WHERE done = 1 AND truncated = 0") == 2_000)
        let (first, last) = (took.values.min() ?? 0, took.values.max() ?? 0)
        #expect(last < first * 20 + 10_000_000_000, "\(first) \(last)")
    }
}
