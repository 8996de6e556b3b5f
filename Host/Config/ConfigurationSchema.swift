package import JSON

/// The JSON Schema of limen.json, made from the settings table.
package enum ConfigurationSchema {
    /// Schema 2020-12; unknown members are refused at every level.
    package static var json: JSONValue {
        var root = object(prefix: [])
        root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        root["title"] = "limen.json"
        return .object(root)
    }

    private static func object(prefix: [String]) -> JSONObject {
        var properties = JSONObject()
        if prefix.isEmpty { properties["$schema"] = ["type": "string"] }
        for setting in SettingsTable.all where setting.path.starts(with: prefix) {
            let name = setting.path[prefix.count]
            if setting.path.count == prefix.count + 1 {
                properties[name] = .object(schema(of: setting))
            } else if properties[name] == nil {
                properties[name] = .object(object(prefix: prefix + [name]))
            }
        }
        var schema: JSONObject = ["type": "object", "additionalProperties": false, "properties": .object(properties)]
        let dependent = dependencies(prefix: prefix)
        if !dependent.isEmpty { schema["dependentRequired"] = .object(dependent) }
        return schema
    }

    private static func dependencies(prefix: [String]) -> JSONObject {
        var dependent = JSONObject()
        for (left, right) in SettingsTable.pairs {
            let (a, b) = (left.split(separator: "/").map(String.init), right.split(separator: "/").map(String.init))
            guard Array(a.dropLast()) == prefix, let first = a.last, let second = b.last else { continue }
            dependent[first] = [.string(second)]
            dependent[second] = [.string(first)]
        }
        return dependent
    }

    static func schema(of setting: Setting) -> JSONObject {
        var schema = JSONObject()
        schema["description"] = .string(setting.summary)
        switch setting.kind {
        case .integer(let range), .milliseconds(let range), .bytes(let range):
            schema["type"] = "integer"
            schema["minimum"] = .number(JSONNumber(range.lowerBound))
            schema["maximum"] = .number(JSONNumber(range.upperBound))
        case .flag: schema["type"] = "boolean"
        case .text(let bytesMax):
            text(bytesMax, &schema)
            schema["type"] = "string"
        case .texts(let max):
            var item: JSONObject = ["type": "string"]
            text(listedBytesMax, &item)
            text(listedBytesMax, &schema)
            schema["type"] = ["string", "array"]
            schema["items"] = .object(item)
            schema["minItems"] = 1
            schema["maxItems"] = .number(JSONNumber(max))
        case .choice(let words): schema["enum"] = .array(words.map { .string($0) })
        case .list(let words):
            schema["type"] = "array"
            schema["uniqueItems"] = true
            schema["items"] = ["enum": .array(words.map { .string($0) })]
        case .origins(let countMax):
            schema["type"] = "array"
            schema["uniqueItems"] = true
            schema["maxItems"] = .number(JSONNumber(countMax))
            schema["items"] = ["type": "string", "maxLength": 300, "pattern": .string(origin)]
        }
        if let fallback = setting.fallback { schema["default"] = fallback }
        return schema
    }

    /// An origin exactly as browsers write it: lower case, no path, no port that is the scheme's own; one written otherwise would never match.
    private static let origin =
        #"^(http://(?!.*:80$)|https://(?!.*:443$))([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?$"#

    /// Bytes of one text of a list.
    private static let listedBytesMax = 1024

    /// What a text may hold; keywords of texts alone, so that they may stand beside those of a list.
    private static func text(_ bytesMax: Int, _ schema: inout JSONObject) {
        schema["minLength"] = 1
        schema["maxLength"] = .number(JSONNumber(bytesMax))
        schema["pattern"] = #"^[^\u0000-\u001f\u007f]*$"#
    }
}
