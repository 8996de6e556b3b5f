import JSON

/// Turns a schema and all that it refers to into a `SchemaProgram`, from a list of work and without recursion.
final class SchemaCompiler {
    let options: SchemaOptions
    var registry: SchemaRegistry
    var parts = SchemaProgramParts()
    let patterns: PatternStore
    /// The index of every schema that was met.
    private var indices: [String: Int32] = [:]
    private var sites: [SchemaSite] = []
    private var locations: [String] = []
    /// The names that `$dynamicRef` uses, in the order of their tables.
    private var dynamicNames: [String] = []

    private init(_ options: SchemaOptions) {
        self.options = options
        registry = SchemaRegistry(options: options)
        patterns = PatternStore(limits: options.limits)
    }

    /// The program of `schema`.
    static func compile(_ schema: JSONValue, options: SchemaOptions) throws(SchemaError) -> SchemaProgram {
        let compiler = SchemaCompiler(options)
        let site = try compiler.registry.add(schema, uri: "")
        if options.checksMetaschema { try MetaschemaCheck.check(schema, options: options) }
        let root = try compiler.index(of: site)
        try compiler.drain()
        try compiler.refuseLoops()
        compiler.finishDynamicTables()
        return SchemaProgram(
            compiler.parts, root: root, locations: compiler.locations, patterns: compiler.patterns, limits: options.limits)
    }

    /// The index of the schema at `site`, which is put on the list of work when it is new.
    func index(of site: SchemaSite) throws(SchemaError) -> Int32 {
        if let known = indices[site.key] { return known }
        let location = registry.display(site)
        switch site.value {
        case .bool, .object: break
        default: throw SchemaError(path: location, message: "a schema is an object or a boolean, not \(site.value.typeName)")
        }
        guard parts.schemas.count < options.limits.subschemasMax else {
            throw SchemaError(path: location, message: "there are more than \(options.limits.subschemasMax) subschemas")
        }
        let index = Int32(parts.schemas.count)
        indices[site.key] = index
        parts.schemas.append(SchemaNode())
        sites.append(site)
        locations.append(location)
        return index
    }

    private func drain() throws(SchemaError) {
        var next = 0
        repeat {
            while next < sites.count {
                var keywords = SchemaKeywordCompiler(site: sites[next], compiler: self)
                parts.schemas[next] = try keywords.compile()
                next += 1
            }
            try addDynamicTargets()
        } while next < sites.count
    }

    /// Compiles every schema that a `$dynamicRef` may lead to.
    private func addDynamicTargets() throws(SchemaError) {
        for name in dynamicNames {
            for resource in registry.resources where resource.dynamicAnchors.contains(name) {
                if let site = resource.anchors[name] { _ = try index(of: site) }
            }
        }
    }

    private func finishDynamicTables() {
        parts.resourceCount = registry.resources.count
        for name in dynamicNames {
            for resource in registry.resources {
                let site = resource.dynamicAnchors.contains(name) ? resource.anchors[name] : nil
                parts.dynamicTargets.append(site.flatMap { indices[$0.key] } ?? -1)
            }
        }
    }

    /// The number of the table for a name that `$dynamicRef` uses.
    func dynamicTable(_ name: String) -> Int32 {
        if let known = dynamicNames.firstIndex(of: name) { return Int32(known) }
        dynamicNames.append(name)
        return Int32(dynamicNames.count - 1)
    }

    /// Refuses references that lead back to themselves on the same instance, which could never be decided.
    private func refuseLoops() throws(SchemaError) {
        var state = [UInt8](repeating: 0, count: parts.schemas.count)
        for start in parts.schemas.indices where state[start] == 0 {
            var stack: [(schema: Int, edges: [Int])] = [(start, edges(of: start))]
            state[start] = 1
            while let top = stack.last {
                guard let target = top.edges.last else {
                    state[top.schema] = 2
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].edges.removeLast()
                if state[target] == 1 {
                    throw SchemaError(path: locations[target], message: "a reference leads back to itself without a step into the instance")
                }
                guard state[target] == 0 else { continue }
                state[target] = 1
                stack.append((target, edges(of: target)))
            }
        }
    }

    /// The schemas that are always applied to the same instance.
    private func edges(of schema: Int) -> [Int] {
        let node = parts.schemas[schema]
        var targets: [Int] = []
        for step in parts.steps[Int(node.firstStep)..<Int(node.firstStep + node.stepCount)] {
            switch step.kind {
            case .reference, .not, .conditional: targets.append(Int(step.a))
            case .allOf, .anyOf, .oneOf: targets += parts.indices[Int(step.a)..<Int(step.a + step.b)].map(Int.init)
            case .dynamicReference, .dependent: break
            }
        }
        return targets
    }
}

/// Checks schemas against the metaschema of their dialect.
enum MetaschemaCheck {
    private static let draft2020: Result<CompiledSchema, SchemaError> = compile([:], Metaschemas.draft2020)

    private static func compile(_ resources: [String: JSONValue], _ uri: String) -> Result<CompiledSchema, SchemaError> {
        do throws(SchemaError) {
            return .success(
                try CompiledSchema(["$ref": .string(uri)], options: SchemaOptions(resources: resources, checksMetaschema: false)))
        } catch {
            return .failure(error)
        }
    }

    static func check(_ schema: JSONValue, options: SchemaOptions) throws(SchemaError) {
        let name = schema["$schema"]?.stringValue.map { SchemaURI($0).withoutFragment } ?? Metaschemas.draft2020
        let metaschema = name == Metaschemas.draft2020 ? draft2020 : compile(options.resources, name)
        guard let failure = try metaschema.get().validate(schema, failuresMax: 1).first else { return }
        throw SchemaError(path: failure.instancePath, message: "\(failure.message) (the metaschema's \(failure.keyword))")
    }
}
