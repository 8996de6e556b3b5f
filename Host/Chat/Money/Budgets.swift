package import Store
import Tools

/// What users and tenants may spend on models in a month.
///
/// Before a model is asked, what its reply may cost at most is kept free; when the reply is there, what it did cost takes that place. So many turns at once cannot
/// spend more than is there, and what a host that died had kept free comes back (`BudgetStore`).
package struct Budgets: Sendable {
    private let store: BudgetStore
    private let bounds: @Sendable (_ plan: String) -> BudgetStore.Bounds

    /// - Parameter bounds: What a user of a plan, and the tenant, may spend in a month.
    package init(_ store: BudgetStore, bounds: @escaping @Sendable (_ plan: String) -> BudgetStore.Bounds) {
        (self.store, self.bounds) = (store, bounds)
    }

    /// Whether something that costs so much could begin now. Nothing is kept free: for refusals before anything is stored.
    /// - Throws: `.budget` when the user or the tenant has not so much left.
    func check(_ micros: Int64, for origin: TurnOrigin) async throws(ChatError) {
        let (caller, bounds) = (origin.caller, bounds(origin.plan))
        let spent: BudgetStore.Spent
        do throws(StoreError) {
            spent = try await store.spent(tenant: caller.tenant, user: caller.user)
        } catch {
            throw .store(error)
        }
        if micros > bounds.user || spent.user > bounds.user - micros { throw .budget(Self.exhausted(.user)) }
        if micros > bounds.tenant || spent.tenant > bounds.tenant - micros { throw .budget(Self.exhausted(.tenant)) }
    }

    /// Keeps what something may cost at most.
    /// - Throws: `.budget` when the user or the tenant has not so much left.
    func reserve(_ micros: Int64, for origin: TurnOrigin) async throws(ChatError) -> BudgetStore.Reservation {
        let outcome: BudgetStore.Outcome
        do throws(StoreError) {
            outcome = try await store.reserve(
                micros, tenant: origin.caller.tenant, user: origin.caller.user, within: bounds(origin.plan),
                holdMilliseconds: Int64(ChatLimits.turnMillisecondsMax) + ChatLimits.budgetHoldSlackMilliseconds)
        } catch {
            throw .store(error)
        }
        switch outcome {
        case .reserved(let reservation): return reservation
        case .exhausted(let whose): throw .budget(Self.exhausted(whose))
        }
    }

    /// Says what it did cost.
    /// - Returns: Whose budget is nearly spent, if one is.
    func settle(_ reservation: BudgetStore.Reservation, cost: Int64, for origin: TurnOrigin) async throws(StoreError) -> BudgetWarning? {
        let (spent, bounds) = (try await store.settle(reservation, cost: cost), bounds(origin.plan))
        if BudgetStore.isNearEnd(spent.user, of: bounds.user) { return BudgetWarning(of: .user, spentMicros: spent.user, budgetMicros: bounds.user) }
        if BudgetStore.isNearEnd(spent.tenant, of: bounds.tenant) {
            return BudgetWarning(of: .tenant, spentMicros: spent.tenant, budgetMicros: bounds.tenant)
        }
        return nil
    }

    private static func exhausted(_ whose: BudgetStore.Exhausted) -> BudgetSpent {
        BudgetSpent(of: whose, retryAfterMilliseconds: BudgetStore.untilMonthEnds(StoreClock.nowMilliseconds()))
    }
}

/// Whose budget is spent, and when there is a new one.
package struct BudgetSpent: Sendable, Hashable {
    package let of: BudgetStore.Exhausted
    package let retryAfterMilliseconds: Int64
}
