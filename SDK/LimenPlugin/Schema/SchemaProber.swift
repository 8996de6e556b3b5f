import JSON

/// A schema and a value that stands in for a real one while the enclosing type is walked.
struct Probed<Value> {
    var schema: JSONObject
    var value: Value
}

/// Derives a JSON Schema from a `Codable` type by decoding it from a decoder that invents values and notes what was asked for.
final class SchemaProber {
    enum Direction {
        /// A default makes a property optional.
        case input
        /// Every property but a Swift optional is present.
        case output
    }

    let direction: Direction
    private(set) var path: [String] = []
    private var enclosing: [ObjectIdentifier] = []
    private var typesLeft = Limits.schemaTypesMax

    private init(_ direction: Direction) {
        self.direction = direction
    }

    static func inputSchema<Value: Decodable>(of type: Value.Type) throws -> JSONValue { try schema(of: type, .input) }

    static func outputSchema<Value: Decodable>(of type: Value.Type) throws -> JSONValue { try schema(of: type, .output) }

    private static func schema<Value: Decodable>(of type: Value.Type, _ direction: Direction) throws -> JSONValue {
        try FieldRecorder.recording {
            _ = FieldRecorder.take()
            let schema = try SchemaProber(direction).probe(type).schema
            return .object(schema)
        }
    }

    /// Walks one type below a property.
    func probe<Value: Decodable>(_ type: Value.Type, at key: String) throws -> Probed<Value> {
        path.append(key)
        defer { path.removeLast() }
        return try probe(type)
    }

    func probe<Value: Decodable>(_ type: Value.Type) throws -> Probed<Value> {
        typesLeft -= 1
        guard typesLeft > 0, path.count <= Limits.schemaDepthMax else { throw failure("\(type) is too large for a schema") }
        if let shape = type as? any SchemaShape.Type { return try known(shape) }
        if let provider = type as? any SchemaProviding.Type { return try provided(provider) }
        if let cases = type as? any (CaseIterable & RawRepresentable & Decodable).Type { return try enumeration(cases) }
        return try walked(type)
    }

    func failure(_ message: String) -> SchemaDerivationError {
        SchemaDerivationError(path: path.joined(separator: "."), message: message)
    }

    private func known<Value>(_ shape: any SchemaShape.Type) throws -> Probed<Value> {
        func open<S: SchemaShape>(_ shape: S.Type) throws -> Probed<Value> {
            let probed = try shape.shape(self)
            return Probed(schema: probed.schema, value: try cast(probed.value))
        }
        return try open(shape)
    }

    private func provided<Value>(_ provider: any SchemaProviding.Type) throws -> Probed<Value> {
        guard case .object(let schema) = provider.jsonSchema else { throw failure("\(provider).jsonSchema is not an object") }
        return Probed(schema: schema, value: try cast(provider.schemaExample))
    }

    private func enumeration<Value>(_ type: any (CaseIterable & RawRepresentable & Decodable).Type) throws -> Probed<Value> {
        func open<E: CaseIterable & RawRepresentable & Decodable>(_ type: E.Type) throws -> Probed<Value> {
            guard let first = type.allCases.first else { throw failure("\(type) has no cases") }
            let raw = type.allCases.map { $0.rawValue as Any }
            if let strings = raw as? [String] {
                return Probed(schema: ["type": "string", "enum": .array(strings.map { .string($0) })], value: try cast(first))
            }
            if let integers = raw as? [any BinaryInteger] {
                let numbers = integers.map { JSONValue.number(JSONNumber(Int64(clamping: $0))) }
                return Probed(schema: ["type": "integer", "enum": .array(numbers)], value: try cast(first))
            }
            throw failure("\(type) must have String or integer raw values")
        }
        return try open(type)
    }

    private func walked<Value: Decodable>(_ type: Value.Type) throws -> Probed<Value> {
        let identity = ObjectIdentifier(type)
        guard !enclosing.contains(identity) else {
            throw failure("\(type) contains itself; write its schema by hand (SchemaProviding, or Tool.inputSchema)")
        }
        enclosing.append(identity)
        defer { enclosing.removeLast() }
        let decoder = ProbeDecoder(prober: self)
        let value: Value
        do {
            value = try Value(from: decoder)
        } catch let error as SchemaDerivationError {
            throw error
        } catch {
            throw failure("\(type) refuses the values that a schema is derived with; \(decoder.hint): \(error)")
        }
        return Probed(schema: try decoder.schema(of: value), value: value)
    }

    private func cast<Value>(_ value: Any) throws -> Value {
        guard let value = value as? Value else { throw failure("\(Value.self) is not what its schema says") }
        return value
    }
}
