import Crypto
import JSON
package import Store

/// Runs of workflows in the database, each person's apart.
package struct RunStore: Sendable {
    /// What the end of a run, and the wish for one, are announced as; the key is the run's id.
    static let endTopic = "workflow.end"
    static let cancelTopic = "workflow.cancel"
    /// The kind of the job that does a run.
    package static let jobKind = "workflow.run"

    let database: Database
    let now: @Sendable () -> Int64

    /// Uses a database; `now` gives milliseconds since 1970-01-01 UTC.
    package init(database: Database, now: @escaping @Sendable () -> Int64 = { StoreClock.nowMilliseconds() }) {
        (self.database, self.now) = (database, now)
    }

    // MARK: Admission

    /// Keeps a run and the job that does it, both or neither. The same request of the same conversation is answered by the run that it made before.
    /// - Throws: `.busy` when `max` runs of the user's are under way: a count of rows, so no way of ending leaves a place taken.
    func admit(_ request: RunRequest, of owner: RunOwner, max: Int) async throws(WorkflowError) -> (run: WorkflowRun, isNew: Bool) {
        let (id, now) = (UUIDv7.make(), now())
        let digest = Self.digest(request)
        let outcome = try await write(of: owner.tenant) { connection -> Result<(WorkflowRun, Bool), WorkflowError> in
            // Counted and checked, so one request of a person's at a time.
            try await connection.lock(.named("workflow.\(owner.account)"))
            if let name = request.request, let known = try await Self.known(name, request.conversation, owner, connection) {
                return known.digest == digest ? .success((known.run, false)) : .failure(.reused)
            }
            if let conversation = request.conversation {
                let row = try await connection.row(
                    "SELECT 1 FROM conversation WHERE id = $1 AND owner = $2 AND tenant = $3",
                    [.text(conversation), .text(owner.account), .text(owner.tenant)])
                if row == nil { return .failure(.missing("conversation")) }
            }
            let open = try await connection.row(
                "SELECT count(*) FROM workflow_run WHERE owner = $1 AND state IN ('queued', 'running') AND until > $2",
                [.text(owner.account), .integer(now)])?.int(0)
            guard open ?? 0 < max else { return .failure(.busy(max: max)) }
            try await Self.insert(id, request, owner, digest, now, connection)
            guard let run = try await Self.find(id, owner.tenant, connection) else {
                throw StoreError(.corrupt, "a run that was just made is not there")
            }
            return .success((run, true))
        }
        let found = try outcome.get()
        return (found.0, found.1)
    }

    /// What has to be the same for a request to be the same.
    private static func digest(_ request: RunRequest) -> [UInt8] {
        SHA256.hash(Array("\(request.workflow)\n".utf8) + request.input.serialized()).bytes
    }

    private static func known(
        _ request: String, _ conversation: String?, _ owner: RunOwner, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> (run: WorkflowRun, digest: [UInt8])? {
        let row = try await connection.row(
            """
            SELECT id, tenant, owner, workflow, version, conversation, request, request_id, traceparent, key_id, state, attempts, failure, created_at,
                started_at, until, ended_at, digest
            FROM workflow_run WHERE owner = $1 AND coalesce(conversation, '') = $2 AND request = $3
            """, [.text(owner.account), .text(conversation ?? ""), .text(request)])
        guard let row else { return nil }
        return (try WorkflowRun(row), try row.blob(17))
    }

    private static func insert(
        _ id: String, _ request: RunRequest, _ owner: RunOwner, _ digest: [UInt8], _ now: Int64, _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        try await connection.execute(
            """
            INSERT INTO workflow_run (id, tenant, owner, workflow, version, conversation, request, digest, request_id, traceparent, key_id, state, input,
                created_at, until)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'queued', $12, $13, $14)
            """,
            [
                .text(id), .text(owner.tenant), .text(owner.account), .text(request.workflow), SQLValue(request.version),
                SQLValue(request.conversation), .text(request.request ?? id), .blob(digest), .text(request.requestID), .text(request.traceparent),
                .text(request.keyID), .text(request.input.text), .integer(now), .integer(now + Int64(request.timeoutMilliseconds)),
            ])
        try await JobStore.add(
            JobRequest(
                jobKind, tenant: owner.tenant, owner: owner.account, payload: id, attemptsMax: WorkflowLimits.attemptsMax,
                uniqueName: "\(jobKind).\(id)"), connection)
    }

    // MARK: Looking

    /// One run with its input, outputs and trace.
    package func run(_ id: String, of owner: RunOwner) async throws(WorkflowError) -> WorkflowRun {
        let found = try await read(of: owner.tenant) { connection -> WorkflowRun? in
            guard var run = try await Self.find(id, owner.tenant, connection), owner.isAdmin || run.owner == owner.account else { return nil }
            let row = try await connection.row("SELECT input, outputs, trace FROM workflow_run WHERE id = $1", [.text(id)])
            guard let row else { return nil }
            (run.input, run.outputs) = (try WorkflowRun.value(row, 0), try WorkflowRun.value(row, 1))
            run.trace = try WorkflowRun.value(row, 2)?.arrayValue ?? []
            if run.trace.isEmpty { run.trace = try await Self.nodes(of: id, connection).map { $0.entry.json } }
            return run
        }
        guard let found else { throw .missing("run") }
        return found
    }

    /// Runs, the newest first: a person's own, or of the whole tenant.
    package func list(
        of owner: RunOwner, wholeTenant: Bool, workflow: String?, state: RunState?, cursor: String?, limit: Int
    ) async throws(WorkflowError) -> Page<WorkflowRun> {
        let before = try Self.place(cursor) ?? "~"
        let account = wholeTenant && owner.isAdmin ? nil : owner.account
        let found = try await read(of: owner.tenant) { connection in
            try await connection.rows(
                """
                SELECT id, tenant, owner, workflow, version, conversation, request, request_id, traceparent, key_id, state, attempts, failure, created_at,
                    started_at, until, ended_at
                FROM workflow_run
                WHERE tenant = $1 AND (CAST($2 AS TEXT) IS NULL OR owner = $2) AND (CAST($3 AS TEXT) IS NULL OR workflow = $3)
                    AND (CAST($4 AS TEXT) IS NULL OR state = $4) AND id < $5
                ORDER BY id DESC LIMIT $6
                """,
                [.text(owner.tenant), SQLValue(account), SQLValue(workflow), SQLValue(state?.rawValue), .text(before), SQLValue(limit + 1)]
            ).map { try WorkflowRun($0) }
        }
        return Page(found, limit: limit) { $0.id }
    }

    static func find(_ id: String, _ tenant: String, _ connection: any DatabaseConnection) async throws(StoreError) -> WorkflowRun? {
        let row = try await connection.row(
            """
            SELECT id, tenant, owner, workflow, version, conversation, request, request_id, traceparent, key_id, state, attempts, failure, created_at,
                started_at, until, ended_at
            FROM workflow_run WHERE id = $1 AND tenant = $2
            """, [.text(id), .text(tenant)])
        guard let row else { return nil }
        return try WorkflowRun(row)
    }

    // MARK: Ending

    /// Asks for a run's end. One that no host has begun ends here; of the others their hosts hear.
    func cancel(_ id: String, of owner: RunOwner) async throws(WorkflowError) -> RunState {
        let now = now()
        let outcome = try await write(of: owner.tenant) { connection -> Result<RunState, WorkflowError> in
            guard let run = try await Self.find(id, owner.tenant, connection), owner.isAdmin || run.owner == owner.account else {
                return .failure(.missing("run"))
            }
            let row = try await connection.row(
                """
                UPDATE workflow_run SET cancel = 1, state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END,
                    ended_at = CASE WHEN state = 'queued' THEN $1 ELSE ended_at END
                WHERE id = $2 AND state IN ('queued', 'running') RETURNING state
                """, [.integer(now), .text(id)])
            guard let state = try row.flatMap({ RunState(rawValue: try $0.text(0)) }) else { return .failure(.ended) }
            try await connection.announce(state.isOver ? Self.endTopic : Self.cancelTopic, id)
            return .success(state)
        }
        return try outcome.get()
    }

    /// Removes runs that ended long ago, or whose person has more than `kept` that are younger, and gives up those that no job will ever do; how many of each.
    package func sweep(kept: Int = WorkflowLimits.endedPerOwnerMax) async throws(StoreError) -> (removed: Int, lost: Int) {
        let now = now()
        let failure = WorkflowFailure(
            .server, reason: "interrupted", "the hosts that worked on this run ended too often; what its trace shows as done was done")
        return try await database.write(isolation: .statements) { connection in
            var removed = try await connection.execute(
                "DELETE FROM workflow_run WHERE id IN (SELECT id FROM workflow_run WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)",
                [.integer(now - WorkflowLimits.keptMilliseconds), SQLValue(WorkflowLimits.sweepMax)])
            removed += try await Self.thin(kept, connection)
            let lost = try await connection.rows(
                """
                UPDATE workflow_run SET state = 'failed', failure = $1, ended_at = $2, holder = NULL
                WHERE id IN (
                    SELECT r.id FROM workflow_run r WHERE r.state IN ('queued', 'running') AND r.created_at < $3
                        AND NOT EXISTS (SELECT 1 FROM job j WHERE j.unique_name = 'workflow.run.' || r.id) LIMIT $4)
                RETURNING id
                """,
                [
                    .text(failure.json.text), .integer(now), .integer(now - WorkflowLimits.orphanMilliseconds), SQLValue(WorkflowLimits.sweepMax),
                ])
            for row in lost { try await connection.announce(Self.endTopic, try row.text(0)) }
            return (removed, lost.count)
        }
    }

    /// Removes the oldest ended runs of people who have too many; how many.
    private static func thin(_ kept: Int, _ connection: any DatabaseConnection) async throws(StoreError) -> Int {
        let owners = try await connection.rows(
            "SELECT owner FROM workflow_run GROUP BY owner HAVING count(*) > $1 ORDER BY count(*) DESC LIMIT $2",
            [SQLValue(kept), SQLValue(WorkflowLimits.sweepOwnersMax)])
        var removed = 0
        for row in owners {
            removed += try await connection.execute(
                """
                DELETE FROM workflow_run WHERE id IN (
                    SELECT id FROM workflow_run WHERE owner = $1 AND ended_at IS NOT NULL ORDER BY id DESC LIMIT $2 OFFSET $3)
                """, [.text(try row.text(0)), SQLValue(WorkflowLimits.sweepMax), SQLValue(kept)])
        }
        return removed
    }

    // MARK: Transactions of one tenant

    func write<Value: Sendable>(of tenant: String, _ body: @escaping Database.Body<Value>) async throws(WorkflowError) -> Value {
        do throws(StoreError) {
            return try await database.write(isolation: .statements) { connection in
                try await connection.confine(to: tenant)
                return try await body(connection)
            }
        } catch {
            throw .store(error)
        }
    }

    func read<Value: Sendable>(of tenant: String, _ body: @escaping Database.Body<Value>) async throws(WorkflowError) -> Value {
        do throws(StoreError) {
            return try await database.read { connection in
                try await connection.confine(to: tenant)
                return try await body(connection)
            }
        } catch {
            throw .store(error)
        }
    }

    private static func place(_ cursor: String?) throws(WorkflowError) -> String? {
        guard let cursor else { return nil }
        do {
            return try PageCursor.decode(cursor)
        } catch {
            throw .invalid(field: "cursor", reason: "is none that this list gave out")
        }
    }
}
