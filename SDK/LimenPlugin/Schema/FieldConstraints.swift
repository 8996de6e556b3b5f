import JSON

/// The keywords that a ``Field`` adds to the schema of its type.
struct FieldConstraints: Sendable {
    var description: String?
    var minimum: Double?
    var maximum: Double?
    var exclusiveMinimum: Double?
    var exclusiveMaximum: Double?
    var multipleOf: Double?
    var minLength: Int?
    var maxLength: Int?
    var pattern: String?
    var format: String?
    var minItems: Int?
    var maxItems: Int?
    var uniqueItems: Bool

    /// Adds the keywords; throws for one that does not fit the schema's type.
    func apply(to schema: inout JSONObject, path: String) throws(SchemaDerivationError) {
        if let description { schema["description"] = .string(description) }
        let numeric = [
            ("minimum", minimum), ("maximum", maximum), ("exclusiveMinimum", exclusiveMinimum), ("exclusiveMaximum", exclusiveMaximum),
            ("multipleOf", multipleOf),
        ]
        for case (let keyword, let bound?) in numeric { try set(keyword, number(bound, path), ["integer", "number"], &schema, path) }
        for case (let keyword, let bound?) in [("minLength", minLength), ("maxLength", maxLength)] {
            try set(keyword, .number(JSONNumber(bound)), ["string"], &schema, path)
        }
        for case (let keyword, let text?) in [("pattern", pattern), ("format", format)] {
            try set(keyword, .string(text), ["string"], &schema, path)
        }
        for case (let keyword, let bound?) in [("minItems", minItems), ("maxItems", maxItems)] {
            try set(keyword, .number(JSONNumber(bound)), ["array"], &schema, path)
        }
        if uniqueItems { try set("uniqueItems", .bool(true), ["array"], &schema, path) }
    }

    private func number(_ value: Double, _ path: String) throws(SchemaDerivationError) -> JSONValue {
        if let integer = Int64(exactly: value) { return .number(JSONNumber(integer)) }
        guard let number = JSONNumber(value) else { throw SchemaDerivationError(path: path, message: "a bound is not finite") }
        return .number(number)
    }

    private func set(
        _ keyword: String, _ value: JSONValue, _ types: [String], _ schema: inout JSONObject, _ path: String
    ) throws(SchemaDerivationError) {
        guard types.contains(where: schema.admits(type:)) else {
            throw SchemaDerivationError(path: path, message: "\(keyword) is for \(types.joined(separator: " or ")) only")
        }
        schema[keyword] = value
    }
}

extension JSONObject {
    /// Whether the schema names a type, alone or in a list.
    fileprivate func admits(type: String) -> Bool {
        switch self["type"] {
        case .string(let only): only == type
        case .array(let several): several.contains(.string(type))
        default: false
        }
    }
}
