import JSON
import Store
import StoreKit
import Testing

@testable import Chat

@Suite("Conversations", .serialized)
struct ConversationTests {
    private func talk(_ bench: ChatBench, _ texts: [String], of speaker: Speaker = ChatBench.ann) async throws -> String {
        let chat = bench.service { request, tokens in try await ScriptedModel.say(["On \(request.messages.last?.content ?? "")"], tokens) }
        var id: String?
        for text in texts {
            let conversation = id
            id = try await onLoop { try await chat.turn(TurnRequest(conversation: conversation, content: text), origin(speaker)) }.conversation
        }
        return try #require(id)
    }

    @Test("a conversation and an account take with them all that is theirs (STORE-14)", arguments: [DatabaseEngine.sqlite, .postgres])
    func cascade(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        let (first, second) = (try await talk(bench, ["zebra one", "zebra two"]), try await talk(bench, ["zebra three"]))
        let others = try await talk(bench, ["zebra four"], of: ChatBench.bob)
        _ = try await bench.store.share(first, lasting: 60_000, of: ChatBench.ann, requestID: "r")
        #expect(try await bench.store.search("zebra", of: ChatBench.ann, cursor: nil, limit: 50).items.count == 6)
        try await bench.store.remove(first, of: ChatBench.ann)
        #expect(try await bench.store.search("zebra", of: ChatBench.ann, cursor: nil, limit: 50).items.count == 2)
        #expect(try await bench.count("SELECT count(*) FROM share") == 0)
        #expect(try await bench.count("SELECT count(*) FROM message") == 4)
        try await bench.database.write { _ = try await $0.execute("DELETE FROM account WHERE id = 'ann'") }
        #expect(try await bench.count("SELECT count(*) FROM conversation") == 1)
        #expect(try await bench.count("SELECT count(*) FROM message") == 2)
        #expect(try await bench.messages(others, of: ChatBench.bob).count == 2)
        #expect(await failure { _ = try await bench.store.conversation(second, of: ChatBench.ann) } == .missing("conversation"))
        if engine == .sqlite {
            // The index holds nothing of what is gone.
            try await bench.database.write { _ = try await $0.execute("INSERT INTO message_words (message_words) VALUES ('integrity-check')") }
        }
    }

    @Test(
        "status changes between open and archived and in no other way; what is archived is read, not changed or continued (CHAT-9)",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func states(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        let id = try await talk(bench, ["hello"])
        func change(_ status: ConversationStatus?, title: String? = nil) async -> ChatError? {
            await failure { _ = try await bench.store.change(id, title: title, status: status, context: nil, of: ChatBench.ann) }
        }
        #expect(await change(nil, title: "a") == nil)
        #expect(await change(.archived, title: "b") == nil)
        #expect(await change(nil, title: "c") == .archived)
        #expect(await change(.archived, title: "c") == .archived)
        #expect(try await bench.messages(id).count == 2)
        #expect(await failure { _ = try await talkInto(bench, id) } == .archived)
        #expect(await change(.open) == nil)
        #expect(try await bench.store.conversation(id, of: ChatBench.ann).title == "b")
        _ = try await talkInto(bench, id)
        // No other word gets past the schema.
        let wrong = await failure {
            do throws(StoreError) {
                _ = try await bench.database.write { try await $0.execute("UPDATE conversation SET status = 'gone'") }
            } catch { throw ChatError.store(error) }
        }
        guard case .store(let error)? = wrong else {
            Issue.record("\(String(describing: wrong))")
            return
        }
        #expect(error.code == .constraint)
    }

    private func talkInto(_ bench: ChatBench, _ id: String) async throws -> String {
        let chat = bench.service { _, tokens in try await ScriptedModel.say(["ok"], tokens) }
        return try await onLoop { try await chat.turn(TurnRequest(conversation: id, content: "more"), origin()) }.content
    }

    @Test("another's conversation is not there: to read, change, search, export or share (AUTH-1)", arguments: [DatabaseEngine.sqlite, .postgres])
    func others(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        let id = try await talk(bench, ["zebra"])
        let message = try await bench.messages(id)[0].id
        for stranger in [ChatBench.bob, ChatBench.eve, Speaker(tenant: "other", account: "ann")] {
            #expect(await failure { _ = try await bench.store.conversation(id, of: stranger) } == .missing("conversation"))
            #expect(await failure { _ = try await bench.store.messages(of: id, by: stranger, after: nil, limit: 5) } == .missing("conversation"))
            #expect(
                await failure { _ = try await bench.store.change(id, title: "x", status: nil, context: nil, of: stranger) }
                    == .missing("conversation"))
            #expect(await failure { try await bench.store.remove(id, of: stranger) } == .missing("conversation"))
            #expect(await failure { _ = try await bench.store.share(id, lasting: 1000, of: stranger, requestID: "r") } == .missing("conversation"))
            #expect(try await bench.store.list(of: stranger, status: nil, cursor: nil, limit: 50).items.isEmpty)
            #expect(try await bench.store.search("zebra", of: stranger, cursor: nil, limit: 50).items.isEmpty)
        }
        #expect(await failure { _ = try await bench.store.message(message, in: id, of: ChatBench.bob) } == .missing("message"))
        #expect(try await bench.messages(id).count == 2)
    }

    @Test(
        "an edit and another answer are branches; what follows is given the branch it stands on, and only that",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func branches(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        let given = Kept<[String]>()
        let chat = bench.service { request, tokens in
            given.add(request.messages.filter { $0.role != .system }.map(\.content))
            return try await ScriptedModel.say(["answer \(given.values.count)"], tokens)
        }
        func turn(_ request: TurnRequest) async throws -> TurnReply { try await onLoop { try await chat.turn(request, origin()) } }
        let id = try await turn(TurnRequest(content: "one")).conversation
        _ = try await turn(TurnRequest(conversation: id, content: "two"))
        let messages = try await bench.messages(id)
        // The second question, put otherwise.
        var edited = TurnRequest(conversation: id, content: "two, edited")
        edited.parent = .some(messages[1].id)
        _ = try await turn(edited)
        #expect(given.values.last == ["one", "answer 1", "two, edited"])
        // Another answer to the first; by the answer or by the question.
        for target in [messages[1].id, messages[0].id] {
            var again = TurnRequest(conversation: id, content: "")
            again.again = target
            let reply = try await turn(again)
            #expect(given.values.last == ["one"])
            #expect(try await bench.store.message(reply.message, in: id, of: ChatBench.ann).parent == messages[0].id)
        }
        _ = try await turn(TurnRequest(conversation: id, content: "three"))
        #expect(given.values.last == ["one", "answer 5", "three"])
        // A branch from the very beginning.
        var fresh = TurnRequest(conversation: id, content: "zero")
        fresh.parent = .some(nil)
        _ = try await turn(fresh)
        #expect(given.values.last == ["zero"])
        let all = try await bench.messages(id)
        #expect(all.map(\.seq) == Array(1...all.count))
        #expect(all.count == 12)
    }

    @Test(
        "a search finds every word, in the order of time, page by page, and no word of its text means anything to the database (STORE-11)",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func search(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        let id = try await talk(bench, ["the Zebra crosses", "Straße nach Zürich", "nothing"])
        func found(_ text: String) async throws -> [String] {
            try await bench.store.search(text, of: ChatBench.ann, cursor: nil, limit: 50).items.map(\.snippet)
        }
        #expect(try await found("zebra") == ["On the Zebra crosses", "the Zebra crosses"])
        #expect(try await found("ZEBRA crosses").count == 2)
        #expect(try await found("zebra nothing").isEmpty)
        #expect(try await found("zürich") == ["On Straße nach Zürich", "Straße nach Zürich"])
        for text in ["\" OR 1=1 --", "zebra\" OR \"nothing", "owner : bob", "zebra* NOT crosses", "(zebra", "zebra) & nothing"] {
            let hits = try await found(text)
            #expect(hits.isEmpty || hits.allSatisfy { $0.contains("Zebra") })
        }
        #expect(await failure { _ = try await found("  ... ") } == .invalid(field: "q", reason: "has no word that could be looked for"))
        // An answer that is written anew is found by its new words alone.
        try await bench.database.write { _ = try await $0.execute("UPDATE message SET content = 'giraffe' WHERE seq = 1") }
        #expect(try await found("giraffe") == ["giraffe"])
        #expect(try await found("zebra") == ["On the Zebra crosses"])
        let first = try await bench.store.search("on", of: ChatBench.ann, cursor: nil, limit: 2)
        #expect(first.items.count == 2 && first.hasNext)
        let second = try await bench.store.search("on", of: ChatBench.ann, cursor: first.nextCursor, limit: 2)
        #expect(second.items.count == 1 && !second.hasNext)
        #expect(Set((first.items + second.items).map(\.message)).count == 3)
        #expect(first.items[0].conversation == id)
    }

    @Test("a list is keyset pages of what was used last, by status", arguments: [DatabaseEngine.sqlite, .postgres])
    func lists(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        var ids: [String] = []
        for number in 0..<7 { ids.append(try await bench.store.create(title: "t\(number)", of: ChatBench.ann).id) }
        _ = try await bench.store.change(ids[0], title: "again", status: nil, context: nil, of: ChatBench.ann)
        _ = try await bench.store.change(ids[3], title: nil, status: .archived, context: nil, of: ChatBench.ann)
        var seen: [String] = []
        var cursor: String?
        repeat {
            let page = try await bench.store.list(of: ChatBench.ann, status: nil, cursor: cursor, limit: 2)
            seen += page.items.map(\.id)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(seen == [ids[3], ids[0], ids[6], ids[5], ids[4], ids[2], ids[1]])
        #expect(try await bench.store.list(of: ChatBench.ann, status: .archived, cursor: nil, limit: 9).items.map(\.id) == [ids[3]])
        #expect(await failure { _ = try await bench.store.list(of: ChatBench.ann, status: nil, cursor: "!!", limit: 9) }?.isAboutCursor == true)
    }

    @Test(
        "a share link shows one branch up to its time, to whoever has it, until it is taken back or over",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func shares(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        let id = try await talk(bench, ["one", "two"])
        let (share, token) = try await bench.store.share(id, lasting: 60_000, of: ChatBench.ann, requestID: "r")
        _ = try await talkInto(bench, id)
        func shown(_ token: String) async throws -> [String]? {
            guard let link = try await bench.store.owner(ofShare: token) else { return nil }
            #expect(link.owner == "ann" && link.tenant == "main")
            return try await bench.store.shared(link.id, tenant: link.tenant, cursor: nil, limit: 50).page.items.map(\.content)
        }
        #expect(try await shown(token) == ["one", "On one", "two", "On two"])
        #expect(try await shown(token + "x") == nil)
        #expect(try await shown("lms_") == nil)
        // What is stored of it opens nothing.
        #expect(try await bench.count("SELECT count(*) FROM share") == 1)
        #expect(try await bench.store.shares(of: id, by: ChatBench.ann).map(\.id) == [share.id])
        #expect(await failure { try await bench.store.unshare(share.id, of: id, by: ChatBench.bob, requestID: "r") } == .missing("share link"))
        let (_, short) = try await bench.store.share(id, lasting: 100, of: ChatBench.ann, requestID: "r")
        bench.clock.advance(milliseconds: 200)
        #expect(try await shown(short) == nil)
        // What is over goes, and nothing else.
        #expect(try await bench.store.sweep() == 1)
        #expect(try await bench.store.sweep() == 0)
        #expect(try await shown(token)?.count == 4)
        try await bench.store.unshare(share.id, of: id, by: ChatBench.ann, requestID: "r")
        #expect(try await shown(token) == nil)
        for _ in 0..<ChatLimits.sharesMax { _ = try await bench.store.share(id, lasting: 60_000, of: ChatBench.ann, requestID: "r") }
        #expect(
            await failure { _ = try await bench.store.share(id, lasting: 60_000, of: ChatBench.ann, requestID: "r") }
                == .full("share links", max: ChatLimits.sharesMax))
    }

    @Test("an export has every message of a long conversation, as JSON that is JSON and as Markdown")
    func export() async throws {
        let bench = try await ChatBench()
        let id = try await talk(bench, ["one \"quoted\""])
        try await bench.fill(id, to: 1_234)
        let conversation = try await bench.store.conversation(id, of: ChatBench.ann)
        func export(_ format: ExportFormat) async throws -> String {
            let pieces = Kept<[UInt8]>()
            try await ConversationExport(bench.store, conversation, of: ChatBench.ann, as: format).run { pieces.add($0) }
            #expect(pieces.values.count > 3)
            return String(decoding: pieces.values.flatMap(\.self), as: UTF8.self)
        }
        let json = try JSONValue(parsing: try await export(.json))
        #expect(json["messages"]?.arrayValue?.count == 1_234 && json["title"] == "one \"quoted\"")
        #expect(json["messages"]?[1]?["content"] == "On one \"quoted\"")
        let markdown = try await export(.markdown)
        #expect(markdown.hasPrefix("# one \"quoted\"\n\n## 1. user\n\none") && markdown.contains("## 1234. assistant (extractive)"))
    }
}

extension ChatError {
    var isAboutCursor: Bool { if case .invalid("cursor", _) = self { true } else { false } }
}
