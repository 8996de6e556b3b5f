import JSON
import TestKit
import Testing

@Suite("JSON Pointer and JSON Patch")
struct PatchTests {
    @Test(
        "every enabled case of the public json-patch suite holds (API-6)",
        .enabled(if: Conformance.exists("json-patch/tests.json"), "the conformance folder is not there; set LIMEN_CONFORMANCE"))
    func suite() throws {
        let bytes = try #require(Conformance.read("json-patch/tests.json"))
        let cases = try #require(try JSONValue(parsing: bytes, limits: JSONLimits(duplicateKeys: .keepLast)).arrayValue)
        var ran = 0, skipped = 0
        for test in cases {
            guard let patch = test["patch"], let document = test["doc"], test["disabled"] != true else {
                skipped += 1
                continue
            }
            ran += 1
            let name = test["comment"]?.text ?? test.text
            do throws(JSONPatchError) {
                let result = try JSONPatch(patch).apply(to: document)
                #expect(test["error"] == nil, "accepted: \(name)")
                if let expected = test["expected"] { #expect(result == expected, "\(name)") }
            } catch {
                #expect(test["error"] != nil, "\(name): \(error)")
            }
        }
        print("json-patch suite: \(ran) cases ran, \(skipped) are disabled by the suite")
        #expect(ran > 80)
    }

    static let failing: [String] = [
        #"[{"op":"remove","path":"/a"},{"op":"test","path":"/b","value":9}]"#,
        #"[{"op":"add","path":"/z","value":1},{"op":"replace","path":"/nope","value":1}]"#,
        #"[{"op":"move","from":"/a","path":"/q"},{"op":"remove","path":"/a"}]"#,
        #"[{"op":"copy","from":"/a","path":"/q"},{"op":"copy","from":"/x","path":"/y"}]"#,
        #"[{"op":"replace","path":"","value":{}},{"op":"add","path":"/c/9","value":0}]"#,
    ]

    @Test("a patch whose later operation fails changes nothing (API-6)", arguments: failing)
    func atomic(text: String) throws {
        let document: JSONValue = ["a": 1, "b": 2, "c": [1, 2]]
        let copy = document
        let patch = try JSONPatch(JSONValue(parsing: text))
        let error = #expect(throws: JSONPatchError.self) { try patch.apply(to: document) }
        #expect(error?.operation == 1)
        #expect(document == copy)
    }

    static let malformed: [String] = [
        "{}", "null", "[1]", "[{}]", #"[{"op":"add"}]"#, #"[{"op":"add","path":"/a"}]"#, #"[{"op":"spam","path":"/a"}]"#,
        #"[{"op":1,"path":"/a"}]"#, #"[{"op":"add","path":null,"value":1}]"#, #"[{"op":"add","path":"a","value":1}]"#,
        #"[{"op":"add","path":"/~2","value":1}]"#, #"[{"op":"add","path":"/~","value":1}]"#, #"[{"op":"move","path":"/a"}]"#,
        #"[{"op":"copy","path":"/a","from":7}]"#, #"[{"op":"replace","path":"/a"}]"#, #"[{"op":"test","path":"/a"}]"#,
    ]

    @Test("a malformed patch is refused, never a trap (API-6, API-13)", arguments: malformed)
    func refused(text: String) throws {
        let value = try JSONValue(parsing: text)
        #expect(throws: JSONPatchError.self) { try JSONPatch(value) }
    }

    @Test("a patch cannot grow a document without bound (API-6)")
    func bounded() throws {
        let doubling = JSONValue.array((0..<60).map { ["op": "copy", "from": "/a", "path": .string("/a/\($0)")] })
        #expect(throws: JSONPatchError.self) { try JSONPatch(doubling).apply(to: ["a": ["x": [1, 2, 3]]]) }
        let many = JSONValue.array(.init(repeating: ["op": "test", "path": "", "value": 1], count: 1001))
        #expect(throws: JSONPatchError.self) { try JSONPatch(many) }
        let nested = JSONValue.array((0..<200).map { _ in ["op": "copy", "from": "", "path": "/a"] })
        #expect(throws: JSONPatchError.self) { try JSONPatch(nested).apply(to: ["a": 1]) }
    }

    @Test("copies of a long text count as what they are written out, though they share it in memory (API-6)")
    func bytes() throws {
        let long = JSONValue.string(String(repeating: "x", count: 250_000))
        var operations: [JSONValue] = [["op": "add", "path": "/a", "value": [long]]]
        for _ in 0..<12 { operations.append(["op": "copy", "from": "/a", "path": "/a/-"]) }
        var error: JSONPatchError?
        do { _ = try JSONPatch(.array(operations), limits: .init(bytesMax: 1 << 20)).apply(to: [:]) } catch let caught { error = caught }
        #expect(error?.code == .tooLarge && error?.operation ?? 99 <= 3, "\(String(describing: error))")
        // Names count, too.
        let names = JSONValue.object(["a": .object([String(repeating: "n", count: 250_000): 1])])
        #expect(throws: JSONPatchError.self) {
            try JSONPatch(.array((0..<9).map { ["op": "copy", "from": "/a", "path": .string("/b\($0)")] }), limits: .init(bytesMax: 1 << 20)).apply(
                to: names)
        }
    }

    @Test("a pointer follows the examples of RFC 6901")
    func pointers() throws {
        let document: JSONValue = [
            "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8,
        ]
        let expected: [(String, JSONValue)] = [
            ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3), ("/g|h", 4), ("/i\\j", 5), ("/k\"l", 6), ("/ ", 7),
            ("/m~0n", 8), ("", document),
        ]
        for (text, value) in expected {
            let pointer = try JSONPointer(text)
            #expect(document[pointer] == value, "\(text)")
            #expect(pointer.description == text)
        }
        for text in ["/foo/00", "/foo/-", "/foo/2", "/foo/-1", "/foo/1e0", "/nope", "/foo/0/x", "/foo/99999999999999999999"] {
            #expect(try document[JSONPointer(text)] == nil, "\(text)")
        }
    }
}
