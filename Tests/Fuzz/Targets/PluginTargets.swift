internal import CalcPlugin
internal import TablePlugin

/// The first byte chooses precision and steps: an exact value, read again, is the same value.
func checkCalculator(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let calculator = Calculator()
    let text = String(decoding: bytes[1...], as: UTF8.self)
    // Refusals are fine answers.
    guard let outcome = try? calculator.evaluate(text, precision: Int(first & 63) + 1, steps: first & 64 != 0) else { return }
    precondition(!outcome.value.isEmpty, "a result without a value")
    guard outcome.isExact, outcome.value.utf8.count < 1000 else { return }
    do throws(CalcError) {
        let again = try calculator.evaluate("(\(outcome.value))")
        precondition(again.value == outcome.value && again.isExact, "\(outcome.value) reads back as \(again.value)")
    } catch {
        preconditionFailure("a value that cannot be read again: \(outcome.value): \(error)")
    }
}

/// The first byte chooses delimiter and header: what was read, written and read again is the same table.
func checkCSV(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let delimiters = Array(",;\t|.5t-".utf8)
    let delimiter = delimiters[Int(first & 7)]
    // Refusals are fine answers.
    guard let table = try? CSVReader.read(Array(bytes[1...]), delimiter: delimiter, header: first & 8 == 0, typed: first & 16 == 0) else { return }
    precondition(table.columns.allSatisfy { $0.values.count == table.rowCount }, "a column of another length")
    let rows = (0..<table.rowCount).map { row in table.columns.map { $0.values[row] } }
    let character = Character(Unicode.Scalar(delimiter))
    let text = Array(CSVWriter.text(columns: table.columns.map(\.name), rows: rows, delimiter: character).utf8)
    do throws(TableError) {
        // Types are guessed a column at a time, so only the texts are compared.
        let again = try CSVReader.read(text, delimiter: delimiter, typed: false)
        precondition(again.columns.map(\.name) == table.columns.map(\.name), "other names")
        for (column, original) in zip(again.columns, table.columns) {
            precondition(column.values.map(\.shown) == original.values.map(\.shown), "other values")
            precondition(column.values.map(\.isNull) == original.values.map(\.isNull), "another null")
        }
    } catch {
        precondition(text.count > 1 << 20, "what was written cannot be read: \(error)")
    }
}

/// Filter, selection, groups, having and sort keys with zero bytes between them, over a small table.
func checkQuery(_ bytes: [UInt8]) {
    let parts = texts(bytes, count: 6)
    guard parts.count == 6, let table = try? CSVReader.read(Array(parts[5].utf8)) else { return }  // a refusal is a fine answer
    func list(_ text: String) -> [String] { text.isEmpty ? [] : text.split(separator: ";", omittingEmptySubsequences: false).map(String.init) }
    var query = Query()
    query.filter = parts[0].isEmpty ? nil : parts[0]
    (query.select, query.groupBy, query.sort) = (list(parts[1]), list(parts[2]), list(parts[4]))
    query.having = parts[3].isEmpty ? nil : parts[3]
    query.distinct = bytes.count % 2 == 0
    query.limit = 10
    guard let result = try? QueryRunner.run(query, over: table) else { return }  // as above
    precondition(result.rows.count <= query.limit && result.rows.count <= result.rowsFound, "more rows than there are")
    precondition(result.rowsMatched <= result.rowsRead && result.rowsRead == table.rowCount, "more rows than were read")
    precondition(result.rows.allSatisfy { $0.count == result.columns.count }, "a row of another width")
}
