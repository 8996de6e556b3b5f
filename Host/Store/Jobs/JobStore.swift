internal import Crypto
package import IO

/// The durable queue: claimed by one atomic statement, leased, heart-beaten, retried with back-off, dead-lettered where everybody can see it (SPEC 13).
///
/// A job may be begun more than once, when its worker dies; it is completed once. What has to happen exactly once goes into `complete`'s body: it is
/// committed together with the end of the job, by the holder of the lease alone.
package final class JobStore: Sendable {
    let database: Database

    /// What the queue allows.
    package struct Caps: Sendable, Hashable {
        /// Jobs that run at once, on all hosts together.
        package var running = StoreLimits.jobsRunningDefault
        /// The same by kind; others have no bound of their own.
        package var runningByKind: [String: Int] = [:]
        /// How long a worker may be silent.
        package var leaseMilliseconds = StoreLimits.jobLeaseMillisecondsDefault
        /// How long a worker that cannot renew its lease goes on.
        var believedMilliseconds: Int { leaseMilliseconds - leaseMilliseconds / StoreLimits.jobLeaseMarginPart }
        /// The first pause after a failure; it doubles with each.
        package var backoffMilliseconds = StoreLimits.jobBackoffMillisecondsDefault

        /// The defaults.
        package init() {}
    }

    let caps: Caps

    /// Uses a database; hosts that share it have the same caps.
    package init(database: Database, caps: Caps = Caps()) { (self.database, self.caps) = (database, caps) }

    /// Adds a job, within the caller's transaction, so that it exists if and only if what it is about does. Nil when one of its name waits or runs already.
    @discardableResult
    package static func add(_ request: JobRequest, _ connection: any DatabaseConnection) async throws(StoreError) -> String? {
        guard request.payload.utf8.count <= StoreLimits.jobPayloadBytesMax else {
            throw StoreError(.limit("payload_bytes"), "a job's payload of \(request.payload.utf8.count) bytes")
        }
        let id = UUIDv7.make()
        let count = try await connection.execute(
            """
            INSERT INTO job (id, kind, tenant, owner, payload, state, attempts, attempts_max, due_at, created_at, unique_name)
            VALUES ($1, $2, $3, $4, $5, 'queued', 0, $6, $7, $8, $9) ON CONFLICT DO NOTHING
            """,
            [
                .text(id), .text(request.kind), .text(request.tenant), .text(request.owner), .text(request.payload), SQLValue(request.attemptsMax),
                .integer(request.dueAtMilliseconds), .integer(StoreClock.nowMilliseconds()), SQLValue(request.uniqueName),
            ])
        if count > 0 { try await connection.announce(topic, request.kind) }
        return count > 0 ? id : nil
    }

    /// What is announced when a job is added; the key is its kind.
    package static let topic = "job"

    /// Adds a job of its own.
    @discardableResult
    package func add(_ request: JobRequest) async throws(StoreError) -> String? {
        try await database.write(isolation: .statements) { try await Self.add(request, $0) }
    }

    /// The next job for a worker: of the tenant, then of the user, that has the fewest running, the one that is due longest. Nil when nothing may begin now.
    /// What other workers were too long silent about is taken back; not `own`, which this process has and renews, whatever its wall clock says.
    package func claim(
        worker: String, kinds: Set<String>, own: [JobLease] = [], nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()
    ) async throws(StoreError) -> JobLease? {
        let (token, spared) = (UUIDv7.make(), own.map(\.token).joined(separator: " "))
        let until = Deadline.after(milliseconds: caps.believedMilliseconds)
        let lease = caps
        let candidates = kinds.sorted()
        return try await database.write(isolation: .statements) { connection in
            // Caps are counted, so one host counts at a time; it takes well under a millisecond.
            try await connection.lock(.named("job.claim"))
            try await Self.recover(now, sparing: spared, connection)
            guard let free = try await Self.free(lease, candidates, connection) else { return nil }
            for kind in free {
                let row = try await connection.row(
                    Self.claimStatement,
                    [.text(token), .integer(now + Int64(lease.leaseMilliseconds)), .text(worker), .integer(now), .text(kind)])
                guard let row else { continue }
                return JobLease(
                    id: try row.text(0), kind: kind, tenant: try row.text(1), owner: try row.text(2), payload: try row.text(3),
                    attempt: try row.int(4),
                    token: token, until: until)
            }
            return nil
        }
    }

    private static let claimStatement = SQL(
        sqlite: """
            WITH busy AS (SELECT tenant, owner, count(*) AS n FROM job WHERE state = 'running' GROUP BY tenant, owner)
            UPDATE job SET state = 'running', attempts = attempts + 1, lease = $1, lease_until = $2, worker = $3, started_at = $4
            WHERE id = (
                SELECT j.id FROM job j WHERE j.state = 'queued' AND j.kind = $5 AND j.due_at <= $4
                ORDER BY (SELECT coalesce(sum(n), 0) FROM busy b WHERE b.tenant = j.tenant),
                    (SELECT coalesce(sum(n), 0) FROM busy b WHERE b.tenant = j.tenant AND b.owner = j.owner), j.due_at, j.id LIMIT 1)
            RETURNING id, tenant, owner, payload, attempts
            """,
        postgres: """
            WITH busy AS (SELECT tenant, owner, count(*) AS n FROM job WHERE state = 'running' GROUP BY tenant, owner)
            UPDATE job SET state = 'running', attempts = attempts + 1, lease = $1, lease_until = $2, worker = $3, started_at = $4
            WHERE id = (
                SELECT j.id FROM job j WHERE j.state = 'queued' AND j.kind = $5 AND j.due_at <= $4
                ORDER BY (SELECT coalesce(sum(n), 0) FROM busy b WHERE b.tenant = j.tenant),
                    (SELECT coalesce(sum(n), 0) FROM busy b WHERE b.tenant = j.tenant AND b.owner = j.owner), j.due_at, j.id LIMIT 1
                FOR UPDATE SKIP LOCKED)
            RETURNING id, tenant, owner, payload, attempts
            """)

    /// Kinds that may begin another job, the least busy first; nil when nothing may.
    private static func free(_ caps: Caps, _ kinds: [String], _ connection: any DatabaseConnection) async throws(StoreError) -> [String]? {
        var busy: [String: Int] = [:]
        for row in try await connection.rows("SELECT kind, count(*) FROM job WHERE state = 'running' GROUP BY kind") {
            busy[try row.text(0)] = try row.int(1)
        }
        guard busy.values.reduce(0, +) < caps.running else { return nil }
        return kinds.filter { busy[$0, default: 0] < caps.runningByKind[$0] ?? .max }.sorted { busy[$0, default: 0] < busy[$1, default: 0] }
    }

    /// Takes back what a worker was too long silent about.
    private static func recover(_ now: Int64, sparing tokens: String, _ connection: any DatabaseConnection) async throws(StoreError) {
        try await connection.execute(recoverStatement, [.integer(now), .text(tokens)])
    }

    private static let recoverStatement = SQL(
        sqlite: """
            UPDATE job SET state = CASE WHEN attempts >= attempts_max THEN 'dead' ELSE 'queued' END, lease = NULL, lease_until = NULL, due_at = $1,
                failure = 'its worker was silent for longer than its lease',
                unique_name = CASE WHEN attempts >= attempts_max THEN NULL ELSE unique_name END
            WHERE state = 'running' AND lease_until < $1 AND instr($2, lease) = 0
            """,
        postgres: """
            UPDATE job SET state = CASE WHEN attempts >= attempts_max THEN 'dead' ELSE 'queued' END, lease = NULL, lease_until = NULL, due_at = $1,
                failure = 'its worker was silent for longer than its lease',
                unique_name = CASE WHEN attempts >= attempts_max THEN NULL ELSE unique_name END
            WHERE state = 'running' AND lease_until < $1 AND strpos($2, lease) = 0
            """)

    /// Says that the worker lives; false when the lease was lost, and then the work is another's.
    /// - Throws: When nobody knows: `deadline` has passed, or the store does not answer.
    package func heartbeat(
        _ lease: JobLease, deadline: Deadline = .after(milliseconds: StoreLimits.writeMillisecondsDefault),
        nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()
    ) async throws(StoreError) -> Bool {
        let until = now + Int64(caps.leaseMilliseconds)
        return try await database.write(deadline: deadline, isolation: .statements) { connection in
            try await connection.execute(
                "UPDATE job SET lease_until = $1 WHERE id = $2 AND lease = $3 AND state = 'running'",
                [.integer(until), .text(lease.id), .text(lease.token)]) == 1
        }
    }

    /// Ends a job well, together with what `body` writes; false, and nothing is written, when the lease was lost.
    @discardableResult
    package func complete(_ lease: JobLease, _ body: @escaping Database.Body<Void> = { _ in }) async throws(StoreError) -> Bool {
        try await database.write(isolation: .statements) { connection in
            let count = try await connection.execute(
                """
                UPDATE job SET state = 'done', finished_at = $1, lease = NULL, lease_until = NULL, unique_name = NULL, failure = NULL
                WHERE id = $2 AND lease = $3 AND state = 'running'
                """, [.integer(StoreClock.nowMilliseconds()), .text(lease.id), .text(lease.token)])
            guard count == 1 else { return false }
            try await body(connection)
            return true
        }
    }

    /// Ends an attempt badly: the job waits for another, ever longer, or is dead; false when the lease was lost.
    @discardableResult
    package func fail(_ lease: JobLease, _ reason: String, isFinal: Bool = false, nowMilliseconds now: Int64 = StoreClock.nowMilliseconds())
        async throws(StoreError) -> Bool
    {
        let due = now + Int64(Backoff.milliseconds(lease.attempt, first: caps.backoffMilliseconds, most: StoreLimits.jobBackoffMillisecondsMax))
        let text = String(reason.prefix(StoreLimits.jobFailureMax))
        return try await database.write(isolation: .statements) { connection in
            try await connection.execute(
                """
                UPDATE job SET state = CASE WHEN attempts >= attempts_max OR $1 = 1 THEN 'dead' ELSE 'queued' END, due_at = $2, failure = $3,
                    lease = NULL, lease_until = NULL, finished_at = $4,
                    unique_name = CASE WHEN attempts >= attempts_max OR $1 = 1 THEN NULL ELSE unique_name END
                WHERE id = $5 AND lease = $6 AND state = 'running'
                """, [SQLValue(isFinal), .integer(due), .text(text), .integer(now), .text(lease.id), .text(lease.token)]) == 1
        }
    }

    /// Gives a job back as if it had not been begun; false when the lease was lost.
    @discardableResult
    package func giveBack(_ lease: JobLease) async throws(StoreError) -> Bool {
        try await database.write(isolation: .statements) { connection in
            let count = try await connection.execute(
                """
                UPDATE job SET state = 'queued', attempts = attempts - 1, lease = NULL, lease_until = NULL
                WHERE id = $1 AND lease = $2 AND state = 'running'
                """, [.text(lease.id), .text(lease.token)])
            if count == 1 { try await connection.announce(Self.topic, lease.kind) }
            return count == 1
        }
    }
}
