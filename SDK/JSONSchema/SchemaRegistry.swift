import JSON

/// One schema in one document, as the compiler sees it.
struct SchemaSite {
    /// The schema itself.
    let value: JSONValue
    /// Which document it is in; 0 is the one being compiled.
    let document: Int
    /// Its JSON Pointer in the document.
    let pointer: String
    /// The resource (the nearest `$id` at or above it) that it belongs to.
    let resource: Int

    /// What makes two sites the same.
    var key: String { "\(document)#\(pointer)" }
}

/// A schema resource: a document, or a part of one that has an `$id`.
struct SchemaResource {
    let uri: SchemaURI
    let root: JSONValue
    let document: Int
    let pointer: String
    let dialect: SchemaDialect
    /// Where `$anchor` and `$dynamicAnchor` names lead.
    var anchors: [String: SchemaSite] = [:]
    /// The names that came from `$dynamicAnchor`.
    var dynamicAnchors: Set<String> = []
}

/// All documents that a compilation has met, and the resources, identifiers and anchors inside them.
struct SchemaRegistry {
    private let options: SchemaOptions
    private(set) var resources: [SchemaResource] = []
    private var resourceByURI: [String: Int] = [:]
    /// The resource of every place known to hold a schema.
    private var resourceBySite: [String: Int] = [:]
    /// The URI of each document.
    private(set) var documents: [String] = []
    private var dialects: [String: SchemaDialect] = [Metaschemas.draft2020: SchemaDialect()]

    init(options: SchemaOptions) { self.options = options }

    /// How a place is shown to people: its pointer, after the document's URI when it is not the document being compiled.
    func display(_ site: SchemaSite) -> String { display(document: site.document, pointer: site.pointer) }

    func display(document: Int, pointer: String) -> String {
        document == 0 ? pointer : (document < documents.count ? documents[document] : "") + "#" + pointer
    }

    /// Takes a document in under `uri` and returns its root.
    mutating func add(_ value: JSONValue, uri: String) throws(SchemaError) -> SchemaSite {
        do throws(JSONError) { try value.checkDepth() } catch { throw SchemaError(path: uri, message: error.message) }
        let document = documents.count
        documents.append(uri)
        let base = SchemaURI(uri)
        let dialect = try dialect(of: value, or: SchemaDialect(), at: display(document: document, pointer: ""))
        resources.append(SchemaResource(uri: base, root: value, document: document, pointer: "", dialect: dialect))
        let resource = resources.count - 1
        if resourceByURI[base.withoutFragment] == nil { resourceByURI[base.withoutFragment] = resource }
        try index(SchemaSite(value: value, document: document, pointer: "", resource: resource))
        return site(value, document, "") ?? SchemaSite(value: value, document: document, pointer: "", resource: resource)
    }

    private mutating func dialect(of value: JSONValue, or inherited: SchemaDialect, at path: String) throws(SchemaError) -> SchemaDialect {
        guard let name = value["$schema"] else { return inherited }
        guard case .string(let text) = name else { throw SchemaError(path: path + "/$schema", message: "$schema is no string") }
        let uri = SchemaURI(text).withoutFragment
        if let known = dialects[uri] { return known }
        guard let metaschema = options.resources[uri] ?? options.resources[text] else {
            throw SchemaError(path: path + "/$schema", message: "the dialect \(text) is not known")
        }
        let dialect = try SchemaDialect(metaschema: metaschema, uri: uri)
        dialects[uri] = dialect
        return dialect
    }

    /// The schema at a place below a known one, with the resource that it begins or belongs to.
    func site(_ value: JSONValue, document: Int, pointer: String, inside resource: Int) -> SchemaSite {
        site(value, document, pointer) ?? SchemaSite(value: value, document: document, pointer: pointer, resource: resource)
    }

    private func site(_ value: JSONValue, _ document: Int, _ pointer: String) -> SchemaSite? {
        resourceBySite["\(document)#\(pointer)"].map { SchemaSite(value: value, document: document, pointer: pointer, resource: $0) }
    }

    /// Notes identifiers and anchors of the schema at `site` and of all schemas below it.
    private mutating func index(_ site: SchemaSite) throws(SchemaError) {
        guard resourceBySite[site.key] == nil else { return }
        guard resourceBySite.count < options.limits.subschemasMax else {
            throw SchemaError(path: display(site), message: "there are more than \(options.limits.subschemasMax) subschemas")
        }
        guard case .object(let schema) = site.value else {
            resourceBySite[site.key] = site.resource
            return
        }
        let resource = try identify(site, schema)
        resourceBySite[site.key] = resource
        let here = SchemaSite(value: site.value, document: site.document, pointer: site.pointer, resource: resource)
        try noteAnchors(here, schema)
        for (keyword, value) in schema {
            let pointer = site.pointer + "/" + JSONPointer.escape(keyword)
            switch SchemaKeyword.shape[keyword] {
            case .schema: try index(SchemaSite(value: value, document: site.document, pointer: pointer, resource: resource))
            case .schemas:
                for (place, element) in (value.arrayValue ?? []).enumerated() {
                    try index(SchemaSite(value: element, document: site.document, pointer: pointer + "/\(place)", resource: resource))
                }
            case .schemaMap:
                for (name, member) in value.objectValue ?? [:] {
                    let inner = pointer + "/" + JSONPointer.escape(name)
                    try index(SchemaSite(value: member, document: site.document, pointer: inner, resource: resource))
                }
            case nil: break
            }
        }
    }

    /// The resource that a schema belongs to: a new one when it has an `$id`.
    private mutating func identify(_ site: SchemaSite, _ schema: JSONObject) throws(SchemaError) -> Int {
        guard let id = schema["$id"] else { return site.resource }
        guard case .string(let text) = id else { throw SchemaError(path: display(site) + "/$id", message: "$id is no string") }
        let outer = resources[site.resource]
        let uri = SchemaURI(text).resolved(against: outer.uri)
        guard uri.fragment?.isEmpty != false else {
            throw SchemaError(path: display(site) + "/$id", message: "$id has a fragment")
        }
        let name = uri.withoutFragment
        if site.pointer == outer.pointer && site.document == outer.document && name == outer.uri.withoutFragment { return site.resource }
        if let known = resourceByURI[name], resources[known].document == site.document, resources[known].pointer != site.pointer {
            throw SchemaError(path: display(site) + "/$id", message: "the identifier \(name) is used twice")
        }
        let dialect = try dialect(of: site.value, or: outer.dialect, at: display(site))
        resources.append(
            SchemaResource(uri: SchemaURI(name), root: site.value, document: site.document, pointer: site.pointer, dialect: dialect))
        if resourceByURI[name] == nil { resourceByURI[name] = resources.count - 1 }
        return resources.count - 1
    }

    private mutating func noteAnchors(_ site: SchemaSite, _ schema: JSONObject) throws(SchemaError) {
        for keyword in ["$anchor", "$dynamicAnchor"] {
            guard let anchor = schema[keyword] else { continue }
            guard case .string(let name) = anchor else {
                throw SchemaError(path: display(site) + "/" + keyword, message: "\(keyword) is no string")
            }
            if let other = resources[site.resource].anchors[name], other.key != site.key {
                throw SchemaError(path: display(site) + "/" + keyword, message: "the anchor \(name) is used twice")
            }
            resources[site.resource].anchors[name] = site
            if keyword == "$dynamicAnchor" { resources[site.resource].dynamicAnchors.insert(name) }
        }
    }

    /// The schema that a reference written at `origin` leads to.
    mutating func resolve(_ reference: String, from origin: SchemaSite, at path: String) throws(SchemaError) -> SchemaSite {
        let uri = SchemaURI(reference).resolved(against: resources[origin.resource].uri)
        let resource = try resource(uri.withoutFragment, path)
        guard let fragment = SchemaURI.percentDecoded(uri.fragment ?? "") else {
            throw SchemaError(path: path, message: "the fragment of \(reference) is malformed")
        }
        let root = resources[resource]
        if fragment.isEmpty { return SchemaSite(value: root.root, document: root.document, pointer: root.pointer, resource: resource) }
        if !fragment.hasPrefix("/") {
            guard let site = root.anchors[fragment] else { throw SchemaError(path: path, message: "there is no anchor \(uri.text)") }
            return site
        }
        return try follow(fragment, in: resource, reference, path)
    }

    private mutating func resource(_ name: String, _ path: String) throws(SchemaError) -> Int {
        if let known = resourceByURI[name] { return known }
        if let value = options.resources[name] {
            _ = try add(value, uri: name)
        } else if let text = Metaschemas.texts[name] {
            let value: JSONValue
            do throws(JSONError) { value = try JSONValue(parsing: text) } catch {
                throw SchemaError(path: path, message: error.message)
            }
            _ = try add(value, uri: name)
        }
        guard let found = resourceByURI[name] else {
            throw SchemaError(path: path, message: "there is no schema \(name), and none is ever fetched")
        }
        return found
    }

    private mutating func follow(_ fragment: String, in resource: Int, _ reference: String, _ path: String) throws(SchemaError) -> SchemaSite {
        let root = resources[resource]
        let pointer: JSONPointer
        do throws(JSONPointerError) { pointer = try JSONPointer(fragment) } catch {
            throw SchemaError(path: path, message: "\(reference): \(error.message)")
        }
        var value = root.root, place = root.pointer, nearest = resource
        for token in pointer.tokens {
            guard let next = value[JSONPointer(tokens: [token])] else {
                throw SchemaError(path: path, message: "\(reference) leads nowhere")
            }
            value = next
            place += "/" + JSONPointer.escape(token)
            nearest = resourceBySite["\(root.document)#\(place)"] ?? nearest
        }
        // A place that no known keyword makes a schema becomes one by being referred to.
        try index(SchemaSite(value: value, document: root.document, pointer: place, resource: nearest))
        return site(value, root.document, place) ?? SchemaSite(value: value, document: root.document, pointer: place, resource: nearest)
    }
}

/// What the keywords of 2020-12 hold.
enum SchemaKeyword {
    /// Where schemas are inside a keyword's value.
    enum Shape { case schema, schemas, schemaMap }

    static let shape: [String: Shape] = [
        "additionalProperties": .schema, "items": .schema, "contains": .schema, "not": .schema, "if": .schema, "then": .schema,
        "else": .schema, "propertyNames": .schema, "unevaluatedItems": .schema, "unevaluatedProperties": .schema, "contentSchema": .schema,
        "allOf": .schemas, "anyOf": .schemas, "oneOf": .schemas, "prefixItems": .schemas, "properties": .schemaMap,
        "patternProperties": .schemaMap, "dependentSchemas": .schemaMap, "$defs": .schemaMap, "definitions": .schemaMap,
    ]
}
