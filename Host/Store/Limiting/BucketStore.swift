/// What is wanted of one bucket that hosts share. Its rate is a time a token, its size the time in which it fills from nothing; both in nanoseconds.
package struct BucketDemand: Sendable, Hashable {
    package let key: String
    /// Tokens at most.
    package let wanted: Int64
    package let interval: Int64
    package let size: Int64

    /// Describes a demand.
    package init(key: String, wanted: Int64, interval: Int64, size: Int64) {
        precondition(wanted > 0 && interval > 0 && size > 0, "a bucket lets something through")
        (self.key, self.wanted, self.interval, self.size) = (key, wanted, interval, max(size, interval))
    }
}

/// What a bucket gave.
package struct BucketGrant: Sendable, Hashable {
    /// 0 to what was wanted.
    package let granted: Int64
    /// Nanoseconds until the bucket is full again.
    package let untilFull: Int64
}

/// Token buckets that all hosts of a database draw from: each is one number, the time at which it will be full again, moved by one atomic statement
/// (GCRA). So there is nothing to refill, no two hosts see the same token, and a bucket that is full need not be kept. The database's clock counts.
package final class BucketStore: Sendable {
    private let database: Database

    /// Uses a database.
    package init(database: Database) { self.database = database }

    private static let take = SQL(
        sqlite: """
            INSERT INTO rate_bucket (key, full_at, granted) VALUES ($1, $5 + min($2, $4 / $3) * $3, min($2, $4 / $3))
            ON CONFLICT (key) DO UPDATE SET
                granted = max(0, min($2, ($5 + $4 - max(rate_bucket.full_at, $5)) / $3)),
                full_at = max(rate_bucket.full_at, $5) + max(0, min($2, ($5 + $4 - max(rate_bucket.full_at, $5)) / $3)) * $3
            RETURNING granted, full_at, $5
            """,
        postgres: """
            INSERT INTO rate_bucket (key, full_at, granted)
            SELECT $1, c.now + least($2::bigint, $4::bigint / $3::bigint) * $3::bigint, least($2::bigint, $4::bigint / $3::bigint)
            FROM (SELECT coalesce($5::bigint, (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint) AS now) c
            ON CONFLICT (key) DO UPDATE SET
                granted = greatest(0, least($2::bigint, ((excluded.full_at - excluded.granted * $3::bigint) + $4::bigint
                    - greatest(rate_bucket.full_at, excluded.full_at - excluded.granted * $3::bigint)) / $3::bigint)),
                full_at = greatest(rate_bucket.full_at, excluded.full_at - excluded.granted * $3::bigint)
                    + greatest(0, least($2::bigint, ((excluded.full_at - excluded.granted * $3::bigint) + $4::bigint
                    - greatest(rate_bucket.full_at, excluded.full_at - excluded.granted * $3::bigint)) / $3::bigint)) * $3::bigint
            RETURNING granted, full_at, coalesce($5::bigint, (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint)
            """)

    private func parameters(_ demand: BucketDemand, _ now: Int64?) -> [SQLValue] {
        // SQLite has one host, whose clock is the database's.
        let time = now ?? (database.kind == .sqlite ? StoreClock.nowMilliseconds() * 1_000_000 : nil)
        return [.text(demand.key), .integer(demand.wanted), .integer(demand.interval), .integer(demand.size), time.map { .integer($0) } ?? .null]
    }

    private static func grant(_ row: Row?) throws(StoreError) -> BucketGrant {
        guard let row else { throw StoreError(.corrupt, "a bucket said nothing") }
        return BucketGrant(granted: try row.integer(0), untilFull: max(0, try row.integer(1) - row.integer(2)))
    }

    /// Takes what is there of a bucket, up to what is wanted; one round trip. `now` (nanoseconds) stands for the clock in tests.
    package func take(_ demand: BucketDemand, nowNanoseconds now: Int64? = nil) async throws(StoreError) -> BucketGrant {
        let parameters = parameters(demand, now)
        return try await database.write(isolation: .statements) { connection in try Self.grant(try await connection.row(Self.take, parameters)) }
    }

    /// Takes all that is wanted of every bucket, or nothing of any; the first that had too little, by its place.
    package func takeAll(_ demands: [BucketDemand], nowNanoseconds now: Int64? = nil) async throws(StoreError) -> (
        grants: [BucketGrant], refused: Int?
    ) {
        // In one order, so that two who want the same buckets wait for each other and never in a circle.
        let order = demands.indices.sorted { demands[$0].key < demands[$1].key }
        let all = demands.map { parameters($0, now) }
        do {
            let grants = try await database.write(isolation: .statements) { connection -> [BucketGrant] in
                var grants: [Int: BucketGrant] = [:]
                for index in order {
                    let grant = try Self.grant(try await connection.row(Self.take, all[index]))
                    // Throwing takes back what the others gave.
                    guard grant.granted == demands[index].wanted else { throw StoreError(.limit("\(index) \(grant.untilFull)"), "a bucket is empty") }
                    grants[index] = grant
                }
                return demands.indices.compactMap { grants[$0] }
            }
            return (grants, nil)
        } catch {
            guard case .limit(let text) = error.code else { throw error }
            let parts = text.split(separator: " ").compactMap { Int64($0) }
            guard parts.count == 2 else { throw error }
            return ([BucketGrant(granted: 0, untilFull: parts[1])], Int(parts[0]))
        }
    }

    /// Removes buckets that are full, which changes nothing; returns how many.
    @discardableResult
    package func forget() async throws(StoreError) -> Int {
        let now: SQLValue = database.kind == .sqlite ? .integer(StoreClock.nowMilliseconds() * 1_000_000) : .null
        return try await database.write(isolation: .statements) { connection in
            try await connection.execute(
                SQL(
                    sqlite: "DELETE FROM rate_bucket WHERE full_at < $1",
                    postgres: """
                        DELETE FROM rate_bucket WHERE full_at < coalesce($1::bigint, (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint)
                        """), [now])
        }
    }
}
