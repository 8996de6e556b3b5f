import Artifacts
import IO
import JSON
import Store
import StoreKit
import TestKit
import Testing
import Tools

@testable import Chat

/// What answers cost, and budgets that stop them.
@Suite("Cost and budgets", .serialized)
struct CostTests {
    /// One micro-unit a token in, three a token out, for the model `dear`; seven and eleven a million for the others.
    private static let prices = ArtifactKind(
        PriceTable.kindName,
        seeds: [
            ArtifactSeed(
                name: "default", description: "",
                schema: [
                    "kind": "policy.prices", "currency": "EUR",
                    "models": [
                        ["model": "dear", "input_micros_per_million": 1_000_000, "output_micros_per_million": 3_000_000],
                        ["model": "free", "input_micros_per_million": 0, "output_micros_per_million": 0],
                        ["model": "*", "input_micros_per_million": 7, "output_micros_per_million": 11],
                    ],
                ])
        ]
    ) { PriceTable.check($0) }

    /// Says that it took so many tokens.
    private static func answer(_ tokensIn: Int, _ tokensOut: Int, _ name: String = "dear") -> ScriptedModel {
        ScriptedModel(name) { request, tokens in
            var reply = try await ScriptedModel.say(["said"], tokens, model: name)
            (reply.tokensIn, reply.tokensOut) = (tokensIn, tokensOut)
            return reply
        }
    }

    private func service(
        _ bench: ChatBench, _ models: [ScriptedModel], user: Int64 = .max, tenant: Int64 = .max, toolbox: any ChatToolbox = NoTools(),
        tokensMax: Int = 100
    ) -> ChatService {
        var options = ChatService.Options()
        options.tokensMax = tokensMax
        return ChatService(
            store: bench.store, loop: bench.loop, models: ScriptedModels(models: models), toolbox: toolbox,
            artifacts: ArtifactStore(database: bench.database, kinds: ArtifactKinds([AgentDefinition.kind, Self.prices])),
            budgets: Budgets(BudgetStore(database: bench.database)) { _ in .init(user: user, tenant: tenant) }, options: options,
            complain: { what, cause in Issue.record("\(what): \(cause)") })
    }

    private func spent(_ bench: ChatBench, _ user: String = "ann") async throws -> Int64 {
        try await BudgetStore(database: bench.database).spent(tenant: "main", user: user).user
    }

    @Test(
        "tokens and cost of messages sum up to the micro-unit: conversation, person, tenant, agent, model and day (CHAT-8)",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func sums(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        var random = SeededRandom(seed: UInt64.random(in: 0...UInt64.max))
        let artifacts = ArtifactStore(database: bench.database, kinds: ArtifactKinds([AgentDefinition.kind, Self.prices]))
        let reader = ArtifactReader(tenant: "main", account: "ann")
        let agent = try await artifacts.create(
            .agent, ArtifactDraft(name: "helper", visibility: .private, sharedWith: [], schema: AgentDefinition().schema), by: reader, requestID: "r"
        ).id
        var messages: [JSONValue] = []
        var costs: [String: Int64] = [:]
        for person in [ChatBench.ann, ChatBench.bob] {
            var conversation: String?
            var sum: Int64 = 0
            for turn in 0..<6 {
                let (tokensIn, tokensOut, name) = (Int(random.next() % 100_000), Int(random.next() % 5_000), turn % 2 == 0 ? "dear" : "other")
                let chat = service(bench, [Self.answer(tokensIn, tokensOut, name)])
                var request = TurnRequest(conversation: conversation, content: "Well?")
                if person.account == "ann", turn >= 4 { request.agent = agent }
                if turn == 3 { bench.clock.advance(milliseconds: 86_400_000) }
                let reply = try await onLoop { [request] in try await chat.turn(request, origin(person)) }
                let expected = name == "dear" ? Int64(tokensIn + 3 * tokensOut) : (Int64(7 * tokensIn + 11 * tokensOut) + 999_999) / 1_000_000
                #expect(reply.usage.costMicros == expected && reply.usage.currency == "EUR")
                conversation = reply.conversation
                sum += expected
                costs[name, default: 0] += expected
                if request.agent != nil { costs["agent", default: 0] += expected }
            }
            let stored = try await bench.messages(conversation ?? "", of: person).map(\.usage).filter { !$0.isNull }
            #expect(stored.count == 6 && stored.reduce(0) { $0 + ($1["cost_micros"]?.int64Value ?? 0) } == sum)
            let kept = try await bench.store.conversation(conversation ?? "", of: person)
            #expect(kept.usage.costMicros == sum && kept.usage.currency == "EUR")
            #expect(kept.usage.tokensIn == stored.reduce(0) { $0 + ($1["tokens_in"]?.intValue ?? 0) })
            #expect(try await bench.store.usage(of: person, bench.question(by: .day)).items.reduce(0) { $0 + $1.costMicros } == sum)
            if engine == .sqlite || person.account == "ann" { messages += stored }
            costs[person.account] = sum
        }
        func found(_ by: UsageGrouping) async throws -> [String: Int64] {
            let items = try await bench.store.usage(of: ChatBench.ann, bench.question(by: by, wholeTenant: true)).items
            return Dictionary(items.map { ($0.key, $0.costMicros) }, uniquingKeysWith: { $0 + $1 })
        }
        #expect(try await found(.model) == ["dear": costs["dear"], "other": costs["other"]].compactMapValues { $0 })
        #expect(try await found(.user) == ["ann": costs["ann"], "bob": costs["bob"]].compactMapValues { $0 })
        let whole = (costs["ann"] ?? 0) + (costs["bob"] ?? 0)
        #expect(try await found(.agent) == [agent: costs["agent"] ?? 0, "": whole - (costs["agent"] ?? 0)])
        let days = try await found(.day)
        #expect(days.count == 3 && days.values.reduce(0, +) == whole)
        #expect(try await spent(bench) == costs["ann"], "the budget has what the messages have")
    }

    @Test("usage is read page by page, the newest day first, and of these days alone (API-7)", arguments: [DatabaseEngine.sqlite, .postgres])
    func pages(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        for day in 0..<5 {
            for name in ["a", "b", "c"] {
                let chat = service(bench, [Self.answer(1_000_000, 0, name)])
                _ = try await onLoop { try await chat.turn(TurnRequest(content: "x"), origin()) }
            }
            if day < 4 { bench.clock.advance(milliseconds: 86_400_000) }
        }
        var question = bench.question(by: .day)
        question.limit = 2
        var keys: [String] = []
        repeat {
            let page = try await bench.store.usage(of: ChatBench.ann, question)
            keys += page.items.map(\.key)
            #expect(page.items.allSatisfy { $0.turns == 3 && $0.costMicros == 21 })
            question.cursor = page.nextCursor
        } while question.cursor != nil
        let today = bench.clock.now / 86_400_000
        #expect(keys == (0..<5).map { ConversationStore.date(today - $0) })
        var two = UsageQuestion(days: (today - 2)...(today - 1))
        two.by = .model
        let models = try await bench.store.usage(of: ChatBench.ann, two).items
        #expect(models.map(\.key) == ["a", "b", "c"] && models.allSatisfy { $0.turns == 2 })
        #expect(try await bench.store.usage(of: ChatBench.bob, bench.question(by: .day)).items.isEmpty)
        two.cursor = "nonsense"
        await #expect(throws: ChatError.self) { try await bench.store.usage(of: ChatBench.ann, two) }
    }

    @Test("a budget that is spent stops a turn before anything is stored, and says whose and until when (CHAT-8)", arguments: [true, false])
    func stops(user: Bool) async throws {
        let bench = try await ChatBench()
        // A hundred tokens out may cost three hundred; the question has one.
        let chat = service(bench, [Self.answer(100, 100)], user: user ? 700 : .max, tenant: user ? .max : 700)
        _ = try await onLoop { try await chat.turn(TurnRequest(content: "four"), origin()) }
        #expect(try await spent(bench) == 400)
        let cause = await failure { _ = try await onLoop { try await chat.turn(TurnRequest(content: "four"), origin()) } }
        guard case .budget(let why) = cause else { return #expect(Bool(false), "\(cause.map { "\($0)" } ?? "none")") }
        #expect(why.of == (user ? .user : .tenant) && (1...31 * 86_400_000).contains(why.retryAfterMilliseconds))
        #expect(try await bench.count("SELECT count(*) FROM message") == 2)
        #expect(try await bench.count("SELECT count(*) FROM budget_hold") == 0)
        // A model that costs nothing goes on.
        let free = service(bench, [Self.answer(100, 100, "free")], user: 0, tenant: 0)
        _ = try await onLoop { try await free.turn(TurnRequest(content: "four"), origin()) }
        // Completions and vectors are stopped as turns are.
        var request = ModelRequest(model: "dear", messages: [ModelMessage(.user, "four")])
        request.tokensMax = 100
        let sink = Silence()
        await #expect(throws: ChatError.self) {
            try await onLoop { [request] in try await chat.complete(request, model: nil, origin(), tokens: sink) }
        }
        await #expect(throws: ChatError.self) { try await onLoop { [request] in try await chat.precheck(request, model: nil, origin()) } }
    }

    private struct Silence: TokenSink {
        func take(_ text: String) async throws {}
    }

    @Test(
        "each round of tools is paid for: a turn that runs out in the middle ends there, with what it has, and its tools are not called again (CHAT-8)"
    )
    func rounds() async throws {
        let bench = try await ChatBench()
        let tools = ScriptedTools()
        let model = ScriptedModel("dear") { request, tokens in
            var reply = ScriptedModel.ask("calc.evaluate", ["expression": "1"])
            (reply.tokensIn, reply.tokensOut) = (50, 50)
            return reply
        }
        let chat = service(bench, [model], user: 1_000, toolbox: tools)
        let cause = await failure { _ = try await onLoop { try await chat.turn(TurnRequest(content: "go"), origin()) } }
        guard case .budget = cause else { return #expect(Bool(false), "\(cause.map { "\($0)" } ?? "none")") }
        let spent = try await spent(bench)
        #expect(spent == 200 * Int64(tools.calls.values.count) && (200...1_000).contains(spent), "\(spent)")
        let conversation = try #require(try await bench.store.list(of: ChatBench.ann, status: nil, cursor: nil, limit: 10).items.first)
        let answer = try #require(try await bench.messages(conversation.id).last)
        #expect(answer.isTruncated && answer.meta["error"] == "budget" && answer.usage["cost_micros"]?.int64Value == spent)
        #expect(conversation.usage.costMicros == spent)
        #expect(try await bench.count("SELECT count(*) FROM budget_hold") == 0)
    }

    @Test(
        "fifty turns at once spend no more than there is, whatever each of them may cost (CHAT-8)", arguments: [DatabaseEngine.sqlite, .postgres])
    func crowd(engine: DatabaseEngine) async throws {
        let bench = try await ChatBench(engine)
        let chat = service(bench, [Self.answer(100, 100)], user: 2_000)
        let ended = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    await failure { _ = try await onLoop { try await chat.turn(TurnRequest(content: "four"), origin()) } } == nil
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        let spent = try await spent(bench)
        #expect((1...5).contains(ended) && spent == Int64(400 * ended) && spent <= 2_000, "\(ended) \(spent)")
        #expect(try await bench.count("SELECT count(*) FROM budget_hold") == 0)
    }

    @Test("from four fifths of a budget on, replies say so (CHAT-8)")
    func warns() async throws {
        let bench = try await ChatBench()
        let chat = service(bench, [Self.answer(100, 100)], user: 1_000)
        let first = try await onLoop { try await chat.turn(TurnRequest(content: "four"), origin()) }
        #expect(first.warning == nil && first.json["budget_warning"] == nil)
        let second = try await onLoop { try await chat.turn(TurnRequest(content: "four"), origin()) }
        #expect(second.warning == BudgetWarning(of: .user, spentMicros: 800, budgetMicros: 1_000))
        #expect(second.json["budget_warning"] == ["of": "user", "spent_micros": 800, "budget_micros": 1_000])
    }

    @Test("who leaves before the first word pays for what was asked; what a provider refused costs nothing (CHAT-8)")
    func leaves() async throws {
        let bench = try await ChatBench()
        let reached = Kept<Int>()
        let chat = service(
            bench,
            [
                ScriptedModel("dear") { _, _ in
                    reached.add(1)
                    try await EventLoop.current?.sleep(until: .after(milliseconds: 10_000))
                    return ModelReply(content: "", model: "dear")
                }
            ], user: 1_000_000)
        let turn = OwnedTask(on: bench.loop) { try await chat.turn(TurnRequest(content: String(repeating: "word ", count: 1_000)), origin()) }
        try await eventually { !reached.values.isEmpty }
        turn.cancel()
        #expect(await failure { _ = try await turn.value } == .cancelled)
        let paid = try await spent(bench)
        #expect(paid >= 1_000 && paid < 10_000, "\(paid)")
        let refusing = service(bench, [ScriptedModel("dear") { _, _ in throw ModelFailure(.rateLimited, "later") }], user: 1_000_000)
        _ = await failure { _ = try await onLoop { try await refusing.turn(TurnRequest(content: "a question"), origin()) } }
        #expect(try await spent(bench) == paid)
    }

    @Test("a reply that breaks off costs what was heard of it, one that never began costs nothing, and both give back what they kept free (CHAT-8)")
    func broken() async throws {
        let bench = try await ChatBench()
        let chat = service(
            bench,
            [
                ScriptedModel("dear") { request, tokens in
                    if request.messages.last?.content == "twelve" { try await tokens.take("twelve bytes") }
                    throw ModelFailure(.unavailable, "gone")
                }
            ])
        _ = await failure { _ = try await onLoop { try await chat.turn(TurnRequest(content: "nothing"), origin()) } }
        #expect(try await spent(bench) == 0)
        _ = await failure { _ = try await onLoop { try await chat.turn(TurnRequest(content: "twelve"), origin()) } }
        let conversation = try #require(try await bench.store.list(of: ChatBench.ann, status: nil, cursor: nil, limit: 10).items.first)
        let usage = try #require(try await bench.messages(conversation.id).last).usage
        // Three tokens out, and whatever it was asked.
        #expect(usage["tokens_out"] == 3 && usage["cost_micros"]?.intValue == (usage["tokens_in"]?.intValue ?? 0) + 9)
        #expect(try await spent(bench) == usage["cost_micros"]?.int64Value)
        #expect(try await bench.count("SELECT count(*) FROM budget_hold") == 0)
    }
}
