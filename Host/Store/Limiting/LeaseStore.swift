/// Places that users take on all hosts of a database together: workflows that run, answers that are received (LIM-2). A place ends when it is given back or,
/// because its host died, when nobody renewed it. The database's clock counts.
package final class LeaseStore: Sendable {
    private let database: Database
    private let milliseconds: Int64

    /// Uses a database; a place that nobody renews ends after that time.
    package init(database: Database, leaseMilliseconds: Int = StoreLimits.leaseMilliseconds) {
        (self.database, milliseconds) = (database, Int64(leaseMilliseconds))
    }

    private static let insert = SQL(
        sqlite: """
            INSERT INTO concurrency_lease (id, kind, tenant, owner, until)
            SELECT $1, $2, $3, $4, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) + $5 WHERE (SELECT count(*) FROM concurrency_lease
                WHERE kind = $2 AND tenant = $3 AND owner = $4 AND until > CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)) < $6
            """,
        postgres: """
            INSERT INTO concurrency_lease (id, kind, tenant, owner, until)
            SELECT $1::text, $2::text, $3::text, $4::text, (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $5::bigint
            WHERE (SELECT count(*) FROM concurrency_lease WHERE kind = $2::text AND tenant = $3::text AND owner = $4::text
                AND until > (extract(epoch FROM clock_timestamp()) * 1000)::bigint) < $6::bigint
            """)
    private static let extend = SQL(
        sqlite: "UPDATE concurrency_lease SET until = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) + $2 WHERE id = $1",
        postgres: "UPDATE concurrency_lease SET until = (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $2::bigint WHERE id = $1")
    private static let expired = SQL(
        sqlite: "DELETE FROM concurrency_lease WHERE until <= CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
        postgres: "DELETE FROM concurrency_lease WHERE until <= (extract(epoch FROM clock_timestamp()) * 1000)::bigint")

    /// Takes a place, if fewer than `max` are taken; gives `ended` back first, in the same transaction.
    package func acquire(
        _ id: String, kind: String, tenant: String, owner: String, max: Int, ended: [String] = []
    ) async throws(StoreError) -> Bool {
        let values: [SQLValue] = [.text(id), .text(kind), .text(tenant), .text(owner), .integer(milliseconds), SQLValue(max)]
        return try await database.write(isolation: .statements) { connection in
            // Two that count at the same time would both find the last place free.
            try await connection.lock(.named("lease \(kind) \(tenant) \(owner)"))
            if !ended.isEmpty { try await Self.remove(ended, connection) }
            return try await connection.execute(Self.insert, values) == 1
        }
    }

    private static func remove(_ ids: [String], _ connection: any DatabaseConnection) async throws(StoreError) {
        try await connection.batch(ids.map { ("DELETE FROM concurrency_lease WHERE id = $1", [.text($0)]) })
    }

    /// Gives places back, and removes those that nobody renewed.
    package func release(_ ids: [String]) async throws(StoreError) {
        try await database.write(isolation: .statements) { connection in
            if !ids.isEmpty { try await Self.remove(ids, connection) }
            try await connection.execute(Self.expired)
        }
    }

    /// Says that whoever holds these places lives.
    package func renew(_ ids: [String]) async throws(StoreError) {
        guard !ids.isEmpty else { return }
        let until = milliseconds
        try await database.write(isolation: .statements) { connection in
            try await connection.batch(ids.map { (Self.extend, [.text($0), .integer(until)]) })
        }
    }

    /// Places that are taken.
    package func count() async throws(StoreError) -> Int {
        try await database.read { try await $0.row("SELECT count(*) FROM concurrency_lease")?.int(0) ?? 0 }
    }
}
