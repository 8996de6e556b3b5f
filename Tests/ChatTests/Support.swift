import Artifacts
import Glibc
import IO
import JSON
import Store
import StoreKit
import Supervisor
import TestKit
import Testing
import Tools

@testable import Chat

/// Conversations over a database of their own on either engine, with two people of one tenant and one of another, and a clock that the test moves.
final class ChatBench: Sendable {
    static let loops = Result { try EventLoopGroup(count: 2) }
    static let ann = Speaker(tenant: "main", account: "ann")
    static let bob = Speaker(tenant: "main", account: "bob")
    static let eve = Speaker(tenant: "other", account: "eve")

    let folder: String
    let database: Database
    let store: ConversationStore
    let clock: TestClock
    let loop: EventLoop
    private let place: DatabasePlace
    private let isOwner: Bool

    convenience init(_ engine: DatabaseEngine = .sqlite, probe: StoreProbe? = nil) async throws {
        var template = Array("/tmp/limen-chat-XXXXXX".utf8CString)
        let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        let place: DatabasePlace
        switch engine {
        case .sqlite: place = .sqlite(path: "\(folder)/limen.db")
        case .postgres:
            let server = try PostgresServer.shared.get()
            place = .postgres(PostgresSettings(host: server.folder, database: try server.database(), user: "limen"))
        }
        try await self.init(place, folder: folder, isOwner: true, probe: probe)
        try await database.write { connection in
            try await connection.execute("INSERT INTO tenant (id, name, created_at) VALUES ('other', 'other', 0)")
            for person in [Self.ann, Self.bob, Self.eve] {
                try await connection.execute(
                    """
                    INSERT INTO account (id, tenant, email, email_key, role, plan, is_active, must_change, created_at)
                    VALUES ($1, $2, $3, $3, 'user', 'free', 1, 0, 0)
                    """, [.text(person.account), .text(person.tenant), .text("\(person.account)@example.org")])
            }
        }
    }

    /// In another process, where `words` were those of the first.
    convenience init(beside words: [String], probe: StoreProbe?) async throws {
        let place: DatabasePlace =
            words[1] == "sqlite" ? .sqlite(path: words[2]) : .postgres(PostgresSettings(host: words[2], database: words[3], user: "limen"))
        try await self.init(place, folder: words[0], isOwner: false, probe: probe)
    }

    /// What another process needs to know.
    var words: String {
        switch place {
        case .sqlite(let path, _): "\(folder) sqlite \(path)"
        case .postgres(let settings): "\(folder) postgres \(settings.host) \(settings.database)"
        }
    }

    private init(_ place: DatabasePlace, folder: String, isOwner: Bool, probe: StoreProbe?) async throws {
        (self.place, self.folder, self.isOwner) = (place, folder, isOwner)
        loop = try Self.loops.get().loops[0]
        database = try await Database.open(place, on: Self.loops.get(), probe: probe)
        let clock = TestClock()
        self.clock = clock
        store = ConversationStore(database: database, now: { clock.now })
    }

    /// A service whose model is `answer`.
    func service(
        window: Int = 16_384, toolbox: any ChatToolbox = NoTools(), approvalMilliseconds: Int64 = 5_000, records: Kept<TurnRecord> = Kept(),
        _ answer: @escaping ScriptedModel.Answer
    ) -> ChatService {
        service([ScriptedModel(windowTokens: window, answer)], toolbox: toolbox, approvalMilliseconds: approvalMilliseconds, records: records)
    }

    func service(
        _ models: [ScriptedModel], toolbox: any ChatToolbox = NoTools(), artifacts: ArtifactStore? = nil, approvalMilliseconds: Int64 = 5_000,
        records: Kept<TurnRecord> = Kept()
    ) -> ChatService {
        var options = ChatService.Options()
        options.approvalMilliseconds = approvalMilliseconds
        return ChatService(
            store: store, loop: loop, models: ScriptedModels(models: models), toolbox: toolbox, artifacts: artifacts, options: options,
            record: { records.add($0) },
            complain: { what, cause in Issue.record("\(what): \(cause)") })
    }

    /// A question for the usage of this month of the test's clock.
    func question(by: UsageGrouping, wholeTenant: Bool = false) -> UsageQuestion {
        let today = clock.now / 86_400_000
        var question = UsageQuestion(days: (today - 30)...today)
        (question.by, question.wholeTenant) = (by, wholeTenant)
        return question
    }

    /// All that is stored of a conversation.
    func messages(_ id: String, of speaker: Speaker = ann) async throws -> [Message] {
        try await store.messages(of: id, by: speaker, after: nil, limit: 500).page.items
    }

    /// Brings a conversation to so many messages.
    func fill(_ id: String, to count: Int) async throws {
        try await store.fill(id, to: count, of: Self.ann) { "The quick brown fox jumps over the lazy dog. (\($0))" }
    }

    func count(_ sql: SQL) async throws -> Int { try await database.read { try await $0.row(sql)?.int(0) ?? -1 } }

    deinit {
        database.close()
        guard isOwner else { return }
        for name in ["limen.db", "limen.db-wal", "limen.db-shm"] { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }
}

/// What was seen, in order.
final class Kept<Value: Sendable>: Sendable {
    private let list = Lock<[Value]>([])
    var values: [Value] { list.withLock { $0 } }
    func add(_ value: Value) { list.withLock { $0.append(value) } }
}

/// A model of a test's own.
struct ScriptedModel: ChatModel {
    typealias Answer = @Sendable (ModelRequest, any TokenSink) async throws -> ModelReply
    var name = "scripted"
    var windowTokens = 16_384
    var counter = TokenCounter.estimate
    let script: Answer

    init(_ name: String = "scripted", windowTokens: Int = 16_384, counter: TokenCounter = .estimate, _ script: @escaping Answer) {
        (self.name, self.windowTokens, self.counter, self.script) = (name, windowTokens, counter, script)
    }

    func answer(_ request: ModelRequest, for call: ModelCall, tokens: any TokenSink) async throws(ModelFailure) -> ModelReply {
        do {
            return try await script(request, tokens)
        } catch let error as ModelFailure {
            throw error
        } catch {
            throw ModelFailure(.cancelled, "\(error)")
        }
    }

    /// Says a text in pieces.
    static func say(_ pieces: [String], _ tokens: any TokenSink, model: String = "scripted") async throws -> ModelReply {
        for piece in pieces { try await tokens.take(piece) }
        return ModelReply(content: pieces.joined(), model: model)
    }

    /// Asks for a tool.
    static func ask(_ name: String, _ arguments: JSONValue, id: String = "c1") -> ModelReply {
        var reply = ModelReply(content: "", model: "scripted")
        reply.toolCalls = [ModelToolCall(id: id, name: name, arguments: arguments)]
        reply.finish = .toolCalls
        return reply
    }
}

struct ScriptedModels: ModelCatalogue {
    let models: [ScriptedModel]
    var names: [String] { models.map(\.name) }
    func chain(for name: String?) -> [any ChatModel] { name == nil ? models : models.filter { $0.name == name } }
}

/// Tools of a test's own; counts what was called.
final class ScriptedTools: ChatToolbox {
    let calls = Kept<ToolCall>()
    private let list: [ChatTool]
    private let result: @Sendable (ToolCall) async -> Result<ToolReply, ToolError>

    init(
        destructive: Bool = false, _ result: @escaping @Sendable (ToolCall) async -> Result<ToolReply, ToolError> = { _ in ScriptedTools.reply("42") }
    ) {
        list = [
            ChatTool(
                id: "calc.evaluate", version: "1.0.0", description: "Evaluates.",
                inputSchema: ["type": "object", "properties": ["expression": ["type": "string"]], "required": ["expression"]],
                isDestructive: destructive)
        ]
        self.result = result
    }

    static func reply(_ text: String) -> Result<ToolReply, ToolError> {
        .success(ToolReply(output: Array(text.utf8), contentType: .json, attachments: [], sanitizedHTML: nil))
    }

    func tools() -> [ChatTool] { list }

    func call(_ call: ToolCall) async -> ToolOutcome {
        calls.add(call)
        return ToolOutcome(result: await result(call), usage: .init(), tool: call.tool, version: "1.0.0")
    }
}

/// Keeps a turn's events; can be told to be gone.
final class KeptEvents: TurnSink {
    struct Gone: Error {}
    private let state = Lock((events: [TurnEvent](), leavesAfter: Int.max))

    init(leavingAfter count: Int = .max) { state.withLock { $0.leavesAfter = count } }

    var events: [TurnEvent] { state.withLock { $0.events } }
    var text: String {
        events.compactMap { if case .token(let text, _) = $0 { text } else { nil } }.joined()
    }
    func entries(_ kind: String) -> [JSONValue] {
        events.compactMap { if case .trace(kind, let entry) = $0 { entry } else { nil } }
    }

    func send(_ event: TurnEvent) async throws {
        try state.withLock { state in
            if state.events.count >= state.leavesAfter { throw Gone() }
            state.events.append(event)
        }
    }
}

func origin(_ speaker: Speaker = ChatBench.ann, _ request: String = "r-\(UInt64.random(in: 0 ... .max))") -> TurnOrigin {
    TurnOrigin(caller: Caller(tenant: speaker.tenant, user: speaker.account, role: .user, keyID: "k"), requestID: request)
}

/// Runs a body on a loop, as a server does.
func onLoop<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await OwnedTask(on: ChatBench.loops.get().loops[0]) { try await body() }.value
}

/// Why a turn failed; nil when it did not.
func failure(of body: () async throws -> Void) async -> ChatError? {
    do {
        try await body()
        return nil
    } catch let error as TurnFailure {
        return error.cause
    } catch {
        return error as? ChatError
    }
}

/// Waits, not for ever, until something holds.
func eventually(_ condition: () async throws -> Bool) async throws {
    for _ in 0..<500 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("it did not come to hold within 5 s")
}
