internal import CPQ

/// What went wrong on a connection, in PostgreSQL's terms.
struct PostgresFailure: Error, Sendable {
    /// What that means for a transaction that has not been told to commit.
    enum Kind: Sendable {
        /// It was rolled back to let another pass; the same again may succeed.
        case conflict
        /// The connection is gone and with it the transaction.
        case lost
        /// The same again would fail again.
        case lasting
    }

    let kind: Kind
    let error: StoreError

    /// The connection failed.
    static func lost(_ why: String) -> PostgresFailure { PostgresFailure(kind: .lost, error: StoreError(.unavailable, "PostgreSQL: \(why)")) }

    /// The connection did not answer in time, and is given up.
    static let late = PostgresFailure(kind: .lost, error: StoreError(.timedOut, "PostgreSQL did not answer in time"))
}

extension PostgresFailure {
    /// From a result that reports an error; `what` is the statement.
    init(_ result: OpaquePointer, _ what: String) {
        func field(_ pointer: UnsafePointer<CChar>?) -> String? { pointer.map { String(cString: $0) } }
        let state = field(cpq_state(result)) ?? ""
        let code = Self.code(state)
        let rule =
            code == .constraint
            ? BrokenRule(state, field(cpq_table(result)), field(cpq_column(result)), field(cpq_constraint(result)), field(cpq_detail(result))) : nil
        switch state {
        case "40001", "40P01": kind = .conflict
        case "57P01", "57P02", "57P03", "": kind = .lost
        default: kind = .lasting
        }
        let message = field(cpq_primary(result)) ?? field(PQresultErrorMessage(result)) ?? "no reason given"
        error = StoreError(code, "\(message) (\(state)): \(what)", rule: rule)
    }

    /// Appendix A of PostgreSQL's manual.
    private static func code(_ state: String) -> StoreError.Code {
        switch state {
        case "57014", "55P03": return .timedOut
        case "P0001": return .constraint
        case "40001", "40P01", "25006": return .unavailable
        default: break
        }
        switch state.prefix(2) {
        case "23": return .constraint
        case "22": return .invalid
        case "XX", "58": return state.hasPrefix("XX") ? .corrupt : .unavailable
        case "08", "53", "57", "28", "3D", "": return .unavailable
        default: return .statement
        }
    }
}

extension BrokenRule {
    /// From the fields of an error of class 23. The detail names columns and values, "Key (tenant, name)=(…) already exists."; only the former are taken.
    init(_ state: String, _ table: String?, _ column: String?, _ constraint: String?, _ detail: String?) {
        let kind: Kind
        switch state {
        case "23502": kind = .notNull
        case "23503": kind = .reference
        case "23505": kind = .unique
        case "23514": kind = .check
        default: kind = .trigger
        }
        var columns = column.map { [$0] } ?? []
        if columns.isEmpty, kind == .unique || kind == .reference, let detail, let open = detail.firstIndex(of: "("),
            let close = detail[open...].firstIndex(of: ")")
        {
            columns = detail[detail.index(after: open)..<close].split(separator: ",").map { String($0.drop { $0 == " " }) }
        }
        // A name that PostgreSQL made up is none of the schema's.
        let isGenerated = constraint.map { name in table.map { name.hasPrefix($0 + "_") } ?? false } ?? true
        self.init(
            kind, table: kind == .check || kind == .trigger ? nil : table, columns: columns, name: isGenerated || kind != .check ? nil : constraint)
    }
}
