package import Chat
import IO
import Identity
import JSON
import Store
package import Telemetry
import Tools

/// Conversations over HTTP.
package struct LiveChat: Sendable {
    private let service: ChatService?
    /// What bounds links by link and by owner.
    let limiter: RateLimiter?
    private let log: Log?

    /// The longest reply that will be sent.
    let outputBytesMax: Int

    /// Serves conversations; `limiter` bounds links by link and owner.
    package init(_ service: ChatService, limiter: RateLimiter, log: Log, outputBytesMax: Int = APIOptions().outputBytesMax) {
        (self.service, self.limiter, self.log, self.outputBytesMax) = (service, limiter, log, outputBytesMax)
    }

    /// Describes routes that nobody calls.
    private init() { (service, limiter, log, outputBytesMax) = (nil, nil, nil, 0) }
    /// For a table that is only described.
    package static let none = LiveChat()

    // MARK: Turns

    func turn(_ context: RequestContext) async throws(APIError) -> Reply {
        let body = context.body
        var request = TurnRequest(
            conversation: body["conversation_id"]?.stringValue, content: body["message"]?["content"]?.stringValue ?? "")
        request.segments = body["message"]?["content_struct"]?["segments"]?.arrayValue ?? []
        request.mode = body["message"]?["mode"]?.stringValue ?? "text"
        request.model = body["model"]?.stringValue
        request.agent = body["agent_id"]?.stringValue
        request.contexts = body["context_ids"]?.arrayValue?.compactMap(\.stringValue) ?? []
        if let parent = body["parent_message_id"] { request.parent = .some(parent.stringValue) }
        request.tokensMax = body["max_tokens"]?.intValue
        request.workflow = body["workflow_id"]?.stringValue
        return try await answer(request, context)
    }

    func regenerate(_ context: RequestContext) async throws(APIError) -> Reply {
        var request = TurnRequest(conversation: context.parameter("id"), content: "")
        request.again = context.parameter("message_id")
        request.model = context.body["model"]?.stringValue
        request.agent = context.body["agent_id"]?.stringValue
        if context.body["agent_id"] == nil {
            // Another answer in the place of an agent's is that agent's, too; `null` says that it shall be nobody's.
            request.agent = try await run(context) { (service, speaker) async throws(ChatError) in
                try await service.store.agent(answering: context.parameter("message_id"), in: context.parameter("id"), of: speaker)
            }
            request.isAgentRemembered = request.agent != nil
        }
        return try await answer(request, context)
    }

    private func answer(_ request: TurnRequest, _ context: RequestContext) async throws(APIError) -> Reply {
        let service = try serving()
        let origin = TurnOrigin(context)
        guard context.accepts != .events, context.body["stream"]?.boolValue != true else {
            return .events { sink in try await Self.stream(request, origin, service, sink) }
        }
        do throws(TurnFailure) {
            let reply = try await service.turn(request, origin)
            return .data(reply.json, warning: reply.warning)
        } catch {
            throw failed(error)
        }
    }

    private static func stream(_ request: TurnRequest, _ origin: TurnOrigin, _ service: ChatService, _ sink: any EventSink) async throws {
        let reply: TurnReply
        do throws(TurnFailure) {
            reply = try await service.turn(request, origin, sink: TurnRelay(sink: sink))
        } catch {
            throw APIError(error)
        }
        guard reply.isCancelled else { return try await sink.send("message_done", reply.json) }
        try await sink.send(
            "cancel_ack",
            [
                "request_id": .string(origin.requestID), "partial": .string(reply.content), "conversation_id": .string(reply.conversation),
                "message_id": .string(reply.message),
            ])
    }

    func cancel(_ context: RequestContext) async throws(APIError) -> Reply {
        let isCancelled = try await run(context) { (service, speaker) async throws(ChatError) in
            try await service.cancel(
                requestID: context.body["request_id"]?.stringValue, conversation: context.body["conversation_id"]?.stringValue, of: speaker)
        }
        guard isCancelled else { throw .missing("turn under way") }
        return .data(["cancelled": true])
    }

    /// Names of all models, sorted.
    var modelNames: [String] { service?.models.names ?? [] }
    /// Names of the models that make vectors, sorted.
    var embedderNames: [String] { service?.models.embedders ?? [] }

    func models() -> Reply {
        let names = modelNames
        let standard = service?.models.chain(for: nil).first?.name
        return .data(["items": .array(names.map { ["name": .string($0), "is_default": .bool($0 == standard)] })])
    }

    func usage(_ context: RequestContext) async throws(APIError) -> Reply {
        let isTenant = context.query["of"]?.stringValue == "tenant"
        if isTenant, context.principal.role ?? .user < .admin {
            throw APIError(.forbidden, "The tenant's usage is an admin's to see.", details: ["reason": "role"])
        }
        var question = UsageQuestion(days: try Self.days(context))
        question.by = UsageGrouping(rawValue: context.query["by"]?.stringValue ?? "day") ?? .day
        (question.wholeTenant, (question.limit, question.cursor)) = (isTenant, context.page)
        let page = try await run(context) { (service, speaker) async throws(ChatError) in try await service.store.usage(of: speaker, question) }
        return Self.list(page, \.json)
    }

    /// The days that are asked about: `from` and `to`, or the last `days` of them to `to` or today.
    private static func days(_ context: RequestContext) throws(APIError) -> ClosedRange<Int64> {
        func day(_ name: String) throws(APIError) -> Int64? {
            guard let text = context.query[name]?.stringValue else { return nil }
            guard let day = Timestamp.day(text) else { throw .invalid("\(name) is no day, such as 2026-11-22.", reason: "day") }
            return day
        }
        let last = try day("to") ?? StoreClock.nowMilliseconds() / 86_400_000
        let first = try day("from") ?? last - Int64(context.query["days"]?.intValue ?? 31) + 1
        guard first <= last else { throw .invalid("from is later than to.", reason: "day") }
        guard last - first < ChatLimits.usageDaysMax else {
            throw .invalid("One question is about \(ChatLimits.usageDaysMax) days at most.", reason: "day")
        }
        return first...last
    }

    // MARK: For all of them

    func serving() throws(APIError) -> ChatService {
        guard let service else { throw .unexpected }
        return service
    }

    /// Does something for whoever asks, and says in the contract's words why not.
    func run<Value>(
        _ context: RequestContext, _ body: (ChatService, Speaker) async throws(ChatError) -> Value
    ) async throws(APIError) -> Value {
        let service = try serving()
        return try await checked { () async throws(ChatError) in try await body(service, Speaker(context.principal)) }
    }

    func checked<Value>(_ body: () async throws(ChatError) -> Value) async throws(APIError) -> Value {
        do throws(ChatError) {
            return try await body()
        } catch {
            throw failed(TurnFailure(error))
        }
    }

    private func failed(_ failure: TurnFailure) -> APIError {
        if case .store(let error) = failure.cause {
            log?.error("conversations could not be read or written", [("cause", .string("\(error)"))])
        }
        return APIError(failure)
    }
}

/// Passes a turn's events on to the stream.
private struct TurnRelay: TurnSink {
    let sink: any EventSink

    func send(_ event: TurnEvent) async throws {
        switch event {
        case .token(let text, let index): try await sink.send("token", ["text": .string(text), "index": JSONValue(index)])
        case .trace(let kind, let entry): try await sink.send("trace", ["kind": .string(kind), "entry": entry])
        }
    }
}

extension Speaker {
    /// Whoever signed in.
    init(_ principal: Principal) { self.init(tenant: principal.tenant, account: principal.id) }
}

extension TurnOrigin {
    /// Whoever makes a request.
    init(_ context: RequestContext) {
        self.init(
            caller: Caller(context.principal), requestID: context.requestID, traceparent: context.identity.traceparent, plan: context.principal.plan)
    }
}

extension Reply {
    /// A reply that says whose budget is nearly spent in a field of its own, besides its data.
    static func data(_ data: JSONValue, warning: BudgetWarning?) -> Reply {
        guard let warning else { return .data(data) }
        return .dataSetting(data, headers: [("Budget-Warning", warning.header)])
    }
}
