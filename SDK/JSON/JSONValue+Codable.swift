extension JSONValue: Codable {
    /// Takes the value as it is from `JSONCoder`; other decoders are asked type by type.
    public init(from decoder: any Decoder) throws {
        if let decoder = decoder as? JSONValueDecoder {
            self = decoder.value
            return
        }
        let container = try decoder.singleValueContainer()
        // `try?`: a failure only means that the value has another type, and the next is tried.
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {  // as above
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {  // as above
            self.init(value)
        } else if let value = try? container.decode(UInt64.self) {  // as above
            self.init(value)
        } else if let value = try? container.decode(Double.self) {  // as above
            self.init(value)
        } else if let value = try? container.decode(String.self) {  // as above
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {  // as above
            self = .array(value)
        } else {
            self = .object(JSONObject(try container.decode([String: JSONValue].self).map { ($0.key, $0.value) }))
        }
    }

    /// Gives the value as it is to `JSONCoder`; other encoders get its parts, numbers as integers where they are such, else as doubles.
    public func encode(to encoder: any Encoder) throws {
        if let encoder = encoder as? JSONValueEncoder { return encoder.set(self) }
        switch self {
        case .array(let values): try values.encode(to: encoder)
        case .object(let object): try Dictionary(object.map { ($0.key, $0.value) }) { $1 }.encode(to: encoder)
        case .null:
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        case .bool(let value): try value.encode(to: encoder)
        case .string(let value): try value.encode(to: encoder)
        case .number(let value): try value.encode(to: encoder)
        }
    }
}

extension JSONNumber: Codable {
    /// Takes the number as it was written from `JSONCoder`, or the nearest double from other decoders.
    public init(from decoder: any Decoder) throws {
        guard case .number(let number) = try JSONValue(from: decoder) else {
            throw DecodingError.typeMismatch(
                JSONNumber.self, DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "expected a number"))
        }
        self = number
    }

    /// Gives the number as it was written to `JSONCoder`; other encoders get an integer where it is one, else a double.
    public func encode(to encoder: any Encoder) throws {
        if let encoder = encoder as? JSONValueEncoder { return encoder.set(.number(self)) }
        if let value = int64 {
            try value.encode(to: encoder)
        } else if let value = uint64 {
            try value.encode(to: encoder)
        } else {
            try double.encode(to: encoder)
        }
    }
}

extension JSONObject: Codable {
    /// Takes an object as it is from `JSONCoder`; other decoders give the members in no order.
    public init(from decoder: any Decoder) throws {
        guard case .object(let object) = try JSONValue(from: decoder) else {
            throw DecodingError.typeMismatch(
                JSONObject.self, DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "expected an object"))
        }
        self = object
    }

    /// Gives the object as it is to `JSONCoder`.
    public func encode(to encoder: any Encoder) throws { try JSONValue.object(self).encode(to: encoder) }
}
