import JSON
import JSONSchema
import TestKit
import Testing

@Suite("Regular expressions of schemas")
struct PatternTests {
    private func matches(_ pattern: String, _ text: String) throws -> Bool {
        let schema = try CompiledSchema(["pattern": .string(pattern)])
        return try schema.isValid(JSONDocument(.string(text)))
    }

    static let table: [(String, [String], [String])] = [
        ("^[A-Z]{3}-[0-9]{6}$", ["ABC-123456"], ["abc-123456", "ABC-12345", "ABC-1234567", "ABC-123456\n", "xABC-123456"]),
        ("a|b", ["xxa", "b"], ["", "c"]), ("^(a|b)*$", ["", "abba"], ["abc"]), ("^$", [""], ["a", "\n"]), ("", ["", "x"], []),
        ("^a+?$", ["a", "aaa"], ["", "ab"]),
        ("^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$", ["ada@example.org", "é@ü.com"], ["a b@c.de", "a@b", "a\u{a0}@c.de"]),
        ("^\\d+$", ["123"], ["१२३", ""]), ("^\\w$", ["a", "_", "9"], ["é", "-"]), ("^\\W$", ["é"], ["a"]), ("^\\D$", ["߀"], ["0"]),
        ("^\\s$", [" ", "\u{a0}", "\u{feff}", "\u{2029}", "\u{2003}", "\t", "\u{b}", "\u{c}"], ["\u{1}", "\u{2013}", "\u{180e}"]),
        ("^\\S$", ["\u{1}", "\u{2013}"], [" ", "\u{a0}", "\u{feff}"]), ("^\\t$", ["\t"], ["\\t"]), ("^\\cC$", ["\u{3}"], ["\\cC"]),
        ("^\\cc$", ["\u{3}"], []), ("^.$", ["é", "🐲"], ["\n", "\r", "\u{2028}", ""]), ("^🐲*$", ["", "🐲", "🐲🐲"], ["🐉", "🐉🐉"]),
        ("^\\u00e9$", ["é"], ["e"]), ("^\\ud83d\\udc32$", ["🐲"], []), ("^\\u{1f432}$", ["🐲"], ["u"]), ("^\\x41$", ["A"], []),
        ("^[\\u0000-\\u007f]*$", ["abc"], ["é"]), ("^[é-ü]$", ["é", "ü", "ö"], ["a", "ý"]), ("[a-z]cole", ["ecole"], ["École", "école"]),
        ("\\wcole", ["ecole"], ["école", "École"]), ("^[\\d-x]+$", ["1-x"], ["y"]), ("^[]$", [], ["", "a"]), ("^[^]$", ["a", "\n", "é"], [""]),
        ("^\\/\\.\\-$", ["/.-"], []), ("^a{,2}$", ["a{,2}"], ["aa"]), ("^{x}$", ["{x}"], []), ("x{2", ["x{2"], ["xx"]), ("\\0", ["\u{0}"], ["0"]),
        ("^\\p{Letter}cole$", ["école", "École", "ecole"], ["1cole"]), ("^\\p{digit}+$", ["42", "৪২"], ["-%#"]), ("^\\P{L}$", ["1"], ["é"]),
        ("^\\p{Script=Greek}+$", ["αβ"], ["ab"]), ("^[\\p{Lu}_]+$", ["ÄB_"], ["a"]), ("^[^\\p{Lu}]+$", ["ab"], ["A"]),
        ("(?=.*a)(?!.*b)", ["a"], ["ab", "c"]), ("(?<=a)b", ["ab"], ["cb"]), ("(?<!a)b", ["cb"], ["ab"]), ("^(.)\\1$", ["aa", "éé"], ["ab"]),
        ("^(?<q>['\"]).*\\k<q>$", ["'x'", "\"x\""], ["'x\""]), ("^\\1(a)$", ["a"], ["aa"]), ("\\bfoo\\b", ["a foo b"], ["afoob"]),
        ("^(?:a|ab)(?:c|bcd)(?:d*)$", ["abcd", "acd", "abbcd"], ["abd"]), ("a$|^b", ["xa", "bx"], ["ax", "xb"]), ("(^a|b$)", ["ax", "xb"], ["xa"]),
        ("^[a-zA-Z0-9]{1,200}$", ["a"], ["", "-"]), ("x*", ["", "y"], []), ("(a*)*b", ["aab", "b"], ["aaaa"]),
        ("^(\\([0-9]{3}\\))?[0-9]{3}$", ["555", "(888)555"], ["(800)"]),
        ("^\\u{10FFFF}$", ["\u{10ffff}"], []), ("^[\\u{10000}-\\u{10ffff}]$", ["😀"], ["a", "\u{ffff}"]),
    ]

    @Test("patterns mean what ECMA-262 says", arguments: table)
    func meaning(pattern: String, found: [String], missed: [String]) throws {
        for text in found { #expect(try matches(pattern, text), "\(pattern) should match \(text)") }
        for text in missed { #expect(try !matches(pattern, text), "\(pattern) should not match \(text)") }
    }

    static let malformed: [String] = [
        "(", ")", "[", "*a", "a**", "(?<a>.)(?<a>.)", "\\", "\\a", "\\Z", "\\A", "[b-a]", "a{2,1}", "(?i)a", "\\k<x>", "\\2(a)", "(?<1a>b)",
        "\\p{Nope}", "\\p", "\\u12", "\\u{110000}", "\\x1", "\\c1", "(?#x)", "^*", "(?=a)*", "\\01", "[\\d-\\w]x[z-a]", "a{99999999}",
    ]

    @Test("a pattern that is none is refused with its place", arguments: malformed)
    func refused(pattern: String) {
        let error = #expect(throws: SchemaError.self, "\(pattern)") { try CompiledSchema(["properties": ["a": ["pattern": .string(pattern)]]]) }
        #expect(error?.path == "/properties/a/pattern")
    }

    @Test("automata and PCRE2 agree on random texts")
    func engines() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededRandom(seed: seed)
        let patterns = ["^(a|ab)*c?$", "b{2,3}a", "^[^ab]é+$", "a.c", "(a|b|é){3}$", "^(?:a?b?){2}c", "[a-é]+€", "^\\S+\\s\\S+$", "(ab|ba)+$|^c"]
        for pattern in patterns {
            // An empty look-ahead changes nothing but keeps the automaton away.
            let fast = try CompiledSchema(["pattern": .string(pattern)]), slow = try CompiledSchema(["pattern": .string("(?=)(?:\(pattern))")])
            for _ in 0..<400 {
                let text = (0..<Int.random(in: 0..<9, using: &generator)).map { _ in "abcé€ ".randomElement(using: &generator) ?? "a" }
                let document = try JSONDocument(.string(String(text)))
                #expect(fast.isValid(document) == slow.isValid(document), "\(pattern) on \(String(text)), seed \(seed)")
            }
        }
    }

    static let catastrophic: [String] = [
        "^(a+)+$", "^(a|a)*$", "^(a*)*b", "(?=)^(a+)+$", "(?=)^(a|aa)+$", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$", "^(.)+\\1\\1\\1z$",
    ]

    @Test("a catastrophic pattern ends soon, as no match (TOOL-5)", arguments: catastrophic)
    func catastrophe(pattern: String) throws {
        let schema = try CompiledSchema(["items": ["pattern": .string(pattern)]])
        let text = JSONValue.string(String(repeating: "a", count: 2000) + "!")
        let document = try JSONDocument(.array([JSONValue](repeating: text, count: 200)))
        let clock = ContinuousClock(), start = clock.now
        #expect(!schema.validate(document).isEmpty)
        #expect(clock.now - start < .seconds(5))
    }
}
