import IO
import JSON
import Store
import StoreKit
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
