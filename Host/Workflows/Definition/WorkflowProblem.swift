package import JSON

/// One thing that is wrong with a definition, and where.
package struct WorkflowProblem: Sendable, Hashable, CustomStringConvertible {
    /// JSON Pointer (RFC 6901) into the definition.
    package let pointer: String
    /// A sentence without its subject: `leads to no node`.
    package let message: String

    /// Describes a problem.
    package init(_ pointer: JSONPointer, _ message: String) { (self.pointer, self.message) = (pointer.description, message) }

    /// Place and sentence.
    package var description: String { "\(pointer.isEmpty ? "the definition" : pointer) \(message)" }
}

/// Why a definition is none: all that is wrong with it, up to `WorkflowLimits.problemsMax`.
package struct WorkflowDefinitionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// At least one, in the order of the definition.
    package let problems: [WorkflowProblem]

    /// All of them, in lines.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
