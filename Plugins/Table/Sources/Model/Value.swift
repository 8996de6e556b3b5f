/// What a cell holds.
package enum Value: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(Decimal)
    case text(String)

    /// The name of the value's type.
    package var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "bool"
        case .number: "number"
        case .text: "text"
        }
    }

    package var isNull: Bool { self == .null }

    /// As text: what CSV shows; empty for null.
    package var shown: String {
        switch self {
        case .null: ""
        case .bool(let value): value ? "true" : "false"
        case .number(let value): value.text
        case .text(let value): value
        }
    }

    /// The order of sorting: bools, numbers, text; null apart.
    static func precedes(_ left: Value, _ right: Value) -> Bool {
        switch (left, right) {
        case (.number(let a), .number(let b)): a < b
        case (.text(let a), .text(let b)): a < b
        case (.bool(let a), .bool(let b)): !a && b
        default: left.rank < right.rank
        }
    }

    private var rank: Int {
        switch self {
        case .bool: 0
        case .number: 1
        case .text: 2
        case .null: 3
        }
    }
}

/// A table in memory, column by column.
package struct Table: Sendable {
    package struct Column: Sendable {
        package let name: String
        package let values: [Value]

        /// "number", "text", "bool", "null" or "mixed".
        package var typeName: String { Table.typeName(of: values) }
    }

    package let columns: [Column]
    package let rowCount: Int

    package init(columns: [Column], rowCount: Int) {
        self.columns = columns
        self.rowCount = rowCount
    }

    static func typeName(of values: some Sequence<Value>) -> String {
        var found: String?
        for value in values where !value.isNull {
            if found == nil { found = value.typeName }
            if found != value.typeName { return "mixed" }
        }
        return found ?? "null"
    }
}
