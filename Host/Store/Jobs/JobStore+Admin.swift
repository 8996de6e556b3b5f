import JSON

extension JobStore {
    /// How many jobs are in each state, by kind: for metrics and alerts (OPS-4).
    package func counts() async throws(StoreError) -> [String: [JobState: Int]] {
        let rows = try await database.readLate { try await $0.rows("SELECT kind, state, count(*) FROM job GROUP BY kind, state") }
        var counts: [String: [JobState: Int]] = [:]
        for row in rows { if let state = JobState(rawValue: try row.text(1)) { counts[try row.text(0), default: [:]][state] = try row.int(2) } }
        return counts
    }

    /// Jobs in one state, the newest first, at most `limit` (1 to 500, default 50); of one tenant, or of all for nil.
    package func list(_ state: JobState, tenant: String? = nil, cursor: String? = nil, limit: Int? = nil) async throws(StoreError) -> Page<JobRecord>
    {
        let count = try PageCursor.limit(limit)
        let before = try cursor.map { (text) throws(StoreError) in try PageCursor.decode(text) } ?? "~"
        let rows = try await database.read { connection in
            try await connection.rows(
                """
                SELECT id, kind, tenant, owner, state, attempts, attempts_max, due_at, created_at, worker, failure FROM job
                WHERE state = $1 AND (CAST($2 AS TEXT) IS NULL OR tenant = $2) AND id < $3 ORDER BY id DESC LIMIT $4
                """, [.text(state.rawValue), SQLValue(tenant), .text(before), SQLValue(count + 1)])
        }
        var found: [JobRecord] = []
        for row in rows { found.append(try JobRecord(row)) }
        return Page(found, limit: count) { $0.id }
    }

    /// Names of workers that have a job now, dead or alive.
    package func busyWorkers() async throws(StoreError) -> [String] {
        try await database.read { connection in
            try await connection.rows("SELECT DISTINCT worker FROM job WHERE state = 'running' AND worker IS NOT NULL").map { try $0.text(0) }
        }
    }

    /// Takes back what workers had of whom somebody knows that they are gone, without waiting for their leases; returns how many jobs.
    @discardableResult
    package func takeBack(from workers: [String], nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()) async throws(StoreError) -> Int {
        guard !workers.isEmpty else { return 0 }
        return try await database.write(isolation: .statements) { connection in
            var count = 0
            for worker in workers {
                count += try await connection.execute(
                    """
                    UPDATE job SET state = CASE WHEN attempts >= attempts_max THEN 'dead' ELSE 'queued' END, lease = NULL, lease_until = NULL, due_at = $1,
                        failure = 'its worker has ended',
                        unique_name = CASE WHEN attempts >= attempts_max THEN NULL ELSE unique_name END
                    WHERE state = 'running' AND worker = $2
                    """, [.integer(now), .text(worker)])
            }
            if count > 0 { try await connection.announce(Self.topic, "*") }
            return count
        }
    }

    /// Gives a dead job another set of attempts, which the audit log has; nil when there is no such dead job, in that tenant or, for nil, in any.
    package func retry(_ id: String, tenant: String? = nil, by actor: String = "system", requestID: String? = nil) async throws(StoreError)
        -> JobRecord?
    {
        let now = StoreClock.nowMilliseconds()
        return try await database.write(isolation: .statements) { connection in
            let row = try await connection.row(
                """
                UPDATE job SET state = 'queued', attempts = 0, due_at = $1, finished_at = NULL
                WHERE id = $2 AND state = 'dead' AND (CAST($3 AS TEXT) IS NULL OR tenant = $3)
                RETURNING id, kind, tenant, owner, state, attempts, attempts_max, due_at, created_at, worker, failure
                """, [.integer(now), .text(id), SQLValue(tenant)])
            guard let record = try row.map({ try JobRecord($0) }) else { return nil }
            try await AuditLog.note(
                AuditEntry(
                    actor: actor, tenant: record.tenant, action: "job.retry", callID: requestID, outcome: "ok",
                    details: ["job": .string(id), "kind": .string(record.kind)]), within: connection)
            try await connection.announce(Self.topic, record.kind)
            return record
        }
    }

    /// Forgets jobs that were done before a moment, at most `StoreLimits.jobsForgottenMax` at a time; returns how many. Dead ones stay.
    @discardableResult
    package func forget(doneBeforeMilliseconds moment: Int64) async throws(StoreError) -> Int {
        try await database.write(isolation: .statements) { connection in
            try await connection.execute(
                "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE state = 'done' AND finished_at < $1 ORDER BY finished_at LIMIT $2)",
                [.integer(moment), SQLValue(StoreLimits.jobsForgottenMax)])
        }
    }

    /// Has a job added every so often, once for all hosts together; the first at once. Calling it again changes the period.
    package func repeatEvery(milliseconds: Int, _ name: String, _ request: JobRequest) async throws(StoreError) {
        try await database.write(isolation: .statements) { connection in
            try await connection.execute(
                """
                INSERT INTO job_period (name, every_ms, next_at, kind, tenant, owner, payload) VALUES ($1, $2, 0, $3, $4, $5, $6)
                ON CONFLICT (name) DO UPDATE SET every_ms = excluded.every_ms, kind = excluded.kind, tenant = excluded.tenant, owner = excluded.owner,
                    payload = excluded.payload
                """, [.text(name), SQLValue(milliseconds), .text(request.kind), .text(request.tenant), .text(request.owner), .text(request.payload)])
        }
    }

    /// Adds the periodic jobs that are due; a period that passed while the one before still waits or runs adds nothing. Returns how many were added.
    @discardableResult
    package func tick(nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()) async throws(StoreError) -> Int {
        try await database.write(isolation: .statements) { connection in
            let due = try await connection.rows(
                "UPDATE job_period SET next_at = $1 + every_ms WHERE next_at <= $1 RETURNING name, kind, tenant, owner, payload", [.integer(now)])
            var added = 0
            for row in due {
                let request = JobRequest(
                    try row.text(1), tenant: try row.text(2), owner: try row.text(3), payload: try row.text(4), dueAtMilliseconds: now,
                    uniqueName: try row.text(0))
                if try await Self.add(request, connection) != nil { added += 1 }
            }
            return added
        }
    }
}

extension JobRecord {
    init(_ row: Row) throws(StoreError) {
        guard let state = JobState(rawValue: try row.text(4)) else { throw StoreError(.corrupt, "a job of an unknown state") }
        (id, kind, tenant, owner, self.state) = (try row.text(0), try row.text(1), try row.text(2), try row.text(3), state)
        (attempts, attemptsMax) = (try row.int(5), try row.int(6))
        (dueAtMilliseconds, createdAtMilliseconds) = (try row.integer(7), try row.integer(8))
        (worker, failure) = (try row.optionalText(9), try row.optionalText(10))
    }
}
