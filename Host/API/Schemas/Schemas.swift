import JSON

/// Schemas that several routes share. One value serves the check, the OpenAPI document and the tests.
package enum Schemas {
    static let requestID: JSONValue = ["type": "string", "minLength": 1, "maxLength": JSONValue(Limits.identifierBytesMax)]

    /// A plugin's name, as in its manifest.
    static let pluginName: JSONValue = ["type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$"]

    /// A tool's id, or its name where a route takes either.
    static let toolID: JSONValue = ["type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$"]

    /// `limit` and `cursor` of every list.
    static let limitParameter = Parameter(
        "limit", ["type": "integer", "minimum": 1, "maximum": JSONValue(Limits.listMax), "default": JSONValue(Limits.listDefault)],
        "Items at most.")

    static let pageParameters: [Parameter] = [
        limitParameter,
        Parameter("cursor", ["type": "string", "minLength": 1, "maxLength": JSONValue(Limits.cursorBytesMax)], "Where the page before ended."),
    ]

    /// A list of items of that schema.
    static func list(of item: JSONValue) -> JSONValue {
        object(
            [
                "items": ["type": "array", "maxItems": JSONValue(Limits.listMax), "items": item],
                "next_cursor": ["type": ["string", "null"]], "has_next": ["type": "boolean"],
            ], required: ["items", "next_cursor", "has_next"])
    }

    /// An object with these properties and, for requests, no other.
    static func object(_ properties: JSONObject, required: [String] = [], closed: Bool = false) -> JSONValue {
        var schema: JSONObject = ["type": "object", "properties": .object(properties)]
        if !required.isEmpty { schema["required"] = .array(required.map { .string($0) }) }
        if closed { schema["additionalProperties"] = false }
        return .object(schema)
    }

    static let text: JSONValue = ["type": "string"]
    static let textOrNull: JSONValue = ["type": ["string", "null"]]
    static let flag: JSONValue = ["type": "boolean"]
    static let count: JSONValue = ["type": "integer", "minimum": 0]
    static let milliseconds: JSONValue = ["type": "number", "minimum": 0]
    static let anyObject: JSONValue = ["type": "object"]
}
