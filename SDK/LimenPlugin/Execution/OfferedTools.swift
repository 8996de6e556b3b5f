import JSON

/// What a plugin offers: the runners behind its names, and what it tells its host about them.
struct OfferedTools: Sendable {
    let plugin: Plugin
    private let offer: Plugin.Offer
    private(set) var runners: [String: any Runner] = [:]

    /// Nothing is derived here: a start should not wait for what only the description needs.
    init(plugin: Plugin, offer: Plugin.Offer) throws {
        self.plugin = plugin
        self.offer = offer
        for tool in offer.tools { try add(tool) }
        for adapter in offer.adapters { try add(adapter) }
    }

    private mutating func add<T: Tool>(_ tool: T) throws {
        try register(T.name, ToolRunner(tool: tool, decoder: InputDecoder { try inputSchema(of: T.self) }))
    }

    private mutating func add<A: Adapter>(_ adapter: A) throws {
        try register(A.type.rawValue, AdapterRunner(adapter: adapter, decoder: InputDecoder { try SchemaProber.inputSchema(of: A.Input.self) }))
    }

    private mutating func register(_ name: String, _ runner: any Runner) throws {
        guard runners.updateValue(runner, forKey: name) == nil else {
            throw PluginError("duplicate_tool", "Two tools are called \(name).")
        }
    }

    // MARK: The description

    /// Name, version, tools with their schemas, adapters.
    /// - Throws: ``SchemaDerivationError`` for a type that has no schema.
    func description() throws -> JSONValue {
        let tools = try offer.tools.map { try Self.description(of: $0) }
        var object: JSONObject = ["name": .string(plugin.name), "version": .string(plugin.version), "tools": .array(tools)]
        let adapters = try offer.adapters.map { try Self.description(of: $0) }
        if !adapters.isEmpty { object["adapters"] = .array(adapters) }
        return .object(object)
    }

    private static func description<T: Tool>(of tool: T) throws -> JSONValue {
        var object: JSONObject = ["name": .string(T.name)]
        if let title = T.title { object["title"] = .string(title) }
        object["description"] = .string(T.description)
        object["input_schema"] = try inputSchema(of: T.self)
        object["output_schema"] = try T.outputSchema ?? SchemaProber.outputSchema(of: T.Output.self)
        object["annotations"] = T.annotations.json
        object["content_type"] = .string(T.contentType.rawValue)
        if T.privileged { object["privileged"] = .bool(true) }
        if let milliseconds = T.timeoutMilliseconds { object["timeout_ms"] = .number(JSONNumber(milliseconds)) }
        if let retries = T.retries { object["retries"] = .number(JSONNumber(retries)) }
        return .object(object)
    }

    private static func description<A: Adapter>(of adapter: A) throws -> JSONValue {
        // Derived although it is not shown: an adapter whose input has no schema should be refused now, not at its first call.
        _ = try SchemaProber.inputSchema(of: A.Input.self)
        return .object(["type": .string(A.type.rawValue), "models": .array(A.models.map { .string($0) })])
    }
}

/// A tool's own schema, or the one that its input's type has.
private func inputSchema<T: Tool>(of tool: T.Type) throws -> JSONValue {
    try T.inputSchema ?? SchemaProber.inputSchema(of: T.Input.self)
}

extension ToolAnnotations {
    var json: JSONValue {
        .object([
            "read_only": .bool(contains(.readOnly)), "destructive": .bool(contains(.destructive)),
            "idempotent": .bool(contains(.idempotent)), "open_world": .bool(contains(.openWorld)),
        ])
    }
}
