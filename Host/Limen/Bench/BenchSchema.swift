import IO
import JSON
import JSONSchema

/// A schema and an instance of the kind that tools meet: nested objects, patterns, `oneOf`, references, a list of twenty rows.
enum BenchSchema {
    static let schema = #"""
        {"type":"object","additionalProperties":false,"required":["id","person","lines","ship"],"properties":{
        "id":{"type":"string","pattern":"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},
        "person":{"type":"object","additionalProperties":false,"required":["name","mail"],"properties":{
        "name":{"type":"string","minLength":1,"maxLength":100},"mail":{"type":"string","pattern":"^[^@ ]+@[^@ ]+[.][a-z]{2,}$"},
        "plan":{"enum":["free","paid"]},"home":{"$ref":"#/$defs/place"}}},
        "lines":{"type":"array","minItems":1,"maxItems":100,"items":{"type":"object","additionalProperties":false,
        "required":["code","count","price"],"properties":{"code":{"type":"string","pattern":"^[A-Z]{3}-[0-9]{6}$"},
        "count":{"type":"integer","minimum":1,"maximum":999},"price":{"type":"number","exclusiveMinimum":0},
        "labels":{"type":"array","maxItems":8,"uniqueItems":true,"items":{"type":"string","maxLength":32}}}}},
        "ship":{"oneOf":[{"type":"object","additionalProperties":false,"required":["by","to"],"properties":{"by":{"const":"van"},
        "to":{"$ref":"#/$defs/place"}}},{"type":"object","additionalProperties":false,"required":["by","box"],"properties":{
        "by":{"const":"box"},"box":{"type":"string","pattern":"^B[0-9]{4}$"}}}]}},
        "$defs":{"place":{"type":"object","additionalProperties":false,"required":["street","city"],"properties":{
        "street":{"type":"string","maxLength":200},"city":{"type":"string","maxLength":100},"code":{"type":"string","pattern":"^[0-9A-Z -]{3,10}$"}}}}}
        """#

    /// The instance's text, about 1.9 KB.
    static var instance: [UInt8] {
        let lines = (0..<20).map { index -> JSONValue in
            let labels: JSONValue = index % 3 == 0 ? ["new", "bulk"] : ["gift"]
            let code = "ABC-" + String(100_000 + index * 7_919)
            return ["code": .string(code), "count": JSONValue(1 + index * 3), "price": JSONValue(9.5 + Double(index)), "labels": labels]
        }
        let value: JSONValue = [
            "id": "1f0c9a52-7b3e-4d21-9c80-5a6e7f8091a2",
            "person": ["name": "Ada Example", "mail": "ada@example.org", "plan": "paid", "home": ["street": "Quay 12", "city": "Utrecht"]],
            "lines": .array(lines), "ship": ["by": "van", "to": ["street": "Quay 12", "city": "Utrecht", "code": "3011 AB"]],
        ]
        return value.serialized()
    }

    /// Validations a second of a parsed document, and of text that is parsed each time.
    static func measure(milliseconds: Int) throws -> (parsed: Double, text: Double) {
        let compiled = try CompiledSchema(JSONValue(parsing: schema))
        let bytes = instance
        let document = try JSONDocument(parsing: bytes)
        guard compiled.isValid(document) else { throw CommandError("the benchmark's own instance does not fit its schema") }
        let parsed = rate(milliseconds) { compiled.isValid(document) }
        let text = try rate(milliseconds) { compiled.isValid(try JSONDocument(parsing: bytes)) }
        return (parsed, text)
    }

    private static func rate(_ milliseconds: Int, _ body: () throws -> Bool) rethrows -> Double {
        let start = Deadline.now().nanoseconds
        let end = start + UInt64(milliseconds) * 1_000_000
        var count = 0
        while Deadline.now().nanoseconds < end {
            for _ in 0..<50 where try body() { count += 1 }
        }
        return Double(count) * 1e9 / Double(Deadline.now().nanoseconds - start)
    }
}
