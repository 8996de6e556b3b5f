import JSON
import Store

/// A run in the hands of one host.
struct HeldRun: Sendable {
    let run: WorkflowRun
    let input: JSONValue
    /// Of this host's attempt alone: whoever lost the run can write nothing any more.
    let holder: String
    /// What earlier attempts have done.
    let past: WorkflowPast
    /// Whether somebody asked for its end before this host had it.
    let isCancelled: Bool
}

/// A node's row.
struct StoredNode: Sendable {
    let entry: WorkflowTraceEntry
    let place: Int
    let isRepeatable: Bool
    /// Its number among those that ended; nil while it has not.
    let ended: Int?
    let result: JSONValue?

    /// Columns: place, node, tool, version, is_repeatable, tries, timeouts, ended, result, failure, started_at, ended_at.
    init(_ row: Row) throws(StoreError) {
        (place, isRepeatable) = (try row.int(0), try row.bool(4))
        ended = row.values[7] == .null ? nil : try row.int(7)
        result = try WorkflowRun.value(row, 8)
        let failure = try WorkflowRun.value(row, 9).flatMap { WorkflowFailure(json: $0) }
        let startedAt = try row.integer(10)
        let outcome: WorkflowTraceEntry.Outcome = ended == nil ? .running : failure.map { $0.reason == "timeout" ? .timeout : .error } ?? .ok
        entry = WorkflowTraceEntry(
            node: try row.text(1), type: "tool_call", outcome: outcome, startedAt: startedAt,
            endedAt: row.values[11] == .null ? startedAt : try row.integer(11), tries: try row.int(5), timeouts: try row.int(6),
            tool: try row.text(2), version: try row.optionalText(3), failure: failure)
    }

    var report: WorkflowMachine.Report {
        WorkflowMachine.Report(
            place, entry.failure.map { .failure($0) } ?? .success(result ?? .null), startedAt: entry.startedAt, endedAt: entry.endedAt,
            tries: entry.tries, timeouts: entry.timeouts, version: entry.version)
    }

    var beginning: WorkflowBeginning {
        WorkflowBeginning(
            place: place, node: entry.node, tool: entry.tool ?? "", version: entry.version, isRepeatable: isRepeatable, at: entry.startedAt)
    }
}

/// What hosts write that work on runs. Every write names the holder, so a host that was silent for too long finds that it has lost the run before it calls
/// anything else.
extension RunStore {
    /// Takes a run for this host; nil when there is nothing left to do: it is over, or gone.
    func take(_ id: String, tenant: String, holder: String) async throws(WorkflowError) -> HeldRun? {
        let now = now()
        return try await write(of: tenant) { connection in
            let row = try await connection.row(
                """
                UPDATE workflow_run SET state = 'running', holder = $1, attempts = attempts + 1, started_at = coalesce(started_at, $2)
                WHERE id = $3 AND state IN ('queued', 'running') RETURNING input, cancel
                """, [.text(holder), .integer(now), .text(id)])
            guard let row, let run = try await Self.find(id, tenant, connection) else { return nil }
            let nodes = try await Self.nodes(of: id, connection)
            let ended = nodes.filter { $0.ended != nil }.sorted { $0.ended ?? 0 < $1.ended ?? 0 }
            let past = WorkflowPast(
                ended: ended.map(\.report), open: nodes.filter { $0.ended == nil }.map(\.beginning), startedAt: run.startedAt)
            return HeldRun(run: run, input: try WorkflowRun.value(row, 0) ?? .null, holder: holder, past: past, isCancelled: try row.bool(1))
        }
    }

    /// In the order in which they were begun.
    static func nodes(of run: String, _ connection: any DatabaseConnection) async throws(StoreError) -> [StoredNode] {
        let rows = try await connection.rows(
            """
            SELECT place, node, tool, version, is_repeatable, tries, timeouts, ended, result, failure, started_at, ended_at FROM workflow_node
            WHERE run = $1 ORDER BY started_at, place LIMIT $2
            """, [.text(run), SQLValue(WorkflowLimits.nodesMax)])
        var nodes: [StoredNode] = []
        for row in rows { nodes.append(try StoredNode(row)) }
        return nodes
    }

    /// Whether somebody is kept from having runs made: his account, or his tenant, is off, or gone.
    func isBarred(_ owner: String, tenant: String) async throws(WorkflowError) -> Bool {
        try await read(of: tenant) { try await Self.isBarred(owner, $0) }
    }

    private static func isBarred(_ owner: String, _ connection: any DatabaseConnection) async throws(StoreError) -> Bool {
        try await connection.row(
            "SELECT 1 FROM account a JOIN tenant t ON t.id = a.tenant WHERE a.id = $1 AND a.is_active = 1 AND t.is_active = 1", [.text(owner)]) == nil
    }

    /// How a host stands to a run after a write.
    enum Standing: Sendable {
        case held
        /// Somebody asked for its end.
        case cancelled
        /// Its person may have nothing done any more.
        case barred
        /// It is another host's now, or gone.
        case lost
    }

    /// Keeps how calls ended and which begin, in one transaction; `number` is that of the first end.
    func record(
        _ held: HeldRun, ended: [WorkflowMachine.Report], from number: Int, beginning: [WorkflowBeginning]
    ) async throws(WorkflowError) -> Standing {
        let (id, tenant, owner) = (held.run.id, held.run.tenant, held.run.owner)
        return try await write(of: tenant) { connection in
            // Locks the row: from here to the commit no other host takes the run.
            let row = try await connection.row(
                "UPDATE workflow_run SET holder = holder WHERE id = $1 AND holder = $2 AND state = 'running' RETURNING cancel",
                [.text(id), .text(held.holder)])
            guard let row else { return .lost }
            try await Self.keep(ended, from: number, of: id, connection)
            if try row.bool(0) { return .cancelled }
            if try await Self.isBarred(owner, connection) { return .barred }
            for call in beginning {
                try await connection.execute(
                    """
                    INSERT INTO workflow_node (run, place, tenant, node, tool, version, is_repeatable, tries, timeouts, started_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 0, $8)
                    ON CONFLICT (run, place) DO UPDATE SET version = excluded.version, tries = workflow_node.tries + 1
                    """,
                    [
                        .text(id), SQLValue(call.place), .text(tenant), .text(call.node), .text(call.tool), SQLValue(call.version),
                        SQLValue(call.isRepeatable), .integer(call.at),
                    ])
            }
            return .held
        }
    }

    private static func keep(
        _ ended: [WorkflowMachine.Report], from number: Int, of run: String, _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        for (index, report) in ended.enumerated() {
            var (result, failure): (String?, String?) = (nil, nil)
            switch report.result {
            case .success(let value): result = value.text
            case .failure(let why): failure = why.json.text
            }
            try await connection.execute(
                """
                UPDATE workflow_node SET ended = $1, result = $2, failure = $3, tries = $4, timeouts = $5, version = coalesce($6, version), ended_at = $7
                WHERE run = $8 AND place = $9 AND ended IS NULL
                """,
                [
                    SQLValue(number + index), SQLValue(result), SQLValue(failure), SQLValue(report.tries), SQLValue(report.timeouts),
                    SQLValue(report.version), .integer(report.endedAt), .text(run), SQLValue(report.place),
                ])
        }
    }

    /// Gives back beginnings of calls that were not made, so that the next host may make them.
    func takeBack(_ held: HeldRun, _ places: [Int]) async throws(WorkflowError) {
        guard !places.isEmpty else { return }
        let id = held.run.id
        try await write(of: held.run.tenant) { connection in
            let row = try await connection.row(
                "UPDATE workflow_run SET holder = holder WHERE id = $1 AND holder = $2 AND state = 'running' RETURNING id",
                [.text(id), .text(held.holder)])
            guard row != nil else { return }
            for place in places {
                // One that an earlier host had begun too is still that host's.
                try await connection.execute(
                    "UPDATE workflow_node SET tries = tries - 1 WHERE run = $1 AND place = $2 AND ended IS NULL", [.text(id), SQLValue(place)])
            }
            try await connection.execute("DELETE FROM workflow_node WHERE run = $1 AND ended IS NULL AND tries = 0", [.text(id)])
        }
    }

    /// Keeps a run's end; false when it was not this host's to end any more.
    func end(_ held: HeldRun, _ result: WorkflowResult) async throws(WorkflowError) -> Bool {
        let (id, now) = (held.run.id, now())
        let (state, outputs, failure) = Self.columns(result.end)
        return try await write(of: held.run.tenant) { connection in
            // A run that ended before its walk shows what an earlier host has done.
            let known = result.trace.isEmpty ? try await Self.nodes(of: id, connection).map(\.entry) : result.trace
            let trace = JSONValue.array(known.map(\.json)).text
            let count = try await connection.execute(
                """
                UPDATE workflow_run SET state = $1, outputs = $2, failure = $3, trace = $4, ended_at = $5, holder = NULL
                WHERE id = $6 AND holder = $7 AND state = 'running'
                """,
                [
                    .text(state.rawValue), SQLValue(outputs), SQLValue(failure), .text(trace), .integer(now), .text(id), .text(held.holder),
                ])
            guard count == 1 else { return false }
            // The trace has what is shown of them; results were for a host that goes on.
            try await connection.execute("DELETE FROM workflow_node WHERE run = $1", [.text(id)])
            try await connection.announce(Self.endTopic, id)
            return true
        }
    }

    private static func columns(_ end: WorkflowMachine.End) -> (RunState, outputs: String?, failure: String?) {
        switch end {
        case .done(let outputs): (.done, outputs.text, nil)
        case .failed(let failure): (.failed, nil, failure.json.text)
        case .cancelled: (.cancelled, nil, WorkflowFailure.cancelled.json.text)
        }
    }
}
