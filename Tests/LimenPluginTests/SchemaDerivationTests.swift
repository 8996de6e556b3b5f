import JSON
import JSONSchema
import LimenPlugin
import Testing

private enum Unit: String, Codable, CaseIterable, Sendable { case celsius, kelvin }
private enum Level: Int, Codable, CaseIterable, Sendable { case low = 1, high = 3 }
private enum NoCases: String, Codable, Sendable { case only }
private enum Payload: Codable, Sendable { case text(String), number(Int) }

private struct Plain: Codable, Sendable {
    var text: String
    var count: Int
    var ratio: Double?
    var flags: [Bool]
    var sizes: [String: UInt8]
}

private struct Point: Codable, Sendable {
    @Field("Across.", minimum: -1, maximum: 1) var x: Double
    @Field("Down.") var y: Double = 0.5
}

private struct Rich: Codable, Sendable {
    @Field("Whom.", minLength: 1, maxLength: 40, pattern: "^[a-z]+$") var name: String
    @Field("How many.", minimum: 1, maximum: 9) var limit: Int = 3
    @Field("In what.") var unit: Unit = .kelvin
    @Field("Perhaps.", exclusiveMinimum: 0) var ratio: Double?
    @Field("Where.", minItems: 1, maxItems: 4, uniqueItems: true) var path: [Point]
    @Field("Centre.") var centre: Point = Point(x: .value(0.25), y: 1)
    var when: DateTime
    var levels: Set<Level>
    var more: JSONValue?
}

private struct Node: Codable, Sendable {
    var name: String
    var children: [Node]
}

private struct WrongBound: Codable, Sendable { @Field("A number.", maxLength: 3) var count: Int }
private struct IntKeys: Codable, Sendable { var map: [Int: String] }
private struct HasUnlisted: Codable, Sendable { var value: NoCases }
private struct HasPayload: Codable, Sendable { var value: Payload }
private struct Renamed: Codable, Sendable {
    @Field("First.") var first: Int
    @Field("Second.") var second: String
    private enum CodingKeys: String, CodingKey {
        case second = "b"
        case first = "a"
    }
}
private struct Wrapper: Codable, Sendable {
    let id: String
    init(from decoder: any Decoder) throws { id = try decoder.singleValueContainer().decode(String.self) }
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(id)
    }
}
private struct Temperature: SchemaProviding, Sendable {
    var kelvin: Double
    static var jsonSchema: JSONValue { ["type": "object", "properties": ["kelvin": ["type": "number", "minimum": 0]]] }
    static var schemaExample: Temperature { Temperature(kelvin: 1) }
}

private func parsed(_ text: String) throws -> JSONValue { try JSONValue(parsing: text) }

@Suite struct SchemaDerivationTests {
    @Test("a plain struct becomes an object schema that names what is required and nothing else")
    func plain() throws {
        #expect(
            try JSONValue.inputSchema(of: Plain.self)
                == parsed(
                    """
                    {"type":"object","properties":{"text":{"type":"string"},"count":{"type":"integer"},"ratio":{"type":"number"},
                    "flags":{"type":"array","items":{"type":"boolean"}},
                    "sizes":{"type":"object","additionalProperties":{"type":"integer","minimum":0,"maximum":255}}},
                    "required":["text","count","flags","sizes"],"additionalProperties":false}
                    """))
    }

    private static let point = """
        {"type":"object","properties":{"x":{"type":"number","description":"Across.","minimum":-1,"maximum":1},
        "y":{"type":"number","description":"Down.","default":0.5}},"required":["x"],"additionalProperties":false}
        """

    @Test("descriptions, constraints, defaults, enums, dates and nested types reach the schema")
    func rich() throws {
        let schema = try JSONValue.inputSchema(of: Rich.self)
        #expect(schema["required"] == ["name", "path", "when", "levels"])
        let expected: [(String, String)] = [
            ("name", #"{"type":"string","description":"Whom.","minLength":1,"maxLength":40,"pattern":"^[a-z]+$"}"#),
            ("limit", #"{"type":"integer","description":"How many.","minimum":1,"maximum":9,"default":3}"#),
            ("unit", #"{"type":"string","enum":["celsius","kelvin"],"description":"In what.","default":"kelvin"}"#),
            ("ratio", #"{"type":"number","description":"Perhaps.","exclusiveMinimum":0}"#),
            ("path", #"{"type":"array","items":\#(Self.point),"description":"Where.","minItems":1,"maxItems":4,"uniqueItems":true}"#),
            ("when", #"{"type":"string","format":"date-time"}"#),
            ("levels", #"{"type":"array","items":{"type":"integer","enum":[1,3]},"uniqueItems":true}"#),
            ("more", "{}"),
        ]
        for (key, text) in expected { #expect(try schema["properties"]?[key] == parsed(text), "\(key)") }
        #expect(try schema["properties"]?["centre"]?["default"] == parsed(#"{"x":0.25,"y":1}"#))
        #expect(schema["properties"]?["centre"]?["description"] == "Centre.")
    }

    @Test("in an output every property is present and defaults are no promise")
    func output() throws {
        let schema = try JSONValue.outputSchema(of: Point.self)
        #expect(schema["required"] == ["x", "y"])
        #expect(schema["properties"]?["y"]?["default"] == nil)
        #expect(schema["properties"]?["y"]?["description"] == "Down.")
    }

    @Test("attributes find their properties when coding keys are renamed and reordered")
    func renamed() throws {
        let schema = try JSONValue.inputSchema(of: Renamed.self)
        #expect(schema["properties"]?["a"] == ["type": "integer", "description": "First."])
        #expect(schema["properties"]?["b"] == ["type": "string", "description": "Second."])
    }

    @Test("single values, arrays of optionals and hand-written schemas are taken as they are")
    func others() throws {
        #expect(try JSONValue.inputSchema(of: Wrapper.self) == ["type": "string"])
        #expect(try JSONValue.inputSchema(of: [Int?].self) == parsed(#"{"type":"array","items":{"anyOf":[{"type":"integer"},{"type":"null"}]}}"#))
        #expect(try JSONValue.inputSchema(of: [Temperature].self)["items"] == Temperature.jsonSchema)
        #expect(try JSONValue.inputSchema(of: JSONValue.self) == [:])
    }

    @Test(
        "a type without a schema is refused with its place and a way out",
        arguments: [
            (.init(Node.self), "children.[]: Node contains itself"), (.init(WrongBound.self), "count: maxLength is for string only"),
            (.init(IntKeys.self), "map: Dictionary<Int, String>: only dictionaries by String"),
            (.init(HasUnlisted.self), "value: NoCases"), (.init(HasPayload.self), "an enum needs a raw type and CaseIterable"),
        ] as [(Refused, String)])
    func refused(_ type: Refused, _ message: String) throws {
        let error = #expect(throws: SchemaDerivationError.self) { try type.derive() }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    struct Refused: Sendable {
        let derive: @Sendable () throws -> JSONValue
        init<Value: Codable>(_ type: Value.Type) where Value: Sendable { derive = { try JSONValue.inputSchema(of: type) } }
    }

    @Test("what a type encodes is valid against its derived schema, and the schema compiles")
    func agreement() throws {
        let value = Rich(
            name: .value("ada"), ratio: .value(nil), path: .value([Point(x: .value(1))]), when: DateTime("2026-01-02T03:04:05Z")!,
            levels: [.high])
        let schema = try CompiledSchema(JSONValue.outputSchema(of: Rich.self))
        let json = try JSONCoder.encode(value)
        #expect(schema.validate(json).isEmpty, "\(json.text)")
        #expect(json["ratio"] == nil)
        #expect(try JSONCoder.encode(JSONCoder.decode(Rich.self, from: json)) == json)
    }

    @Test("schemas are derived on many threads at once without mixing attributes")
    func parallel() async throws {
        let expected = try JSONValue.inputSchema(of: Rich.self)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    _ = Point(x: .value(3))
                    return (try? JSONValue.inputSchema(of: Rich.self)) == expected  // an error counts as a difference
                }
            }
            for await same in group { #expect(same) }
        }
    }
}

@Suite struct DateTimeTests {
    @Test(
        "RFC 3339 is read and written",
        arguments: [
            ("1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00Z"), ("2000-02-29T23:59:59.5+01:30", 951_863_399, 500_000_000, nil),
            ("1969-12-31T23:59:59Z", -1, 0, nil), ("0000-01-01T00:00:00Z", -62_167_219_200, 0, nil),
            ("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999, nil), ("2026-01-01t00:00:00z", 1_767_225_600, 0, "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00-00:00", 1_767_225_600, 0, "2026-01-01T00:00:00Z"),
        ] as [(String, Int64, Int32, String?)])
    func valid(_ text: String, _ seconds: Int64, _ nanoseconds: Int32, _ written: String?) throws {
        let value = try #require(DateTime(text))
        #expect(value.secondsSince1970 == seconds)
        #expect(value.nanoseconds == nanoseconds)
        #expect(value.description == written ?? text)
    }

    @Test(
        "what is not RFC 3339 is refused",
        arguments: [
            "", "2026-01-01", "2026-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx", "0000-01-01T00:00:00+00:01 ",
        ])
    func invalid(_ text: String) { #expect(DateTime(text) == nil) }
}
