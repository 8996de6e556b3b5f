package import JSON
package import Store

/// Four fifths of a budget are spent: clients are told while there is time to do something.
package struct BudgetWarning: Sendable, Hashable {
    package let of: BudgetStore.Exhausted
    package let spentMicros: Int64
    package let budgetMicros: Int64

    /// `budget_warning` of replies.
    package var json: JSONValue {
        ["of": .string(of.rawValue), "spent_micros": JSONValue(spentMicros), "budget_micros": JSONValue(budgetMicros)]
    }

    /// `Budget-Warning` of replies that are no stream.
    package var header: String { "\(of.rawValue); spent=\(spentMicros); budget=\(budgetMicros)" }
}
