import JSON

/// Reads a table from JSON: an array of objects, or an array of arrays whose first row holds the names.
package enum JSONTable {
    package static func read(_ bytes: [UInt8], header: Bool = true) throws(TableError) -> Table {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: Limits.dataBytesMax, depthMax: 64))
        } catch {
            throw TableError(.data, "Not JSON: \(error.message) at byte \(error.offset).")
        }
        guard let items = value.arrayValue else { throw TableError(.data, "The JSON is \(value.typeName), not an array.") }
        guard items.count <= Limits.rowsMax else { throw TableError(.tooLarge, "More than \(Limits.rowsMax) rows.") }
        if items.first?.arrayValue != nil { return try arrays(items, header: header) }
        return try objects(items)
    }

    private static func objects(_ items: [JSONValue]) throws(TableError) -> Table {
        var places: [String: Int] = [:]
        var names: [String] = []
        var columns: [[Value]] = []
        for (row, item) in items.enumerated() {
            guard let object = item.objectValue else { throw TableError(.data, "Item \(row + 1) is no object.", line: row + 1) }
            for (name, cell) in object {
                let place = places[name] ?? columns.count
                if place == columns.count {
                    guard columns.count < Limits.columnsMax else { throw TableError(.tooLarge, "More than \(Limits.columnsMax) columns.") }
                    places[name] = place
                    names.append(name)
                    columns.append(Array(repeating: .null, count: row))
                }
                columns[place].append(try self.value(cell, row))
            }
            for place in columns.indices where columns[place].count == row { columns[place].append(.null) }
            guard (row + 1) * columns.count <= Limits.cellsMax else { throw TableError(.tooLarge, "More than \(Limits.cellsMax) cells.") }
        }
        let named = zip(names, columns).map { Table.Column(name: $0, values: $1) }
        return Table(columns: named, rowCount: items.count)
    }

    private static func arrays(_ items: [JSONValue], header: Bool) throws(TableError) -> Table {
        let width = items.first?.arrayValue?.count ?? 0
        guard width > 0, width <= Limits.columnsMax else { throw TableError(.data, "The first row has no cells or too many.", line: 1) }
        var columns = [[Value]](repeating: [], count: width)
        for (row, item) in items.enumerated() {
            guard let cells = item.arrayValue else { throw TableError(.data, "Item \(row + 1) is no array.", line: row + 1) }
            guard cells.count == width else {
                throw TableError(.data, "Row \(row + 1) has \(cells.count) cells where the first has \(width).", line: row + 1)
            }
            for (place, cell) in cells.enumerated() { columns[place].append(try value(cell, row)) }
        }
        var named: [Table.Column] = []
        for (place, values) in columns.enumerated() {
            let name = header ? values[0].shown : "column\(place + 1)"
            guard !name.isEmpty, !named.contains(where: { $0.name == name }) else {
                throw TableError(.data, "Column \(place + 1) has no name or another's.", line: 1)
            }
            named.append(Table.Column(name: name, values: header ? Array(values.dropFirst()) : values))
        }
        return Table(columns: named, rowCount: items.count - (header ? 1 : 0))
    }

    /// Nested values become their JSON text.
    private static func value(_ cell: JSONValue, _ row: Int) throws(TableError) -> Value {
        switch cell {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .string(let value): return .text(value)
        case .number(let number):
            guard let decimal = Decimal(Array(number.literal.utf8)) else {
                throw TableError(
                    .overflow, "The number \(number.literal.prefix(60)) has more than 38 digits or too large an exponent.", line: row + 1)
            }
            return .number(decimal)
        case .array, .object: return .text(cell.text)
        }
    }
}
