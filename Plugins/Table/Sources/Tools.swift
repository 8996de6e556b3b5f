import JSON
package import LimenPlugin

/// The plugin as its entry symbol serves it.
package let tablePlugin = Plugin(name: "table", version: "1.0.0", tools: [QueryTool(), DescribeTool()])

extension TableError {
    /// The error as callers see it, with the expression, the place in it and the line of the data.
    var reported: PluginError {
        var details: JSONObject = [:]
        var places: [String] = []
        if let field {
            details["field"] = .string(field)
            places.append("in \(field)")
        }
        if let position {
            details["position"] = .number(JSONNumber(position))
            places.append("at character \(position + 1)")
        }
        if let line {
            details["line"] = .number(JSONNumber(line))
            places.append("line or row \(line)")
        }
        return PluginError(code.rawValue, places.isEmpty ? message : "\(message) (\(places.joined(separator: ", ")))", details: details)
    }
}

/// How a table's text is read.
struct TableSource: Codable, Sendable {
    enum Format: String, Codable, Sendable, CaseIterable { case auto, csv, json }

    static func read(_ data: String, _ format: Format, delimiter: String, header: Bool, typed: Bool) throws(PluginError) -> Table {
        let bytes = Array(data.utf8)
        let first = bytes.first { ![9, 10, 13, 32].contains($0) }
        do throws(TableError) {
            if format == .json || (format == .auto && first == UInt8(ascii: "[")) { return try JSONTable.read(bytes, header: header) }
            guard delimiter.utf8.count == 1, let byte = delimiter.utf8.first else {
                throw TableError(.data, "The delimiter is one ASCII character.")
            }
            return try CSVReader.read(bytes, delimiter: byte, header: header, typed: typed)
        } catch {
            throw error.reported
        }
    }
}

/// A cell of a result.
struct Cell: SchemaProviding, Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }

    init(from decoder: any Decoder) throws {
        switch try JSONValue(from: decoder) {
        case .null: value = .null
        case .bool(let bool): value = .bool(bool)
        case .number(let number): value = Decimal(Array(number.literal.utf8)).map { .number($0) } ?? .null
        case let other: value = .text(other.stringValue ?? other.text)
        }
    }

    func encode(to encoder: any Encoder) throws {
        let json: JSONValue =
            switch value {
            case .null: .null
            case .bool(let bool): .bool(bool)
            case .number(let number): JSONNumber(literal: number.text).map { .number($0) } ?? .string(number.text)
            case .text(let text): .string(text)
            }
        try json.encode(to: encoder)
    }

    static var jsonSchema: JSONValue { ["type": ["null", "boolean", "number", "string"]] }
    static var schemaExample: Cell { Cell(.null) }
}

struct QueryTool: Tool {
    static let name = "query"
    static let title: String? = "Query a table"
    static let description = """
        Queries CSV or JSON rows: filter, group, compute, aggregate, sort, page. Expressions: columns by name ("quoted" if needed), 'text', \
        numbers, + - * / %, = != < <= > >=, and or not, in (...), is null; len lower upper trim contains starts_with ends_with concat substr \
        replace abs round floor ceil coalesce if number text; count() sum avg min max first last count_distinct. Sums are exact decimals.
        """
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]

    enum ResultFormat: String, Codable, Sendable, CaseIterable { case json, csv }

    struct Input: Codable, Sendable {
        @Field("The table: CSV, or a JSON array of objects or of arrays.", minLength: 1, maxLength: 1_048_576) var data: String
        @Field("How the text is written; auto takes JSON if it starts with [.") var format: TableSource.Format = .auto
        @Field("What separates the fields of CSV.", minLength: 1, maxLength: 1) var delimiter: String = ","
        @Field("Whether the first row holds the names; else they are column1, column2, ...") var header: Bool = true
        @Field("Whether numbers and true/false in CSV are recognised, column by column.") var typed: Bool = true
        @Field("Keeps the rows for which this holds, for example \"price > 10 and city in ('Rome', 'Oslo')\".", maxLength: 4096) var filter: String?
        @Field("Columns of the result: expressions with an optional \"as name\"; * is every column.", maxItems: 256) var select: [String] = []
        @Field("Expressions by which rows are grouped.", maxItems: 256) var groupBy: [String] = []
        @Field("Keeps the groups for which this holds.", maxLength: 4096) var having: String?
        @Field("Whether equal rows of the result appear once.") var distinct: Bool = false
        @Field("Sort keys: expression, optional asc or desc, optional nulls first; stable.", maxItems: 256) var sort: [String] = []
        @Field("Rows returned at most.", minimum: 0, maximum: 10000) var limit: Int = 100
        @Field("Rows of the result left out at its start.", minimum: 0, maximum: 200_000) var offset: Int = 0
        @Field("Whether rows come as JSON arrays or as one CSV text.") var output: ResultFormat = .json

        enum CodingKeys: String, CodingKey {
            case data, format, delimiter, header, typed, filter, select, having, distinct, sort, limit, offset, output
            case groupBy = "group_by"
        }
    }

    struct Column: Codable, Sendable {
        @Field("The name.") var name: String
        @Field("number, text, bool, null or mixed, of the rows returned.") var type: String
    }

    struct Output: Codable, Sendable {
        @Field("The columns of the result.") var columns: [Column]
        @Field("The rows, each a list of cells; for the output json.") var rows: [[Cell]]?
        @Field("The rows as CSV (RFC 4180) with a header; for the output csv.") var csv: String?
        @Field("Rows returned.") var rowCount: Int
        @Field("Rows of the whole result.") var rowsFound: Int
        @Field("Rows that the filter kept.") var rowsMatched: Int
        @Field("Rows of the table.") var rowsRead: Int
        @Field("Whether rows after those returned were left out.") var truncated: Bool

        enum CodingKeys: String, CodingKey {
            case columns, rows, csv, truncated
            case rowCount = "row_count"
            case rowsFound = "rows_found"
            case rowsMatched = "rows_matched"
            case rowsRead = "rows_read"
        }
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        let table = try TableSource.read(input.data, input.format, delimiter: input.delimiter, header: input.header, typed: input.typed)
        try context.checkCancellation()
        var query = Query()
        (query.filter, query.select, query.groupBy, query.having) = (input.filter, input.select, input.groupBy, input.having)
        (query.distinct, query.sort, query.limit, query.offset) = (input.distinct, input.sort, input.limit, input.offset)
        do throws(TableError) {
            return output(try QueryRunner.run(query, over: table), input)
        } catch {
            throw error.reported
        }
    }

    private func output(_ result: QueryResult, _ input: Input) -> Output {
        let columns = result.columns.enumerated().map { place, name in
            Column(name: .value(name), type: .value(Table.typeName(of: result.rows.lazy.map { $0[place] })))
        }
        let delimiter = input.delimiter.first ?? ","
        return Output(
            columns: .value(columns), rows: .value(input.output == .json ? result.rows.map { $0.map(Cell.init) } : nil),
            csv: .value(input.output == .csv ? CSVWriter.text(columns: result.columns, rows: result.rows, delimiter: delimiter) : nil),
            rowCount: .value(result.rows.count), rowsFound: .value(result.rowsFound), rowsMatched: .value(result.rowsMatched),
            rowsRead: .value(result.rowsRead), truncated: .value(result.isTruncated))
    }
}

struct DescribeTool: Tool {
    static let name = "describe"
    static let title: String? = "Describe a table"
    static let description = "Lists the columns of CSV or JSON rows with their types, empty cells, distinct values, least and greatest value."
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]

    struct Input: Codable, Sendable {
        @Field("The table: CSV, or a JSON array of objects or of arrays.", minLength: 1, maxLength: 1_048_576) var data: String
        @Field("How the text is written; auto takes JSON if it starts with [.") var format: TableSource.Format = .auto
        @Field("What separates the fields of CSV.", minLength: 1, maxLength: 1) var delimiter: String = ","
        @Field("Whether the first row holds the names.") var header: Bool = true
    }

    struct Column: Codable, Sendable {
        @Field("The name.") var name: String
        @Field("number, text, bool, null or mixed.") var type: String
        @Field("Cells without a value.") var nulls: Int
        @Field("Different values.") var distinct: Int
        @Field("The least value; texts by code points, cut after 200 characters.") var min: Cell
        @Field("The greatest value, likewise.") var max: Cell
    }

    struct Output: Codable, Sendable {
        @Field("The columns in order.") var columns: [Column]
        @Field("Rows of the table.") var rowCount: Int

        enum CodingKeys: String, CodingKey {
            case columns
            case rowCount = "row_count"
        }
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        let table = try TableSource.read(input.data, input.format, delimiter: input.delimiter, header: input.header, typed: true)
        try context.checkCancellation()
        return Output(columns: .value(table.columns.map(describe)), rowCount: .value(table.rowCount))
    }

    private func describe(_ column: Table.Column) -> Column {
        let present = column.values.filter { !$0.isNull }
        return Column(
            name: .value(column.name), type: .value(column.typeName), nulls: .value(column.values.count - present.count),
            distinct: .value(Set(present).count), min: .value(Cell(cut(present.min(by: Value.precedes)))),
            max: .value(Cell(cut(present.max(by: Value.precedes)))))
    }

    private func cut(_ value: Value?) -> Value {
        guard case .text(let text) = value, text.utf8.count > 200 else { return value ?? .null }
        return .text(String(text.prefix(200)))
    }
}
