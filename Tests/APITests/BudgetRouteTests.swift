import Artifacts
import Chat
import IO
import JSON
import JSONSchema
import Store
import Telemetry
import Testing

@testable import API

@Suite("API: cost and budgets", .serialized)
struct BudgetRouteTests {
    private static let loops = Result { try EventLoopGroup(count: 1) }

    /// The built-in model at a price, and a budget.
    private func with(budget: Int64, _ body: (Fixture) async throws -> Void) async throws {
        try await withDatabase { database in
            try await database.write { connection in
                try await connection.execute(
                    """
                    INSERT INTO account (id, tenant, email, email_key, role, plan, is_active, must_change, created_at)
                    VALUES ('id of user', 'main', 'u@example.org', 'u@example.org', 'user', 'free', 1, 0, 0)
                    """)
            }
            let price: JSONValue = ["model": "extractive", "input_micros_per_million": 1_000_000, "output_micros_per_million": 1_000_000]
            let kind = ArtifactKind(
                PriceTable.kindName,
                seeds: [
                    ArtifactSeed(name: "default", description: "", schema: ["kind": "policy.prices", "currency": "CHF", "models": [price]])
                ]
            ) { PriceTable.check($0) }
            var options = ChatService.Options()
            options.tokensMax = 100
            let chat = ChatService(
                store: ConversationStore(database: database), loop: try Self.loops.get().loops[0],
                artifacts: ArtifactStore(database: database, kinds: ArtifactKinds([kind])),
                budgets: Budgets(BudgetStore(database: database)) { _ in .init(user: budget, tenant: .max) }, options: options)
            try await body(
                Fixture(checks: [], chat: LiveChat(chat, limiter: RateLimiter(policies: Fixture.roomy.rates), log: Log())))
        }
    }

    private static let turn = #"{"message":{"content":"The cat is called Tom."}}"#
    private static let completion = #"{"model":"extractive","messages":[{"role":"user","content":"The cat is called Tom."}]}"#

    private func send(_ fixture: Fixture, _ path: String, _ body: String, accept: String = "application/json") async -> APIResponse {
        await fixture.send("POST", path, headers: [("Accept", accept)], body: body, key: "user")
    }

    @Test("a reply says what it cost, and from four fifths on whose budget is nearly spent, in its data and in its head (CHAT-8)")
    func warning() async throws {
        try await with(budget: 1_000) { fixture in
            let first = await send(fixture, "/v1/chat", Self.turn)
            let usage = try first.json["data"]?["usage"]
            let cost = (usage?["tokens_in"]?.intValue ?? 0) + (usage?["tokens_out"]?.intValue ?? 0)
            #expect(first.status == 200 && usage?["cost_micros"]?.intValue == cost && usage?["currency"] == "CHF" && cost > 0, "\(usage ?? .null)")
            let list = try await fixture.send("GET", "/v1/usage", query: [("by", "model")], key: "user").json["data"]
            #expect(list?["items"]?[0]?["cost_micros"]?.intValue == cost && list?["items"]?[0]?["currency"] == "CHF" && list?["has_next"] == false)
        }
        for path in ["/v1/chat", "/openai/v1/chat/completions"] {
            try await with(budget: 260) { fixture in
                var last: APIResponse?
                for _ in 0..<20 {
                    let response = await send(fixture, path, path == "/v1/chat" ? Self.turn : Self.completion)
                    guard response.status == 200, response.header("Budget-Warning") == nil else {
                        last = response
                        break
                    }
                }
                let json = try last?.json
                let warning = path == "/v1/chat" ? json?["data"]?["budget_warning"] : json?["usage"]?["budget_warning"]
                if last?.status == 200 {
                    let spent = warning?["spent_micros"]?.intValue ?? 0
                    #expect(warning?["of"] == "user" && warning?["budget_micros"] == 260 && spent >= 208)
                    #expect(last?.header("Budget-Warning") == "user; spent=\(spent); budget=260")
                } else {
                    // What the next may cost is more than the fifth that is left.
                    #expect(last?.status == 429, "\(path)")
                }
            }
        }
    }

    @Test("a budget that is spent is 429 with its reason and Retry-After everywhere: turns, streams, completions (CHAT-8)")
    func stopped() async throws {
        try await with(budget: 50) { fixture in
            let refused = await send(fixture, "/v1/chat", Self.turn)
            let error = try refused.json["error"]
            #expect(refused.status == 429 && error?["code"] == "rate_limited" && error?["details"]?["reason"] == "budget")
            #expect(error?["details"]?["of"] == "user" && Int(refused.header("Retry-After") ?? "") ?? 0 > 0)
            #expect(error?["details"]?["conversation_id"] == nil, "nothing is stored")
            for body in [Self.completion, String(Self.completion.dropLast()) + #","stream":true}"#] {
                let openAI = await send(fixture, "/openai/v1/chat/completions", body)
                #expect(openAI.status == 429 && Int(openAI.header("Retry-After") ?? "") ?? 0 > 0)
                #expect(try openAI.json["error"]?["code"] == "insufficient_quota" && openAI.json["error"]?["type"] == "insufficient_quota")
            }
            let stream = await send(fixture, "/v1/chat", Self.turn, accept: "text/event-stream")
            guard case .events(let run) = stream.body else { return #expect(Bool(false)) }
            let sink = Events()
            try await run(sink)
            #expect(sink.last?["reason"] == "budget")
            #expect(try await fixture.send("GET", "/v1/conversations", key: "user").json["data"]?["items"] == [])
        }
    }

    /// Keeps the details of the last event.
    private final class Events: EventSink {
        private let kept = Lock<JSONValue?>(nil)
        var last: JSONValue? { kept.withLock { $0 } }
        func send(_ event: String, _ data: JSONValue) async throws { kept.withLock { $0 = data["details"] } }
    }

    @Test("usage is asked for by days that there are, at most a year of them, page by page (API-5, API-7)")
    func days() async throws {
        try await with(budget: .max) { fixture in
            _ = await send(fixture, "/v1/chat", Self.turn)
            for (query, status) in [
                ([("from", "2026-02-30")], 400), ([("from", "2026-1-1")], 400), ([("from", "2026-02-02"), ("to", "2026-02-01")], 400),
                ([("from", "2020-01-01"), ("to", "2026-01-01")], 400), ([("by", "weather")], 400), ([("days", "367")], 400), ([("cursor", "x")], 400),
                ([("from", "2024-02-29"), ("to", "2025-02-28")], 200), ([("days", "1"), ("limit", "1")], 200), ([("by", "agent")], 200),
            ] {
                #expect(await fixture.send("GET", "/v1/usage", query: query, key: "user").status == status, "\(query)")
            }
            let old = try await fixture.send("GET", "/v1/usage", query: [("to", "2024-01-01")], key: "user").json["data"]
            #expect(old?["items"] == [] && old?["has_next"] == false)
        }
    }
}
