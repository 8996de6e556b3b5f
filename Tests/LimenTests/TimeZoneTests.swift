import Glibc
import HTTP
import JSON
import TestKit
import Testing

@Suite("Limen in any time zone", .serialized) struct TimeZoneTests {
    /// Every text under a name of a time.
    private func times(_ value: JSONValue) -> [String] {
        if let items = value.arrayValue { return items.flatMap(times) }
        guard let object = value.objectValue else { return [] }
        return object.flatMap { name, value in
            if name == "at" || name.hasSuffix("_at"), let text = value.stringValue { return [text] }
            return times(value)
        }
    }

    @Test("every time that a reply or a command shows is UTC and says so, whatever zone its process is in (STORE-8)")
    func zones() async throws {
        func stamp() throws -> String { String(try Command.run(["/usr/bin/date", "-u", "+%Y-%m-%dT%H:%M:%S"]).output.prefix(19)) }
        let before = try stamp()
        let server = try LiveServer(plugins: [], environment: ["TZ": "Pacific/Auckland"])
        #expect(try await server.send(.put, "/v1/admin/secrets/mine", #"{"value":"planted-value-mine"}"#).status == 200)
        let signed = try await server.send(
            .post, "/v1/auth/signup", #"{"email":"ann@example.com","password":"plum lantern veto 9"}"#, key: "none")
        let token = try #require(signed.json["data"]?["access_token"]?.stringValue)
        #expect(try await server.send(.post, "/v1/api_keys", #"{"name":"k","scopes":["read"]}"#, key: token).status == 200)
        var found: [String] = []
        for (path, key) in [
            ("/v1/admin/secrets", server.key), ("/v1/admin/audit", server.key), ("/v1/admin/users", server.key),
            ("/v1/admin/jobs?state=done", server.key),
            ("/v1/sessions", token), ("/v1/api_keys", token), ("/v1/me", token),
        ] {
            let shown = times(try await server.send(.get, path, key: key).json)
            #expect(!shown.isEmpty || path.contains("jobs"), "\(path)")
            found += shown
        }
        let after = try stamp()
        for time in found {
            #expect(time.utf8.count == 24 && time.hasSuffix("Z") && time.dropFirst(10).hasPrefix("T"), "\(time)")
            // What is yet to come is an expiry.
            #expect(time.prefix(19) >= before, "\(time) is before \(before)")
        }
        #expect(found.contains { $0.prefix(19) >= before && $0.prefix(19) <= after })
        let lists = try ["UTC", "America/St_Johns", "Pacific/Kiritimati"].map { zone in
            try Command.limen("secret", "list", "--data", server.data, environment: ["TZ": zone]).output
        }
        #expect(lists[0].contains("Z ") && Set(lists).count == 1, "\(lists)")
    }
}
