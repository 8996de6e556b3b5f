import JSON

/// Compiles the keywords of one schema.
struct SchemaKeywordCompiler {
    let site: SchemaSite
    let compiler: SchemaCompiler
    private var steps: [SchemaStep] = []
    let dialect: SchemaDialect

    init(site: SchemaSite, compiler: SchemaCompiler) {
        self.site = site
        self.compiler = compiler
        dialect = compiler.registry.resources[site.resource].dialect
    }

    func fault(_ keyword: String, _ message: String) -> SchemaError {
        SchemaError(path: compiler.registry.display(site) + "/" + keyword, message: message)
    }

    mutating func compile() throws(SchemaError) -> SchemaNode {
        var node = SchemaNode()
        node.resource = Int32(site.resource)
        guard case .object(let schema) = site.value else {
            node.isFalse = site.value == false
            return node
        }
        try references(schema)
        if dialect.applicator { try combinators(schema) }
        if dialect.validation {
            if let type = schema["type"] { node.types = try types(type) }
            node.choice = try choice(schema)
            node.number = try numberRule(schema)
        }
        node.string = try stringRule(schema)
        node.array = try arrayRule(schema)
        node.object = try objectRule(schema)
        if dialect.unevaluated {
            node.unevaluatedItems = try child(schema, "unevaluatedItems") ?? -1
            node.unevaluatedProperties = try child(schema, "unevaluatedProperties") ?? -1
            node.hasUnevaluated = node.unevaluatedItems >= 0 || node.unevaluatedProperties >= 0
        }
        node.firstStep = Int32(compiler.parts.steps.count)
        node.stepCount = Int32(steps.count)
        compiler.parts.steps += steps
        node.isReferenceOnly =
            steps.count == 1 && steps[0].kind == .reference && node.types == TypeMask.all && !node.hasUnevaluated
            && [node.choice, node.number, node.string, node.array, node.object].allSatisfy { $0 < 0 }
        return node
    }

    // MARK: children

    /// The schema directly under a keyword, or nil when the keyword is not there.
    func place(_ keyword: String, _ rest: String = "", _ value: JSONValue) -> SchemaSite {
        let pointer = site.pointer + "/" + JSONPointer.escape(keyword) + rest
        return compiler.registry.site(value, document: site.document, pointer: pointer, inside: site.resource)
    }

    mutating func child(_ schema: JSONObject, _ keyword: String) throws(SchemaError) -> Int32? {
        guard let value = schema[keyword] else { return nil }
        return try compiler.index(of: place(keyword, "", value))
    }

    /// The schemas of an array under a keyword, as a slice of the indices.
    mutating func children(_ schema: JSONObject, _ keyword: String) throws(SchemaError) -> (first: Int32, count: Int32)? {
        guard let value = schema[keyword] else { return nil }
        guard case .array(let elements) = value else { throw fault(keyword, "\(keyword) is no array") }
        var found: [Int32] = []
        for (index, element) in elements.enumerated() { found.append(try compiler.index(of: place(keyword, "/\(index)", element))) }
        let first = Int32(compiler.parts.indices.count)
        compiler.parts.indices += found
        return (first, Int32(found.count))
    }

    /// The members of an object of schemas under a keyword.
    mutating func members(_ schema: JSONObject, _ keyword: String) throws(SchemaError) -> [(key: String, schema: Int32)] {
        guard let value = schema[keyword] else { return [] }
        guard case .object(let object) = value else { throw fault(keyword, "\(keyword) is no object") }
        var found: [(String, Int32)] = []
        for (key, member) in object {
            found.append((key, try compiler.index(of: place(keyword, "/" + JSONPointer.escape(key), member))))
        }
        return found
    }

    // MARK: on the same instance

    private mutating func references(_ schema: JSONObject) throws(SchemaError) {
        if let reference = schema["$ref"] {
            guard case .string(let text) = reference else { throw fault("$ref", "$ref is no string") }
            let path = compiler.registry.display(site) + "/$ref"
            let target = try compiler.registry.resolve(text, from: site, at: path)
            steps.append(SchemaStep(kind: .reference, a: try compiler.index(of: target)))
        }
        if let reference = schema["$dynamicRef"] {
            guard case .string(let text) = reference else { throw fault("$dynamicRef", "$dynamicRef is no string") }
            let path = compiler.registry.display(site) + "/$dynamicRef"
            let target = try compiler.registry.resolve(text, from: site, at: path)
            let name = SchemaURI(text).fragment ?? ""
            let index = try compiler.index(of: target)
            if compiler.registry.resources[target.resource].dynamicAnchors.contains(name) {
                steps.append(SchemaStep(kind: .dynamicReference, a: index, b: compiler.dynamicTable(name)))
            } else {
                steps.append(SchemaStep(kind: .reference, a: index))
            }
        }
    }

    private mutating func combinators(_ schema: JSONObject) throws(SchemaError) {
        for (keyword, kind) in [("allOf", SchemaStep.Kind.allOf), ("anyOf", .anyOf), ("oneOf", .oneOf)] {
            if let (first, count) = try children(schema, keyword) { steps.append(SchemaStep(kind: kind, a: first, b: count)) }
        }
        if let negated = try child(schema, "not") { steps.append(SchemaStep(kind: .not, a: negated)) }
        if let condition = try child(schema, "if") {
            let positive = try child(schema, "then") ?? -1, negative = try child(schema, "else") ?? -1
            steps.append(SchemaStep(kind: .conditional, a: condition, b: positive, c: negative))
        }
        for (key, index) in try members(schema, "dependentSchemas") {
            steps.append(SchemaStep(kind: .dependent, a: index, b: keyIndex(key)))
        }
    }

    /// The number of a key in the table of keys.
    mutating func keyIndex(_ key: String) -> Int32 {
        compiler.parts.keys.append(compiler.parts.text(key))
        return Int32(compiler.parts.keys.count - 1)
    }

    private func types(_ value: JSONValue) throws(SchemaError) -> UInt8 {
        let names: [JSONValue]
        if case .array(let elements) = value { names = elements } else { names = [value] }
        var mask: UInt8 = 0
        for name in names {
            guard let bits = TypeMask.names.first(where: { .string($0.0) == name })?.1 else { throw fault("type", "\(name) is no type") }
            mask |= bits
        }
        return mask
    }

    /// A count that a keyword gives, at most the largest that a document can have; nil when the keyword is not there.
    func count(_ schema: JSONObject, _ keyword: String) throws(SchemaError) -> UInt32? {
        guard let value = schema[keyword] else { return nil }
        guard case .number(let number) = value, number.isInteger, !(number < JSONNumber(0)) else {
            throw fault(keyword, "\(keyword) is no count")
        }
        return number.uint64.map { UInt32(clamping: $0) } ?? .max
    }
}
