import JSON
import JSONSchema
import Testing

@Suite("Failures and limits of schemas")
struct LimitTests {
    @Test("each failing place is told with pointer, keyword and schema path, at most as many as asked for (TOOL-5)")
    func places() throws {
        let schema = try CompiledSchema([
            "type": "object", "required": ["a", "b/c"], "additionalProperties": false,
            "properties": ["n": ["type": "integer", "maximum": 10], "list": ["items": ["$ref": "#/$defs/word"], "uniqueItems": true]],
            "$defs": ["word": ["type": "string", "minLength": 2, "pattern": "^[a-z]+$"]],
        ])
        let failures = schema.validate(["n": 11.5, "list": ["ok", "X", 7, "ok"], "~x": nil])
        let found = Set(failures.map { "\($0.instancePath) \($0.keyword) \($0.schemaPath)" })
        #expect(
            found == [
                " required /required", "/n type /properties/n/type", "/n maximum /properties/n/maximum",
                "/list/1 minLength /$defs/word/minLength", "/list/1 pattern /$defs/word/pattern", "/list/2 type /$defs/word/type",
                "/list/3 uniqueItems /properties/list/uniqueItems", "/~0x additionalProperties /additionalProperties",
            ])
        #expect(failures.count == 9)
        #expect(failures.contains { $0.message == "the member \"b/c\" is missing" })
        #expect(schema.validate(["n": 11.5, "list": ["ok", "X", 7, "ok"]], failuresMax: 3).count == 3)
        #expect(failures.first?.json["instance_path"] != nil)
    }

    @Test("alternatives that all fail tell why each does (TOOL-5)")
    func alternatives() throws {
        let schema = try CompiledSchema(["oneOf": [["type": "string"], ["minimum": 5]], "not": ["const": 3]])
        let keywords = schema.validate(3).map(\.keyword)
        #expect(keywords.sorted() == ["minimum", "not", "oneOf", "type"])
        #expect(try CompiledSchema(["oneOf": [["type": "number"], ["minimum": 5]]]).validate(6).map(\.keyword) == ["oneOf"])
    }

    static let wrong: [(JSONValue, String)] = [
        (5, ""), (nil, ""), ([], ""), (["type": "strin"], "/type"), (["type": 3], "/type"), (["minimum": "1"], "/minimum"),
        (["minLength": -1], "/minLength"), (["minLength": 1.5], "/minLength"), (["required": "a"], "/required"),
        (["required": [1]], "/required/0"), (["properties": []], "/properties"), (["properties": ["a": 5]], "/properties/a"),
        (["allOf": []], "/allOf"), (["items": [[:]]], "/items"), (["multipleOf": 0], "/multipleOf"), (["pattern": 1], "/pattern"),
        (["$ref": 1], "/$ref"), (["enum": 1], "/enum"), (["$id": "a#b"], "/$id"), (["$anchor": "1"], "/$anchor"),
        (["$ref": "#/nope"], "/$ref"), (["$ref": "other.json"], "/$ref"), (["$ref": "#nope"], "/$ref"), (["$ref": "#/%zz"], "/$ref"),
        (["$schema": "http://json-schema.org/draft-07/schema#"], "/$schema"), (["$ref": "#"], ""), (["uniqueItems": 1], "/uniqueItems"),
        (["allOf": [["$ref": "#/allOf/1"], ["anyOf": [["$ref": "#/allOf/0"]]]]], ""), (["dependentRequired": ["a": [1]]], "/dependentRequired/a/0"),
    ]

    @Test("a schema that is none is refused with its place (TOOL-5, API-13)", arguments: wrong)
    func refused(schema: JSONValue, path: String) {
        let error = #expect(throws: SchemaError.self, "\(schema)") { try CompiledSchema(schema) }
        if !path.isEmpty { #expect(error?.path == path, "\(error?.description ?? "")") }
        // Without that check some of these are taken, and none may trap.
        let lenient = try? CompiledSchema(schema, options: SchemaOptions(checksMetaschema: false))
        _ = lenient?.validate([1, "a", ["a": 1]])
    }

    @Test("a schema whose references multiply ends with a limit, not a hang (TOOL-5)")
    func exponential() throws {
        var definitions = JSONObject()
        for level in 0..<40 {
            let next: JSONValue = ["$ref": .string("#/$defs/l\(level + 1)")]
            definitions["l\(level)"] = ["allOf": [next, next]]
        }
        definitions["l40"] = [:]
        var options = SchemaOptions()
        options.limits.stepsMax = 100_000
        let schema = try CompiledSchema(["$defs": .object(definitions), "$ref": "#/$defs/l0"], options: options)
        #expect(schema.validate(1).map(\.keyword) == ["limit"])
        #expect(try !schema.isValid(JSONDocument(1)))
    }

    @Test("a limit inside a negation is not a pass (TOOL-5)")
    func limitInNegation() throws {
        let slow: JSONValue = ["pattern": "(?=)^(a|aa)+$"]
        let text = JSONValue.string(String(repeating: "a", count: 5000) + "!")
        for schema: JSONValue in [["not": slow], ["if": slow, "else": true], ["anyOf": [slow, true]], ["contains": slow, "minContains": 0]] {
            let compiled = try CompiledSchema(schema)
            #expect(compiled.validate(schema["contains"] == nil ? text : [text]).contains { $0.keyword == "limit" }, "\(schema)")
        }
    }

    @Test("a recursive schema follows deep instances, and a hostile depth is refused")
    func depth() throws {
        let schema = try CompiledSchema(["anyOf": [["type": "null"], ["type": "array", "items": ["allOf": [["$ref": "#"]]]]]])
        var value: JSONValue = nil
        for _ in 0..<120 { value = [value] }
        #expect(schema.validate(value).isEmpty)
        for _ in 0..<380 { value = [value] }
        #expect(schema.validate(value).map(\.keyword) == ["limit"])
        for _ in 0..<2000 { value = [value] }
        #expect(schema.validate(value).map(\.keyword) == ["limit"])
        var deep: JSONValue = true
        for _ in 0..<5000 { deep = ["not": deep] }
        #expect(throws: SchemaError.self) { try CompiledSchema(deep) }
    }

    @Test("a deep but allowed schema compiles and checks")
    func deepSchema() throws {
        var deep: JSONValue = ["type": "integer"], value: JSONValue = 1
        for _ in 0..<120 {
            deep = ["properties": ["a": deep]]
            value = ["a": value]
        }
        #expect(try CompiledSchema(deep).validate(value).isEmpty)
    }

    @Test("schemas with more parts than allowed are refused")
    func size() throws {
        var options = SchemaOptions()
        options.limits.subschemasMax = 50
        let many = JSONValue.array((0..<60).map { ["minimum": JSONValue($0)] })
        #expect(throws: SchemaError.self) { try CompiledSchema(["allOf": many], options: options) }
        let pattern = JSONValue.string(String(repeating: "a", count: 20_000))
        #expect(throws: SchemaError.self) { try CompiledSchema(["pattern": pattern]) }
    }

    @Test("numbers are compared exactly, far beyond a double")
    func numbers() throws {
        let table: [(String, String, Bool)] = [
            ("{\"type\":\"integer\"}", "98249283749234923498293171823948729348710298301928331", true),
            ("{\"type\":\"integer\"}", "1e1000000000", true), ("{\"type\":\"integer\"}", "1.5e-1000000000", false),
            ("{\"maximum\":18446744073709551615}", "18446744073709551600", true), ("{\"maximum\":9007199254740992}", "9007199254740993", false),
            ("{\"minimum\":-18446744073709551615}", "-18446744073709551600", true),
            ("{\"exclusiveMaximum\":972783798187987123879878123.18878137}", "972783798187987123879878123.188781371", false),
            ("{\"exclusiveMinimum\":-972783798187987123879878123.18878137}", "-972783798187987123879878123.188781371", false),
            ("{\"multipleOf\":0.0001}", "0.0075", true), ("{\"multipleOf\":0.0001}", "0.00751", false), ("{\"multipleOf\":0.01}", "4.02", true),
            ("{\"type\":\"integer\",\"multipleOf\":0.123456789}", "1e308", false), ("{\"multipleOf\":0.5}", "1e1000000000", true),
            ("{\"multipleOf\":7}", "1e1000000000", false),
            ("{\"multipleOf\":123456789012345678901234567890}", "246913578024691357802469135780", true),
            ("{\"multipleOf\":123456789012345678901234567890}", "246913578024691357802469135781", false),
            ("{\"multipleOf\":1e-8}", "12391239123", true),
            ("{\"const\":1.0}", "1", true), ("{\"const\":1e2}", "100", true), ("{\"enum\":[0]}", "-0", true),
            ("{\"const\":9007199254740992}", "9007199254740993", false), ("{\"uniqueItems\":true}", "[1,1.0]", false),
            ("{\"uniqueItems\":true}", "[1,2,3,4,5,6,7,8,9,10,1e1]", false), ("{\"uniqueItems\":true}", "[1,2,3,4,5,6,7,8,9,10,11]", true),
            ("{\"minLength\":2.0}", "\"é\"", false), ("{\"maxLength\":1}", "\"🐲\"", true), ("{\"maxLength\":1e400}", "\"ab\"", true),
            ("{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1.0}]", false),
            ("{\"propertyNames\":{\"maxLength\":1}}", "{\"é\":1}", true),
        ]
        for (schema, instance, isValid) in table {
            let compiled = try CompiledSchema(JSONValue(parsing: schema))
            #expect(try compiled.isValid(JSONDocument(parsing: instance)) == isValid, "\(schema) \(instance)")
        }
    }

    @Test("large arrays of equal-looking objects are compared in bounded time")
    func unique() throws {
        let schema = try CompiledSchema(["uniqueItems": true])
        let items = (0..<20_000).map { JSONValue.object(["id": JSONValue($0), "tag": "x"]) }
        #expect(schema.validate(.array(items)).isEmpty)
        #expect(schema.validate(.array(items + [["tag": "x", "id": 7]])).count == 1)
    }

    @Test("references reach other documents only through the resources given")
    func resources() throws {
        let remote: JSONValue = ["$defs": ["n": ["type": "integer"]], "$ref": "#/$defs/n"]
        let options = SchemaOptions(resources: ["https://example.org/n.json": remote])
        let schema = try CompiledSchema(["$id": "https://example.org/root.json", "$ref": "n.json"], options: options)
        #expect(schema.validate("x").map(\.schemaPath) == ["https://example.org/n.json#/$defs/n/type"])
        #expect(throws: SchemaError.self) { try CompiledSchema(["$ref": "https://example.org/n.json"]) }
    }
}
