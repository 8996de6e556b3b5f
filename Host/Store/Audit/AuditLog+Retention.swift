internal import Crypto
internal import JSON

extension AuditLog {
    /// Removes entries from before `cutoff`, oldest first and never the newest, in bounded steps; returns how many.
    ///
    /// Each step moves the anchor to its last entry, whose hash stays, and is itself an entry, which says where the anchor is: so the chain has a beginning
    /// that it vouches for.
    @discardableResult
    package func prune(before cutoff: Int64, nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()) async throws(StoreError) -> Int {
        var total = 0
        while true {
            let count = try await database.write { connection in try await Self.step(cutoff, now, connection) }
            total += count
            if count < StoreLimits.auditVerifyStep { return total }
        }
    }

    private static func step(_ cutoff: Int64, _ now: Int64, _ connection: any DatabaseConnection) async throws(StoreError) -> Int {
        try await connection.lock(.named("audit prune"))
        let rows = try await connection.rows("SELECT seq, at, hash FROM audit ORDER BY seq LIMIT $1", [SQLValue(StoreLimits.auditVerifyStep + 1)])
        var last: (seq: Int64, hash: [UInt8])?
        var count = 0
        for row in rows.dropLast() {
            guard try row.integer(1) < cutoff else { break }
            last = (try row.integer(0), try row.blob(2))
            count += 1
        }
        guard let last else { return 0 }
        try await connection.execute("UPDATE audit_anchor SET seq = $1, hash = $2 WHERE id = 1", [.integer(last.seq), .blob(last.hash)])
        try await connection.execute("DELETE FROM audit WHERE seq <= $1", [.integer(last.seq)])
        let entry = AuditEntry(
            actor: "system", tenant: "@host", action: Self.pruneAction, outcome: "ok",
            details: ["through": .number(.init(last.seq)), "hash": .string(Hex.encode(last.hash))], atMilliseconds: now)
        try await note(entry, within: connection)
        return count
    }

    /// What a step of pruning is called in the log.
    static let pruneAction = "audit.prune"

    /// Entries in their order, from behind `seq` on, at most `limit` (1 to 1,000).
    package func entries(after seq: Int64, limit: Int = StoreLimits.auditVerifyStep) async throws(StoreError) -> [AuditRecord] {
        let count = max(1, min(limit, StoreLimits.auditVerifyStep))
        return try await database.readLate { connection in
            try await connection.rows(
                """
                SELECT seq, at, actor, tenant, action, plugin, version, tool, call_id, outcome, reason, details, previous, hash
                FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2
                """, [.integer(seq), SQLValue(count)]
            ).map(Self.record)
        }
    }
}
