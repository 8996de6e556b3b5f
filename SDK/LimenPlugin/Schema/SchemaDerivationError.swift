/// Why a type has no JSON Schema, and what its author can do.
public struct SchemaDerivationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where in the type, as property names joined by dots.
    public let path: String
    public let message: String

    public var description: String { path.isEmpty ? message : "\(path): \(message)" }
}
