import JSON

/// What a plugin tells its host about itself, and the runners that stand behind it.
struct PluginDescription {
    private(set) var json: JSONValue
    private(set) var runners: [String: any Runner] = [:]

    init(plugin: Plugin, offer: Plugin.Offer) throws {
        json = .null
        var tools: [JSONValue] = []
        for tool in offer.tools { tools.append(try add(tool)) }
        var object: JSONObject = ["name": .string(plugin.name), "version": .string(plugin.version), "tools": .array(tools)]
        var adapters: [JSONValue] = []
        for adapter in offer.adapters { adapters.append(try add(adapter)) }
        if !adapters.isEmpty { object["adapters"] = .array(adapters) }
        json = .object(object)
    }

    private mutating func add<T: Tool>(_ tool: T) throws -> JSONValue {
        let input = try T.inputSchema ?? SchemaProber.inputSchema(of: T.Input.self)
        let output = try T.outputSchema ?? SchemaProber.outputSchema(of: T.Output.self)
        try register(T.name, ToolRunner(tool: tool, decoder: InputDecoder(defaults: DefaultsPlan(input))))
        var object: JSONObject = ["name": .string(T.name)]
        if let title = T.title { object["title"] = .string(title) }
        object["description"] = .string(T.description)
        object["input_schema"] = input
        object["output_schema"] = output
        object["annotations"] = T.annotations.json
        object["content_type"] = .string(T.contentType.rawValue)
        if T.privileged { object["privileged"] = .bool(true) }
        if let milliseconds = T.timeoutMilliseconds { object["timeout_ms"] = .number(JSONNumber(milliseconds)) }
        if let retries = T.retries { object["retries"] = .number(JSONNumber(retries)) }
        return .object(object)
    }

    private mutating func add<A: Adapter>(_ adapter: A) throws -> JSONValue {
        let input = try SchemaProber.inputSchema(of: A.Input.self)
        try register(A.type.rawValue, AdapterRunner(adapter: adapter, decoder: InputDecoder(defaults: DefaultsPlan(input))))
        return .object([
            "type": .string(A.type.rawValue), "models": .array(A.models.map { .string($0) }),
        ])
    }

    private mutating func register(_ name: String, _ runner: any Runner) throws {
        guard runners.updateValue(runner, forKey: name) == nil else {
            throw PluginError("duplicate_tool", "Two tools are called \(name).")
        }
    }
}

extension ToolAnnotations {
    var json: JSONValue {
        .object([
            "read_only": .bool(contains(.readOnly)), "destructive": .bool(contains(.destructive)),
            "idempotent": .bool(contains(.idempotent)), "open_world": .bool(contains(.openWorld)),
        ])
    }
}
