import Artifacts
import Chat
import IO
import JSON
import JSONSchema
import Store
import Telemetry
import Testing

@testable import API

@Suite("API: artifacts and agents", .serialized)
struct ArtifactRouteTests {
    private static let loops = Result { try EventLoopGroup(count: 1) }

    private func withArtifacts<Value>(_ body: (Fixture) async throws -> Value) async throws -> Value {
        try await withDatabase { database in
            try await database.write { connection in
                for person in ["user", "admin", "read scope"] {
                    try await connection.execute(
                        """
                        INSERT INTO account (id, tenant, email, email_key, role, plan, is_active, must_change, created_at)
                        VALUES ($1, 'main', $1, $1, 'user', 'free', 1, 0, 0)
                        """, [.text("id of \(person)")])
                }
            }
            let artifacts = ArtifactStore(database: database, kinds: ArtifactKinds([AgentDefinition.kind]))
            let chat = ChatService(
                store: ConversationStore(database: database), loop: try Self.loops.get().loops[0], artifacts: artifacts)
            return try await body(
                Fixture(
                    checks: [], requests: IdempotencyStore(database: database),
                    chat: LiveChat(chat, limiter: RateLimiter(policies: Fixture.roomy.rates), log: Log()),
                    artifacts: LiveArtifacts(artifacts, log: Log())))
        }
    }

    /// `data` of a success, checked against the route's schema.
    private func ask(
        _ fixture: Fixture, _ method: String, _ path: String, query: [(name: String, value: String)] = [], _ body: String? = nil, key: String = "user"
    ) async throws -> JSONValue {
        let response = await fixture.send(method, path, query: query, body: body, key: key)
        #expect(response.status == 200, "\(method) \(path): \(String(decoding: response.bytes, as: UTF8.self))")
        let json = try response.json
        if case .route(let route, _) = fixture.dispatcher.table.match(method: method, path: path) {
            #expect(try CompiledSchema(Envelope.schema(route.route.data)).validate(json) == [], "\(method) \(path)")
        }
        return json["data"] ?? .null
    }

    private func refused(_ fixture: Fixture, _ method: String, _ path: String, _ body: String?, key: String = "user") async throws -> (Int, JSONValue)
    {
        let response = await fixture.send(method, path, body: body, key: key)
        return (response.status, try response.json["error"]?["details"] ?? .null)
    }

    @Test("an artifact is made, read, changed, restored and retired, each answer as its schema says (API-5, API-6)")
    func artifacts() async throws {
        try await withArtifacts { fixture in
            let made = try await ask(
                fixture, "POST", "/v1/artifacts", #"{"type":"memory","name":"Facts","schema":{"kind":"memory.note","text":"one"}}"#)
            let path = "/v1/artifacts/\(try #require(made["id"]?.stringValue))"
            #expect(made["version"] == 1 && made["visibility"] == "private" && made["owner_user_id"] == "id of user" && made["kind"] == "memory.note")
            let changed = try await ask(
                fixture, "PATCH", path, #"[{"op":"test","path":"/version","value":1},{"op":"replace","path":"/schema/text","value":"two"}]"#)
            #expect(changed["version"] == 2 && changed["schema"]?["text"] == "two")
            let stale = try await refused(
                fixture, "PATCH", path, #"[{"op":"test","path":"/version","value":1},{"op":"replace","path":"/schema/text","value":"three"}]"#)
            #expect(stale.0 == 409 && stale.1["reason"] == "test")
            #expect(try await ask(fixture, "GET", path, query: [("version", "1")])["schema"]?["text"] == "one")
            #expect(try await ask(fixture, "GET", "\(path)/versions/1")["schema"]?["text"] == "one")
            #expect(try await ask(fixture, "POST", "\(path)/versions/1/restore")["version"] == 3)
            let history = try await ask(fixture, "GET", "\(path)/versions")
            #expect(history["items"]?.arrayValue?.compactMap { $0["version"]?.intValue } == [3, 2, 1] && history["items"]?[0]?["restored_from"] == 1)
            #expect(try await ask(fixture, "GET", "/v1/artifacts", query: [("type", "memory")])["items"]?.arrayValue?.count == 1)
            #expect(try await ask(fixture, "GET", "/v1/artifacts", query: [("type", "memory")], key: "admin")["items"]?.arrayValue?.count == 0)
            #expect(try await refused(fixture, "GET", path, nil, key: "admin").0 == 404)
            #expect(try await refused(fixture, "PATCH", path, #"[{"op":"replace","path":"/visibility","value":"global"}]"#).0 == 403)
            #expect(try await refused(fixture, "GET", "\(path)/versions/4", nil).0 == 404)
            #expect(try await refused(fixture, "GET", "\(path)/versions/0", nil).0 == 400)
            #expect(try await ask(fixture, "DELETE", path)["retired"] == true)
            #expect(try await refused(fixture, "GET", path, nil).0 == 404)
        }
    }

    @Test("a definition that cannot be used is refused with each place, and nothing is kept")
    func definitions() async throws {
        try await withArtifacts { fixture in
            let wrong = try await refused(
                fixture, "POST", "/v1/artifacts", #"{"type":"agent","name":"a","schema":{"kind":"agent.chat","tools":[1],"model":5}}"#)
            let places = wrong.1["errors"]?.arrayValue?.compactMap { $0["instance_path"]?.stringValue }
            #expect(wrong.0 == 400 && places.map(Set.init) == ["/schema/tools", "/schema/model"])
            for body in [
                #"{"type":"policy","name":"a","schema":{"kind":"policy.unknown"}}"#, #"{"type":"song","name":"a","schema":{"kind":"song.x"}}"#,
                #"{"type":"memory","name":"","schema":{"kind":"memory.note"}}"#, #"{"type":"memory","name":"a","schema":{}}"#,
                #"{"type":"memory","name":"a","schema":{"kind":"memory.note"},"owner_user_id":"id of admin"}"#,
                #"{"type":"memory","name":"a","schema":{"kind":"memory.note"},"visibility":"shared","shared_with":["id of nobody"]}"#,
            ] { #expect(try await refused(fixture, "POST", "/v1/artifacts", body).0 == 400, "\(body)") }
            #expect(
                try await refused(
                    fixture, "POST", "/v1/artifacts", #"{"type":"memory","name":"a","visibility":"global","schema":{"kind":"memory.note"}}"#
                ).0 == 403)
            #expect(try await ask(fixture, "GET", "/v1/artifacts")["items"]?.arrayValue?.isEmpty == true)
        }
    }

    @Test("an agent is made, found, changed by a flat patch, used in a turn and again by another answer, and retired (API-5, API-6)")
    func agents() async throws {
        try await withArtifacts { fixture in
            let made = try await ask(
                fixture, "POST", "/v1/agents", #"{"name":"Pirate","instructions":"Speak like a pirate.","tools":[],"model":"extractive"}"#)
            let id = try #require(made["id"]?.stringValue)
            #expect(made["tools"] == [] && made["max_tokens"] == .null && made["version"] == 1)
            #expect(try await ask(fixture, "GET", "/v1/agents")["items"]?[0]?["id"] == .string(id))
            let changed = try await ask(
                fixture, "PATCH", "/v1/agents/\(id)",
                #"[{"op":"replace","path":"/max_tokens","value":100},{"op":"replace","path":"/name","value":"Captain"},{"op":"replace","path":"/tools","value":null}]"#
            )
            #expect(changed["max_tokens"] == 100 && changed["name"] == "Captain" && changed["version"] == 2 && changed["tools"] == .null)
            let artifact = try await ask(fixture, "GET", "/v1/artifacts/\(id)")
            #expect(
                artifact["schema"] == [
                    "kind": "agent.chat", "model": "extractive", "instructions": "Speak like a pirate.", "max_tokens": 100, "context_ids": [],
                ])
            for patch in [
                #"[{"op":"replace","path":"/max_tokens","value":0}]"#, #"[{"op":"add","path":"/schema","value":{}}]"#,
                #"[{"op":"replace","path":"/id","value":"x"}]"#, #"[{"op":"replace","path":"/tools","value":"all"}]"#,
            ] { #expect(try await refused(fixture, "PATCH", "/v1/agents/\(id)", patch).0 == 400, "\(patch)") }
            // A fault's place is one that the agent's document has.
            let fault = try await refused(fixture, "PATCH", "/v1/agents/\(id)", #"[{"op":"replace","path":"/max_tokens","value":0}]"#)
            #expect(fault.1["errors"]?[0]?["instance_path"] == "/max_tokens")
            let turn = try await ask(fixture, "POST", "/v1/chat", #"{"agent_id":"\#(id)","message":{"content":"Hello"}}"#)
            let conversation = try #require(turn["conversation_id"]?.stringValue)
            let again = try await ask(
                fixture, "POST", "/v1/conversations/\(conversation)/messages/\(try #require(turn["message_id"]?.stringValue))/regenerate", "{}")
            let messages = try await ask(fixture, "GET", "/v1/conversations/\(conversation)/messages")["items"]?.arrayValue ?? []
            let answers = messages.filter { $0["role"] == "assistant" }
            #expect(answers.count == 2 && answers.allSatisfy { $0["meta"]?["agent_id"] == .string(id) && $0["meta"]?["agent_version"] == 2 })
            #expect(again["message_id"] == answers.last?["id"])
            // Asked again by the question, it is the agent's answer, too; without one when that is said.
            let regenerate = "/v1/conversations/\(conversation)/messages/\(try #require(messages[0]["id"]?.stringValue))/regenerate"
            for (body, agent) in [("{}", JSONValue.string(id)), (#"{"agent_id":null}"#, nil as JSONValue?)] as [(String, JSONValue?)] {
                let made = try await ask(fixture, "POST", regenerate, body)
                let all = try await ask(fixture, "GET", "/v1/conversations/\(conversation)/messages")["items"]?.arrayValue ?? []
                #expect(all.first { $0["id"] == made["message_id"] }?["meta"]?["agent_id"] == agent, "\(body)")
            }
            #expect(try await refused(fixture, "POST", "/v1/chat", #"{"agent_id":"none","message":{"content":"Hello"}}"#).0 == 404)
            // A memory is no agent, whatever path asks for it.
            let note = try await ask(fixture, "POST", "/v1/artifacts", #"{"type":"memory","name":"n","schema":{"kind":"memory.note"}}"#)
            let other = try #require(note["id"]?.stringValue)
            #expect(try await refused(fixture, "GET", "/v1/agents/\(other)", nil).0 == 404)
            #expect(try await refused(fixture, "PATCH", "/v1/agents/\(other)", #"[{"op":"replace","path":"/name","value":"x"}]"#).0 == 404)
            #expect(try await refused(fixture, "DELETE", "/v1/agents/\(other)", nil).0 == 404)
            #expect(try await ask(fixture, "DELETE", "/v1/agents/\(id)")["retired"] == true)
            let gone = try await refused(
                fixture, "POST", "/v1/conversations/\(conversation)/messages/\(try #require(turn["message_id"]?.stringValue))/regenerate", "{}")
            #expect(gone.0 == 409 && gone.1["reason"] == "agent_gone")
            #expect(try await refused(fixture, "POST", "/v1/chat", #"{"agent_id":"\#(id)","message":{"content":"Hello"}}"#).0 == 404)
        }
    }
}
