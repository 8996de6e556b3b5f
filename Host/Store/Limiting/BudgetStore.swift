internal import Glibc

/// What users and tenants spend in a month, in micro-units of the price table's currency; the bounds are the caller's to know.
///
/// An act reserves what it may cost at most before it begins and settles what it did cost: so many acts at once cannot spend more than is there. What a
/// host that died had reserved stays spent.
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

    /// An amount that is kept free for an act until it is settled.
    package struct Reservation: Sendable, Hashable {
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

    private static let add: SQL = """
        INSERT INTO budget_spent (tenant, owner, month, micros) VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant, owner, month) DO UPDATE SET micros = budget_spent.micros + $4 WHERE budget_spent.micros + $4 <= $5
        RETURNING micros
        """

    /// Takes an amount of the user's and the tenant's budget, of both or of none.
    package func reserve(
        _ micros: Int64, tenant: String, user: String, within bounds: Bounds, nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()
    ) async throws(StoreError) -> Outcome {
        precondition(micros >= 0, "nobody earns by asking")
        let month = Self.month(now)
        do {
            return try await database.write(isolation: .statements) { connection in
                var isNearEnd = false
                // The tenant's row last: many wait for it, so it is held shortest.
                for (owner, bound, whose) in [(user, bounds.user, Exhausted.user), ("", bounds.tenant, .tenant)] {
                    let row =
                        micros > bound
                        ? nil
                        : try await connection.row(Self.add, [.text(tenant), .text(owner), .integer(month), .integer(micros), .integer(bound)])
                    guard let row else { throw StoreError(.limit(whose.rawValue), "a budget is spent") }
                    isNearEnd = try isNearEnd || row.integer(0) >= bound - bound / 5
                }
                return .reserved(Reservation(tenant: tenant, owner: user, month: month, micros: micros, isNearEnd: isNearEnd))
            }
        } catch {
            guard case .limit(let text) = error.code, let whose = Exhausted(rawValue: text) else { throw error }
            return .exhausted(whose)
        }
    }

    /// Puts what it did cost in the place of what was reserved; it may be more, if the estimate was wrong.
    package func settle(_ reservation: Reservation, cost: Int64) async throws(StoreError) {
        let difference = cost - reservation.micros
        try await database.write(isolation: .statements) { connection in
            for owner in [reservation.owner, ""] {
                try await connection.execute(
                    """
                    UPDATE budget_spent SET micros = CASE WHEN micros + $4 < 0 THEN 0 ELSE micros + $4 END
                    WHERE tenant = $1 AND owner = $2 AND month = $3
                    """, [.text(reservation.tenant), .text(owner), .integer(reservation.month), .integer(difference)])
            }
        }
    }

    /// What was spent this month; of the tenant without a user.
    package func spent(tenant: String, user: String? = nil, nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()) async throws(StoreError)
        -> Int64
    {
        let values: [SQLValue] = [.text(tenant), .text(user ?? ""), .integer(Self.month(now))]
        return try await database.read { connection in
            try await connection.row("SELECT micros FROM budget_spent WHERE tenant = $1 AND owner = $2 AND month = $3", values)?.integer(0) ?? 0
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
