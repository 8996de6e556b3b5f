import Crypto
import IO
package import Store

/// Artifacts in the database, each tenant's apart. Definitions that were read once are remembered until they change, here or on another host (STORE-16).
///
/// Safe from any task.
package final class ArtifactStore: Sendable {
    /// What changes are announced as, with the artifact's id.
    package static let topic = "artifact"

    let database: Database
    let kinds: ArtifactKinds
    let now: @Sendable () -> Int64
    private let cache: ArtifactCache
    let seeding = Seeding()

    /// Uses a database.
    /// - Parameters:
    ///   - accountTopic: What changes of accounts are announced as, with the account's id.
    ///   - now: Milliseconds since 1970-01-01 UTC.
    package init(
        database: Database, kinds: ArtifactKinds, accountTopic: String? = nil, now: @escaping @Sendable () -> Int64 = { StoreClock.nowMilliseconds() }
    ) {
        (self.database, self.kinds, self.now) = (database, kinds, now)
        cache = ArtifactCache { database.copyStamp }
        database.observe { [cache] news in
            switch news {
            case .changed(Self.topic, let id): cache.forget(id)
            // A change of many accounts at once names none.
            case .changed(accountTopic, "*"): cache.forget(nil)
            case .changed(accountTopic, let account): cache.forget(account: account)
            case .changed: break
            case .gap: cache.forget(nil)
            }
        }
    }

    // MARK: One

    /// An artifact as it is now, or as one version of it says.
    /// - Throws: `.missing` when there is none that the reader may read; a retired one is there no more.
    package func artifact(_ id: String, version: Int? = nil, for reader: ArtifactReader) async throws(ArtifactError) -> Artifact {
        let slot: ArtifactCache.Slot = version.map { .version($0) } ?? .current
        // Whoever may not read it hears from the database what is missing.
        if let known = cache.artifact(id, slot), known.isReadable(by: reader) { return known }
        let ticket = cache.ticket()
        let found = try await read(of: reader.tenant) { connection -> (now: Artifact, then: Artifact?)? in
            guard let current = try await Self.find(id, reader.tenant, connection) else { return nil }
            guard let version, version != current.version else { return (current, current) }
            return (current, try await Self.find(id, reader.tenant, version: version, connection))
        }
        guard let found, found.now.isReadable(by: reader) else { throw .missing("artifact") }
        // What it said before others were let in is not there for them.
        guard let artifact = found.then, artifact.isReadable(by: reader) else { throw .missing("version") }
        cache.keep(artifact, slot, ticket)
        return artifact
    }

    /// A version that something which was allowed once goes on with: it is there although the artifact was retired, or hidden from whoever began (WF-5).
    package func pinned(_ id: String, version: Int, tenant: String) async throws(ArtifactError) -> Artifact {
        if let known = cache.artifact(id, .pinned(version)), known.tenant == tenant { return known }
        let ticket = cache.ticket()
        let found = try await read(of: tenant) { try await Self.find(id, tenant, version: version, retired: true, $0) }
        guard let found else { throw .missing("version") }
        cache.keep(found, .pinned(version), ticket)
        return found
    }

    /// The history of one, the newest first.
    package func versions(
        of id: String, for reader: ArtifactReader, cursor: String?, limit: Int
    ) async throws(ArtifactError) -> Page<ArtifactVersion> {
        let before = try Self.number(cursor)
        let current = try await artifact(id, for: reader)
        let first = current.owner == reader.account ? 1 : current.shownFrom
        let rows = try await read(of: reader.tenant) { connection in
            try await connection.rows(
                """
                SELECT version, name, author, restored_from, created_at FROM artifact_version
                WHERE artifact = $1 AND tenant = $2 AND version < $3 AND version >= $5 ORDER BY version DESC LIMIT $4
                """, [.text(id), .text(reader.tenant), .integer(before), SQLValue(limit + 1), SQLValue(first)]
            ).map { row in
                ArtifactVersion(
                    version: try row.int(0), name: try row.text(1), author: try row.optionalText(2),
                    restoredFrom: row.values[3] == .null ? nil : try row.int(3), createdAt: try row.integer(4))
            }
        }
        return Page(rows, limit: limit) { "\($0.version)" }
    }

    // MARK: Lists

    /// All that the reader may read, the newest first: its own, what is shared with it, what is everyone's (CFG-3). Whom something is shared with is there
    /// for its owner only.
    package func list(
        for reader: ArtifactReader, type: ArtifactType?, kind: String? = nil, visibility: ArtifactVisibility? = nil, cursor: String?, limit: Int
    ) async throws(ArtifactError) -> Page<Artifact> {
        let before = try Self.place(cursor) ?? "~"
        try await seed(reader.tenant)
        let found = try await read(of: reader.tenant) { connection -> (rows: [Row], people: [String: [String]]) in
            // Three walks along an index each, so that other people's artifacts cost nothing; the page ends early where definitions are long.
            let rows = try await connection.rows(
                """
                SELECT id, tenant, type, kind, name, description, owner, visibility, version, definition, created_at, updated_at, seed_name, shown_from,
                    available
                FROM (
                    SELECT a.id, a.tenant, a.type, a.kind, v.name, v.description, a.owner, a.visibility, a.version, v.definition, a.created_at,
                        a.updated_at, a.seed_name, a.shown_from, count(*) OVER () AS available, row_number() OVER (ORDER BY a.id DESC) AS place,
                        sum(length(v.definition)) OVER (ORDER BY a.id DESC) AS characters
                    FROM artifact a JOIN artifact_version v ON v.artifact = a.id AND v.version = a.version
                    WHERE a.tenant = $1 AND a.id IN (
                        SELECT id FROM (
                            SELECT id FROM artifact WHERE owner = $2 AND tenant = $1 AND retired_at IS NULL AND id < $3
                                AND (CAST($4 AS TEXT) IS NULL OR type = $4) AND (CAST($5 AS TEXT) IS NULL OR kind = $5)
                                AND (CAST($6 AS TEXT) IS NULL OR visibility = $6)
                            ORDER BY id DESC LIMIT $7) AS own
                        UNION
                        SELECT id FROM (
                            SELECT id FROM artifact WHERE tenant = $1 AND visibility = 'global' AND retired_at IS NULL AND id < $3
                                AND (CAST($4 AS TEXT) IS NULL OR type = $4) AND (CAST($5 AS TEXT) IS NULL OR kind = $5)
                                AND (CAST($6 AS TEXT) IS NULL OR visibility = $6)
                            ORDER BY id DESC LIMIT $7) AS everyones
                        UNION
                        SELECT id FROM (
                            SELECT s.artifact AS id FROM artifact_share s JOIN artifact b ON b.id = s.artifact
                            WHERE s.account = $2 AND s.tenant = $1 AND s.artifact < $3 AND b.visibility = 'shared' AND b.retired_at IS NULL
                                AND (CAST($4 AS TEXT) IS NULL OR b.type = $4) AND (CAST($5 AS TEXT) IS NULL OR b.kind = $5)
                                AND (CAST($6 AS TEXT) IS NULL OR b.visibility = $6)
                            ORDER BY s.artifact DESC LIMIT $7) AS given
                    )
                ) AS page
                WHERE place <= $8 AND (place = 1 OR characters <= $9) ORDER BY id DESC
                """,
                [
                    .text(reader.tenant), .text(reader.account), .text(before), SQLValue(type?.rawValue), SQLValue(kind),
                    SQLValue(visibility?.rawValue), SQLValue(limit + 1), SQLValue(limit), SQLValue(ArtifactLimits.pageCharactersMax),
                ])
            guard let first = try rows.last?.text(0), let last = try rows.first?.text(0) else { return ([], [:]) }
            return (rows, try await Self.people(of: reader, from: first, through: last, connection))
        }
        // Definitions are parsed where they hold up no other reader.
        do throws(StoreError) {
            var items: [Artifact] = []
            for row in found.rows { items.append(try Artifact(row, sharedWith: found.people[try row.text(0)] ?? [])) }
            return Page(items, hasNext: try (found.rows.last?.int(14) ?? 0) > items.count) { $0.id }
        } catch {
            throw .store(error)
        }
    }

    /// Whom the reader shares its own artifacts with, of those with ids in a range: one statement for a page, however many there are (STORE-13).
    private static func people(
        of reader: ArtifactReader, from first: String, through last: String, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> [String: [String]] {
        let rows = try await connection.rows(
            """
            SELECT s.artifact, s.account FROM artifact a JOIN artifact_share s ON s.artifact = a.id
            WHERE a.owner = $1 AND a.tenant = $2 AND a.id >= $3 AND a.id <= $4 AND a.visibility = 'shared' AND a.retired_at IS NULL
            ORDER BY s.artifact, s.account
            """, [.text(reader.account), .text(reader.tenant), .text(first), .text(last)],
            max: ArtifactLimits.ownedMax * ArtifactLimits.sharesMax)
        var people: [String: [String]] = [:]
        for row in rows { people[try row.text(0), default: []].append(try row.text(1)) }
        return people
    }

    // MARK: Rows

    /// The current version of one that is not retired.
    static func find(_ id: String, _ tenant: String, _ connection: any DatabaseConnection) async throws(StoreError) -> Artifact? {
        let row = try await connection.row(
            """
            SELECT a.id, a.tenant, a.type, a.kind, v.name, v.description, a.owner, a.visibility, a.version, v.definition, a.created_at,
                a.updated_at, a.seed_name, a.shown_from
            FROM artifact a JOIN artifact_version v ON v.artifact = a.id AND v.version = a.version
            WHERE a.id = $1 AND a.tenant = $2 AND a.retired_at IS NULL
            """, [.text(id), .text(tenant)])
        guard let row else { return nil }
        return try await artifact(row, connection)
    }

    /// One version; with `retired`, of an artifact that is retired too.
    static func find(
        _ id: String, _ tenant: String, version: Int, retired: Bool = false, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> Artifact? {
        let row = try await connection.row(
            """
            SELECT a.id, a.tenant, a.type, a.kind, v.name, v.description, a.owner, a.visibility, v.version, v.definition, a.created_at,
                v.created_at, a.seed_name, a.shown_from
            FROM artifact a JOIN artifact_version v ON v.artifact = a.id
            WHERE a.id = $1 AND a.tenant = $2 AND v.version = $3 AND (a.retired_at IS NULL OR $4 = 1)
            """, [.text(id), .text(tenant), SQLValue(version), SQLValue(retired)])
        guard let row else { return nil }
        return try await artifact(row, connection)
    }

    private static func artifact(_ row: Row, _ connection: any DatabaseConnection) async throws(StoreError) -> Artifact {
        guard try row.text(7) == ArtifactVisibility.shared.rawValue else { return try Artifact(row, sharedWith: []) }
        let names = try await connection.rows(
            "SELECT account FROM artifact_share WHERE artifact = $1 ORDER BY account LIMIT $2",
            [.text(try row.text(0)), SQLValue(ArtifactLimits.sharesMax)])
        var accounts: [String] = []
        for name in names { accounts.append(try name.text(0)) }
        return try Artifact(row, sharedWith: accounts)
    }

    // MARK: Transactions of one tenant

    /// A write of one tenant's, all or nothing. A refusal has to be found before the first row is written: what it returns is committed.
    func write<Value: Sendable>(
        of tenant: String, _ body: @escaping Database.Body<Result<Value, ArtifactError>>
    ) async throws(ArtifactError) -> Value {
        let outcome: Result<Value, ArtifactError>
        do throws(StoreError) {
            outcome = try await database.write(isolation: .statements) { connection in
                try await connection.confine(to: tenant)
                return try await body(connection)
            }
        } catch {
            throw .store(error)
        }
        return try outcome.get()
    }

    func read<Value: Sendable>(of tenant: String, _ body: @escaping Database.Body<Value>) async throws(ArtifactError) -> Value {
        do throws(StoreError) {
            return try await database.read { connection in
                try await connection.confine(to: tenant)
                return try await body(connection)
            }
        } catch {
            throw .store(error)
        }
    }

    private static func number(_ cursor: String?) throws(ArtifactError) -> Int64 {
        guard let place = try place(cursor) else { return .max }
        guard let number = Int64(place) else { throw .invalid(field: "cursor", reason: "is none that this list gave out") }
        return number
    }

    private static func place(_ cursor: String?) throws(ArtifactError) -> String? {
        guard let cursor else { return nil }
        do {
            return try PageCursor.decode(cursor)
        } catch {
            throw .invalid(field: "cursor", reason: "is none that this list gave out")
        }
    }
}
