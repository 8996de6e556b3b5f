/// What to do with a table: filter, group, select, keep groups, drop doubles, sort, cut, in this order.
package struct Query: Sendable {
    package var filter: String?
    /// Expressions with optional names; empty selects every column (or, when grouping, the keys and `count()`).
    package var select: [String] = []
    package var groupBy: [String] = []
    package var having: String?
    package var distinct = false
    package var sort: [String] = []
    package var limit = Limits.resultRowsDefault
    package var offset = 0

    package init() {}
}

/// What a query found.
package struct QueryResult: Sendable {
    package let columns: [String]
    package let rows: [[Value]]
    /// Rows of the table.
    package let rowsRead: Int
    /// Rows that the filter let through.
    package let rowsMatched: Int
    /// Rows of the whole result, of which `rows` may be a part.
    package let rowsFound: Int
    /// Whether rows after `rows` were left out.
    package let isTruncated: Bool
}
