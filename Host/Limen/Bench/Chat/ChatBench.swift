import Chat
import IO
import JSON
import Store
import Telemetry
import Tools

/// `limen bench chat`: turns that are stored, with the built-in model; what we add to a model's first token; a conversation of many messages.
enum ChatBench {
    /// How much is measured.
    private struct Effort: Sendable {
        var clients = [1, 32, 100, 1_000]
        var milliseconds = 4_000
        var firstTokens = 2_000
        var messages = 100_000
        var turns = 300

        init(isBrief: Bool) {
            if isBrief { (clients, milliseconds, firstTokens, messages, turns) = ([1, 4], 100, 20, 500, 10) }
        }
    }

    private static let speaker = Speaker(tenant: "main", account: "bench")
    private static let caller = Caller(tenant: "main", user: "bench", role: .user, keyID: "bench")

    static func run(_ arguments: Arguments) throws -> Int32 {
        let folder = try Folder.temporary()
        defer { Folder.remove(folder) }
        let effort = Effort(isBrief: arguments.has("brief"))
        let group = try EventLoopGroup()
        defer { group.stop() }
        let result = try group.runBlocking { try await measure("\(folder)/limen.db", group, effort) }
        Output.print(arguments.has("json") ? JSONValue.object(result).text + "\n" : table(result, effort))
        return 0
    }

    private static func measure(_ path: String, _ group: EventLoopGroup, _ effort: Effort) async throws -> JSONObject {
        let database = try Database(path: path)
        defer { database.close() }
        try await database.write { connection in
            try await connection.execute(
                """
                INSERT INTO account (id, tenant, email, email_key, role, plan, is_active, must_change, created_at)
                VALUES ('bench', 'main', 'bench@example.com', 'bench@example.com', 'user', 'free', 1, 0, 0)
                """)
        }
        let store = ConversationStore(database: database)
        var result: JSONObject = [:]
        for clients in effort.clients {
            Output.progress("\(clients) clients")
            let (turns, samples) = try await storm(ChatService(store: store, loop: group.loops[0]), clients, effort.milliseconds, group)
            result["turns_\(clients)_per_s"] = JSONValue(turns)
            result["turns_\(clients)_p50_ms"] = samples.microseconds(0.5).map { JSONValue($0 / 1000) }
            result["turns_\(clients)_p99_ms"] = samples.microseconds(0.99).map { JSONValue($0 / 1000) }
        }
        Output.progress("first tokens")
        let first = try await firstTokens(store, group, effort.firstTokens)
        result["first_token_p50_us"] = first.microseconds(0.5).map { JSONValue($0) }
        result["first_token_p99_us"] = first.microseconds(0.99).map { JSONValue($0) }
        Output.progress("a conversation of \(effort.messages) messages")
        for (name, value) in try await long(store, group, effort) { result[name] = value }
        return result
    }

    // MARK: Turns

    /// Turns a second of so many clients, each with a conversation of its own that it goes on with.
    private static func storm(
        _ chat: ChatService, _ clients: Int, _ milliseconds: Int, _ group: EventLoopGroup
    ) async throws -> (perSecond: Double, Samples) {
        let began = Deadline.now()
        let end = began.adding(milliseconds: milliseconds)
        let samples = try await withThrowingTaskGroup(of: Samples.self) { tasks in
            for client in 0..<clients {
                tasks.addTask(executorPreference: group.loops[client % group.loops.count]) { try await one(chat, client, until: end) }
            }
            return try await tasks.reduce(into: Samples()) { $0.add($1) }
        }
        return (Double(samples.count) * 1e9 / Double(Deadline.now().nanoseconds - began.nanoseconds), samples)
    }

    private static func one(_ chat: ChatService, _ client: Int, until end: Deadline) async throws -> Samples {
        var samples = Samples()
        var request = TurnRequest(content: "The room \(client) is on floor 3, behind the stairs.")
        while !end.hasPassed {
            samples.add(
                try await Samples.time {
                    let reply = try await chat.turn(request, TurnOrigin(caller: caller, requestID: "\(client).\(samples.count)"))
                    request.conversation = reply.conversation
                    request.content = "Where is the room \(client)?"
                })
        }
        return samples
    }

    // MARK: First token

    /// Says one word at once: what comes later than that is ours.
    private struct Prompt: ChatModel {
        var name: String { "prompt" }
        var windowTokens: Int { 16_384 }
        func answer(_ request: ModelRequest, for call: ModelCall, tokens: any TokenSink) async throws(ModelFailure) -> ModelReply {
            do { try await tokens.take("yes") } catch { throw ModelFailure(.cancelled, "\(error)") }
            return ModelReply(content: "yes", model: name)
        }
    }

    private struct PromptOnly: ModelCatalogue {
        var names: [String] { ["prompt"] }
        func chain(for name: String?) -> [any ChatModel] { [Prompt()] }
    }

    /// Keeps when the first piece came.
    private final class Watch: TurnSink {
        private let first = Lock<UInt64?>(nil)
        var at: UInt64? { first.withLock { $0 } }
        func send(_ event: TurnEvent) async throws { first.withLock { if $0 == nil { $0 = Deadline.now().nanoseconds } } }
    }

    /// From a turn's request to its first token, with a model that needs no time, in one conversation.
    private static func firstTokens(_ store: ConversationStore, _ group: EventLoopGroup, _ count: Int) async throws -> Samples {
        let chat = ChatService(store: store, loop: group.loops[0], models: PromptOnly())
        var samples = Samples()
        var request = TurnRequest(content: "Well?")
        for number in 0..<count {
            let (watch, began) = (Watch(), Deadline.now().nanoseconds)
            request.conversation = try await chat.turn(request, TurnOrigin(caller: caller, requestID: "f\(number)"), sink: watch).conversation
            if let at = watch.at { samples.add(at - began) }
        }
        return samples
    }

    // MARK: A long conversation

    private static func long(_ store: ConversationStore, _ group: EventLoopGroup, _ effort: Effort) async throws -> JSONObject {
        let chat = ChatService(store: store, loop: group.loops[0])
        func turns(_ conversation: String?) async throws -> (String, Samples) {
            var (samples, request) = (Samples(), TurnRequest(conversation: conversation, content: "Where is the room 7?"))
            for number in 0..<effort.turns {
                samples.add(
                    try await Samples.time {
                        request.conversation = try await chat.turn(request, TurnOrigin(caller: caller, requestID: "l\(number)")).conversation
                    })
            }
            return (request.conversation ?? "", samples)
        }
        let (id, short) = try await turns(nil)
        try await store.fill(id, to: effort.messages, of: speaker) { "The room \($0) is on floor \($0 % 9), behind the stairs." }
        _ = try await turns(id)
        let before = RuntimeMetrics.residentBytes() ?? 0
        let (_, long) = try await turns(id)
        let growth = (RuntimeMetrics.residentBytes() ?? 0) - before
        return [
            "short_p50_ms": short.microseconds(0.5).map { JSONValue($0 / 1000) } ?? .null,
            "long_p50_ms": long.microseconds(0.5).map { JSONValue($0 / 1000) } ?? .null, "long_growth_kib": JSONValue(growth / 1024),
        ]
    }

    // MARK: The table

    private static func table(_ result: JSONObject, _ effort: Effort) -> String {
        func value(_ key: String, _ digits: Int = 2) -> String { result[key]?.doubleValue.map { Numbers.text($0, digits: digits) } ?? "-" }
        let turns = effort.clients.map { clients in
            ["\(clients)", value("turns_\(clients)_per_s", 0), value("turns_\(clients)_p50_ms"), value("turns_\(clients)_p99_ms")]
        }
        let rest = [
            ["first token behind a model's own, p50", value("first_token_p50_us", 0), "us", "2000"],
            ["first token behind a model's own, p99", value("first_token_p99_us", 0), "us", ""],
            ["turn in a short conversation, p50", value("short_p50_ms"), "ms", ""],
            ["turn in one of \(effort.messages) messages, p50", value("long_p50_ms"), "ms", "flat"],
            ["resident memory of \(effort.turns) turns there", value("long_growth_kib", 0), "KiB more", "flat"],
        ]
        return TextTable.titled(["clients", "turns/s", "p50 ms", "p99 ms"], turns) + "\n" + TextTable.titled(["what", "", "unit", "aim"], rest)
    }
}
