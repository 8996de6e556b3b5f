import Glibc
import JSON
import JSONSchema
import Store
import Telemetry
import Testing

@testable import API

/// A database of a test's own.
func withDatabase<Result>(_ body: (Database) async throws -> Result) async throws -> Result {
    var template = Array("/tmp/limen-api-XXXXXX".utf8CString)
    let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    let database = try Database(path: "\(folder)/limen.db")
    defer {
        database.close()
        for name in ["limen.db", "limen.db-wal", "limen.db-shm"] { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }
    return try await body(database)
}

@Suite("API: jobs")
struct JobRouteTests {
    private func items(_ response: APIResponse, _ fixture: Fixture) throws -> [JSONValue] {
        let json = try response.json
        guard case .route(let route, _) = fixture.dispatcher.table.match(method: "GET", path: "/v1/admin/jobs") else { return [] }
        #expect(try CompiledSchema(Envelope.schema(route.route.data)).validate(json) == [])
        return json["data"]?["items"]?.arrayValue ?? []
    }

    @Test("what failed is seen by its tenant's admin and by an operator, and gets another chance that the audit log has (OPS-4)")
    func dead() async throws {
        try await withDatabase { database in
            let jobs = JobStore(database: database)
            let fixture = try Fixture(checks: [], jobs: LiveJobs(jobs, log: Log()))
            for tenant in ["main", "other"] {
                try await jobs.add(JobRequest("k", tenant: tenant, owner: "u"))
                let lease = try #require(try await jobs.claim(worker: "w", kinds: ["k"]))
                try await jobs.fail(lease, "no route", isFinal: true)
            }
            #expect(try items(await fixture.send("GET", "/v1/admin/jobs"), fixture).count == 2)
            let own = try items(await fixture.send("GET", "/v1/admin/jobs", key: "admin of another tenant"), fixture)
            #expect(own.map { $0["tenant_id"] } == ["other"])
            #expect(own.first?["failure"] == "no route")
            let id = own.first?["id"]?.stringValue ?? ""
            // Another tenant's admin can neither see nor touch it (AUTH-1).
            #expect(await fixture.send("POST", "/v1/admin/jobs/\(id)/retry", key: "admin").status == 404)
            let retried = await fixture.send("POST", "/v1/admin/jobs/\(id)/retry", key: "admin of another tenant")
            #expect(retried.status == 200)
            #expect(try retried.json["data"]?["state"] == "queued")
            #expect(await fixture.send("POST", "/v1/admin/jobs/\(id)/retry", key: "admin of another tenant").status == 404)
            let waiting = try items(await fixture.send("GET", "/v1/admin/jobs", query: [("state", "queued")]), fixture)
            #expect(waiting.map { $0["id"] } == [.string(id)])
            #expect(await fixture.send("GET", "/v1/admin/jobs", query: [("state", "gone")]).status == 400)
            let noted = try await AuditLog(database: database).list(cursor: nil, limit: 1).items.first?.entry
            #expect(noted?.action == "job.retry" && noted?.tenant == "other")
        }
    }
}
