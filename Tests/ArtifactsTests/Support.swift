import Glibc
import IO
import JSON
import Store
import StoreKit
import TestKit
import Testing

@testable import Artifacts

/// Artifacts over a database of their own on either engine: two people and an admin of one tenant, one person of another, and a clock that the test moves.
final class ArtifactBench: Sendable {
    private static let loops = Result { try EventLoopGroup(count: 2) }
    static let ann = ArtifactReader(tenant: "main", account: "ann")
    static let bob = ArtifactReader(tenant: "main", account: "bob")
    static let carl = ArtifactReader(tenant: "main", account: "carl")
    static let boss = ArtifactReader(tenant: "main", account: "boss", isAdmin: true)
    static let eve = ArtifactReader(tenant: "other", account: "eve", isAdmin: true)

    let folder: String
    let database: Database
    let store: ArtifactStore
    let clock = TestClock()

    init(_ engine: DatabaseEngine, kinds: [ArtifactKind] = ArtifactBench.kinds, probe: StoreProbe? = nil) async throws {
        var template = Array("/tmp/limen-artifacts-XXXXXX".utf8CString)
        folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        let place: DatabasePlace
        switch engine {
        case .sqlite: place = .sqlite(path: "\(folder)/limen.db")
        case .postgres:
            let server = try PostgresServer.shared.get()
            place = .postgres(PostgresSettings(host: server.folder, database: try server.database(), user: "limen"))
        }
        database = try await Database.open(place, on: Self.loops.get(), probe: probe)
        let clock = clock
        store = ArtifactStore(database: database, kinds: ArtifactKinds(kinds), accountTopic: "account") { clock.now }
        try await database.write { connection in
            try await connection.execute("INSERT INTO tenant (id, name, created_at) VALUES ('other', 'other', 0)")
            for person in [Self.ann, Self.bob, Self.carl, Self.boss, Self.eve] {
                try await connection.execute(
                    """
                    INSERT INTO account (id, tenant, email, email_key, role, plan, is_active, must_change, created_at)
                    VALUES ($1, $2, $3, $3, 'user', 'free', 1, 0, 0)
                    """, [.text(person.account), .text(person.tenant), .text("\(person.account)@example.org")])
            }
        }
    }

    /// A kind whose definitions have a number `n`, with a seed.
    static let kinds = [kind(seeds: [ArtifactSeed(name: "default", description: "Given", schema: ["kind": "policy.number", "n": 7])])]

    static func kind(seeds: [ArtifactSeed]) -> ArtifactKind {
        ArtifactKind("policy.number", seeds: seeds) { schema in
            schema["n"]?.intValue == nil ? [ArtifactProblem("/n", "has to be a whole number")] : []
        }
    }

    /// A definition of that kind.
    static func draft(_ n: JSONValue = 1, name: String = "a number", _ visibility: ArtifactVisibility = .private) -> ArtifactDraft {
        ArtifactDraft(name: name, visibility: visibility, schema: ["kind": "policy.number", "n": n])
    }

    func make(_ n: JSONValue = 1, _ visibility: ArtifactVisibility = .private, by reader: ArtifactReader = ann) async throws -> Artifact {
        try await store.create(.policy, Self.draft(n, visibility), by: reader, requestID: "r")
    }

    @discardableResult
    func patch(_ id: String, _ patch: JSONValue, by reader: ArtifactReader = ann) async throws -> Artifact {
        try await store.change(id, by: JSONPatch(patch, limits: ArtifactStore.patchLimits), by: reader, requestID: "r")
    }

    func count(_ sql: SQL) async throws -> Int { try await database.read { try await $0.row(sql)?.int(0) ?? -1 } }

    deinit {
        database.close()
        for name in ["limen.db", "limen.db-wal", "limen.db-shm"] { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }
}

/// Why something was refused; nil when it was not.
func refusal(_ body: () async throws -> Void) async -> ArtifactError? {
    do {
        try await body()
        return nil
    } catch let error as ArtifactError {
        return error
    } catch {
        Issue.record("\(error)")
        return nil
    }
}
