import JSON
package import Store
package import Telemetry

/// What users and tenants may spend on models in a month: for whoever calls a model.
package struct Budgets: Sendable {
    private let store: BudgetStore
    private let settings: LiveSettings
    private let log: Log

    /// Bounds by the settings `budget.…`.
    package init(_ store: BudgetStore, _ settings: LiveSettings, log: Log) { (self.store, self.settings, self.log) = (store, settings, log) }

    /// Keeps what an act may cost at most, in micro-units. `isNearEnd` of the answer: from 80 % on a client is warned.
    /// - Throws: 429 with `details.reason: budget` when the user or the tenant has not so much left.
    package func reserve(_ micros: Int64, for principal: Principal) async throws(APIError) -> BudgetStore.Reservation {
        let bounds = BudgetStore.Bounds(
            user: Int64(settings.integer("budget.user_micros_per_month", plan: principal.plan)),
            tenant: Int64(settings.integer("budget.tenant_micros_per_month")))
        let outcome: BudgetStore.Outcome
        do throws(StoreError) {
            outcome = try await store.reserve(micros, tenant: principal.tenant, user: principal.id, within: bounds)
        } catch {
            throw failed(error)
        }
        switch outcome {
        case .reserved(let reservation): return reservation
        case .exhausted(let whose):
            let wait = BudgetStore.untilMonthEnds(StoreClock.nowMilliseconds())
            throw APIError(
                .rateLimited, "The \(whose.rawValue)'s budget of this month is spent.",
                details: ["reason": "budget", "of": .string(whose.rawValue), "retry_after_ms": JSONValue(wait)],
                headers: [("Retry-After", String((wait + 999) / 1000))])
        }
    }

    /// Says what the act did cost.
    package func settle(_ reservation: BudgetStore.Reservation, cost: Int64) async throws(APIError) {
        do throws(StoreError) {
            try await store.settle(reservation, cost: cost)
        } catch {
            throw failed(error)
        }
    }

    private func failed(_ error: StoreError) -> APIError {
        log.error("a budget could not be kept", [("cause", .string("\(error)"))])
        return APIError(storing: error)
    }
}
