internal import IO

/// What one or more calls used.
package struct UsageAmount: Sendable, Hashable {
    /// Calls that were admitted.
    package var calls: Int64 = 0
    /// Those that did not end well.
    package var failures: Int64 = 0
    /// Wall clock in microseconds.
    package var wallMicroseconds: Int64 = 0
    /// CPU time in microseconds.
    package var cpuMicroseconds: Int64 = 0
    /// Bytes in.
    package var inputBytes: Int64 = 0
    /// Bytes out.
    package var outputBytes: Int64 = 0

    /// Nothing.
    package init() {}

    /// Both together; stops at the largest number instead of overflowing.
    package static func + (left: UsageAmount, right: UsageAmount) -> UsageAmount {
        func sum(_ path: KeyPath<UsageAmount, Int64>) -> Int64 {
            let (sum, overflow) = left[keyPath: path].addingReportingOverflow(max(0, right[keyPath: path]))
            return overflow ? .max : sum
        }
        var total = UsageAmount()
        total.calls = sum(\.calls)
        total.failures = sum(\.failures)
        total.wallMicroseconds = sum(\.wallMicroseconds)
        total.cpuMicroseconds = sum(\.cpuMicroseconds)
        total.inputBytes = sum(\.inputBytes)
        total.outputBytes = sum(\.outputBytes)
        return total
    }
}

/// What usage is summed by.
package struct UsageKey: Sendable, Hashable {
    /// Days since 1970-01-01 UTC.
    package let day: Int64
    /// Tenant's id.
    package let tenant: String
    /// Key's or user's id.
    package let actor: String
    /// The plugin.
    package let plugin: String
    /// The tool's name.
    package let tool: String

    func isBefore(_ other: UsageKey) -> Bool {
        (day, tenant, actor, plugin, tool) < (other.day, other.tenant, other.actor, other.plugin, other.tool)
    }

    /// The day is that of `atMilliseconds`.
    package init(tenant: String, actor: String, plugin: String, tool: String, atMilliseconds: Int64 = StoreClock.nowMilliseconds()) {
        day = atMilliseconds / 86_400_000
        (self.tenant, self.actor, self.plugin, self.tool) = (tenant, actor, plugin, tool)
    }
}

/// A sum for one plugin, tool and day.
package struct UsageRow: Sendable, Hashable {
    /// Days since 1970-01-01 UTC.
    package let day: Int64
    /// The plugin.
    package let plugin: String
    /// The tool's name.
    package let tool: String
    /// What was used.
    package let amount: UsageAmount
}

/// Sums what calls used, by day, tenant, actor, plugin and tool.
///
/// Amounts of one key that arrive while a write is queued are added up in memory, so that the busiest tool costs one row a batch.
package final class UsageStore: Sendable {
    private struct Pending: Sendable {
        var amounts: [UsageKey: UsageAmount] = [:]
        var isQueued = false

        mutating func add(_ more: [UsageKey: UsageAmount]) {
            for (key, amount) in more { amounts[key] = (amounts[key] ?? UsageAmount()) + amount }
        }
    }

    /// What one write has taken that is not committed yet.
    private final class Turn: Sendable {
        private let taken = Lock<[UsageKey: UsageAmount]>([:])
        func swap(for new: [UsageKey: UsageAmount]) -> [UsageKey: UsageAmount] {
            taken.withLock { taken in
                defer { taken = new }
                return taken
            }
        }
    }
    private let database: Database
    private let pending = Lock(Pending())

    /// Uses a database.
    package init(database: Database) { self.database = database }

    /// Adds what a call used; returns at once. Durable as an audit append is.
    package func add(_ amount: UsageAmount, to key: UsageKey) async throws(StoreError) {
        let queues = pending.withLock { pending in
            pending.amounts[key] = (pending.amounts[key] ?? UsageAmount()) + amount
            guard !pending.isQueued || pending.amounts.count >= StoreLimits.usageRowsPendingMax else { return false }
            pending.isQueued = true
            return true
        }
        guard queues else { return }
        let turn = Turn()
        do {
            try await database.append(onEnd: { if $0 != nil { self.putBack(turn) } }) { try await self.write(turn, $0) }
        } catch {
            putBack(turn)
            throw error
        }
    }

    /// What was taken and is not stored waits for the next write.
    private func putBack(_ turn: Turn) {
        let taken = turn.swap(for: [:])
        pending.withLock { pending in
            pending.add(taken)
            pending.isQueued = false
        }
    }

    /// May run more than once for one commit.
    private func write(_ turn: Turn, _ connection: any DatabaseConnection) async throws(StoreError) {
        putBack(turn)
        let amounts = pending.withLock { pending in
            let amounts = pending.amounts
            pending.amounts = [:]
            return amounts
        }
        _ = turn.swap(for: amounts)
        // In one order on every host, so that two never wait for each other.
        for (key, amount) in amounts.sorted(by: { $0.key.isBefore($1.key) }) { try await Self.add(amount, key, connection) }
    }

    private static func add(_ amount: UsageAmount, _ key: UsageKey, _ connection: any DatabaseConnection) async throws(StoreError) {
        try await connection.execute(
            """
            INSERT INTO usage_day (day, tenant, actor, plugin, tool, calls, failures, wall_us, cpu_us, input_bytes, output_bytes)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            ON CONFLICT (day, tenant, actor, plugin, tool) DO UPDATE SET
                calls = usage_day.calls + excluded.calls, failures = usage_day.failures + excluded.failures,
                wall_us = usage_day.wall_us + excluded.wall_us, cpu_us = usage_day.cpu_us + excluded.cpu_us,
                input_bytes = usage_day.input_bytes + excluded.input_bytes, output_bytes = usage_day.output_bytes + excluded.output_bytes
            """,
            [
                .integer(key.day), .text(key.tenant), .text(key.actor), .text(key.plugin), .text(key.tool), .integer(amount.calls),
                .integer(amount.failures), .integer(amount.wallMicroseconds), .integer(amount.cpuMicroseconds), .integer(amount.inputBytes),
                .integer(amount.outputBytes),
            ])
    }

    /// Sums by day, plugin and tool, newest day first, at most `limit` (1 to 500, default 50) from a day on; nil means all tenants.
    package func sums(
        tenant: String? = nil, sinceDay: Int64 = 0, cursor: String? = nil, limit: Int? = nil
    ) async throws(StoreError) -> Page<UsageRow> {
        let count = try PageCursor.limit(limit)
        let after = try cursor.map { (text) throws(StoreError) in try Self.place(PageCursor.decode(text)) }
        let rows = try await database.readLate { connection in
            try await connection.rows(
                """
                SELECT day, plugin, tool, CAST(sum(calls) AS BIGINT), CAST(sum(failures) AS BIGINT), CAST(sum(wall_us) AS BIGINT),
                    CAST(sum(cpu_us) AS BIGINT), CAST(sum(input_bytes) AS BIGINT), CAST(sum(output_bytes) AS BIGINT)
                FROM usage_day
                WHERE day >= $1 AND (CAST($2 AS TEXT) IS NULL OR tenant = $2)
                    AND (CAST($3 AS BIGINT) IS NULL OR day < $3 OR (day = $3 AND (plugin > $4 OR (plugin = $4 AND tool > $5))))
                GROUP BY day, plugin, tool ORDER BY day DESC, plugin, tool LIMIT $6
                """,
                [
                    .integer(sinceDay), SQLValue(tenant), after.map { .integer($0.day) } ?? .null, SQLValue(after?.plugin),
                    SQLValue(after?.tool), SQLValue(count + 1),
                ])
        }
        var found: [UsageRow] = []
        for row in rows { found.append(try Self.read(row)) }
        return Page(found, limit: count) { "\($0.day)/\($0.plugin)/\($0.tool)" }
    }

    private static func place(_ key: String) throws(StoreError) -> (day: Int64, plugin: String, tool: String) {
        let parts = key.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let day = Int64(parts[0]) else { throw StoreError(.invalid, "not a cursor of the usage list") }
        return (day, String(parts[1]), String(parts[2]))
    }

    private static func read(_ row: Row) throws(StoreError) -> UsageRow {
        var amount = UsageAmount()
        amount.calls = try row.integer(3)
        amount.failures = try row.integer(4)
        amount.wallMicroseconds = try row.integer(5)
        amount.cpuMicroseconds = try row.integer(6)
        amount.inputBytes = try row.integer(7)
        amount.outputBytes = try row.integer(8)
        return UsageRow(day: try row.integer(0), plugin: try row.text(1), tool: try row.text(2), amount: amount)
    }
}
