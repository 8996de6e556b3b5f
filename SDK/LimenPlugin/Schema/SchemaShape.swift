import JSON

/// A type of the standard library, of JSON or of this SDK whose schema is known.
protocol SchemaShape: Decodable {
    static func shape(_ prober: SchemaProber) throws -> Probed<Self>
}

extension Bool: SchemaShape {
    static func shape(_ prober: SchemaProber) -> Probed<Bool> { Probed(schema: ["type": "boolean"], value: false) }
}

extension String: SchemaShape {
    static func shape(_ prober: SchemaProber) -> Probed<String> { Probed(schema: ["type": "string"], value: "") }
}

extension Double: SchemaShape {
    static func shape(_ prober: SchemaProber) -> Probed<Double> { Probed(schema: ["type": "number"], value: 0) }
}

extension Float: SchemaShape {
    static func shape(_ prober: SchemaProber) -> Probed<Float> { Probed(schema: ["type": "number"], value: 0) }
}

/// Integers narrower than 64 bits carry their range; unsigned ones start at 0.
private func integer<Value: FixedWidthInteger>(_ type: Value.Type) -> Probed<Value> {
    var schema: JSONObject = ["type": "integer"]
    if Value.bitWidth < 64 || !Value.isSigned { schema["minimum"] = .number(JSONNumber(Int64(Value.min))) }
    if Value.bitWidth < 64 { schema["maximum"] = .number(JSONNumber(Int64(Value.max))) }
    return Probed(schema: schema, value: 0)
}

extension Int: SchemaShape { static func shape(_ prober: SchemaProber) -> Probed<Int> { integer(self) } }
extension Int8: SchemaShape { static func shape(_ prober: SchemaProber) -> Probed<Int8> { integer(self) } }
extension Int16: SchemaShape { static func shape(_ prober: SchemaProber) -> Probed<Int16> { integer(self) } }
extension Int32: SchemaShape { static func shape(_ prober: SchemaProber) -> Probed<Int32> { integer(self) } }
extension Int64: SchemaShape { static func shape(_ prober: SchemaProber) -> Probed<Int64> { integer(self) } }
extension UInt: SchemaShape { static func shape(_ prober: SchemaProber) -> Probed<UInt> { integer(self) } }
extension UInt8: SchemaShape { static func shape(_ prober: SchemaProber) -> Probed<UInt8> { integer(self) } }
extension UInt16: SchemaShape { static func shape(_ prober: SchemaProber) -> Probed<UInt16> { integer(self) } }
extension UInt32: SchemaShape { static func shape(_ prober: SchemaProber) -> Probed<UInt32> { integer(self) } }
extension UInt64: SchemaShape { static func shape(_ prober: SchemaProber) -> Probed<UInt64> { integer(self) } }

extension Optional: SchemaShape where Wrapped: Decodable {
    /// An optional that is not a property, such as an array's element: the value or null.
    static func shape(_ prober: SchemaProber) throws -> Probed<Wrapped?> {
        let wrapped = try prober.probe(Wrapped.self)
        let schema: JSONObject = ["anyOf": .array([.object(wrapped.schema), .object(["type": "null"])])]
        return Probed(schema: schema, value: wrapped.value)
    }
}

extension Array: SchemaShape where Element: Decodable {
    static func shape(_ prober: SchemaProber) throws -> Probed<[Element]> {
        let element = try prober.probe(Element.self, at: "[]")
        return Probed(schema: ["type": "array", "items": .object(element.schema)], value: [element.value])
    }
}

extension Set: SchemaShape where Element: Decodable {
    static func shape(_ prober: SchemaProber) throws -> Probed<Set<Element>> {
        let element = try prober.probe(Element.self, at: "[]")
        let schema: JSONObject = ["type": "array", "items": .object(element.schema), "uniqueItems": .bool(true)]
        return Probed(schema: schema, value: [element.value])
    }
}

extension Dictionary: SchemaShape where Key: Decodable, Value: Decodable {
    static func shape(_ prober: SchemaProber) throws -> Probed<[Key: Value]> {
        guard Key.self == String.self else { throw prober.failure("\(Self.self): only dictionaries by String have a schema") }
        let value = try prober.probe(Value.self, at: "{}")
        return Probed(schema: ["type": "object", "additionalProperties": .object(value.schema)], value: [:])
    }
}

extension Field: SchemaShape {
    static func shape(_ prober: SchemaProber) throws -> Probed<Field<Value>> {
        let probed = try prober.probe(Value.self)
        return Probed(schema: probed.schema, value: Field(holding: probed.value))
    }
}

extension JSONValue: SchemaShape {
    static func shape(_ prober: SchemaProber) -> Probed<JSONValue> { Probed(schema: [:], value: .null) }
}
