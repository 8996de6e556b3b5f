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
        // A number that the delimiter would tear apart is quoted, too: it keeps its place and comes back as text.
        guard case .text(let text) = value else { return quoted(value.shown, delimiter) }
        // Text that would read back as something else keeps its quotes.
        let ambiguous = text.isEmpty || Decimal(Array(text.utf8)) != nil || ["true", "false"].contains(text.lowercased())
        return ambiguous ? "\"" + text + "\"" : quoted(text, delimiter)
    }

    /// Compares scalars, not characters: a delimiter with a combining mark behind it still ends a field. Text that starts with a byte order
    /// mark would lose it at the start of a file.
    private static func quoted(_ text: String, _ delimiter: Character) -> String {
        let scalars = text.unicodeScalars
        let special = scalars.contains { $0 == "\"" || $0 == "\n" || $0 == "\r" || delimiter.unicodeScalars.contains($0) }
        if !special && scalars.first != "\u{FEFF}" { return text }
        var result = "\""
        for scalar in scalars {
            if scalar == "\"" { result += "\"" }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }
}
