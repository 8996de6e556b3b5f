/// Reads CSV by RFC 4180, strictly: quotes stand at the ends of a field, rows have equal lengths, lines end in CRLF or LF.
package struct CSVReader {
    /// One field as bytes of the text.
    struct Field {
        var start: Int32
        var end: Int32
        var isQuoted: Bool
        var hasEscapes: Bool
    }

    private let bytes: [UInt8]
    private let delimiter: UInt8
    private var index = 0
    private var line = 1
    private var fields: [Field] = []
    private var width = 0
    private var rowCount = 0

    /// The delimiter is one ASCII character, not a quote or a line end.
    package static func read(_ bytes: [UInt8], delimiter: UInt8 = UInt8(ascii: ","), header: Bool = true, typed: Bool = true) throws(TableError)
        -> Table
    {
        guard delimiter < 128, delimiter != UInt8(ascii: "\""), delimiter != 10, delimiter != 13 else {
            throw TableError(.data, "The delimiter is one ASCII character that is no quote and no line end.")
        }
        guard bytes.count <= Limits.dataBytesMax else {
            throw TableError(.tooLarge, "The table has more than \(Limits.dataBytesMax) bytes.")
        }
        var reader = CSVReader(bytes: bytes, delimiter: delimiter)
        try reader.scan()
        return try reader.table(header: header, typed: typed)
    }

    private init(bytes: [UInt8], delimiter: UInt8) {
        self.bytes = bytes
        self.delimiter = delimiter
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
    }

    private mutating func scan() throws(TableError) {
        while index < bytes.count {
            let first = fields.count
            try row()
            let count = fields.count - first
            if rowCount == 0 { width = count }
            guard count == width else {
                throw TableError(.data, "Row \(rowCount + 1) has \(count) fields where the first has \(width).", line: line - 1)
            }
            rowCount += 1
            guard width <= Limits.columnsMax else { throw TableError(.tooLarge, "More than \(Limits.columnsMax) columns.", line: 1) }
            guard rowCount <= Limits.rowsMax + 1, fields.count <= Limits.cellsMax else {
                throw TableError(.tooLarge, "More than \(Limits.rowsMax) rows or \(Limits.cellsMax) cells.", line: line)
            }
        }
    }

    /// Reads fields up to and with the end of the line.
    private mutating func row() throws(TableError) {
        while true {
            if index < bytes.count && bytes[index] == UInt8(ascii: "\"") { try quoted() } else { try plain() }
            guard index < bytes.count else {
                line += 1
                return
            }
            if bytes[index] == delimiter {
                index += 1
                if index == bytes.count {
                    fields.append(Field(start: Int32(index), end: Int32(index), isQuoted: false, hasEscapes: false))
                } else {
                    continue
                }
                line += 1
                return
            }
            try endOfLine()
            return
        }
    }

    private mutating func endOfLine() throws(TableError) {
        if bytes[index] == 13 {
            index += 1
            guard index < bytes.count, bytes[index] == 10 else {
                throw TableError(.data, "A carriage return without a line feed.", line: line)
            }
        }
        index += 1
        line += 1
    }

    private mutating func plain() throws(TableError) {
        let start = index
        while index < bytes.count {
            let byte = bytes[index]
            if byte == delimiter || byte == 10 || byte == 13 { break }
            if byte == UInt8(ascii: "\"") { throw TableError(.data, "A quote inside a field that is not quoted.", line: line) }
            index += 1
        }
        fields.append(Field(start: Int32(start), end: Int32(index), isQuoted: false, hasEscapes: false))
    }

    private mutating func quoted() throws(TableError) {
        let (start, startLine) = (index + 1, line)
        var escapes = false
        index += 1
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                guard index + 1 < bytes.count, bytes[index + 1] == byte else { break }
                escapes = true
                index += 1
            } else if byte == 10 {
                line += 1
            }
            index += 1
        }
        guard index < bytes.count else { throw TableError(.data, "A quoted field does not end.", line: startLine) }
        fields.append(Field(start: Int32(start), end: Int32(index), isQuoted: true, hasEscapes: escapes))
        index += 1
        if index < bytes.count, bytes[index] != delimiter, bytes[index] != 10, bytes[index] != 13 {
            throw TableError(.data, "Text after the closing quote of a field.", line: line)
        }
    }
}

extension CSVReader {
    private func table(header: Bool, typed: Bool) throws(TableError) -> Table {
        guard rowCount > 0 else { throw TableError(.data, "The table is empty.", line: 1) }
        var names: [String] = []
        var seen: Set<String> = []
        for column in 0..<width {
            let name = header ? text(fields[column]) : "column\(column + 1)"
            guard !name.isEmpty else { throw TableError(.data, "Column \(column + 1) has no name.", line: 1) }
            guard seen.insert(name).inserted else { throw TableError(.data, "Two columns are called '\(name.prefix(80))'.", line: 1) }
            names.append(name)
        }
        let firstRow = header ? 1 : 0
        let columns = names.enumerated().map { position, name in
            Table.Column(name: name, values: typed ? typedValues(position, firstRow) : texts(position, firstRow))
        }
        return Table(columns: columns, rowCount: rowCount - firstRow)
    }

    private func text(_ field: Field) -> String {
        let range = Int(field.start)..<Int(field.end)
        if !field.hasEscapes { return String(decoding: bytes[range], as: UTF8.self) }
        var unescaped: [UInt8] = []
        unescaped.reserveCapacity(range.count)
        var position = range.lowerBound
        while position < range.upperBound {
            unescaped.append(bytes[position])
            position += bytes[position] == UInt8(ascii: "\"") ? 2 : 1
        }
        return String(decoding: unescaped, as: UTF8.self)
    }

    private func isNull(_ field: Field) -> Bool { field.start == field.end && !field.isQuoted }

    private func texts(_ column: Int, _ firstRow: Int) -> [Value] {
        (firstRow..<rowCount).map { row in
            let field = fields[row * width + column]
            return isNull(field) ? .null : .text(text(field))
        }
    }

    /// A column is of numbers or bools if all its fields that are not empty are; a quoted field is text.
    private func typedValues(_ column: Int, _ firstRow: Int) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(rowCount)
        var bools: Bool?
        for row in firstRow..<rowCount {
            let field = fields[row * width + column]
            if isNull(field) {
                values.append(.null)
                continue
            }
            guard !field.isQuoted else { return texts(column, firstRow) }
            let slice = bytes[Int(field.start)..<Int(field.end)]
            let bool = CSVReader.bool(slice)
            if bools == nil { bools = bool != nil }
            if let bool, bools == true {
                values.append(.bool(bool))
            } else if bools == false, let number = Decimal(slice) {
                values.append(.number(number))
            } else {
                return texts(column, firstRow)
            }
        }
        return values
    }

    private static func bool(_ bytes: ArraySlice<UInt8>) -> Bool? {
        guard bytes.count == 4 || bytes.count == 5 else { return nil }
        switch String(decoding: bytes, as: UTF8.self) {
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        default: return nil
        }
    }
}
