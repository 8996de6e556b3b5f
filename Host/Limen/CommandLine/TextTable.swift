/// Columns for people.
enum TextTable {
    /// Rows with a heading and a rule beneath it.
    static func titled(_ heading: [String], _ rows: [[String]]) -> String {
        let widths = widths([heading] + rows)
        let rule = widths.map { String(repeating: "-", count: $0) }
        return ([heading, rule] + rows).map { line($0, widths) }.joined()
    }

    /// Rows only, indented.
    static func plain(_ rows: [[String]]) -> String {
        let widths = widths(rows)
        return rows.map { "  " + line($0, widths) }.joined()
    }

    private static func widths(_ rows: [[String]]) -> [Int] {
        var widths: [Int] = []
        for row in rows {
            for (index, cell) in row.enumerated() {
                if index == widths.count { widths.append(0) }
                widths[index] = max(widths[index], cell.count)
            }
        }
        return widths
    }

    private static func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = ""
        for (index, cell) in cells.enumerated() {
            text += cell
            if index < cells.count - 1 { text += String(repeating: " ", count: widths[index] - cell.count + 2) }
        }
        return text + "\n"
    }
}
