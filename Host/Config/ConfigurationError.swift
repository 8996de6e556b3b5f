/// What is wrong with the configuration: every problem that was found, each with its source and place.
package struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One problem.
    package struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// A file's name, a variable's name, or `configuration` for the whole.
        package let source: String
        /// JSON Pointer into the file; empty for a variable.
        package let pointer: String
        /// What is wrong; never repeats a value.
        package let reason: String

        /// `source#pointer: reason`.
        package var description: String { pointer.isEmpty ? "\(source): \(reason)" : "\(source)#\(pointer): \(reason)" }
    }

    /// At least one.
    package let problems: [Problem]

    /// One a line.
    package var description: String { problems.map(\.description).joined(separator: "\n") }

    init(_ problems: [Problem]) { self.problems = problems }

    init(_ source: String, _ pointer: String = "", _ reason: String) {
        problems = [Problem(source: source, pointer: pointer, reason: reason)]
    }
}
