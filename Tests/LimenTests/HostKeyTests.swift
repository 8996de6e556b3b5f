import TestKit
import Testing

@Suite("Limen: the keys of a database", .serialized) struct HostKeyTests {
    @Test("a host with other keys than the database's, or none, does not start, and says which and what to do (AUTH-16)")
    func otherKeys() throws {
        let postgres = try PostgresServer()
        let settings = [
            "LIMEN_STORE_ENGINE": "postgres", "LIMEN_STORE_POSTGRES_HOST": postgres.folder, "LIMEN_STORE_POSTGRES_DATABASE": try postgres.database(),
        ]
        let one = try LiveServer(plugins: [], environment: settings)
        let none = try refusal(besides: one, settings) { _ in }
        #expect(none.contains("/keys/secrets.key is not the key") && none.contains("here is none."), "\(none)")
        let other = try refusal(besides: one, settings) { data in
            try Command.write("planted-value-x", to: "\(data)/x")
            let made = try Command.limen("secret", "set", "x", "--file", "\(data)/x", "--data", data)
            #expect(made.code == 0, "\(made.complaints)")
        }
        #expect(other.contains("they name key ") && other.contains("…, and here is ") && !other.contains("here is none"), "\(other)")
        #expect(other.contains("copy the folder from a host that serves, or restore it from its backup"))
        // The one that has them goes on, and so does another with a copy.
        let two = try LiveServer(besides: one, environment: settings)
        #expect(one.pid > 0 && two.pid > 0)
    }

    private func refusal(besides one: LiveServer, _ settings: [String: String], _ prepare: @escaping (String) throws -> Void) throws -> String {
        do {
            _ = try LiveServer(besides: one, environment: settings, keys: prepare)
            Issue.record("it started")
            return ""
        } catch let failure as Command.Failure {
            return failure.description
        }
    }
}
