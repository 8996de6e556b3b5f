import IO
import JSON
import Store
import StoreKit
import Testing
import Tools

@testable import Chat

@Suite("Turns", .serialized)
struct TurnTests {
    @Test(
        "what a person says is stored before the model is called, the answer and what it used afterwards (CHAT-1)",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func stores(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        let seen = Kept<Int>()
        let chat = bench.service { _, tokens in
            seen.add(try await bench.count("SELECT count(*) FROM message WHERE role = 'user' AND content = 'What is it?' AND done = 1"))
            return try await ScriptedModel.say(["It ", "is."], tokens)
        }
        let events = KeptEvents()
        let reply = try await onLoop { try await chat.turn(TurnRequest(content: "What is it?"), origin(), sink: events) }
        #expect(seen.values == [1])
        #expect(events.text == "It is." && reply.content == "It is." && !reply.isTruncated)
        let messages = try await bench.messages(reply.conversation)
        #expect(messages.map(\.content) == ["What is it?", "It is."] && messages.map(\.seq) == [1, 2])
        #expect(messages[1].parent == messages[0].id && messages[1].model == "scripted" && messages[1].usage["tokens_out"] != nil)
        let conversation = try await bench.store.conversation(reply.conversation, of: ChatBench.ann)
        #expect(conversation.title == "What is it?" && conversation.messageCount == 2 && conversation.head == messages[1].id)
        let second = try await onLoop { try await chat.turn(TurnRequest(conversation: reply.conversation, content: "And then?"), origin()) }
        #expect(second.conversation == reply.conversation)
        #expect(try await bench.messages(reply.conversation).map(\.seq) == [1, 2, 3, 4])
        let usage = try await bench.store.usage(of: ChatBench.ann, bench.question(by: .model)).items
        #expect(usage.first?.turns == 2 && usage.first?.key == "scripted")
    }

    @Test(
        "whoever goes or cancels leaves what was streamed, marked as cut off, and the conversation free (CHAT-6, CHAT-13)",
        arguments: [DatabaseEngine.sqlite, .postgres], ["client", "request", "conversation", "task"])
    func cancelled(engine: DatabaseEngine, way: String) async throws {
        let bench = try await ChatBench(engine)
        let records = Kept<TurnRecord>()
        let chat = bench.service(records: records) { _, tokens in
            try await tokens.take("one ")
            for _ in 0..<1000 {
                try await EventLoop.current?.sleep(until: .after(milliseconds: 10))
                if way == "client" { try await tokens.take("more ") }
            }
            return ModelReply(content: "", model: "scripted")
        }
        let events = KeptEvents(leavingAfter: way == "client" ? 3 : .max)
        let from = origin()
        let turn = OwnedTask(on: try ChatBench.loops.get().loops[0]) { try await chat.turn(TurnRequest(content: "Go on"), from, sink: events) }
        try await eventually { !events.events.isEmpty }
        let id = try #require(try await bench.store.list(of: ChatBench.ann, status: nil, cursor: nil, limit: 1).items.first?.id)
        // Nobody else can end it.
        #expect(try await !chat.cancel(requestID: from.requestID, conversation: nil, of: ChatBench.bob))
        #expect(try await !chat.cancel(requestID: nil, conversation: id, of: ChatBench.eve))
        let start = Deadline.now()
        switch way {
        case "request": #expect(try await chat.cancel(requestID: from.requestID, conversation: nil, of: ChatBench.ann))
        case "conversation": #expect(try await chat.cancel(requestID: nil, conversation: id, of: ChatBench.ann))
        case "task": turn.cancel()
        default: break
        }
        let cause = await failure { _ = try await turn.value }
        #expect(start.adding(milliseconds: 1000) > .now())
        // Who cancels a turn hears what there is; who has gone hears nothing.
        #expect(cause == (way == "request" || way == "conversation" ? nil : .cancelled))
        let answer = try #require(try await bench.messages(id).last)
        #expect(answer.isTruncated && answer.content.hasPrefix("one ") && answer.meta["error"] == "cancelled")
        #expect(answer.content == events.text || way == "client")
        #expect(records.values.map(\.outcome) == ["cancelled"] && records.values.first?.firstTokenMilliseconds != nil)
        #expect(chat.running.count == 0)
        let next = bench.service { _, tokens in try await ScriptedModel.say(["fine"], tokens) }
        let reply = try await onLoop { try await next.turn(TurnRequest(conversation: id, content: "Again"), origin()) }
        #expect(reply.content == "fine")
    }

    @Test("a turn that another host runs is cancelled through the store", arguments: [DatabaseEngine.sqlite, .postgres])
    func cancelledElsewhere(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        let chat = bench.service { _, tokens in
            try await tokens.take("one ")
            try await EventLoop.current?.sleep(until: .after(milliseconds: 10_000))
            return ModelReply(content: "", model: "scripted")
        }
        let other = bench.service { _, _ in ModelReply(content: "", model: "scripted") }
        let (events, from) = (KeptEvents(), origin())
        let turn = OwnedTask(on: try ChatBench.loops.get().loops[0]) { try await chat.turn(TurnRequest(content: "Go on"), from, sink: events) }
        try await eventually { !events.events.isEmpty }
        #expect(try await other.cancel(requestID: from.requestID, conversation: nil, of: ChatBench.ann))
        let reply = try await turn.value
        #expect(reply.isCancelled && reply.isTruncated && reply.content == "one ")
        #expect(try await !other.cancel(requestID: from.requestID, conversation: nil, of: ChatBench.ann))
    }

    @Test("a model that fails in mid-stream leaves what it said, the error its name, and the next turn is fine")
    func midStream() async throws {
        let bench = try await ChatBench()
        let count = Kept<Int>()
        let chat = bench.service { _, tokens in
            count.add(1)
            try await tokens.take("half ")
            if count.values.count == 1 { throw ModelFailure(.unavailable, "the server closed the connection") }
            try await tokens.take("and half")
            return ModelReply(content: "half and half", model: "scripted")
        }
        let failed = KeptEvents()
        var failure: TurnFailure?
        do {
            _ = try await onLoop { try await chat.turn(TurnRequest(content: "Say"), origin(), sink: failed) }
        } catch let error as TurnFailure { failure = error }
        guard case .model(let cause)? = failure?.cause else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(cause.code == .unavailable && failure?.partial == "half ")
        let id = try #require(failure?.conversation)
        let message = try #require(try await bench.messages(id).last)
        #expect(message.content == "half " && message.isTruncated && message.meta["error"] == "unavailable" && message.id == failure?.message)
        let reply = try await onLoop { try await chat.turn(TurnRequest(conversation: id, content: "Again"), origin()) }
        #expect(reply.content == "half and half" && !reply.isTruncated)
    }

    @Test("a model that has said nothing is replaced by the next of its chain, after tools too, and no tool runs twice")
    func fallback() async throws {
        let bench = try await ChatBench()
        let tools = ScriptedTools()
        let first = ScriptedModel("first") { request, _ in
            if request.messages.last?.role == .tool { throw ModelFailure(.rateLimited, "too many", retryAfterMilliseconds: 1000) }
            return ScriptedModel.ask("calc.evaluate", ["expression": "6*7"])
        }
        let second = ScriptedModel("second") { request, tokens in
            #expect(request.messages.last?.content.contains("42") == true)
            return try await ScriptedModel.say(["It is 42."], tokens, model: "second")
        }
        let chat = bench.service([first, second], toolbox: tools)
        let events = KeptEvents()
        let reply = try await onLoop { try await chat.turn(TurnRequest(content: "Reckon"), origin(), sink: events) }
        #expect(reply.model == "second" && reply.content == "It is 42." && tools.calls.values.count == 1)
        #expect(events.entries("routing").first?["reason"] == "rate_limited")
        // One that was named is the one that answers.
        let named = await failure { _ = try await onLoop { try await chat.turn(Self.request("Reckon", model: "first"), origin()) } }
        guard case .model(let cause)? = named else {
            Issue.record("\(String(describing: named))")
            return
        }
        #expect(cause.code == .rateLimited && cause.retryAfterMilliseconds == 1000)
    }

    private static func request(_ text: String, model: String) -> TurnRequest {
        var request = TurnRequest(content: text)
        request.model = model
        return request
    }

    @Test(
        "what a model says is kept even if it is no text that can be: a NUL, or more than an answer may have",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func strange(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        let chat = bench.service { _, tokens in try await ScriptedModel.say(["a\0b", "\u{301}"], tokens) }
        let events = KeptEvents()
        let reply = try await onLoop { try await chat.turn(TurnRequest(content: "Say"), origin(), sink: events) }
        #expect(reply.content == "a\u{FFFD}b\u{301}" && events.text == reply.content)
        #expect(try await bench.messages(reply.conversation)[1].content == reply.content)
        let long = bench.service { _, tokens in
            try await ScriptedModel.say(Array(repeating: String(repeating: "ä", count: 65_536), count: 20), tokens)
        }
        let cut = try await onLoop { try await long.turn(TurnRequest(content: "Go on"), origin()) }
        #expect(cut.isTruncated && cut.content.utf8.count <= ChatLimits.answerBytesMax && cut.content.utf8.count > ChatLimits.answerBytesMax - 4)
    }

    @Test(
        "a model that streams nothing, or not all, is heard to its end; its title fits whatever characters it is made of",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func silent(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        let family = String(repeating: "👩‍👩‍👧‍👦", count: 80)
        for pieces in [[], ["Hel"], ["Hello, ", "wörld"]] {
            let chat = bench.service { _, tokens in
                for piece in pieces { try await tokens.take(piece) }
                return ModelReply(content: "Hello, wörld", model: "scripted")
            }
            let events = KeptEvents()
            let reply = try await onLoop { try await chat.turn(TurnRequest(content: family), origin(), sink: events) }
            #expect(reply.content == "Hello, wörld" && events.text == reply.content)
            let title = try await bench.store.conversation(reply.conversation, of: ChatBench.ann).title
            #expect(title.hasSuffix("…") && title.unicodeScalars.count <= ChatLimits.titleMax)
        }
    }

    @Test("what cannot be is refused before any work, each by its own name, and nothing is stored (CHAT-12)")
    func refused() async throws {
        let bench = try await ChatBench()
        let chat = bench.service { _, _ in
            Issue.record("no model is asked")
            return ModelReply(content: "", model: "scripted")
        }
        let other = try await bench.store.create(title: "bob's", of: ChatBench.bob)
        let archived = try await bench.store.create(title: "old", of: ChatBench.ann)
        _ = try await bench.store.change(archived.id, title: nil, status: .archived, context: nil, of: ChatBench.ann)
        let open = try await bench.store.create(title: "open", of: ChatBench.ann)
        var behind = TurnRequest(conversation: open.id, content: "x")
        behind.parent = .some("nowhere")
        var again = TurnRequest(conversation: open.id, content: "")
        again.again = "nowhere"
        let cases: [(TurnRequest, ChatError)] = [
            (TurnRequest(content: " \n"), .invalid(field: "message/content", reason: "says nothing")),
            (TurnRequest(content: "a\0b"), .invalid(field: "message/content", reason: "has a NUL character")),
            (
                TurnRequest(content: String(repeating: "a", count: ChatLimits.messageBytesMax + 1)),
                .tooLong(bytes: ChatLimits.messageBytesMax + 1, max: ChatLimits.messageBytesMax)
            ),
            (TurnRequest(content: String(repeating: "a", count: 40_000)), .contextOverflow(tokens: 10_000, max: 8_192)),
            (TurnRequest(conversation: "nowhere", content: "x"), .missing("conversation")),
            (TurnRequest(conversation: other.id, content: "x"), .missing("conversation")),
            (TurnRequest(conversation: archived.id, content: "x"), .archived), (behind, .missing("parent message")), (again, .missing("message")),
        ]
        for (request, expected) in cases {
            let cause = await failure { _ = try await onLoop { try await chat.turn(request, origin()) } }
            #expect(cause == expected)
        }
        let unknown = await failure { _ = try await onLoop { try await chat.turn(Self.request("x", model: "gpt-9"), origin()) } }
        guard case .model(let cause)? = unknown, cause.code == .unknown else {
            Issue.record("\(String(describing: unknown))")
            return
        }
        #expect(try await bench.count("SELECT count(*) FROM message") == 0)
        #expect(try await bench.count("SELECT count(*) FROM conversation") == 3)
        #expect(try await bench.count("SELECT count(*) FROM conversation WHERE message_count > 0 OR turn IS NOT NULL") == 0)
    }

    @Test(
        "one turn at a time has a conversation; a host that dies holds it no longer than its lease, and leaves what was streamed",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func lease(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        let place = try await bench.store.admit(
            nil, .head(Utterance(content: "Hello", segments: [], meta: [:])), turn: "dead", model: "m", context: nil, of: ChatBench.ann)
        try await bench.store.checkpoint(place, turn: "dead", content: "as far as it came", of: ChatBench.ann)
        try await bench.database.flush()
        // The host is gone. What it leaves needs nobody who tidies up: it was marked from the start.
        let chat = bench.service { request, tokens in
            #expect(request.messages.contains { $0.content == "as far as it came" })
            return try await ScriptedModel.say(["fine"], tokens)
        }
        let request = TurnRequest(conversation: place.conversation, content: "Still there?")
        let busy = await failure { _ = try await onLoop { try await chat.turn(request, origin()) } }
        #expect(busy == .turnRunning)
        let cut = try #require(try await bench.messages(place.conversation).last)
        #expect(cut.isTruncated && cut.content == "as far as it came")
        bench.clock.advance(milliseconds: ChatLimits.turnLeaseMilliseconds)
        #expect(try await onLoop { try await chat.turn(request, origin()) }.content == "fine")
        // What the dead one still had queued changes nothing any more.
        #expect(try await bench.store.finish(place, Self.finished("late"), turn: "dead", of: ChatBench.ann))
        try await bench.store.checkpoint(place, turn: "dead", content: "later still", of: ChatBench.ann)
        try await bench.database.flush()
        #expect(try await bench.messages(place.conversation).map(\.content) == ["Hello", "late", "Still there?", "fine"])
    }

    static func finished(_ text: String) -> FinishedAnswer {
        FinishedAnswer(content: text, segments: [], isTruncated: false, usage: MessageUsage(), model: "m", meta: [:])
    }

    @Test("numbers are unique and without a gap under 50 racers (STORE-5)", arguments: [DatabaseEngine.sqlite, .postgres])
    func racers(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        let chat = bench.service { _, tokens in try await ScriptedModel.say(["ok"], tokens) }
        let id = try await bench.store.create(title: "", of: ChatBench.ann).id
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                group.addTask {
                    while true {
                        let cause = await failure {
                            _ = try await onLoop { try await chat.turn(TurnRequest(conversation: id, content: "number \(number)"), origin()) }
                        }
                        guard let cause else { return }
                        guard cause == .turnRunning else { throw cause }
                        try await Task.sleep(for: .milliseconds(Int.random(in: 1...20)))
                    }
                }
            }
            try await group.waitForAll()
        }
        let messages = try await bench.messages(id)
        #expect(messages.map(\.seq) == Array(1...100))
        #expect(Set(messages.filter { $0.role == .user }.map(\.content)).count == 50)
        // One line from the last to the first: nobody's message was lost from the branch.
        let line = try await bench.store.branch(from: messages[99].id, in: messages[99].conversation, of: ChatBench.ann) { _ in false }
        #expect(line.count == 100)
    }

    @Test("the statements of a turn are as many in a conversation of ten messages as in one of five thousand (STORE-13, STORE-16, CHAT-2)")
    func statements() async throws {
        let statements = Kept<String>()
        let bench = try await ChatBench(
            probe: StoreProbe { step in if case .statement(let sql) = step { statements.add("\(sql.sqlite)") } })
        let chat = bench.service { _, tokens in try await ScriptedModel.say(["ok"], tokens) }
        let id = try await bench.store.create(title: "", of: ChatBench.ann).id
        func turn() async throws -> Int {
            let before = statements.values.count
            _ = try await onLoop { try await chat.turn(TurnRequest(conversation: id, content: "What now?"), origin()) }
            return statements.values.count - before
        }
        for _ in 0..<5 { _ = try await turn() }
        let short = try await turn()
        try await bench.fill(id, to: 5_000)
        let counts = [try await turn(), try await turn(), try await turn()]
        // A long walk takes some steps more, the first turn sums up what came before, and then it is as it was.
        #expect(short <= 9 && counts[0] <= short + 6 && counts[1] <= short + 4 && counts[2] == counts[1], "\(short) \(counts)")
    }
}
