import Crypto
import IO
import JSON
package import Store

/// What is known of seeds: which tenants have theirs, and where they are.
final class Seeding: Sendable {
    private struct Table: Sendable {
        var tenants: Set<String> = []
        var places: [String: String] = [:]
    }
    private let table = Lock(Table())

    func isDone(_ tenant: String) -> Bool { table.withLock { $0.tenants.contains(tenant) } }

    func place(_ tenant: String, _ kind: String, _ name: String) -> String? { table.withLock { $0.places["\(kind)/\(name)/\(tenant)"] } }

    func done(_ tenant: String, _ places: [(kind: String, name: String, id: String)]) {
        table.withLock { table in
            if table.tenants.count >= ArtifactLimits.seededTenantsMax { (table.tenants, table.places) = ([], [:]) }
            table.tenants.insert(tenant)
            for place in places { table.places["\(place.kind)/\(place.name)/\(tenant)"] = place.id }
        }
    }
}

extension ArtifactStore {
    /// The tenant's artifact that the system put there, as the tenant has it now: `("workflow.chat", "default")`.
    /// - Throws: `.missing` when this host seeds none of that name.
    package func seeded(kind: String, name: String, tenant: String) async throws(ArtifactError) -> Artifact {
        try await seed(tenant)
        guard let id = seeding.place(tenant, kind, name) else { throw .missing("artifact") }
        // Whatever is seeded is everyone's.
        return try await artifact(id, for: ArtifactReader(tenant: tenant, account: ""))
    }

    /// Gives a tenant what the system gives every tenant. However often and by however many hosts it is done, each is there once; what the tenant has
    /// changed stays as it is, and what it has not follows a newer release. A host of an older release, beside a newer one while an upgrade rolls on,
    /// finds its own form among those that were planted, and leaves what is there.
    func seed(_ tenant: String) async throws(ArtifactError) {
        guard !seeding.isDone(tenant) else { return }
        let (seeds, now) = (kinds.seeds, now())
        let places = try await write(of: tenant) { connection -> Result<[(kind: String, name: String, id: String)]?, ArtifactError> in
            // An API key of the host itself belongs to no tenant that has artifacts.
            guard try await connection.row("SELECT id FROM tenant WHERE id = $1", [.text(tenant)]) != nil else { return .success(nil) }
            try await connection.lock(.named("artifact/seeds/\(tenant)"))
            var places: [(kind: String, name: String, id: String)] = []
            for (kind, seed) in seeds {
                places.append((kind.kind, seed.name, try await Self.plant(kind, seed, tenant, now, connection)))
            }
            return .success(places)
        }
        if let places { seeding.done(tenant, places) }
    }

    /// Puts one seed there, or brings an untouched one up to date; its id.
    private static func plant(
        _ kind: ArtifactKind, _ seed: ArtifactSeed, _ tenant: String, _ now: Int64, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> String {
        let draft = ArtifactDraft(name: seed.name, description: seed.description, visibility: .global, schema: seed.schema)
        let mark = Hex.encode(SHA256.hash("\(seed.description)\n\(seed.schema.text)").bytes)
        let row = try await connection.row(
            "SELECT id, seed FROM artifact WHERE tenant = $1 AND kind = $2 AND seed_name = $3",
            [.text(tenant), .text(kind.kind), .text(seed.name)])
        guard let row else {
            let id = UUIDv7.make()
            try await connection.execute(
                """
                INSERT INTO artifact (id, tenant, type, kind, visibility, version, seed, seed_name, seed_version, created_at, updated_at)
                VALUES ($1, $2, $3, $4, 'global', 1, $5, $6, 1, $7, $7)
                """,
                [
                    .text(id), .text(tenant), .text(ArtifactKinds.type(of: kind.kind)?.rawValue ?? ""), .text(kind.kind), .text(mark),
                    .text(seed.name),
                    .integer(now),
                ])
            try await add(draft, to: id, version: 1, from: nil, by: nil, tenant, now, connection)
            return id
        }
        let id = try row.text(0)
        if try !marks(row.text(1)).contains(Substring(mark)) { try await renew(id, to: draft, mark, tenant, now, connection) }
        return id
    }

    private static func marks(_ text: String) -> [Substring] { text.split(separator: " ") }

    /// Brings a seed up to date, behind the lock of whoever changes it.
    private static func renew(
        _ id: String, to draft: ArtifactDraft, _ mark: String, _ tenant: String, _ now: Int64, _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        try await connection.lock(.named("artifact/\(id)"))
        let row = try await connection.row("SELECT version, seed, seed_version FROM artifact WHERE id = $1", [.text(id)])
        guard let row else { return }
        let version = try row.int(0)
        let marks = (try marks(row.text(1)) + [Substring(mark)]).suffix(ArtifactLimits.seedMarksMax).joined(separator: " ")
        if try row.int(2) == version {
            try await add(draft, to: id, version: version + 1, from: nil, by: nil, tenant, now, connection)
            try await connection.execute(
                "UPDATE artifact SET version = $1, seed = $2, seed_version = $1, updated_at = $3 WHERE id = $4",
                [SQLValue(version + 1), .text(marks), .integer(now), .text(id)])
        } else {
            try await connection.execute("UPDATE artifact SET seed = $1 WHERE id = $2", [.text(marks), .text(id)])
        }
        try await connection.announce(topic, id)
    }

    /// Removes some of what was retired long enough ago; how many. 0 says that it is done.
    package func sweep() async throws(StoreError) -> Int {
        let before = now() - ArtifactLimits.retiredMilliseconds
        return try await database.write(isolation: .statements) { connection in
            try await connection.execute(
                "DELETE FROM artifact WHERE id IN (SELECT id FROM artifact WHERE retired_at < $1 ORDER BY retired_at LIMIT $2)",
                [.integer(before), SQLValue(ArtifactLimits.sweepMax)])
        }
    }
}
