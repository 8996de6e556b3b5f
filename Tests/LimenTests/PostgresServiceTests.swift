import Glibc
import HTTP
import IO
import JSON
import TestKit
import Testing

@Suite("Limen on PostgreSQL", .serialized) struct PostgresServiceTests {
    @Test("the service records calls on PostgreSQL, is not ready while that is away, and resumes by itself (STORE-2, STORE-7)")
    func service() async throws {
        let postgres = try PostgresServer()
        let database = try postgres.database()
        let server = try LiveServer(
            plugins: ["calc"],
            environment: [
                "LIMEN_STORE_ENGINE": "postgres", "LIMEN_STORE_POSTGRES_HOST": postgres.folder, "LIMEN_STORE_POSTGRES_DATABASE": database,
            ])
        func call() async throws -> Int {
            try await server.send(.post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":"1+1"}}"#).status
        }
        for _ in 0..<5 { #expect(try await call() == 200) }
        let audit = try await server.send(.get, "/v1/admin/audit?limit=50").text
        #expect(audit.contains("tool.call"))
        #expect(try postgres.run("SELECT sum(calls) FROM usage_day", in: database) == "5\n")
        try postgres.tell("stop")
        let away = try await server.send(.get, "/readyz")
        #expect(away.status == 503 && away.text.contains("database"), "\(away.text)")
        try postgres.tell("start")
        var isReady = false
        for _ in 0..<100 where !isReady {
            isReady = try await server.send(.get, "/readyz").status == 200
            usleep(100_000)
        }
        #expect(isReady)
        #expect(try await call() == 200)
        let whole = try await server.send(.get, "/v1/admin/audit/verification")
        #expect(whole.json["data"]?["intact"] == true, "\(whole.text)")
    }
}
