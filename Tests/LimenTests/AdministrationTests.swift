import Glibc
import HTTP
import JSON
import Testing

@Suite("Limen: tenants, audit log, breakers", .serialized) struct AdministrationTests {
    @Test("`limen tenant` makes, lists and disables tenants, which a running server notices; `limen audit` verifies and exports what it did (OPS-6)")
    func commands() async throws {
        let server = try LiveServer(plugins: ["calc"])
        func limen(_ words: String...) throws -> Command.Outcome { try server.limen(words + ["--data", server.data]) }
        #expect(try limen("tenant", "create", "team", "--host", "team.test").code == 0)
        #expect(try limen("tenant", "create", "team").code == 1)
        #expect(try limen("tenant", "create", "@host").code == 2)
        #expect(try limen("user", "create", "ann@example.com", "--tenant", "team").code == 0)
        let key = String(try limen("user", "key", "ann@example.com", "--tenant", "team", "--scopes", "read").output.dropLast())
        // Its password must be changed first, and a key does not ask for that.
        for _ in 0..<2 { #expect(try await server.send(.get, "/v1/me", key: key).json["data"]?["tenant_id"] == "team") }
        #expect(try limen("tenant", "disable", "team").code == 0)
        #expect(try await server.send(.get, "/v1/me", key: key).status == 401)
        #expect(try limen("tenant", "list").output.contains("disabled"))
        #expect(try limen("tenant", "enable", "team").code == 0)
        #expect(try await server.send(.get, "/v1/me", key: key).status == 200)
        #expect(try await server.send(.post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":"1+1"}}"#).status == 200)

        let whole = try await server.send(.get, "/v1/admin/audit/export")
        let lines = whole.text.split(separator: "\n").map { Array($0.utf8) }
        let entries = try lines.map { try JSONValue(parsing: $0) }
        #expect(whole.status == 200 && entries.count > 5 && entries[0]["seq"] == 1)
        for (one, next) in zip(entries, entries.dropFirst()) { #expect(next["previous"] == one["hash"]) }
        #expect(entries.contains { $0["action"] == "tenant.create" } && entries.contains { $0["action"] == "tool.call" })
        // Ids and no other personal data (SPEC 6).
        #expect(!whole.text.contains("ann@example.com") && !whole.text.contains("127.0.0.1"))
        let part = try await server.send(.get, "/v1/admin/audit/export?after=3&limit=2").text
        #expect(part.split(separator: "\n").count == 2 && part.hasPrefix(#"{"action""#))

        #expect(try limen("audit", "export").output.hasPrefix(whole.text))
        let verified = try limen("audit", "verify")
        #expect(verified.code == 0 && verified.output.contains("whole; head "))
        server.stop()
        let tampered = try Command.run([
            "/usr/bin/python3", "-c",
            "import sqlite3,sys; d=sqlite3.connect(sys.argv[1]); d.execute('DROP TRIGGER audit_is_never_updated'); d.execute(\"UPDATE audit SET actor='x' WHERE seq=4\"); d.commit()",
            "\(server.data)/limen.db",
        ])
        #expect(tampered.code == 0, "\(tampered.complaints)")
        let broken = try limen("audit", "verify")
        #expect(broken.code == 1 && broken.complaints.contains("broken at entry 4"))
    }

    @Test("breakers are listed and closed by hand, by an operator")
    func breakers() async throws {
        let server = try LiveServer(plugins: ["calc"])
        let list = try await server.send(.get, "/v1/admin/breakers")
        #expect(
            list.json["data"]?["items"]?.arrayValue?.contains { $0["tool"] == "calc.evaluate" && $0["state"] == "closed" } == true, "\(list.text)")
        #expect(try await server.send(.post, "/v1/admin/breakers/calc.evaluate/reset").json["data"]?["state"] == "closed")
        #expect(try await server.send(.post, "/v1/admin/breakers/calc.none/reset").status == 404)
        #expect(try await server.send(.get, "/v1/admin/audit").text.contains("breaker.reset"))
    }
}
