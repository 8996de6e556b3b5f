internal import Crypto

/// What was answered to a request, to be answered again.
package struct StoredReply: Sendable, Hashable {
    package let status: Int
    /// The media type of `body`.
    package let contentType: String
    package let body: [UInt8]

    /// Keeps an answer.
    package init(status: Int, contentType: String, body: [UInt8]) { (self.status, self.contentType, self.body) = (status, contentType, body) }
}

/// A request that was let through; ends it with `finish` or `abandon`.
package struct IdempotencyClaim: Sendable, Hashable {
    let scope: String
    let key: String
    let token: String
}

/// Requests that run once however often they are sent (API-4): the claim is one atomic statement, the answer is kept for 24 hours.
package final class IdempotencyStore: Sendable {
    private let database: Database
    /// How long a claim holds that nobody renews.
    package let leaseMilliseconds: Int64

    /// What becomes of a request with a key.
    package enum Outcome: Sendable, Hashable {
        /// Nobody had it: do it.
        case begin(IdempotencyClaim)
        /// It was done: this was the answer.
        case replay(StoredReply)
        /// It is being done.
        case running
        /// The key stands for another request.
        case reused
        /// Whoever did it is gone without a word: it may have been done.
        case lost
    }

    /// Uses a database; who holds a claim for longer than `leaseMilliseconds` is taken for dead.
    package init(database: Database, leaseMilliseconds: Int = StoreLimits.idempotencyLeaseMilliseconds) {
        (self.database, self.leaseMilliseconds) = (database, Int64(leaseMilliseconds))
    }

    /// Claims a key. `scope` is whose key it is and for which route; `request` is all of the request that makes a difference. A claim whose holder died is
    /// free again if the request `isRepeatable`; otherwise its outcome is `lost`, for nobody can tell what happened.
    package func claim(
        _ key: String, scope: String, request: [UInt8], isRepeatable: Bool = false, nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()
    ) async throws(StoreError) -> Outcome {
        guard (1...StoreLimits.idempotencyKeyBytesMax).contains(key.utf8.count) else {
            throw StoreError(.invalid, "an idempotency key of \(key.utf8.count) bytes")
        }
        let digest = SHA256.hash(request).bytes
        let claim = IdempotencyClaim(scope: scope, key: key, token: UUIDv7.make())
        let until = now + leaseMilliseconds
        return try await database.write(isolation: .statements) { connection in
            let begun = try await connection.row(
                """
                INSERT INTO idempotency (scope, key, request, token, running_until, created_at) VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT (scope, key) DO UPDATE SET request = excluded.request, token = excluded.token, running_until = excluded.running_until,
                    created_at = excluded.created_at, status = NULL, content_type = NULL, body = NULL
                WHERE idempotency.created_at < $7 OR (idempotency.status IS NULL AND idempotency.running_until < $6 AND CAST($8 AS BIGINT) = 1)
                RETURNING 1
                """,
                [
                    .text(scope), .text(key), .blob(digest), .text(claim.token), .integer(until), .integer(now),
                    .integer(now - StoreLimits.idempotencyMilliseconds), SQLValue(isRepeatable),
                ])
            if begun != nil { return .begin(claim) }
            return try await Self.found(claim, digest, now, connection)
        }
    }

    private static func found(
        _ claim: IdempotencyClaim, _ digest: [UInt8], _ now: Int64, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> Outcome {
        let row = try await connection.row(
            "SELECT request, status, content_type, body, running_until FROM idempotency WHERE scope = $1 AND key = $2",
            [.text(claim.scope), .text(claim.key)])
        // Given up between the two statements: as good as running, the client asks again.
        guard let row else { return .running }
        guard try row.blob(0) == digest else { return .reused }
        guard row.values[1] != .null else { return try row.integer(4) < now ? .lost : .running }
        return .replay(StoredReply(status: try row.int(1), contentType: try row.text(2), body: try row.blob(3)))
    }

    /// Holds a claim for another lease: what it is for still runs. False when it ended meanwhile.
    @discardableResult
    package func renew(_ claim: IdempotencyClaim, nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()) async throws(StoreError) -> Bool {
        let until = now + leaseMilliseconds
        return try await database.write(isolation: .statements) { connection in
            try await connection.execute(
                "UPDATE idempotency SET running_until = $1 WHERE scope = $2 AND key = $3 AND token = $4 AND status IS NULL",
                [.integer(until), .text(claim.scope), .text(claim.key), .text(claim.token)]) == 1
        }
    }

    /// Keeps the answer; within the caller's transaction, so that an act and its answer stand or fall together. False when the claim was lost.
    @discardableResult
    package static func finish(_ claim: IdempotencyClaim, _ reply: StoredReply, _ connection: any DatabaseConnection) async throws(StoreError) -> Bool
    {
        try await connection.execute(
            "UPDATE idempotency SET status = $1, content_type = $2, body = $3 WHERE scope = $4 AND key = $5 AND token = $6 AND status IS NULL",
            [SQLValue(reply.status), .text(reply.contentType), .blob(reply.body), .text(claim.scope), .text(claim.key), .text(claim.token)]) == 1
    }

    /// Keeps the answer.
    /// - Throws: `limit` for one that is too long to be kept; the claim stands.
    @discardableResult
    package func finish(_ claim: IdempotencyClaim, _ reply: StoredReply) async throws(StoreError) -> Bool {
        guard reply.body.count <= StoreLimits.idempotencyBodyBytesMax else {
            throw StoreError(.limit("idempotency_body_bytes"), "an answer of \(reply.body.count) bytes")
        }
        return try await database.write(isolation: .statements) { try await Self.finish(claim, reply, $0) }
    }

    /// Gives the key back: nothing was done.
    package func abandon(_ claim: IdempotencyClaim) async throws(StoreError) {
        try await database.write(isolation: .statements) { connection in
            try await connection.execute(
                "DELETE FROM idempotency WHERE scope = $1 AND key = $2 AND token = $3 AND status IS NULL",
                [.text(claim.scope), .text(claim.key), .text(claim.token)])
        }
    }

    /// Forgets what is older than 24 hours, a bounded number at a time; returns how many.
    @discardableResult
    package func forget(nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()) async throws(StoreError) -> Int {
        try await database.write(isolation: .statements) { connection in
            try await connection.execute(
                """
                DELETE FROM idempotency WHERE (scope, key) IN (
                    SELECT scope, key FROM idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2)
                """, [.integer(now - StoreLimits.idempotencyMilliseconds), SQLValue(StoreLimits.jobsForgottenMax)])
        }
    }
}
