import Chat
import IO
import JSON
import JSONSchema
import Store
import Telemetry
import Testing
import Tools

@testable import API

@Suite("API: conversations", .serialized)
struct ChatRouteTests {
    private static let loops = Result { try EventLoopGroup(count: 1) }

    /// A fixture with conversations, whose people have accounts.
    private func withChat<Value>(limits: [LimitClass: RatePolicy] = [:], _ body: (Fixture, Database) async throws -> Value) async throws -> Value {
        try await withDatabase { database in
            try await database.write { connection in
                for (person, tenant) in [("user", "main"), ("admin", "main"), ("operator", "main"), ("read scope", "main"), ("every scope", "main")] {
                    try await connection.execute(
                        """
                        INSERT INTO account (id, tenant, email, email_key, role, plan, is_active, must_change, created_at)
                        VALUES ($1, $2, $1, $1, 'user', 'free', 1, 0, 0)
                        """, [.text("id of \(person)"), .text(tenant)])
                }
            }
            var options = Fixture.roomy
            for (name, policy) in limits { options.rates[name] = policy }
            let chat = ChatService(store: ConversationStore(database: database), loop: try Self.loops.get().loops[0])
            let limiter = RateLimiter(policies: options.rates)
            options.limiter = limiter
            return try await body(
                Fixture(
                    checks: [], options: options, requests: IdempotencyStore(database: database),
                    chat: LiveChat(chat, limiter: limiter, log: Log())), database)
        }
    }

    /// `data` of a success, checked against the route's schema.
    private func data(_ response: APIResponse, _ fixture: Fixture, _ method: String, _ path: String) throws -> JSONValue {
        #expect(response.status == 200, "\(method) \(path): \(String(decoding: response.bytes, as: UTF8.self))")
        let json = try response.json
        if case .route(let route, _) = fixture.dispatcher.table.match(method: method, path: path) {
            #expect(try CompiledSchema(Envelope.schema(route.route.data)).validate(json) == [], "\(method) \(path)")
        }
        return json["data"] ?? .null
    }

    private func ask(
        _ fixture: Fixture, _ method: String, _ path: String, query: [(name: String, value: String)] = [], body: String? = nil, key: String = "user"
    ) async throws -> JSONValue {
        try data(await fixture.send(method, path, query: query, body: body, key: key), fixture, method, path)
    }

    private func code(_ response: APIResponse) throws -> String { try response.json["error"]?["code"]?.stringValue ?? "" }

    @Test(
        "a conversation is made, continued, listed, searched, exported, changed by a patch and removed, each answer as its schema says (API-5, API-6)"
    )
    func journey() async throws {
        try await withChat { fixture, _ in
            let first = try await ask(fixture, "POST", "/v1/chat", body: #"{"message":{"content":"My cat is called Tom."}}"#)
            let id = try #require(first["conversation_id"]?.stringValue)
            let second = try await ask(
                fixture, "POST", "/v1/chat", body: #"{"conversation_id":"\#(id)","message":{"content":"What is my cat called?","mode":"text"}}"#)
            #expect(second["content"] == "My cat is called Tom. [1]" && second["model"] == "extractive" && second["truncated"] == false)
            #expect(second["content_struct"]?["segments"]?[1]?["type"] == "citation")
            let path = "/v1/conversations/\(id)"
            #expect(try await ask(fixture, "GET", path)["message_count"] == 4)
            let messages = try await ask(fixture, "GET", "\(path)/messages", query: [("limit", "3")])
            #expect(messages["items"]?.arrayValue?.count == 3 && messages["has_next"] == true)
            let answer = try #require(second["message_id"]?.stringValue)
            _ = try await ask(fixture, "POST", "\(path)/messages/\(answer)/regenerate", body: "{}")
            #expect(try await ask(fixture, "GET", path)["message_count"] == 5)
            #expect(try await ask(fixture, "GET", "/v1/conversations")["items"]?[0]?["id"] == .string(id))
            #expect(try await ask(fixture, "GET", "/v1/search", query: [("q", "tom cat")])["items"]?[0]?["conversation_id"] == .string(id))
            #expect(try await ask(fixture, "GET", "/v1/models")["items"]?[0]?["name"] == "extractive")
            #expect(try await ask(fixture, "GET", "/v1/usage", query: [("by", "model")])["items"]?[0]?["turns"] == 3)
            #expect(await fixture.send("GET", "/v1/usage", query: [("of", "tenant")], key: "user").status == 403)
            #expect(
                try await ask(fixture, "GET", "/v1/usage", query: [("of", "tenant"), ("by", "user")], key: "admin")["items"]?[0]?["key"]
                    == "id of user")
            // A test that fails changes nothing; what may not be changed is not.
            for (patch, status) in [
                (#"[{"op":"test","path":"/status","value":"archived"},{"op":"replace","path":"/title","value":"x"}]"#, 409),
                (#"[{"op":"replace","path":"/message_count","value":9}]"#, 400), (#"[{"op":"replace","path":"/status","value":"gone"}]"#, 400),
                (#"[{"op":"remove","path":"/title"}]"#, 400), (#"{"title":"flat"}"#, 400),
            ] { #expect(await fixture.send("PATCH", path, body: patch, key: "user").status == status, "\(patch)") }
            let patch =
                #"[{"op":"test","path":"/status","value":"open"},{"op":"replace","path":"/title","value":"Cats"},{"op":"replace","path":"/status","value":"archived"}]"#
            let changed = try await ask(fixture, "PATCH", path, body: patch)
            #expect(changed["title"] == "Cats" && changed["status"] == "archived")
            let refused = await fixture.send("POST", "/v1/chat", body: #"{"conversation_id":"\#(id)","message":{"content":"more"}}"#, key: "user")
            #expect(refused.status == 409)
            #expect(try refused.json["error"]?["details"]?["reason"] == "archived")
            #expect(await fixture.send("GET", path, key: "admin").status == 404)
            _ = try await ask(fixture, "DELETE", path)
            #expect(await fixture.send("GET", path, key: "user").status == 404)
        }
    }

    @Test("a stream has the five events and no other, each whole; one key makes one conversation however often it is sent (API-3, CHAT-5)")
    func stream() async throws {
        try await withChat { fixture, database in
            let body = #"{"message":{"content":"Hello there"},"client_request_id":"once"}"#
            var done: [JSONValue] = []
            for round in 0..<2 {
                let response = await fixture.send("POST", "/v1/chat", headers: [("Accept", "text/event-stream")], body: body, key: "user")
                guard case .events(let run) = response.body else {
                    Issue.record("\(response.status)")
                    return
                }
                let gathered = RecordingSink()
                try await run(gathered)
                #expect(gathered.events.allSatisfy { ["token", "message_done", "error", "cancel_ack", "trace"].contains($0.event) })
                if round == 0 {
                    let text = gathered.events.filter { $0.event == "token" }.compactMap { $0.data["text"]?.stringValue }.joined()
                    #expect(text == gathered.events.last?.data["content"]?.stringValue)
                    let indices = gathered.events.filter { $0.event == "token" }.compactMap { $0.data["index"]?.intValue }
                    #expect(indices == Array(indices.indices))
                }
                #expect(gathered.events.last?.event == "message_done")
                done.append(gathered.events.last?.data ?? .null)
            }
            #expect(done[0]["conversation_id"] == done[1]["conversation_id"] && done[0]["conversation_id"] != nil)
            // As JSON too: a field of the body asks for a stream, a header for JSON.
            for (accept, content) in [("application/json", body), ("*/*", #"{"message":{"content":"x"},"client_request_id":"other","stream":true}"#)]
            {
                _ = await fixture.send("POST", "/v1/chat", headers: [("Accept", accept)], body: content, key: "user")
            }
            #expect(try await database.read { try await $0.row("SELECT count(*) FROM conversation")?.int(0) } ?? 0 <= 2)
            // A failure in a stream has code, message and details.
            let failed = await fixture.send(
                "POST", "/v1/chat", headers: [("Accept", "text/event-stream")], body: #"{"message":{"content":"x"},"model":"none"}"#, key: "user")
            guard case .events(let run) = failed.body else { return }
            let gathered = RecordingSink()
            try await run(gathered)
            #expect(gathered.events.count == 1 && gathered.events[0].event == "error")
            #expect(gathered.events[0].data["code"] == "not_found" && gathered.events[0].data["details"]?["reason"] == "unknown_model")
        }
    }

    @Test("a body that is none is refused with every place that is wrong; identities in it are unknown fields (AUTH-2)")
    func refused() async throws {
        try await withChat { fixture, _ in
            for body in [
                #"{}"#, #"{"message":{}}"#, #"{"message":{"content":"x"},"user_id":"bob"}"#, #"{"message":{"content":"x","sender":"bob"}}"#,
                #"{"message":{"content":"x"},"tenant_id":"other"}"#, #"{"message":{"content":"x","content_struct":{"segments":[{"type":"image"}]}}}"#,
                #"{"message":{"content":"x"},"conversation_id":"a\u0000b"}"#, #"{"message":{"content":"x"},"max_tokens":5000}"#,
                #"{"message":{"content":" "}}"#, #"{"message":{"content":"a\u0000b"}}"#,
            ] {
                let response = await fixture.send("POST", "/v1/chat", body: body, key: "user")
                #expect(response.status == 400, "\(body)")
                let found = try code(response)
                #expect(found == "validation_error")
            }
            let left = try await ask(fixture, "GET", "/v1/conversations")["items"]
            #expect(left == [])
        }
    }

    @Test("a share link is limited by address, by link and by owner, and says nothing of whose it is (LIM-7)")
    func shares() async throws {
        let limits: [LimitClass: RatePolicy] = [.shares: RatePolicy(4, perSeconds: 3600), .sharesOfOwner: RatePolicy(6, perSeconds: 3600)]
        try await withChat(limits: limits) { fixture, _ in
            let first = try await ask(fixture, "POST", "/v1/chat", body: #"{"message":{"content":"hello"}}"#)
            let id = try #require(first["conversation_id"]?.stringValue)
            var tokens: [String] = []
            for _ in 0..<2 {
                let made = try await ask(fixture, "POST", "/v1/conversations/\(id)/share", body: "{}")
                tokens.append(try #require(made["token"]?.stringValue))
            }
            #expect(try await ask(fixture, "GET", "/v1/conversations/\(id)/share")["items"]?.arrayValue?.count == 2)
            func look(_ token: String, from address: String) async -> APIResponse {
                await fixture.send("GET", "/v1/public/shares/\(token)", key: nil, from: address)
            }
            let shown = await look(tokens[0], from: "10.0.0.1")
            let data = try data(shown, fixture, "GET", "/v1/public/shares/\(tokens[0])")
            #expect(data["messages"]?["items"]?[0]?["content"] == "hello")
            #expect(!String(decoding: shown.bytes, as: UTF8.self).contains("id of user"))
            // By link: from other addresses each time.
            for number in 2...4 { #expect(await look(tokens[0], from: "10.0.0.\(number)").status == 200) }
            #expect(await look(tokens[0], from: "10.0.0.9").status == 429)
            // By owner: through another link.
            #expect(await look(tokens[1], from: "10.0.1.1").status == 200)
            #expect(await look(tokens[1], from: "10.0.1.2").status == 200)
            let owner = await look(tokens[1], from: "10.0.1.3")
            #expect(owner.status == 429 && owner.header("Retry-After") != nil)
            // By address: guesses too.
            for _ in 0..<4 { #expect(await look("lms_guess", from: "10.0.2.1").status == 404) }
            #expect(await look("lms_guess", from: "10.0.2.1").status == 429)
        }
    }

    @Test("an export is a file of the conversation's name, piece by piece")
    func export() async throws {
        try await withChat { fixture, _ in
            let first = try await ask(fixture, "POST", "/v1/chat", body: #"{"message":{"content":"hello"}}"#)
            let id = try #require(first["conversation_id"]?.stringValue)
            for (format, type) in [("json", "application/json"), ("markdown", "text/markdown; charset=utf-8")] {
                let response = await fixture.send("GET", "/v1/conversations/\(id)/export", query: [("format", format)], key: "user")
                #expect(response.header("Content-Type") == type && response.header("Content-Disposition")?.contains("conversation-\(id).") == true)
                guard case .pieces(let write) = response.body else {
                    Issue.record("\(response.status)")
                    return
                }
                let bytes = Lock<[UInt8]>([])
                try await write { piece in bytes.withLock { $0 += piece } }
                let text = String(decoding: bytes.withLock { $0 }, as: UTF8.self)
                #expect(text.contains("hello"))
                if format == "json" { #expect(try JSONValue(parsing: text)["messages"]?.arrayValue?.count == 2) }
            }
            #expect(await fixture.send("GET", "/v1/conversations/\(id)/export", key: "admin").status == 404)
        }
    }

    @Test("what nobody waits for cannot be decided or cancelled, and says so")
    func nothing() async throws {
        try await withChat { fixture, _ in
            #expect(await fixture.send("POST", "/v1/approvals/none", body: #"{"decision":"approve"}"#, key: "user").status == 404)
            let left = try await ask(fixture, "GET", "/v1/approvals")["items"]
            #expect(left == [])
            #expect(await fixture.send("POST", "/v1/chat/cancel", body: #"{"request_id":"none"}"#, key: "user").status == 404)
            #expect(await fixture.send("POST", "/v1/chat/cancel", body: "{}", key: "user").status == 400)
        }
    }

    /// A model that answers when it is let.
    private final class Gate: ModelCatalogue, ChatModel {
        let name = "gate"
        let windowTokens = 16_384
        let isOpen = Lock(false)
        let asked = Lock(0)
        var names: [String] { [name] }
        func chain(for name: String?) -> [any ChatModel] { [self] }

        func answer(_ request: ModelRequest, for call: ModelCall, tokens: any TokenSink) async throws(ModelFailure) -> ModelReply {
            asked.withLock { $0 += 1 }
            do {
                while !isOpen.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
                try await tokens.take("yes")
            } catch {
                throw ModelFailure(.cancelled, "\(error)")
            }
            return ModelReply(content: "yes", model: name)
        }
    }

    @Test("a user receives two answers at once, the third is 409 busy, and the end of one gives its place back, streams too (LIM-2)")
    func decodes() async throws {
        try await withDatabase { database in
            try await database.write { connection in
                try await connection.execute(
                    """
                    INSERT INTO account (id, tenant, email, email_key, role, plan, is_active, must_change, created_at)
                    VALUES ('id of user', 'main', 'u@example.org', 'u@example.org', 'user', 'free', 1, 0, 0)
                    """)
            }
            let gate = Gate()
            let group = try EventLoopGroup(count: 1)
            var options = Fixture.roomy
            options.leases = ConcurrencyLeases { _, _ in 2 }
            let limiter = RateLimiter(policies: options.rates)
            let chat = ChatService(store: ConversationStore(database: database), loop: group.loops[0], models: gate)
            let fixture = try Fixture(
                checks: [], options: options, requests: IdempotencyStore(database: database), chat: LiveChat(chat, limiter: limiter, log: Log()))
            func say(_ accept: String) async -> (status: Int, reason: JSONValue?, events: [String]) {
                let response = await fixture.send(
                    "POST", "/v1/chat", headers: [("Accept", accept)], body: #"{"message":{"content":"hello"}}"#, key: "user")
                guard case .events(let run) = response.body else {
                    return (response.status, (try? response.json)?["error"]?["details"]?["reason"], [])  // what is no JSON has no reason
                }
                let sink = RecordingSink()
                do { try await run(sink) } catch { return (response.status, .string("\(error)"), []) }
                return (response.status, nil, sink.events.map(\.event))
            }
            async let first = say("application/json")
            async let second = say("text/event-stream")
            for _ in 0..<400 where gate.asked.withLock({ $0 }) < 2 { try await Task.sleep(for: .milliseconds(5)) }
            for accept in ["application/json", "text/event-stream"] {
                let third = await say(accept)
                #expect(third.status == 409 && third.reason == "busy", "\(third)")
            }
            gate.isOpen.withLock { $0 = true }
            #expect(await first.status == 200)
            #expect(await second.events.last == "message_done")
            #expect(await say("application/json").status == 200)
            #expect(gate.asked.withLock { $0 } == 3)
        }
    }

    @Test(
        "the page of a share link holds nothing but its own style, and what was said as text, whatever it is",
        arguments: [
            "<script>x</script>", "\"><b onmouseover='x'>", "</style><style>*{}", "[1]", "[1", "[9] &amp; [1]]", "\u{202E}\u{7}", "a\r\nb",
            "```\n<i>\n```",
        ])
    func page(text: String) throws {
        let parts = Segments.parts(of: text) + [["type": "citation", "index": 1, "source": "s", "title": .string(text), "text": .string(text)]]
        let message: JSONValue = [
            "seq": 3, "role": "assistant", "content": .string(text), "content_struct": ["segments": .array(parts)], "truncated": false,
            "created_at": "2026-11-22T00:00:00Z",
        ]
        let html = String(decoding: SharePage(title: text, messages: [message], next: "a\"b").html, as: UTF8.self)
        let tags = html.split(separator: "<").dropFirst().map { $0.prefix { $0.isLetter || $0.isNumber || $0 == "!" || $0 == "/" } }
        let known: Set<Substring> = [
            "!DOCTYPE", "html", "head", "meta", "title", "/title", "style", "/style", "/head", "body", "main", "h1", "/h1", "article", "h2", "/h2",
            "div", "/div",
            "pre", "code", "/code", "/pre", "ol", "li", "cite", "/cite", "blockquote", "/blockquote", "/li", "/ol", "/article", "p", "a", "/a", "/p",
            "/main",
            "/body", "/html",
        ]
        #expect(Set(tags).isSubset(of: known), "\(Set(tags).subtracting(known))")
        #expect(
            html.components("<style>") == 1 && !html.contains("onmouseover='") && !html.contains("\u{7}") && !html.contains("\r")
                && !html.contains("a\u{FFFD}"))
        #expect(html.components("href=\"#m3-s1\"") == (text.hasPrefix("[1]") || text.contains(" [1]") ? 1 : 0))
        #expect(SharePage.policy.contains("default-src 'none'") && !SharePage.policy.contains("script"))
    }
}

extension String {
    /// How often a text occurs.
    fileprivate func components(_ text: String) -> Int { ranges(of: text).count }
}
