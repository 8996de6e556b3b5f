import CLinux
import Glibc
import HTTP
import JSON
import Testing

@Suite("Limen: accounts", .serialized)
struct UserTests {
    private func limen(_ server: LiveServer, _ words: String...) throws -> Command.Outcome { try server.limen(words + ["--data", server.data]) }

    private func signIn(_ server: LiveServer, _ email: String, _ password: String) async throws -> (status: Int, json: JSONValue) {
        let body: JSONValue = ["email": .string(email), "password": .string(password)]
        let reply = try await server.send(.post, "/v1/auth/login", body.text)
        return (reply.status, reply.json["data"] ?? .null)
    }

    /// The word after a phrase.
    private func word(after phrase: String, in text: String) -> String {
        guard let end = text.firstRange(of: phrase)?.upperBound else { return "" }
        return String(text[end...].prefix { !$0.isWhitespace && $0 != "," })
    }

    @Test("the first start prints a one-time password, which opens nothing but the way to another; the next start prints none (AUTH-11)")
    func firstStart() async throws {
        let server = try LiveServer(plugins: [])
        let password = word(after: "one-time password ", in: Command.text("\(server.folder)/out"))
        #expect(password.count == 23)
        let first = try await signIn(server, "admin@localhost", password)
        let token = first.json["access_token"]?.stringValue ?? ""
        #expect(first.json["role"] == "operator" && first.json["password_change_required"] == true)
        let held = try await server.send(.get, "/v1/admin/users", key: token)
        #expect(held.status == 403 && held.json["error"]?["details"]?["reason"] == "password_change_required")
        let change: JSONValue = ["current_password": .string(password), "new_password": "quiet harbour 61"]
        #expect(try await server.send(.post, "/v1/auth/password/change", change.text, key: token).status == 200)
        #expect(try await server.send(.get, "/v1/admin/users", key: token).status == 200)
        #expect(try await signIn(server, "admin@localhost", password).status == 401)
        server.stop()
        unlink("\(server.folder)/out")
        try server.start()
        #expect(!Command.text("\(server.folder)/out").contains("one-time"))
        #expect(try await server.send(.get, "/v1/me", key: token).status == 200, "an access token outlives a restart")
        #expect(try await signIn(server, "admin@localhost", "quiet harbour 61").status == 200)
        for text in [server.log, Command.text("\(server.data)/limen.db")] { #expect(!text.contains(password) && !text.contains("quiet harbour")) }
    }

    @Test("what `limen user` changes holds on a running server's next request, and its exit codes say what happened")
    func commands() async throws {
        let server = try LiveServer(plugins: [])
        let made = try limen(server, "user", "create", "bob@example.com", "--role", "admin")
        #expect(made.code == 0, "\(made.complaints)")
        #expect(try limen(server, "user", "create", "BOB@example.com").code == 1)
        #expect(try limen(server, "user", "create", "no address").code == 2)
        #expect(try limen(server, "user", "create", "eve@example.com", "--role", "king").code == 2)
        #expect(try limen(server, "user", "role", "nobody@example.com", "user").code == 1)
        #expect(try limen(server, "user", "role", "admin@localhost", "user").complaints.contains("last operator"))
        #expect(try limen(server, "user", "create", "--help").output.contains("one-time password"))
        try Command.write("plum lantern veto 9\n", to: "\(server.folder)/password")
        #expect(try limen(server, "user", "create", "ann@example.com", "--file", "\(server.folder)/password").code == 0)
        let token = try await signIn(server, "ann@example.com", "plum lantern veto 9").json["access_token"]?.stringValue ?? ""
        let key = String(try limen(server, "user", "key", "ann@example.com", "--scopes", "read").output.dropLast())
        for credential in [token, key] {
            for _ in 0..<3 { #expect(try await server.send(.get, "/v1/me", key: credential).status == 200) }
        }
        #expect(try limen(server, "user", "disable", "ann@example.com").code == 0)
        for credential in [token, key] { #expect(try await server.send(.get, "/v1/me", key: credential).status == 401) }
        #expect(try limen(server, "user", "enable", "ann@example.com").code == 0)
        let again = try await signIn(server, "ann@example.com", "plum lantern veto 9").json["access_token"]?.stringValue ?? ""
        #expect(try await server.send(.get, "/v1/admin/users", key: again).status == 403)
        #expect(try limen(server, "user", "role", "ann@example.com", "admin").code == 0)
        #expect(try await server.send(.get, "/v1/me", key: again).status == 401)
        let reset = try limen(server, "user", "reset", "ann@example.com", "--mfa")
        let password = word(after: "this once: ", in: reset.output)
        #expect(reset.code == 0 && password.count == 23)
        #expect(try await signIn(server, "ann@example.com", "plum lantern veto 9").status == 401)
        #expect(try await signIn(server, "ann@example.com", password).json["role"] == "admin")
        let list = try limen(server, "user", "list").output
        #expect(["admin@localhost", "ann@example.com", "bob@example.com"].allSatisfy(list.contains))
    }

    @Test("a letter to a person is a file in the outbox, with the link's code, and readable by nobody else")
    func outbox() async throws {
        let server = try LiveServer(plugins: [])
        let made = try await server.send(.post, "/v1/auth/signup", #"{"email":"ann@example.com","password":"plum lantern veto 9"}"#)
        #expect(made.status == 200, "\(made.text)")
        var letters: [String] = []
        for _ in 0..<100 where letters.isEmpty {
            usleep(50_000)
            letters = Command.names("\(server.data)/outbox").filter { $0.hasSuffix(".eml") }
        }
        let path = "\(server.data)/outbox/\(letters.first ?? "")"
        let text = Command.text(path)
        #expect(text.contains("To: ann@example.com\r\n") && text.contains("\r\n\r\nAn account was made"))
        var information = stat()
        #expect(stat(path, &information) == 0 && information.st_mode & 0o777 == 0o600)
        let code = word(after: "to your client: ", in: text)
        #expect(try await server.send(.post, "/v1/auth/verify_email", #"{"token":"\#(code)"}"#).status == 200)
    }
}
