package import JSON

/// One setting: where it is in limen.json, what it may be, and what it means. The table of all drives schema, variables and reference.
package struct Setting: Sendable {
    /// What a value may be.
    package enum Kind: Sendable, Hashable {
        /// A whole number.
        case integer(ClosedRange<Int>)
        /// Milliseconds; a variable may also say `500ms`, `15s`, `2m` or `1h`.
        case milliseconds(ClosedRange<Int>)
        /// Bytes; a variable may also say `512KiB`, `64MiB` or `2GiB`.
        case bytes(ClosedRange<Int>)
        /// True or false; a variable says `true`, `false`, `1`, `0`, `yes`, `no`, `on` or `off`.
        case flag
        /// Text without control characters, of at most so many bytes.
        case text(bytesMax: Int)
        /// One of these words.
        case choice([String])
        /// Some of these words; a variable separates them by commas.
        case list([String])
        /// Origins of pages (RFC 6454): scheme, host and, where it is not the scheme's own, port; a variable separates them by commas.
        case origins(countMax: Int)
        /// One text, such as a path, or a list of at most so many; a variable separates them by commas.
        case texts(countMax: Int)
    }

    /// Names from the top of limen.json.
    package let path: [String]
    /// What it may be.
    package let kind: Kind
    /// Its value when nothing sets it; nil when it then is unset.
    package let fallback: JSONValue?
    /// What it does, in one sentence.
    package let summary: String

    init(_ path: String, _ kind: Kind, _ fallback: JSONValue?, _ summary: String) {
        self.path = path.split(separator: ".").map(String.init)
        (self.kind, self.fallback, self.summary) = (kind, fallback, summary)
    }

    /// The environment variable that overrides it.
    package var variable: String { "LIMEN_" + path.joined(separator: "_").uppercased() }
    /// Its place as a JSON Pointer.
    package var pointer: String { "/" + path.joined(separator: "/") }
}
