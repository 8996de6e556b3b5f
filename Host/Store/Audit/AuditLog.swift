internal import Crypto
internal import JSON

/// The append-only, hash-chained record of who did what (SPEC 6, OPS-6).
///
/// Triggers forbid changes, each entry's hash covers the one before, and the head is kept beside, so that an altered, removed, inserted
/// or cut-off entry is found by `verify`.
package final class AuditLog: Sendable {
    let database: Database

    /// Uses a database.
    package init(database: Database) { self.database = database }

    /// Queues an entry and returns without waiting for the disk; see `Database` for what a crash can lose. Under back-pressure it waits
    /// for its own commit. Throws when the entry could not be accepted: then the act must not go on.
    package func append(_ entry: AuditEntry) async throws(StoreError) {
        let row = AuditRow(entry)
        try await database.append { try await Self.insert(row, $0) }
    }

    /// Appends an entry and returns when it is durable; for acts of administration.
    @discardableResult
    package func record(_ entry: AuditEntry) async throws(StoreError) -> Int64 {
        let row = AuditRow(entry)
        return try await database.write { try await Self.insert(row, $0) }
    }

    /// Waits until everything appended so far is durable.
    package func flush() async throws(StoreError) { try await database.flush() }

    /// Adds a link within the caller's transaction, so that an act and its record stand or fall together.
    @discardableResult
    static func insert(_ row: AuditRow, _ connection: any DatabaseConnection) async throws(StoreError) -> Int64 {
        // Others wait for this transaction's end here, so that none takes the same number.
        let head = try await connection.row(
            SQL(
                sqlite: "SELECT seq, hash FROM audit_head WHERE id = 1",
                postgres: "SELECT seq, hash FROM audit_head WHERE id = 1 FOR UPDATE"))
        guard let head else { throw StoreError(.corrupt, "the audit log has no head") }
        let seq = try head.integer(0) + 1
        let previous = try head.blob(1)
        let hash = row.hash(previous: previous, seq: seq)
        try await connection.batch([
            (
                """
                INSERT INTO audit (seq, at, actor, tenant, action, plugin, version, tool, call_id, outcome, reason, details, previous, hash)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
                """, [.integer(seq)] + row.parameters + [.blob(previous), .blob(hash)]
            ), ("UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1", [.integer(seq), .blob(hash)]),
        ])
        return seq
    }

    /// Waits until every entry queued so far can be read: whoever looks after a call finds that call.
    package func settle() async throws(StoreError) { try await database.flush() }

    /// The newest entries first, at most `limit` (1 to 500, default 50), of one plugin if named; stable while entries are added (API-7).
    package func list(plugin: String? = nil, cursor: String? = nil, limit: Int? = nil) async throws(StoreError) -> Page<AuditRecord> {
        let count = try PageCursor.limit(limit)
        let before = try cursor.map { (text) throws(StoreError) in try Self.place(text) } ?? .max
        let found = try await database.read { connection in
            try await Self.page(connection, plugin: plugin, before: before, count: count + 1).map(Self.record)
        }
        return Page(found, limit: count) { String($0.seq) }
    }

    private static func place(_ cursor: String) throws(StoreError) -> Int64 {
        guard let seq = Int64(try PageCursor.decode(cursor)) else { throw StoreError(.invalid, "not a cursor of the audit log") }
        return seq
    }

    private static func page(
        _ connection: any DatabaseConnection, plugin: String?, before: Int64, count: Int
    ) async throws(StoreError) -> [Row] {
        guard let plugin else {
            return try await connection.rows(
                """
                SELECT seq, at, actor, tenant, action, plugin, version, tool, call_id, outcome, reason, details, previous, hash
                FROM audit WHERE seq < $1 ORDER BY seq DESC LIMIT $2
                """, [.integer(before), SQLValue(count)])
        }
        return try await connection.rows(
            """
            SELECT seq, at, actor, tenant, action, plugin, version, tool, call_id, outcome, reason, details, previous, hash
            FROM audit WHERE plugin = $3 AND seq < $1 ORDER BY seq DESC LIMIT $2
            """, [.integer(before), SQLValue(count), .text(plugin)])
    }

    static func record(_ row: Row) throws(StoreError) -> AuditRecord {
        AuditRecord(seq: try row.integer(0), entry: try AuditRow(row).entry(), previous: try row.blob(12), hash: try row.blob(13))
    }

    /// Walks the whole chain from its anchor, which stands for what was pruned, and finds the first broken link; bounded steps, each with its own snapshot, so that a
    /// long log never holds a reader for long. Entries that are added meanwhile are checked too.
    package func verify() async throws(StoreError) -> AuditVerification {
        var walk = try await database.read { connection in try await AuditWalk(connection) }
        while true {
            let step = walk
            let next = try await database.read { connection in try await Self.advance(step, connection) }
            walk = next.walk
            if next.isDone { return walk.result }
        }
    }

    private static func advance(
        _ start: AuditWalk, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> (walk: AuditWalk, isDone: Bool) {
        var walk = start
        let rows = try await connection.rows(
            """
            SELECT seq, at, actor, tenant, action, plugin, version, tool, call_id, outcome, reason, details, previous, hash
            FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2
            """, [.integer(start.seq), SQLValue(StoreLimits.auditVerifyStep)])
        for row in rows {
            guard try walk.take(row) else { return (walk, true) }
        }
        guard rows.count < StoreLimits.auditVerifyStep else { return (walk, false) }
        guard let head = try await connection.row("SELECT seq, hash FROM audit_head WHERE id = 1") else {
            throw StoreError(.corrupt, "the audit log has no head")
        }
        walk.end(headSeq: try head.integer(0), headHash: try head.blob(1))
        return (walk, true)
    }
}

/// The state of a walk along the chain.
struct AuditWalk: Sendable {
    private(set) var seq: Int64
    private var hash: [UInt8]
    /// Where the chain begins, in the words of the log's own entry about it.
    private let anchor: (seq: Int64, text: String)
    private var isAnchored: Bool
    private var checked: Int64 = 0
    private var brokenAt: Int64?
    private var reason: String?

    /// Begins at the anchor.
    init(_ connection: any DatabaseConnection) async throws(StoreError) {
        guard let row = try await connection.row("SELECT seq, hash FROM audit_anchor WHERE id = 1") else {
            throw StoreError(.corrupt, "the audit log has no anchor")
        }
        (seq, hash) = (try row.integer(0), try row.blob(1))
        anchor = (seq, #"{"hash":"\#(Hex.encode(hash))","through":\#(seq)}"#)
        isAnchored = seq == 0
    }

    /// Checks one link; false when it is broken.
    mutating func take(_ row: Row) throws(StoreError) -> Bool {
        let found = try row.integer(0)
        guard found == seq + 1 else { return broken(seq + 1, "entry \(seq + 1) is missing") }
        guard try row.blob(12) == hash else { return broken(found, "entry \(found) does not follow the one before it") }
        guard try AuditRow(row).hash(previous: hash, seq: found) == row.blob(13) else { return broken(found, "entry \(found) was altered") }
        seq = found
        hash = try row.blob(13)
        checked += 1
        if try row.text(4) == AuditLog.pruneAction { isAnchored = try row.optionalText(11) == anchor.text || isAnchored }
        return true
    }

    /// Compares the end of the chain with the head.
    mutating func end(headSeq: Int64, headHash: [UInt8]) {
        if headSeq != seq || headHash != hash {
            _ = broken(seq + 1, headSeq > seq ? "entries \(seq + 1) to \(headSeq) are missing" : "the head does not fit the last entry")
        } else if !isAnchored {
            _ = broken(anchor.seq, "the anchor is not the one that the log speaks of")
        }
    }

    private mutating func broken(_ seq: Int64, _ why: String) -> Bool {
        (brokenAt, reason) = (seq, why)
        return false
    }

    var result: AuditVerification {
        AuditVerification(entriesChecked: checked, brokenAt: brokenAt, reason: reason, headHash: hash)
    }
}
