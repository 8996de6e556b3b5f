import HTTP
import JSON
import TestKit
import Testing

/// PostgreSQL that goes down in the middle of everything.
@Suite("Limen and a PostgreSQL that restarts", .serialized) struct RestartTests {
    @Test(
        "under load a restart of PostgreSQL is 503 with Retry-After, named by /readyz, over by itself, and nothing acknowledged is lost (STORE-1, STORE-7)"
    )
    func restart() async throws {
        let postgres = try PostgresServer()
        let database = try postgres.database()
        let server = try LiveServer(
            plugins: [],
            environment: [
                "LIMEN_STORE_ENGINE": "postgres", "LIMEN_STORE_POSTGRES_HOST": postgres.folder, "LIMEN_STORE_POSTGRES_DATABASE": database,
            ])
        let tally = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    var index = 0
                    while !tally.isOver {
                        let name = "w\(worker)n\(index)"
                        index += 1
                        let body = "{\"value\":\"planted-value-\(name)\"}"
                        let text = server.raw(
                            "PUT /v1/admin/secrets/\(name) HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(server.key)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)",
                            milliseconds: 20_000)
                        if text.hasPrefix("HTTP/1.1 20") {
                            tally.acknowledge(name)
                            // What waits in `raw` holds a thread.
                            await Task.yield()
                        } else {
                            tally.refuse(text)
                            try await Task.sleep(for: .milliseconds(50))
                        }
                    }
                }
            }
            group.addTask {
                while tally.acknowledged.count < 20 { try await Task.sleep(for: .milliseconds(10)) }
                try postgres.tell("kill")
                var ready = try await server.send(.get, "/readyz")
                for _ in 0..<100 where ready.status == 200 { ready = try await server.send(.get, "/readyz") }
                #expect(ready.status == 503 && ready.text.contains("database"), "\(ready.text)")
                try await Task.sleep(for: .milliseconds(500))
                try postgres.tell("start")
                let before = tally.acknowledged.count
                for _ in 0..<200 where tally.acknowledged.count < before + 20 { try await Task.sleep(for: .milliseconds(50)) }
                #expect(tally.acknowledged.count >= before + 20)
                tally.end()
            }
            try await group.waitForAll()
        }
        let refused = tally.refused
        #expect(!refused.isEmpty)
        for text in refused {
            #expect(text.hasPrefix("HTTP/1.1 503") && text.lowercased().contains("\r\nretry-after: "), "\(text.prefix(300))")
            #expect(!text.contains("SQL") && !text.contains("postgres"), "\(text)")
        }
        #expect(try await server.send(.get, "/readyz").status == 200)
        var there = Set<String>()
        var cursor: String?
        repeat {
            let page = try await server.send(.get, "/v1/admin/secrets?limit=500" + (cursor.map { "&cursor=\($0)" } ?? ""))
            for item in page.json["data"]?["items"]?.arrayValue ?? [] { if let name = item["name"]?.stringValue { there.insert(name) } }
            cursor = page.json["data"]?["next_cursor"]?.stringValue
        } while cursor != nil
        let lost = tally.acknowledged.filter { !there.contains($0) }
        #expect(lost.isEmpty, "\(lost)")
        print("restart of PostgreSQL: \(tally.acknowledged.count) acknowledged, \(refused.count) refused, none lost")
    }
}
