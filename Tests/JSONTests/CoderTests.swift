import JSON
import Testing

@Suite("Codable to and from JSON")
struct CoderTests {
    enum Colour: String, Codable { case red, green }
    enum Shape: Codable, Hashable { case circle(radius: Double), point }

    struct Inner: Codable, Hashable {
        var name: String
        var weight: Float?
    }

    struct Everything: Codable, Hashable {
        var flag = true
        var i8: Int8 = .min, i16: Int16 = .max, i32: Int32 = .min, i64: Int64 = .min, int = Int.max
        var u8: UInt8 = .max, u16: UInt16 = .max, u32: UInt32 = .max, u64: UInt64 = .max, uint = UInt.max
        var double = 0.1, float: Float = 1.5
        var text = "é\u{0}"
        var none: Int?
        var some: Int? = 7
        var colour = Colour.green
        var shapes: [Shape] = [.circle(radius: 2), .point]
        var nested: [String: [Inner]] = ["k": [Inner(name: "n", weight: 2)]]
        var matrix: [[Int]] = [[1], [], [2, 3]]
        var anything: JSONValue = ["x": [1, nil, 1.50]]
        var optionals: [Int?] = [1, nil]
    }

    @Test("every kind of member survives")
    func roundTrip() throws {
        let value = Everything()
        let json = try JSONCoder.encode(value)
        #expect(json["u64"]?.text == "18446744073709551615")
        #expect(json["none"] == nil)
        #expect(json["anything"] == ["x": [1, nil, 1.5]])
        #expect(try JSONCoder.decode(Everything.self, from: JSONValue(parsing: json.serialized())) == value)
    }

    static let faults: [(String, String)] = [
        (#"{"weight":1}"#, "/name"), (#"{"name":null}"#, "/name"), (#"{"name":5}"#, "/name"), (#"{"name":"a","weight":"x"}"#, "/weight"),
        (#"{"name":"a","weight":1e999}"#, "/weight"), (#"[]"#, ""), (#"null"#, ""),
    ]

    @Test("what is missing, null or of another type is told with its place (API-13)", arguments: faults)
    func errors(text: String, path: String) throws {
        let value = try JSONValue(parsing: text)
        let error = #expect(throws: JSONCodingError.self) { try JSONCoder.decode(Inner.self, from: value) }
        #expect(error?.path.description == path)
    }

    @Test("a fault deep inside names the whole way (API-13)")
    func deepError() throws {
        let value = try JSONValue(parsing: #"{"k":[{"name":"a"},{"name":false}]}"#)
        let error = #expect(throws: JSONCodingError.self) { try JSONCoder.decode([String: [Inner]].self, from: value) }
        #expect(error?.path.description == "/k/1/name")
        #expect(error?.message == "expected a string, found boolean")
    }

    @Test("integers out of range or with a fraction are refused, whole ones in any spelling taken (API-13)")
    func integers() throws {
        for text in ["128", "-129", "1.5", "1e9", "1e1000000000", "\"1\"", "true", "null"] {
            let value = try JSONValue(parsing: text)
            #expect(throws: JSONCodingError.self, "\(text)") { try JSONCoder.decode(Int8.self, from: value) }
        }
        #expect(try JSONCoder.decode(Int8.self, from: JSONValue(parsing: "1.0e2")) == 100)
        #expect(throws: JSONCodingError.self) { try JSONCoder.decode(UInt64.self, from: -1) }
        #expect(try JSONCoder.decode(UInt64.self, from: JSONValue(UInt64.max)) == .max)
    }

    @Test("numbers that JSON lacks are refused when encoding")
    func notFinite() {
        #expect(throws: JSONCodingError.self) { try JSONCoder.encode(["a": Double.nan]) }
        #expect(throws: JSONCodingError.self) { try JSONCoder.encode([Float.infinity]) }
    }

    class Animal: Codable {
        var legs = 4
    }

    final class Dog: Animal {
        var name = "Rex"
        enum Keys: CodingKey { case name, tags }

        override init() { super.init() }

        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            name = try container.decode(String.self, forKey: .name)
            var tags = try container.nestedUnkeyedContainer(forKey: .tags)
            while !tags.isAtEnd { _ = try tags.decode(Int.self) }
            try super.init(from: container.superDecoder())
        }

        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(name, forKey: .name)
            var tags = container.nestedUnkeyedContainer(forKey: .tags)
            try tags.encode(1)
            try super.encode(to: container.superEncoder())
        }
    }

    @Test("classes reach their superclass through super coders")
    func superCoders() throws {
        let json = try JSONCoder.encode(Dog())
        #expect(json == ["name": "Rex", "tags": [1], "super": ["legs": 4]])
        #expect(try JSONCoder.decode(Dog.self, from: json).legs == 4)
    }

    indirect enum Endless: Encodable {
        case more(Int)
        func encode(to encoder: any Encoder) throws {
            var container = encoder.unkeyedContainer()
            try container.encode(self)
        }
    }

    @Test("a value without end is refused when encoding")
    func endless() {
        #expect(throws: JSONCodingError.self) { try JSONCoder.encode(Endless.more(1)) }
    }

    @Test("canonical text is that of RFC 8785")
    func canonical() throws {
        let source = """
            {"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001,-0,1e21,123456789012345680000,0.000001,1e-7],
            "string":"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}
            """
        let expected =
            #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0,1e+21,123456789012345680000,0.000001,1e-7],"#
            + #""string":"€$\u000f\nA'B\"\\\\\"/"}"#
        #expect(try String(decoding: JSONValue(parsing: source).canonical(), as: UTF8.self) == expected)
        let keys: JSONValue = ["\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7]
        #expect(
            try String(decoding: keys.canonical(), as: UTF8.self)
                == "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}")
        #expect(throws: JSONError.self) { try JSONValue(parsing: "9007199254740993").canonical() }
        #expect(throws: JSONError.self) { try JSONValue(parsing: "1e400").canonical() }
    }
}
