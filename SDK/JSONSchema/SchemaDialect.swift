import JSON

/// Which vocabularies a schema resource is read with.
struct SchemaDialect: Hashable {
    var applicator = true
    var unevaluated = true
    var validation = true
    var assertsFormat = false

    /// The dialect that a metaschema's `$vocabulary` declares; throws when it requires a vocabulary that we do not know.
    init(metaschema: JSONValue, uri: String) throws(SchemaError) {
        guard let vocabulary = metaschema["$vocabulary"] else { return }
        guard case .object(let members) = vocabulary else {
            throw SchemaError(path: uri + "#/$vocabulary", message: "$vocabulary is no object")
        }
        applicator = false
        unevaluated = false
        validation = false
        for (name, required) in members { try add(name, isRequired: required == true, uri: uri) }
    }

    /// The whole of 2020-12, with `format` as a remark.
    init() {}

    private mutating func add(_ name: String, isRequired: Bool, uri: String) throws(SchemaError) {
        let prefix = "https://json-schema.org/draft/2020-12/vocab/"
        switch name.hasPrefix(prefix) ? name.dropFirst(prefix.count) : "" {
        case "core", "meta-data", "format-annotation", "content": break
        case "applicator": applicator = true
        case "unevaluated": unevaluated = true
        case "validation": validation = true
        case "format-assertion": assertsFormat = true
        default:
            guard !isRequired else {
                throw SchemaError(path: uri + "#/$vocabulary", message: "the vocabulary \(name) is required and not known")
            }
        }
    }
}
