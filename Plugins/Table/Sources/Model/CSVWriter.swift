/// Writes CSV by RFC 4180 with CRLF line ends; reading it back gives the same values.
package enum CSVWriter {
    package static func text(columns: [String], rows: [[Value]], delimiter: Character = ",") -> String {
        var text = line(columns.map { quoted($0, delimiter) }, delimiter)
        for row in rows { text += line(row.map { field($0, delimiter) }, delimiter) }
        return text
    }

    private static func line(_ fields: [String], _ delimiter: Character) -> String {
        // A lone null would be an empty line, which reads back as one empty field: the same null.
        fields.joined(separator: String(delimiter)) + "\r\n"
    }

    private static func field(_ value: Value, _ delimiter: Character) -> String {
        guard case .text(let text) = value else { return value.shown }
        // Text that would read back as something else keeps its quotes.
        let ambiguous = text.isEmpty || Decimal(Array(text.utf8)) != nil || ["true", "false"].contains(text.lowercased())
        return ambiguous ? "\"" + text + "\"" : quoted(text, delimiter)
    }

    private static func quoted(_ text: String, _ delimiter: Character) -> String {
        let special = text.utf8.contains { $0 == 34 || $0 == 10 || $0 == 13 } || text.contains(delimiter)
        if !special { return text }
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" { result += "\"" }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }
}
