/// Why a type has no JSON Schema, and what its author can do.
public struct SchemaDerivationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where in the type, as property names joined by dots.
    public let path: String
    /// What is wrong.
    public let message: String

    /// The value as text.
    public var description: String { path.isEmpty ? message : "\(path): \(message)" }
}
