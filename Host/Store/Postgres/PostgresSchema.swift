/// Turns a statement of the schema, written for SQLite, into PostgreSQL's: the same tables, the same rules, written once.
///
/// Types by their names, texts compared by their bytes, and without what only SQLite says. Everything else is the same in both or has a text of its own.
enum PostgresSchema {
    private static let types = ["INTEGER": "BIGINT", "BLOB": "BYTEA", "REAL": "DOUBLE PRECISION", "TEXT": #"TEXT COLLATE "C""#]

    static func translated(_ text: String) -> String {
        var out = ""
        var word = ""
        var isQuoted = false
        func end() {
            out += isQuoted ? word : types[word] ?? word
            word = ""
        }
        for character in text {
            if character.isLetter || character == "_" || character.isNumber {
                word.append(character)
                continue
            }
            end()
            if character == "'" { isQuoted.toggle() }
            out.append(character)
        }
        end()
        for tail in [" STRICT, WITHOUT ROWID", " STRICT", " WITHOUT ROWID"] where out.hasSuffix(tail) { out.removeLast(tail.count) }
        return out
    }
}
