import JSON

/// Describes and bounds a property in the JSON Schema that is derived from its type.
///
/// ```swift
/// struct Input: Codable, Sendable {
///     @Field("The text to search.", maxLength: 1_048_576) var text: String
///     @Field("How many results.", minimum: 1, maximum: 100) var limit: Int = 10
///     @Field("Only this language.") var language: Language?
/// }
/// ```
/// In an input an initial value is the schema's `default` and makes the property optional for callers. In an output every
/// property is always present, and an initial value only serves the memberwise initializer; without one that initializer takes
/// a `Field`: `Output(total: .value(3))`.
@propertyWrapper
public struct Field<Value: Codable & Sendable>: Codable, Sendable {
    var value: Value?
    /// Set only while a schema is derived.
    var mark: FieldMark?

    /// The property's value.
    public var wrappedValue: Value {
        get {
            guard let value else { preconditionFailure("a @Field property was read before it was set") }
            return value
        }
        set { value = newValue }
    }

    /// Describes a property that callers must give, or an optional one.
    ///
    /// `minimum` to `multipleOf` are for numbers, `minLength` to `format` for strings (lengths in Unicode scalars, `pattern` an
    /// ECMA-262 regular expression), `minItems` to `uniqueItems` for arrays.
    public init(
        _ description: String? = nil, minimum: Double? = nil, maximum: Double? = nil, exclusiveMinimum: Double? = nil,
        exclusiveMaximum: Double? = nil, multipleOf: Double? = nil, minLength: Int? = nil, maxLength: Int? = nil,
        pattern: String? = nil, format: String? = nil, minItems: Int? = nil, maxItems: Int? = nil, uniqueItems: Bool = false
    ) {
        value = nil
        guard FieldRecorder.isActive else { return }
        let constraints = FieldConstraints(
            description: description, minimum: minimum, maximum: maximum, exclusiveMinimum: exclusiveMinimum,
            exclusiveMaximum: exclusiveMaximum, multipleOf: multipleOf, minLength: minLength, maxLength: maxLength, pattern: pattern,
            format: format, minItems: minItems, maxItems: maxItems, uniqueItems: uniqueItems)
        mark = FieldRecorder.record(constraints, default: Value?.none)
    }

    /// Describes a property with a default; see the other initializer for the constraints.
    public init(
        wrappedValue: Value, _ description: String? = nil, minimum: Double? = nil, maximum: Double? = nil,
        exclusiveMinimum: Double? = nil, exclusiveMaximum: Double? = nil, multipleOf: Double? = nil, minLength: Int? = nil,
        maxLength: Int? = nil, pattern: String? = nil, format: String? = nil, minItems: Int? = nil, maxItems: Int? = nil,
        uniqueItems: Bool = false
    ) {
        value = wrappedValue
        guard FieldRecorder.isActive else { return }
        let constraints = FieldConstraints(
            description: description, minimum: minimum, maximum: maximum, exclusiveMinimum: exclusiveMinimum,
            exclusiveMaximum: exclusiveMaximum, multipleOf: multipleOf, minLength: minLength, maxLength: maxLength, pattern: pattern,
            format: format, minItems: minItems, maxItems: maxItems, uniqueItems: uniqueItems)
        mark = FieldRecorder.record(constraints, default: wrappedValue)
    }

    init(holding value: Value?, mark: FieldMark? = nil) {
        self.value = value
        self.mark = mark
    }

    /// Wraps a value, for memberwise initializers.
    public static func value(_ value: Value) -> Field { Field(holding: value) }

    /// Decodes the value.
    public init(from decoder: any Decoder) throws {
        value = try decoder.singleValueContainer().decode(Value.self)
    }

    /// Encodes as the value alone.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}

extension Field: Equatable where Value: Equatable {
    /// Whether both are equal.
    public static func == (left: Field, right: Field) -> Bool { left.value == right.value }
}

extension Field: Hashable where Value: Hashable {
    /// Hashes what equality compares.
    public func hash(into hasher: inout Hasher) { hasher.combine(value) }
}

// The compiler's synthesised code finds these overloads, so that an optional field may be absent.

extension KeyedDecodingContainer {
    /// Decodes an optional field that may be absent or null.
    public func decode<Value>(_ type: Field<Value?>.Type, forKey key: Key) throws -> Field<Value?> {
        let isProbing = FieldRecorder.isActive
        return Field(holding: try decodeIfPresent(Value.self, forKey: key), mark: isProbing ? FieldMark(key: key.stringValue) : nil)
    }
}

extension KeyedEncodingContainer {
    /// Encodes an optional field only if it has a value.
    public mutating func encode<Value>(_ field: Field<Value?>, forKey key: Key) throws {
        try encodeIfPresent(field.wrappedValue, forKey: key)
    }
}
