import Glibc
import HTTP
import IO
import TestKit
import Testing

@Suite("Limen: backup and restore", .serialized) struct BackupCommandTests {
    enum Engine: CaseIterable, Sendable { case sqlite, postgres }

    /// A database of a server's, or of a folder's.
    private struct Place {
        let data: String
        let environment: [String: String]

        func limen(_ words: String...) throws -> Command.Outcome { try Command.limen(words + ["--data", data], environment: environment) }
    }

    private func settings(_ engine: Engine, _ postgres: PostgresServer?) throws -> [String: String] {
        guard let postgres else { return [:] }
        return [
            "LIMEN_STORE_ENGINE": "postgres", "LIMEN_STORE_POSTGRES_HOST": postgres.folder, "LIMEN_STORE_POSTGRES_DATABASE": try postgres.database(),
        ]
    }

    @Test(
        "a backup under load is restored into an empty place, whole and with all that was acknowledged before it; a place that is not empty is refused (STORE-1, STORE-2)",
        arguments: Engine.allCases)
    func roundTrip(engine: Engine) async throws {
        let postgres = engine == .postgres ? try PostgresServer() : nil
        let environment = try settings(engine, postgres)
        let server = try LiveServer(plugins: ["calc"], environment: environment)
        let here = Place(data: server.data, environment: environment)
        func add(_ index: Int) async throws -> Int {
            try await server.send(.put, "/v1/admin/secrets/s\(index)", #"{"value":"planted-value-\#(index)"}"#).status
        }
        for index in 0..<30 { #expect(try await add(index) == 200) }
        let file = "\(server.folder)/copy"
        let tally = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var index = 100
                while !tally.isOver {
                    #expect(try await add(index) == 200)
                    _ = try await server.send(.post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":"1+1"}}"#)
                    index += 1
                }
            }
            let taken = try here.limen("backup", file)
            tally.end()
            #expect(taken.code == 0, "\(taken.complaints)")
            try await group.waitForAll()
        }
        var information = stat()
        #expect(stat(file, &information) == 0 && information.st_mode & 0o777 == 0o600)
        let again = try here.limen("backup", file)
        #expect(again.code != 0 && again.complaints.contains("is there already"))
        let running = try here.limen("restore", file, "--yes")
        #expect(running.code != 0 && running.complaints.contains("stop it first"), "\(running.complaints)")

        // Into an empty place, with the keys, as the account that serves from the first one.
        let folder = Command.temporary()
        try Command.copy("\(server.data)/keys", to: "\(folder)/keys")
        try Command.give(folder, toOwnerOf: server.data)
        if engine == .postgres {
            // What serves may serve from another machine.
            let elsewhere = try Place(data: folder, environment: environment).limen("restore", file, "--yes")
            #expect(elsewhere.code != 0 && elsewhere.complaints.contains("stop every host of it first"), "\(elsewhere.complaints)")
            #expect(try await server.send(.get, "/readyz").status == 200)
        }
        let there = Place(data: folder, environment: try settings(engine, postgres))
        let restored = try there.limen("restore", file)
        #expect(restored.code == 0, "\(restored.complaints)")
        let secrets = try there.limen("secret", "list").output
        let missing = (0..<30).filter { !secrets.contains("s\($0) ") }
        #expect(missing.isEmpty)
        // Of one moment: what one writer did in order is there up to a point and not behind it, and so is the record of it.
        let under = (100..<10_000).prefix { secrets.contains("s\($0) ") }.count
        let records = try there.limen("audit", "export").output.split(separator: "\n").filter {
            $0.contains("\"secret.set\"") && $0.contains("\"name\":\"s")
        }
        #expect(records.count == 30 + under, "\(records.count) records of \(30 + under)")
        let whole = try there.limen("audit", "verify")
        #expect(whole.code == 0, "\(whole)")
        #expect(try there.limen("user", "list").output.contains("admin@localhost"))

        // Not into one that is not empty, unless that is meant; what is restored then is what was copied.
        #expect(try there.limen("secret", "remove", "s7").code == 0)
        let refused = try there.limen("restore", file)
        #expect(refused.code != 0 && refused.complaints.contains("--yes"), "\(refused.complaints)")
        #expect(try !there.limen("secret", "list").output.contains("s7 "))
        let meant = try there.limen("restore", file, "--yes")
        #expect(meant.code == 0, "\(meant.complaints)")
        #expect(try there.limen("secret", "list").output.contains("s7 "))
    }
}
