import JSON

/// Notes each key that is asked for.
struct ProbeKeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: ProbeDecoder
    let object: ProbedObject
    let codingPath: [any CodingKey] = []

    var allKeys: [Key] {
        decoder.hint = "an enum needs a raw type and CaseIterable; for other types conform to SchemaProviding"
        return []
    }

    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) throws -> Bool { false }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        let probed = try decoder.prober.probe(type, at: key.stringValue)
        object.add(key.stringValue, probed.schema, isRequired: true)
        guard let field = probed.value as? any KeyableField else { return probed.value }
        return field.keyed(key.stringValue) as? Value ?? probed.value
    }

    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        let probed = try decoder.prober.probe(type, at: key.stringValue)
        object.add(key.stringValue, probed.schema, isRequired: false)
        return probed.value
    }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try standard(type, key) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try standard(type, key) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try standard(type, key) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try standard(type, key) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try standard(type, key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try standard(type, key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try standard(type, key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try standard(type, key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try standard(type, key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try standard(type, key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try standard(type, key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try standard(type, key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try standard(type, key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try standard(type, key) }

    // Without these the standard library would ask `decode`, and the property would seem to be required.
    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try optional(type, key) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { try optional(type, key) }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try optional(type, key) }
    func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? { try optional(type, key) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try optional(type, key) }
    func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? { try optional(type, key) }
    func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? { try optional(type, key) }
    func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? { try optional(type, key) }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? { try optional(type, key) }
    func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? { try optional(type, key) }

    private func optional<Value: SchemaShape>(_ type: Value.Type, _ key: Key) throws -> Value? {
        let probed = try type.shape(decoder.prober)
        object.add(key.stringValue, probed.schema, isRequired: false)
        return probed.value
    }

    private func standard<Value: SchemaShape>(_ type: Value.Type, _ key: Key) throws -> Value {
        let probed = try type.shape(decoder.prober)
        object.add(key.stringValue, probed.schema, isRequired: true)
        return probed.value
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
        throw unsupported(key)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw unsupported(key) }
    func superDecoder() throws -> any Decoder { throw unsupported(nil) }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw unsupported(key) }

    private func unsupported(_ key: Key?) -> SchemaDerivationError {
        decoder.prober.failure("\(key?.stringValue ?? "super"): nested containers and superclasses need SchemaProviding")
    }
}

/// Invents an array of one element.
struct ProbeUnkeyedContainer: UnkeyedDecodingContainer {
    let decoder: ProbeDecoder
    let codingPath: [any CodingKey] = []
    var count: Int? { 1 }
    var isAtEnd: Bool { currentIndex > 0 }
    var currentIndex = 0

    mutating func decodeNil() throws -> Bool { false }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let probed = try decoder.prober.probe(type, at: "[]")
        decoder.noteElement(probed.schema)
        currentIndex += 1
        return probed.value
    }

    mutating func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> { throw unsupported }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw unsupported }
    mutating func superDecoder() throws -> any Decoder { throw unsupported }

    private var unsupported: SchemaDerivationError { decoder.prober.failure("nested containers need SchemaProviding") }
}

/// Stands for a type that is written as one value.
struct ProbeSingleContainer: SingleValueDecodingContainer {
    let decoder: ProbeDecoder
    let codingPath: [any CodingKey] = []

    func decodeNil() -> Bool { false }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let probed = try decoder.prober.probe(type)
        decoder.noteSingle(probed.schema)
        decoder.hint = "an enum needs CaseIterable; for other types conform to SchemaProviding"
        return probed.value
    }
}

/// A ``Field`` that can be told its coding key.
protocol KeyableField {
    func keyed(_ key: String) -> any KeyableField
}

extension Field: KeyableField {
    func keyed(_ key: String) -> any KeyableField { Field(holding: value, mark: FieldMark(key: key)) }
}
