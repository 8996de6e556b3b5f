import JSON
import TestKit
import Testing

@Suite("JSON values")
struct ValueTests {
    @Test("a random value survives being written and read, in every style")
    func roundTrip() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededRandom(seed: seed)
        for _ in 0..<2_000 {
            let value = JSONValue.random(depth: 4, &generator)
            for style: JSONWritingOptions in [[], .pretty, .sortedKeys, [.pretty, .sortedKeys]] {
                let read = try JSONValue(parsing: value.serialized(style))
                #expect(read == value, "seed \(seed)")
                #expect(read.hashValue == value.hashValue, "seed \(seed)")
            }
        }
    }

    static let equalNumbers: [(String, String)] = [
        ("1", "1.0"), ("1", "1e0"), ("100", "1e2"), ("0", "-0"), ("0", "0e99"), ("0.1", "1e-1"), ("10", "1.0e+1"), ("0.00", "0"),
        ("12345678901234567890123", "12345678901234567890123.000"), ("1e1000000000", "10e999999999"), ("1.5e-1000000000", "15e-1000000001"),
        ("9007199254740993", "9.007199254740993e15"), ("-2.50", "-25e-1"),
    ]

    @Test("numbers of one value are equal however they are written", arguments: equalNumbers)
    func equal(left: String, right: String) throws {
        let a = try JSONValue(parsing: left), b = try JSONValue(parsing: right)
        #expect(a == b)
        #expect(a.hashValue == b.hashValue)
        #expect(a.numberValue.map { !($0 < $0) } == true)
    }

    static let ascending: [String] = [
        "-1e1000000000", "-9007199254740993", "-9007199254740992", "-1.5", "-1", "-1e-1000000000", "0", "1e-1000000000", "0.1", "0.11", "1", "1.5",
        "2", "10",
        "9007199254740992", "9007199254740993", "18446744073709551615", "18446744073709551616", "1e20", "1e400", "1e1000000000",
    ]

    @Test("numbers are ordered by their exact value, far beyond a double")
    func order() throws {
        let numbers = try Self.ascending.map { try #require(JSONNumber(literal: $0)) }
        for (i, a) in numbers.enumerated() {
            for (j, b) in numbers.enumerated() {
                #expect((a < b) == (i < j), "\(a.literal) \(b.literal)")
                #expect((a == b) == (i == j), "\(a.literal) \(b.literal)")
            }
        }
    }

    @Test("integers are exact or nil")
    func integers() {
        #expect(JSONNumber(literal: "9223372036854775807")?.int64 == .max)
        #expect(JSONNumber(literal: "9223372036854775808")?.int64 == nil)
        #expect(JSONNumber(literal: "-9223372036854775808")?.int64 == .min)
        #expect(JSONNumber(literal: "-9223372036854775809")?.int64 == nil)
        #expect(JSONNumber(literal: "18446744073709551615")?.uint64 == .max)
        #expect(JSONNumber(literal: "18446744073709551616")?.uint64 == nil)
        #expect(JSONNumber(literal: "-1")?.uint64 == nil)
        #expect(JSONNumber(literal: "1.5")?.int64 == nil)
        #expect(JSONNumber(literal: "1e3")?.int64 == 1000)
        #expect(JSONNumber(literal: "1e1000000000")?.int64 == nil)
        #expect(JSONNumber(literal: "1e1000000000")?.isInteger == true)
        #expect(JSONNumber(literal: "1e400")?.double == .infinity)
        #expect(JSONNumber(Double.nan) == nil)
        #expect(JSONNumber(literal: "01") == nil)
        #expect(JSONNumber(literal: "1 ") == nil)
        #expect(JSONNumber(literal: "") == nil)
        #expect(JSONNumber(Int64.min).int64 == .min)
        #expect(JSONNumber(0.1)?.literal == "0.1")
    }

    @Test("a number keeps its exact text")
    func literals() throws {
        let text = "[1.50,0.1e1,123456789012345678901234567890,-0]"
        #expect(try JSONValue(parsing: text).text == text)
    }

    @Test("strings and keys are compared by their scalars, not by canonical equivalence")
    func scalars() throws {
        #expect(try JSONValue(parsing: "\"\\u00e9\"") != JSONValue(parsing: "\"e\\u0301\""))
        let object = try JSONValue(parsing: "{\"\\u00e9\":1,\"e\\u0301\":2}")
        #expect(object.objectValue?.count == 2)
        #expect(object["e\u{301}"] == 2)
        #expect(object["\u{e9}"] == 1)
    }

    @Test("an object keeps its order, finds its members and ignores order in comparison", arguments: [3, 100])
    func objects(count: Int) {
        var object = JSONObject(), reversed = JSONObject()
        for index in 0..<count { object["k\(index)"] = JSONValue(index) }
        for index in (0..<count).reversed() { reversed["k\(index)"] = JSONValue(index) }
        #expect(object == reversed)
        #expect(object.hashValue == reversed.hashValue)
        #expect(object.keys == (0..<count).map { "k\($0)" })
        for index in 0..<count where index % 2 == 0 { object["k\(index)"] = nil }
        #expect(object.count == count / 2)
        #expect(object["k0"] == nil && object["k1"] == 1)
        object["k0"] = "again"
        #expect(object.keys.last == "k0")
        #expect(object != reversed)
        for key in object.keys { object[key] = nil }
        #expect(object.isEmpty)
    }

    @Test("asking for the wrong type or a missing member gives nil, never a trap (API-13)")
    func access() {
        let value: JSONValue = ["a": [1, nil, "x", 1.5, true], "o": [:]]
        #expect(value["a"]?[0]?.intValue == 1)
        #expect(value["a"]?[1]?.isNull == true)
        #expect(value["a"]?[9] == nil && value["a"]?[-1] == nil)
        #expect(value["a"]?[3]?.intValue == nil && value["a"]?[3]?.doubleValue == 1.5)
        #expect(value["zz"] == nil && value["a"]?["b"] == nil && value[0] == nil)
        #expect(value.stringValue == nil && value.arrayValue == nil && value.boolValue == nil && value.int64Value == nil)
        #expect(value["a"]?[4]?.boolValue == true)
        #expect(value["o"]?.objectValue?.isEmpty == true)
    }

    @Test("pretty text has one member a line and sorted keys on request")
    func pretty() {
        let value: JSONValue = ["b": [1, [:]], "a": []]
        #expect(String(decoding: value.serialized([.pretty, .sortedKeys]), as: UTF8.self) == "{\n  \"a\": [],\n  \"b\": [\n    1,\n    {}\n  ]\n}")
        #expect(value.text == "{\"b\":[1,{}],\"a\":[]}")
        #expect(JSONValue.string("\u{0}\u{1f}\"\\/\n\u{7f}é").text == "\"\\u0000\\u001f\\\"\\\\/\\n\u{7f}é\"")
    }
}
