public import JSON

/// A type that writes its own JSON Schema; for types whose `Codable` form cannot be derived.
public protocol SchemaProviding: Codable {
    /// The schema of the encoded form.
    static var jsonSchema: JSONValue { get }
    /// Any valid value; stands in for a real one while enclosing types are walked.
    static var schemaExample: Self { get }
}

extension JSONValue {
    /// Derives the JSON Schema that a tool's input of a type must meet.
    public static func inputSchema<Value: Codable>(of type: Value.Type) throws -> JSONValue {
        try SchemaProber.inputSchema(of: type)
    }

    /// Derives the JSON Schema that a tool's output of a type meets.
    public static func outputSchema<Value: Codable>(of type: Value.Type) throws -> JSONValue {
        try SchemaProber.outputSchema(of: type)
    }
}
