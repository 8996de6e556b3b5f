import Glibc
import HTTP
import JSON
import Testing

@Suite("Limen: conversations over the wire", .serialized)
struct ChatServiceTests {
    @Test("session, chat, a tool in its jail, its result in the message, the line in the log and the count in the scrape (OPS-9, OPS-10, CHAT-13)")
    func journey() async throws {
        let server = try LiveServer(plugins: ["calc"])
        let reply = try await server.send(.post, "/v1/chat", #"{"message":{"content":"/calc.evaluate 0.1+0.2"}}"#)
        #expect(reply.status == 200, "\(reply.text)")
        let data = reply.json["data"]
        #expect(data?["content"]?.stringValue?.hasPrefix(#"calc.evaluate: {"value":"0.3""#) == true)
        #expect(data?["content_struct"]?["segments"]?[0]?["output"]?["value"] == "0.3" && data?["usage"]?["tool_calls"] == 1)
        let id = try #require(data?["conversation_id"]?.stringValue)
        let again = try await server.send(.post, "/v1/chat", #"{"conversation_id":"\#(id)","message":{"content":"My cat is called Tom."}}"#)
        #expect(again.status == 200)
        let told = try await server.send(.post, "/v1/chat", #"{"conversation_id":"\#(id)","message":{"content":"What is the cat called?"}}"#)
        #expect(told.json["data"]?["content"] == "My cat is called Tom. [1]")
        #expect(try await server.send(.get, "/v1/conversations/\(id)/messages").json["data"]?["items"]?.arrayValue?.count == 6)
        let line = try #require(server.log.split(separator: "\n").first { $0.contains(#""message":"turn""#) || $0.contains(#""msg":"turn""#) })
        for part in [#""outcome":"ok""#, #""model":"extractive""#, #""tool_calls":1"#, id] { #expect(line.contains(part), "\(line)") }
        let metrics = try await server.send(.get, "/metrics").text
        #expect(metrics.contains(#"limen_turns_total{outcome="ok"} 3"#))
        // The call is accounted and audited as any other.
        let audit = try await server.send(.get, "/v1/admin/audit?limit=50").json["data"]?["items"]?.arrayValue ?? []
        #expect(audit.contains { $0["tool"] == "evaluate" && $0["call_id"] == reply.json["request_id"] })
    }

    @Test(
        "a model of a provider talks through its jailed adapter, calls a tool in another jail, and its key is in no log; one that fails gives way to the next"
    )
    func adapter() async throws {
        let providers = try Providers()
        let server = try LiveServer(
            plugins: ["calc"],
            environment: LiveServer.reaching(providers).merging(["LIMEN_CHAT_MODELS": "openai/status-429,openai/gpt"]) { $1 })
        try await server.enableOpenAI(providers)
        let body = #"{"message":{"content":"What is 1 + 1?"}}"#
        let reply = server.raw(
            "POST /v1/chat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(server.key)\r\nAccept: text/event-stream\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)", milliseconds: 20_000)
        #expect(reply.contains(#""kind":"fallback""#) && reply.contains(#""next":"openai/gpt""#), "\(reply)")
        #expect(reply.contains(#""kind":"tool""#) && reply.contains(#""tool":"calc.evaluate""#))
        #expect(reply.contains("event: message_done") && reply.contains(#""content":"Hello, wörld 🙂""#) && reply.contains(#""tool_calls":2"#))
        // What the tool said went to the provider as data, between marks; the key went with it, and is nowhere here.
        let asked = providers.requests.compactMap { $0["body"]?["messages"]?.arrayValue }.last ?? []
        #expect(asked.last?["role"] == "tool" && asked.last?["content"]?.stringValue?.hasPrefix("[data ") == true)
        #expect(!server.log.contains(Providers.key) && !reply.contains(Providers.key))
        let usage = try await server.send(.get, "/v1/usage?by=model").json["data"]?["items"]?[0]
        #expect(usage?["key"] == "gpt" && usage?["tokens_in"] == 22 && usage?["tokens_out"] == 14, "\(usage ?? .null)")
        // One that is named and fails says so, and what the person said is kept.
        let failed = try await server.send(.post, "/v1/chat", #"{"message":{"content":"x"},"model":"openai/status-429"}"#)
        #expect(failed.status == 429 && failed.json["error"]?["details"]?["conversation_id"] != nil, "\(failed.text)")
        let unknown = try await server.send(.post, "/v1/chat", #"{"message":{"content":"x"},"model":"nobody/gpt"}"#)
        #expect(unknown.status == 404 && unknown.json["error"]?["details"]?["reason"] == "unknown_model")
    }

    @Test(
        "a turn in the real jail that is cancelled, or whose adapter crashes or is killed, in mid-stream keeps what was said and says why; the next is fine",
        arguments: ["cancel", "client", "crash", "kill"])
    func midStream(way: String) async throws {
        let server = try LiveServer(plugins: ["calc"])
        let outcome = try server.limen([
            "plugin", "install", "\(try AdapterSite.bundles.get())/babble-1.0.0", "--enable", "--yes", "--data", server.data,
        ])
        try #require(outcome.code == 0, "\(outcome.complaints)")
        for _ in 0..<200 {
            let names = try await server.send(.get, "/v1/models").json["data"]?["items"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
            if names.contains(where: { $0.hasPrefix("babble/") }) { break }
            usleep(50_000)
        }
        let body = #"{"message":{"content":"x"},"model":"babble/\#(way == "crash" ? "crash" : "sleepy")"}"#
        let descriptor = try #require(
            server.connect(
                "POST /v1/chat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(server.key)\r\nAccept: text/event-stream\r\nX-Request-Id: turn-1\r\n"
                    + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"))
        let head = server.read(descriptor, until: #""two""#, milliseconds: 20_000)
        #expect(head.contains(#""text":"one ""#) && head.contains(#""text":"two""#), "\(head)")
        switch way {
        case "cancel": #expect(try await server.send(.post, "/v1/chat/cancel", #"{"request_id":"turn-1"}"#).status == 200)
        case "client": close(descriptor)
        case "kill":
            let workers = try await server.send(.get, "/v1/admin/sandbox").json["data"]?["workers"]?.arrayValue ?? []
            let pid = try #require(workers.first { $0["plugin"] == "babble" && $0["state"] == "busy" }?["pid"]?.intValue, "\(workers)")
            #expect(kill(pid_t(pid), SIGKILL) == 0)
        default: break
        }
        if way != "client" {
            let rest = head + server.read(descriptor, until: way == "cancel" ? "event: cancel_ack" : "event: error", milliseconds: 10_000)
            close(descriptor)
            #expect(rest.contains(way == "cancel" ? "event: cancel_ack" : "event: error") && !rest.contains("event: message_done"), "\(rest)")
        }
        var message: JSONValue?
        for _ in 0..<100 {
            let list = try await server.send(.get, "/v1/conversations").json["data"]?["items"]?[0]?["id"]?.stringValue ?? ""
            message = try await server.send(.get, "/v1/conversations/\(list)/messages").json["data"]?["items"]?[1]
            if message?["meta"]?["error"] != nil { break }
            usleep(50_000)
        }
        #expect(message?["content"] == "one two" && message?["truncated"] == true, "\(message ?? .null)")
        #expect(message?["meta"]?["error"] == (way == "cancel" || way == "client" ? "cancelled" : "unavailable"), "\(message ?? .null)")
        let conversation = try #require(message?["conversation_id"]?.stringValue)
        let next = try await server.send(
            .post, "/v1/chat", #"{"conversation_id":"\#(conversation)","message":{"content":"again"},"model":"babble/plain"}"#)
        #expect(next.status == 200 && next.json["data"]?["content"] == "one two" && next.json["data"]?["truncated"] == false, "\(next.text)")
    }

    @Test("a person opens a share link in a browser, clicks a citation and sees its source; nothing that was said is markup there (CHAT-7)")
    func citation() async throws {
        let server = try LiveServer(plugins: [])
        let trap = "<script>document.title='taken'</script><img src=x onerror=alert(1)>"
        let first = try await server.send(
            .post, "/v1/chat", (["message": ["content": .string("The server room is on floor 3. \(trap)")]] as JSONValue).text)
        let id = try #require(first.json["data"]?["conversation_id"]?.stringValue)
        for number in 0..<8 {
            let body: JSONValue = [
                "conversation_id": .string(id), "message": ["content": .string("Line \(number)\n\(String(repeating: "words\n", count: 40))")],
            ]
            #expect(try await server.send(.post, "/v1/chat", body.text).status == 200)
        }
        let asked = try await server.send(
            .post, "/v1/chat", #"{"conversation_id":"\#(id)","message":{"content":"On which floor is the server room?"}}"#)
        let parts = asked.json["data"]?["content_struct"]?["segments"]?.arrayValue ?? []
        #expect(parts.contains { $0["type"] == "citation" && $0["index"] == 1 }, "\(asked.text)")
        let path = try #require(try await server.send(.post, "/v1/conversations/\(id)/share", "{}").json["data"]?["path"]?.stringValue)
        let browser = try Browser()
        try browser.open("http://127.0.0.1:\(server.port)\(path)")
        let title = try browser.look("return document.title").stringValue ?? ""
        #expect(title.hasPrefix("The server room is on floor 3. <script>"), "\(title)")
        #expect(try browser.look("return document.querySelectorAll('script, img').length") == 0)
        #expect(try browser.look("return document.querySelectorAll('article').length") == 10)
        #expect(try browser.look("return getComputedStyle(document.querySelector('.text')).whiteSpace") == "pre-wrap")
        #expect(try browser.look("return document.querySelector(':target')") == .null)
        try browser.click("a[rel=next]")
        #expect(try browser.look("return document.querySelectorAll('article').length") == 10)
        try browser.click("#m20 a.citation")
        #expect(try browser.url.hasSuffix("#m20-s1"))
        let shown = try browser.look(
            "let t = document.querySelector(':target'); let r = t.getBoundingClientRect(); return [t.innerText, r.top >= 0 && r.bottom <= innerHeight]"
        )
        #expect(
            shown.arrayValue?.first?.stringValue?.contains("The server room is on floor 3.") == true && shown.arrayValue?.last == true, "\(shown)")
    }

    @Test("what is stored survives `kill -9` at any moment, and the server goes on with it (STORE-1, CHAT-1)")
    func killed() async throws {
        let server = try LiveServer(plugins: [])
        let first = try await server.send(.post, "/v1/chat", #"{"message":{"content":"My cat is called Tom."}}"#)
        let id = try #require(first.json["data"]?["conversation_id"]?.stringValue)
        for round in 0..<3 {
            // Turns under way while it dies.
            let descriptors = (0..<20).compactMap { number -> Int32? in
                let body = #"{"message":{"content":"turn \#(round) \#(number)"}}"#
                return server.connect(
                    "POST /v1/chat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(server.key)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                )
            }
            usleep(UInt32(round) * 3_000)
            server.stop(SIGKILL)
            for descriptor in descriptors { close(descriptor) }
            try server.start()
            let list = try await server.send(.get, "/v1/conversations?limit=500").json["data"]?["items"]?.arrayValue ?? []
            for conversation in list {
                let name = conversation["id"]?.stringValue ?? ""
                let messages = try await server.send(.get, "/v1/conversations/\(name)/messages").json["data"]?["items"]?.arrayValue ?? []
                #expect(messages.count == conversation["message_count"]?.intValue && messages.count.isMultiple(of: 2))
                #expect(messages.compactMap { $0["seq"]?.intValue } == Array(1...max(1, messages.count)))
            }
            let told = try await server.send(.post, "/v1/chat", #"{"conversation_id":"\#(id)","message":{"content":"What is the cat called?"}}"#)
            #expect(told.json["data"]?["content"] == "My cat is called Tom. [1]")
        }
    }

    @Test("a socket signs in by header or by its first message within 5 s, is closed with 4401 otherwise, and when its session ends (AUTH-4)")
    func socket() async throws {
        let server = try LiveServer(plugins: ["calc"])
        let byHeader = try SocketClient(server, headers: [("Authorization", "Bearer \(server.key)")])
        #expect(byHeader.head.hasPrefix("HTTP/1.1 101"))
        byHeader.send(["message": ["content": "/calc.evaluate 6*7"], "client_request_id": "mine"])
        let events = byHeader.turn()
        #expect(events.last?["event"] == "message_done" && events.last?["data"]?["content"]?.stringValue?.contains("42") == true)
        #expect(events.allSatisfy { $0["request_id"] == "mine" && $0.objectValue?.count == 3 })
        #expect(events.contains { $0["event"] == "trace" && $0["data"]?["kind"] == "tool" })
        // The same key again is the same conversation.
        byHeader.send(["message": ["content": "/calc.evaluate 6*7"], "client_request_id": "mine"])
        #expect(byHeader.turn().last?["data"]?["conversation_id"] == events.last?["data"]?["conversation_id"])
        // What names an identity is an unknown field; what is no JSON is an error and no end.
        byHeader.send(["message": ["content": "x"], "access_token": "x"])
        #expect(byHeader.turn().last?["data"]?["code"] == "validation_error")
        byHeader.send(text: "{")
        #expect(byHeader.turn().last?["data"]?["details"]?["reason"] == "json")
        byHeader.send(["message": ["content": "fine"]])
        #expect(byHeader.turn().last?["event"] == "message_done")
        byHeader.send(["cancel": ["request_id": "nothing"]])
        #expect(byHeader.turn().last?["data"]?["code"] == "not_found")
        // By the first message.
        let byMessage = try SocketClient(server)
        #expect(byMessage.head.hasPrefix("HTTP/1.1 101"))
        byMessage.send(["access_token": .string(server.key)])
        byMessage.send(["message": ["content": "hello"]])
        #expect(byMessage.turn().last?["event"] == "message_done")
        // Nothing is served before, whatever is sent.
        for first: JSONValue in [["message": ["content": "hello"]], ["access_token": "wrong"], ["access_token": "x", "user": "y"], "text"] {
            let stranger = try SocketClient(server)
            stranger.send(first)
            #expect(stranger.next() == nil && stranger.closeCode == 4401)
        }
        let bad = try SocketClient(server, headers: [("Authorization", "Bearer wrong")])
        #expect(bad.head.hasPrefix("HTTP/1.1 401"))
        let silent = try SocketClient(server)
        #expect(silent.next(milliseconds: 8_000) == nil && silent.closeCode == 4401)
        // No page of another origin.
        #expect(
            try SocketClient(server, headers: [("Origin", "https://evil.example"), ("Authorization", "Bearer \(server.key)")]).head.contains(" 403 "))
    }

    @Test("a session that is revoked closes its sockets, and its next message is not served (AUTH-4, AUTH-10)")
    func revoked() async throws {
        let server = try LiveServer(plugins: [])
        let made = try server.limen(["user", "create", "ann@example.org", "--data", server.data])
        #expect(made.code == 0, "\(made.complaints)")
        let password = try #require(made.output.firstMatch(of: /once: (\S+)/)?.1)
        func signIn(_ password: String) async throws -> JSONValue {
            try await server.send(.post, "/v1/auth/login", #"{"email":"ann@example.org","password":"\#(password)"}"#, headers: []).json["data"]
                ?? .null
        }
        var session = try await signIn(String(password))
        var token = try #require(session["access_token"]?.stringValue)
        // Who must change the password first has no socket.
        let early = try SocketClient(server)
        early.send(["access_token": .string(token)])
        #expect(early.next() == nil && early.closeCode == 4401)
        let changed = try await server.send(
            .post, "/v1/auth/password/change", #"{"current_password":"\#(password)","new_password":"plum lantern veto 9"}"#, key: token)
        #expect(changed.status == 200, "\(changed.text)")
        session = try await signIn("plum lantern veto 9")
        token = try #require(session["access_token"]?.stringValue)
        let socket = try SocketClient(server)
        socket.send(["access_token": .string(token)])
        socket.send(["message": ["content": "hello"]])
        #expect(socket.turn().last?["event"] == "message_done")
        #expect(try await server.send(.post, "/v1/auth/logout", key: token).status == 200)
        #expect(socket.next(milliseconds: 3_000) == nil && socket.closeCode == 4401)
    }

    @Test("five sockets of one user, and no sixth; one that is reset gives its place back")
    func places() async throws {
        let server = try LiveServer(plugins: [])
        func open() throws -> SocketClient { try SocketClient(server, headers: [("Authorization", "Bearer \(server.key)")]) }
        /// One after the other: a user receives two answers at once.
        func ask(_ client: SocketClient) -> JSONValue? {
            client.send(["message": ["content": "hello"]])
            return client.turn().last?["event"]
        }
        var clients = try (0..<5).map { _ in try open() }
        for client in clients { #expect(ask(client) == "message_done") }
        let sixth = try open()
        #expect(sixth.next() == nil && sixth.closeCode == 4429)
        clients.removeLast().reset()
        usleep(1_000_000)
        #expect(ask(try open()) == "message_done")
    }
}
