import JSON
import TestKit
import Testing

@Suite("JSON texts")
struct ParserTests {
    static let accepted: [String] = [
        "[[]   ]", "[\"\"]", "[]", "{}", "[\"a\"]", "[false]", "[null, 1, \"1\", {}]", "[null]", "[1\n]", " [1]", "[1,null,null,null,2]",
        "[2] ", "[123e65]", "[0e+1]", "[0e1]", "[ 4]", "[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]\n",
        "[20e1]", "[-0]", "[-123]", "[-1]", "[1E22]", "[1E-2]", "[1E+2]", "[123e45]", "[123.456e78]", "[1e-2]", "[1e+2]", "[123]",
        "[123.456789]", "{\"asd\":\"sdf\", \"dfg\":\"fgh\"}", "{\"\":0}", "{\"foo\\u0000bar\": 42}", "{ \"min\": -1.0e+28, \"max\": 1.0e+28 }",
        "{\"a\":[]}", "{\n\"a\": \"b\"\n}", "[\"\\u0060\\u012a\\u12AB\"]", "[\"\\uD801\\udc37\"]", "[\"\\ud83d\\ude39\\ud83d\\udc8d\"]",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "[\"\\\\u0000\"]", "[\"\\\"\"]", "[\"a/*b*/c/*d//e\"]", "[\"\\\\a\"]", "[\"\\\\n\"]",
        "[\"\\u0012\"]", "[\"\\uFFFF\"]", "[\"asd\"]", "[ \"asd\"]", "[\"\\uDBFF\\uDFFF\"]", "[\"new\\u00A0line\"]", "[\"\u{10FFFF}\"]",
        "[\"\u{FFFF}\"]", "[\"\\u0000\"]", "[\"\\u002c\"]", "[\"π\"]", "[\"\u{1BFFF}\"]", "[\"asd \"]", "\" \"", "[\"\\uD834\\uDd1e\"]",
        "[\"\\u0821\"]", "[\"\\u0123\"]", "[\"\u{2028}\"]", "[\"\u{2029}\"]", "[\"\\u0061\\u30af\\u30EA\\u30b9\"]", "[\"new\\u000Aline\"]",
        "[\"\u{7f}\"]", "[\"\\uA66D\"]", "[\"\\u005C\"]", "[\"⍂㈴⍂\"]", "[\"\\u200B\"]", "[\"\\u2064\"]", "[\"\\uFDD0\"]", "[\"\\uFFFE\"]",
        "[\"\\u0022\"]", "[\"€𝄞\"]", "[\"a\u{7f}a\"]", "false", "42", "-0.1", "null", "\"asd\"", "true", "\"\"", "[\"a\"]\n", "[true]", " [] ",
    ]

    @Test("reads what RFC 8259 allows", arguments: accepted)
    func accepts(text: String) throws {
        let value = try JSONValue(parsing: text)
        #expect(try JSONValue(parsing: value.serialized()) == value)
        #expect(try JSONValue(parsing: value.serialized(.pretty)) == value)
    }

    static let refused: [(String, JSONError.Code)] = [
        ("[1 true]", .unexpectedByte), ("[\"\": 1]", .unexpectedByte), ("[\"\"],", .trailingBytes), ("[,1]", .unexpectedByte),
        ("[1,,2]", .unexpectedByte), ("[\"x\",,]", .unexpectedByte), ("[\"x\"]]", .trailingBytes), ("[\"\",]", .unexpectedByte),
        ("[\"x\"", .unexpectedEnd), ("[x", .unexpectedByte), ("[3[4]]", .unexpectedByte), ("[1:2]", .unexpectedByte), ("[,]", .unexpectedByte),
        ("[-]", .invalidNumber), ("[   , \"\"]", .unexpectedByte), ("[\"a\",\n4\n,1,", .unexpectedEnd), ("[1,]", .unexpectedByte),
        ("[*]", .unexpectedByte), ("[\"\"", .unexpectedEnd), ("[1,", .unexpectedEnd), ("[{}", .unexpectedEnd), ("[fals]", .unexpectedByte),
        ("[nul]", .unexpectedByte), ("[tru]", .unexpectedByte), ("[++1234]", .unexpectedByte), ("[+1]", .unexpectedByte),
        ("[-01]", .unexpectedByte), ("[-1.0.]", .unexpectedByte), ("[-2.]", .invalidNumber), ("[-NaN]", .invalidNumber),
        ("[.-1]", .unexpectedByte), ("[.2e-3]", .unexpectedByte), ("[0.1.2]", .unexpectedByte), ("[0.3e+]", .invalidNumber),
        ("[0.3e]", .invalidNumber), ("[0.e1]", .invalidNumber), ("[0E+]", .invalidNumber), ("[0E]", .invalidNumber), ("[0e+]", .invalidNumber),
        ("[1.0e+]", .invalidNumber), ("[1.0e-]", .invalidNumber), ("[1.0e]", .invalidNumber), ("[1 000.0]", .unexpectedByte),
        ("[1eE2]", .invalidNumber), ("[2.e+3]", .invalidNumber), ("[9.e+]", .invalidNumber), ("[Inf]", .unexpectedByte),
        ("[NaN]", .unexpectedByte), ("[１]", .unexpectedByte), ("[1+2]", .unexpectedByte), ("[0x1]", .unexpectedByte),
        ("[0x42]", .unexpectedByte), ("[Infinity]", .unexpectedByte), ("[-123.123foo]", .unexpectedByte), ("[012]", .unexpectedByte),
        ("[1ea]", .invalidNumber), ("[2a]", .unexpectedByte), ("[1.]", .invalidNumber), ("[.123]", .unexpectedByte),
        ("[\"x\", truth]", .unexpectedByte), ("{[: \"x\"}\n", .unexpectedByte), ("{\"x\", null}", .unexpectedByte),
        ("{\"x\"::\"b\"}", .unexpectedByte), ("{\"a\":\"a\" 123}", .unexpectedByte), ("{key: 'value'}", .unexpectedByte),
        ("{\"a\" b}", .unexpectedByte), ("{:\"b\"}", .unexpectedByte), ("{\"a\":", .unexpectedEnd), ("{\"a\"", .unexpectedEnd),
        ("{1:1}", .unexpectedByte), ("{null:null,null:null}", .unexpectedByte), ("{\"id\":0,,,,,}", .unexpectedByte), ("{'a':0}", .unexpectedByte),
        ("{\"id\":0,}", .unexpectedByte), ("{\"a\":\"b\"}/**/", .trailingBytes), ("{\"a\":\"b\"}#", .trailingBytes), ("{a: \"b\"}", .unexpectedByte),
        ("{\"a\":\"a", .unexpectedEnd), ("{ \"foo\" : \"bar\", \"a\" }", .unexpectedByte), (" ", .unexpectedEnd), ("", .unexpectedEnd),
        ("[\"\\uD800\\\"]", .invalidEscape), ("[\"\\uD800\\u\"]", .invalidEscape), ("[\"\\uD800\\u1\"]", .invalidEscape),
        ("[\"\\uD800\\u1x\"]", .invalidEscape), ("[é]", .unexpectedByte), ("[\"\\x00\"]", .invalidEscape), ("[\"\\\\\\\"]", .unexpectedEnd),
        ("[\"\\\t\"]", .invalidEscape), ("[\"\\🌀\"]", .invalidEscape), ("[\"\\\"]", .unexpectedEnd), ("[\"\\u00A\"]", .invalidEscape),
        ("[\"\\uD834\\uDd\"]", .invalidEscape), ("[\"\\uD800\\uD800\\x\"]", .invalidEscape), ("[\"\\a\"]", .invalidEscape),
        ("[\"\\uqqqq\"]", .invalidEscape), ("[\\u0020\"asd\"]", .unexpectedByte), ("[\\n]", .unexpectedByte), ("\"", .unexpectedEnd),
        ("['single quote']", .unexpectedByte), ("abc", .unexpectedByte), ("[\"\\", .unexpectedEnd), ("[\"a\u{0}a\"]", .controlCharacter),
        ("[\"new\nline\"]", .controlCharacter), ("[\"\t\"]", .controlCharacter), ("\"\\UA66D\"", .invalidEscape), ("<.>", .unexpectedByte),
        ("[<null>]", .unexpectedByte), ("[1]x", .trailingBytes), ("[1]]", .trailingBytes), ("[True]", .unexpectedByte), ("1]", .trailingBytes),
        ("{\"x\": true,", .unexpectedEnd), ("[][]", .trailingBytes), ("]", .unexpectedByte), ("{}}", .trailingBytes), ("{\"\":", .unexpectedEnd),
        ("{]", .unexpectedByte), ("{", .unexpectedEnd), ("[", .unexpectedEnd), ("[\u{c}]", .unexpectedByte), ("[\u{2060}]", .unexpectedByte),
        ("[\"\\uDd1e\\uD834\"]", .invalidEscape), ("[\"\\uDFAA\"]", .invalidEscape), ("[\"\\uD888\\u1234\"]", .invalidEscape),
        ("[\"\\uD800\\n\"]", .invalidEscape), ("[\"\\ud800abc\"]", .invalidEscape), ("{\"a\":1,\"a\":2}", .duplicateKey),
        ("{\"a\":1,\"\\u0061\":2}", .duplicateKey), ("[0.4e0066999999999999999999999999999999999999]", .numberTooLong), ("-", .unexpectedEnd),
        ("1.", .unexpectedEnd), ("1e", .unexpectedEnd), ("tru", .unexpectedEnd), ("\u{FEFF}{}", .unexpectedByte),
    ]

    @Test("refuses what RFC 8259 forbids, with the kind of fault (API-13)", arguments: refused)
    func refuses(text: String, code: JSONError.Code) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        #expect(error?.code == code, "\(text): \(String(describing: error))")
        #expect((error?.offset ?? -1) >= 0 && (error?.offset ?? .max) <= text.utf8.count)
    }

    static let badBytes: [[UInt8]] = [
        [0x22, 0xff, 0x22], [0x22, 0xc0, 0xaf, 0x22], [0x22, 0xe0, 0x80, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xe2, 0x82, 0x22],
        [0x22, 0xf4, 0xbf, 0xbf, 0xbf, 0x22], [0x22, 0x80, 0x22], [0x22, 0xf0, 0x8f, 0xbf, 0xbf, 0x22], [0x22, 0x5c, 0x6e, 0xe5, 0x22],
        [0x22, 0xf5, 0x80, 0x80, 0x80, 0x22], [0x22, 0xc2], [0x22, 0xe2, 0x82], [0xff, 0xfe, 0x5b, 0x00, 0x5d, 0x00], [0x5b, 0xff, 0x5d],
        [0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0xfe, 0x22, 0x7d],
    ]

    @Test("refuses bytes that are not UTF-8", arguments: badBytes)
    func refusesBytes(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
    }

    @Test("depth, size and number length are bounded, and the exact bound is allowed")
    func bounds() throws {
        let limits = JSONLimits(bytesMax: 10, depthMax: 2, numberBytesMax: 3)
        #expect(throws: Never.self) { try JSONValue(parsing: "[[1]]", limits: limits) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: "[[[]]]", limits: limits) }
        #expect(throws: Never.self) { try JSONValue(parsing: "123       ", limits: limits) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: "1234", limits: limits) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: "123        ", limits: limits) }
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.self) { try JSONValue(parsing: deep) }
        let most = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        #expect(throws: Never.self) { try JSONValue(parsing: most, limits: JSONLimits(depthMax: .max)) }
    }

    @Test("an error names the byte it is about")
    func offsets() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: "{\"a\": [1, 2, x]}") }
        do throws(JSONError) { _ = try JSONValue(parsing: "{\"a\": [1, 2, x]}") } catch { #expect(error.offset == 13) }
        do throws(JSONError) { _ = try JSONValue(parsing: "{\"a\":1,\"b\":2,\"a\":3}") } catch { #expect(error.offset == 13) }
    }

    @Test("a repeated key is refused in large objects too, or the last one kept on request", arguments: [3, 20, 3000])
    func repeatedKeys(count: Int) throws {
        var members = (0..<count).map { "\"key\($0)\":\($0)" }
        #expect(try JSONValue(parsing: "{\(members.joined(separator: ","))}").objectValue?.count == count)
        members.append("\"key1\":\"last\"")
        let text = "{\(members.joined(separator: ","))}"
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
        let kept = try JSONValue(parsing: text, limits: JSONLimits(duplicateKeys: .keepLast))
        #expect(kept.objectValue?.count == count)
        #expect(kept["key1"] == "last")
        #expect(try JSONDocument(parsing: text, limits: JSONLimits(duplicateKeys: .keepLast)).children(of: 0).count == count)
    }

    @Test("any byte sequence is read or refused, never a trap (API-13)")
    func noise() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededRandom(seed: seed)
        let alphabet = Array("{}[]\",:\\u0019.eE+-truefalsn \n\u{e9}".utf8)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...24, using: &generator)
            let bytes = (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            if let value = try? JSONValue(parsing: bytes), (try? JSONValue(parsing: value.serialized())) != value {
                Issue.record("seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }
}
