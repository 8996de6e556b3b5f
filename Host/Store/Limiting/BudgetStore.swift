internal import Crypto
internal import Glibc

/// What users and tenants spend in a month, in micro-units of the price table's currency; the bounds are the caller's to know.
///
/// An act reserves what it may cost at most before it begins and settles what it did cost: so many acts at once cannot spend more than is there. What is reserved is a
/// row with an end, so that what a host that died had reserved comes back (`sweep`), and is settled once whoever comes first.
package final class BudgetStore: Sendable {
    private let database: Database

    /// Uses a database.
    package init(database: Database) { self.database = database }

    /// What may be spent in a month.
    package struct Bounds: Sendable, Hashable {
        package var user: Int64
        package var tenant: Int64

        /// Describes bounds.
        package init(user: Int64, tenant: Int64) { (self.user, self.tenant) = (user, tenant) }
    }

    /// What was spent in a month, with what is reserved.
    package typealias Spent = (user: Int64, tenant: Int64)

    /// An amount that is kept free for an act until it is settled, or its time is over.
    package struct Reservation: Sendable, Hashable {
        let id: String
        let tenant: String
        let owner: String
        let month: Int64
        package let micros: Int64
        /// Whether four fifths of a budget are spent.
        package let isNearEnd: Bool
    }

    /// Whose budget does not have it.
    package enum Exhausted: String, Sendable, Hashable { case user, tenant }

    /// What came of a reservation.
    package enum Outcome: Sendable, Hashable {
        case reserved(Reservation)
        case exhausted(Exhausted)
    }

    /// Whether four fifths of a bound are spent.
    package static func isNearEnd(_ spent: Int64, of bound: Int64) -> Bool { spent >= bound - bound / 5 }

    private static let add: SQL = """
        INSERT INTO budget_spent (tenant, owner, month, micros) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant, owner, month) DO UPDATE SET micros = budget_spent.micros + $4 WHERE budget_spent.micros + $4 <= $5
        RETURNING micros
        """

    private static let change: SQL = """
        UPDATE budget_spent SET micros = CASE WHEN micros + $4 < 0 THEN 0 ELSE micros + $4 END
        WHERE tenant = $1 AND owner = $2 AND month = $3 RETURNING micros
        """

    /// Takes an amount of the user's and the tenant's budget, of both or of none, for so long at most.
    package func reserve(
        _ micros: Int64, tenant: String, user: String, within bounds: Bounds, holdMilliseconds: Int64,
        nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()
    ) async throws(StoreError) -> Outcome {
        precondition(micros >= 0, "nobody earns by asking")
        let first = try await take(micros, tenant, user, bounds, holdMilliseconds, now)
        guard case .exhausted = first, try await sweep(nowMilliseconds: now) > 0 else { return first }
        // What others had reserved and never spent has come back.
        return try await take(micros, tenant, user, bounds, holdMilliseconds, now)
    }

    private func take(
        _ micros: Int64, _ tenant: String, _ user: String, _ bounds: Bounds, _ hold: Int64, _ now: Int64
    ) async throws(StoreError) -> Outcome {
        let (id, month) = (UUIDv7.make(), Self.month(now))
        do {
            return try await database.write(isolation: .statements) { connection in
                try await connection.confine(to: tenant)
                var isNearEnd = false
                try await connection.execute(
                    "INSERT INTO budget_hold (id, tenant, owner, month, micros, until) VALUES ($1, $2, $3, $4, $5, $6)",
                    [.text(id), .text(tenant), .text(user), .integer(month), .integer(micros), .integer(now + hold)])
                // The tenant's row last: many wait for it, so it is held shortest.
                for (owner, bound, whose) in [(user, bounds.user, Exhausted.user), ("", bounds.tenant, .tenant)] {
                    let row =
                        micros > bound
                        ? nil
                        : try await connection.row(Self.add, [.text(tenant), .text(owner), .integer(month), .integer(micros), .integer(bound)])
                    guard let row else { throw StoreError(.limit(whose.rawValue), "a budget is spent") }
                    isNearEnd = try isNearEnd || Self.isNearEnd(row.integer(0), of: bound)
                }
                return .reserved(Reservation(id: id, tenant: tenant, owner: user, month: month, micros: micros, isNearEnd: isNearEnd))
            }
        } catch {
            guard case .limit(let text) = error.code, let whose = Exhausted(rawValue: text) else { throw error }
            return .exhausted(whose)
        }
    }

    /// Puts what it did cost in the place of what was reserved; it may be more, if the estimate was wrong. What came back meanwhile is taken anew.
    /// - Returns: What is spent now.
    @discardableResult
    package func settle(_ reservation: Reservation, cost: Int64) async throws(StoreError) -> Spent {
        precondition(cost >= 0, "nobody earns by asking")
        return try await database.write(isolation: .statements) { connection in
            try await connection.confine(to: reservation.tenant)
            let isHeld = try await connection.row("DELETE FROM budget_hold WHERE id = $1 RETURNING id", [.text(reservation.id)]) != nil
            let difference = isHeld ? cost - reservation.micros : cost
            func spent(_ owner: String) async throws(StoreError) -> Int64 {
                try await connection.row(
                    Self.change, [.text(reservation.tenant), .text(owner), .integer(reservation.month), .integer(difference)])?.integer(0) ?? 0
            }
            return (try await spent(reservation.owner), try await spent(""))
        }
    }

    /// Gives back what was reserved and whose time is over: its host died, or nobody could say what it did cost. How many reservations that were.
    @discardableResult
    package func sweep(nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()) async throws(StoreError) -> Int {
        try await database.write(isolation: .statements) { connection in
            let rows = try await connection.rows(
                """
                DELETE FROM budget_hold WHERE id IN (SELECT id FROM budget_hold WHERE until < $1 ORDER BY until LIMIT $2)
                RETURNING tenant, owner, month, micros
                """, [.integer(now), SQLValue(StoreLimits.pageMax)])
            var sums: [Key: Int64] = [:]
            for row in rows {
                let (tenant, owner, month) = (try row.text(0), try row.text(1), try row.integer(2))
                for name in [owner, ""] { sums[Key(tenant: tenant, owner: name, month: month), default: 0] += try row.integer(3) }
            }
            // In one order for all, a tenant's own row behind those of its users, as reservations take them: two can wait for each other in no way.
            for (key, micros) in sums.sorted(by: { $0.key < $1.key }) {
                _ = try await connection.row(Self.change, [.text(key.tenant), .text(key.owner), .integer(key.month), .integer(-micros)])
            }
            return rows.count
        }
    }

    private struct Key: Hashable, Comparable {
        let tenant: String
        let owner: String
        let month: Int64

        static func < (left: Key, right: Key) -> Bool {
            (left.tenant, left.owner.isEmpty ? 1 : 0, left.owner, left.month) < (right.tenant, right.owner.isEmpty ? 1 : 0, right.owner, right.month)
        }
    }

    /// What was spent this month, by the user and by the whole tenant.
    package func spent(tenant: String, user: String, nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()) async throws(StoreError) -> Spent {
        let month = Self.month(now)
        return try await database.read { connection in
            try await connection.confine(to: tenant)
            var spent: Spent = (0, 0)
            for row in try await connection.rows(
                "SELECT owner, micros FROM budget_spent WHERE tenant = $1 AND month = $2 AND owner IN ($3, '')",
                [.text(tenant), .integer(month), .text(user)])
            {
                if try row.text(0).isEmpty { spent.tenant = try row.integer(1) } else { spent.user = try row.integer(1) }
            }
            return spent
        }
    }

    /// Months since the year 0, in UTC.
    static func month(_ milliseconds: Int64) -> Int64 {
        let parts = Self.parts(milliseconds)
        return Int64(parts.tm_year + 1900) * 12 + Int64(parts.tm_mon)
    }

    /// Milliseconds until the month ends.
    package static func untilMonthEnds(_ milliseconds: Int64) -> Int64 {
        var parts = Self.parts(milliseconds)
        (parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec) = (1, 0, 0, 0)
        parts.tm_mon += 1
        return Int64(timegm(&parts)) * 1000 - milliseconds
    }

    private static func parts(_ milliseconds: Int64) -> tm {
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return parts
    }
}
