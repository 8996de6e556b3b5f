/// The running state of one aggregate over one group; nulls are skipped.
struct Accumulator {
    private let function: AggregateFunction
    private var count = 0
    private var sum = Decimal.zero
    private var kept: Value = .null
    private var distinct: Set<Value> = []

    init(_ function: AggregateFunction) { self.function = function }

    mutating func add(_ value: Value, row: Int) throws(TableError) {
        if value.isNull { return }
        count += 1
        switch function {
        case .count: break
        case .countDistinct: distinct.insert(value)
        case .first: if count == 1 { kept = value }
        case .last: kept = value
        case .sum, .avg:
            guard case .number(let number) = value else {
                throw TableError(.type, "\(function.rawValue) takes numbers, found \(value.typeName).", line: row + 1)
            }
            guard let total = sum.adding(number) else { throw TableError(.overflow, "The sum has more than 38 digits.", line: row + 1) }
            sum = total
        case .min, .max:
            if kept.isNull {
                kept = value
            } else if function == .min ? Value.precedes(value, kept) : Value.precedes(kept, value) {
                kept = value
            }
        }
    }

    /// Counts a row whatever it holds.
    mutating func addRow() { count += 1 }

    /// The sum of nothing is 0; the average, least and greatest of nothing are null.
    func result() throws(TableError) -> Value {
        switch function {
        case .count: return .number(Decimal(count))
        case .countDistinct: return .number(Decimal(distinct.count))
        case .sum: return .number(sum)
        case .avg:
            if count == 0 { return .null }
            guard let mean = sum.divided(by: Decimal(count)) else { throw TableError(.overflow, "The average has too many digits.") }
            return .number(mean)
        case .first, .last, .min, .max: return kept
        }
    }
}
