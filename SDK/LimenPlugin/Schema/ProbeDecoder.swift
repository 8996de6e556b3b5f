import JSON

/// The decoder that a type is walked with: it invents values and notes what was asked for.
final class ProbeDecoder: Decoder {
    private enum Shape {
        case nothing
        case object(ProbedObject)
        case array(JSONValue)
        case single(JSONObject)
    }

    let prober: SchemaProber
    let codingPath: [any CodingKey] = []
    let userInfo: [CodingUserInfoKey: Any] = [:]
    private var shape = Shape.nothing
    /// What the author should do if the type cannot be walked.
    var hint = "conform it to SchemaProviding"

    init(prober: SchemaProber) {
        self.prober = prober
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        let object: ProbedObject
        if case .object(let existing) = shape {
            object = existing
        } else {
            object = ProbedObject(marks: FieldRecorder.take())
            shape = .object(object)
        }
        return KeyedDecodingContainer(ProbeKeyedContainer(decoder: self, object: object))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        shape = .array(.object([:]))
        return ProbeUnkeyedContainer(decoder: self)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        ProbeSingleContainer(decoder: self)
    }

    func noteElement(_ schema: JSONObject) { shape = .array(.object(schema)) }

    func noteSingle(_ schema: JSONObject) { shape = .single(schema) }

    /// The schema of a value that was decoded here.
    func schema<Value>(of value: Value) throws -> JSONObject {
        switch shape {
        case .object(let object): try object.schema(of: value, prober)
        case .array(let element): ["type": "array", "items": element]
        case .single(let schema): schema
        case .nothing: ["type": "object", "properties": .object([:]), "additionalProperties": .bool(false)]
        }
    }
}

/// What a keyed container was asked for.
final class ProbedObject {
    private let marks: [FieldMark]
    private var properties = JSONObject()
    private var required: [String] = []

    init(marks: [FieldMark]) {
        self.marks = marks
    }

    func add(_ key: String, _ schema: JSONObject, isRequired: Bool) {
        properties[key] = .object(schema)
        if isRequired, !required.contains(key) { required.append(key) }
    }

    func schema<Value>(of value: Value, _ prober: SchemaProber) throws -> JSONObject {
        try applyMarks(value, prober)
        var schema: JSONObject = ["type": "object", "properties": .object(properties)]
        if !required.isEmpty { schema["required"] = .array(required.map { .string($0) }) }
        schema["additionalProperties"] = .bool(false)
        return schema
    }

    /// Pairs attributes with properties: both come in order of declaration, and each probed field knows its coding key.
    private func applyMarks<Value>(_ value: Value, _ prober: SchemaProber) throws {
        let fields = Mirror(reflecting: value).children.compactMap { $0.value as? any ProbedField }
        guard fields.count == marks.count else {
            throw prober.failure("the @Field attributes of \(Value.self) cannot be matched with its properties; use SchemaProviding")
        }
        for (field, mark) in zip(fields, marks) {
            guard let key = field.mark?.key, let note = mark.note, case .object(var schema)? = properties[key] else { continue }
            let path = (prober.path + [key]).joined(separator: ".")
            try note.constraints.apply(to: &schema, path: path)
            if prober.direction == .input, let defaultValue = try note.defaultValue?() {
                if !defaultValue.isNull { schema["default"] = defaultValue }
                required.removeAll { $0 == key }
            }
            properties[key] = .object(schema)
        }
    }
}
