extension JSONValue {
    /// Whether the value is `null`.
    public var isNull: Bool {
        if case .null = self { return true }
        return false
    }

    /// The string, or nil when the value is of another type.
    public var stringValue: String? {
        if case .string(let value) = self { return value }
        return nil
    }

    /// The boolean, or nil when the value is of another type.
    public var boolValue: Bool? {
        if case .bool(let value) = self { return value }
        return nil
    }

    /// The number, or nil when the value is of another type.
    public var numberValue: JSONNumber? {
        if case .number(let value) = self { return value }
        return nil
    }

    /// The number as an integer, or nil when it is none, does not fit, or the value is of another type.
    public var int64Value: Int64? { numberValue?.int64 }

    /// The number as an integer, or nil when it is none, does not fit, or the value is of another type.
    public var intValue: Int? { numberValue?.int64.flatMap { Int(exactly: $0) } }

    /// The nearest double (infinite when out of range), or nil when the value is of another type.
    public var doubleValue: Double? { numberValue?.double }

    /// The elements, or nil when the value is of another type.
    public var arrayValue: [JSONValue]? {
        if case .array(let value) = self { return value }
        return nil
    }

    /// The object, or nil when the value is of another type.
    public var objectValue: JSONObject? {
        if case .object(let value) = self { return value }
        return nil
    }

    /// The member of that name, or nil when there is none or the value is no object.
    public subscript(key: String) -> JSONValue? {
        if case .object(let value) = self { return value[key] }
        return nil
    }

    /// The element at that place, or nil when there is none or the value is no array.
    public subscript(index: Int) -> JSONValue? {
        guard case .array(let value) = self, index >= 0, index < value.count else { return nil }
        return value[index]
    }

    /// The name of the value's JSON type: `null`, `boolean`, `number`, `string`, `array` or `object`.
    public var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// Makes `null`.
    public init(nilLiteral: ()) { self = .null }
    /// Makes a boolean.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// Makes an integer.
    public init(integerLiteral value: Int) { self = .number(JSONNumber(value)) }
    /// Makes a number; a literal that is no finite double becomes `null`.
    public init(floatLiteral value: Double) { self.init(value) }
    /// Makes a string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// Makes an array.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// Makes an object; of a repeated key the last value stays.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (key, value) in elements { object[key] = value }
        self = .object(object)
    }
}

extension JSONValue {
    /// Makes a string.
    public init(_ value: String) { self = .string(value) }
    /// Makes a boolean.
    public init(_ value: Bool) { self = .bool(value) }
    /// Makes an integer.
    public init(_ value: Int) { self = .number(JSONNumber(value)) }
    /// Makes an integer.
    public init(_ value: Int64) { self = .number(JSONNumber(value)) }
    /// Makes an integer.
    public init(_ value: UInt64) { self = .number(JSONNumber(value)) }
    /// Makes a number, or `null` when `value` is not finite.
    public init(_ value: Double) { self = JSONNumber(value).map { .number($0) } ?? .null }
    /// Makes an array.
    public init(_ value: [JSONValue]) { self = .array(value) }
    /// Makes an object.
    public init(_ value: JSONObject) { self = .object(value) }
}
