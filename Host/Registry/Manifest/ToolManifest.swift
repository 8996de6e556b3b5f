package import JSON

/// What a tool says about its effects; MCP's annotations and the retry policy come from here.
package struct ToolAnnotations: Sendable, Hashable {
    /// Changes nothing.
    package var isReadOnly = false
    /// May destroy something; people are asked first.
    package var isDestructive = false
    /// A repeated call has no further effect.
    package var isIdempotent = false
    /// Reaches things outside this host.
    package var isOpenWorld = false

    /// Nothing claimed.
    package init() {}

    init(_ reader: ManifestReader) throws(ManifestProblem) {
        isReadOnly = try reader.bool("read_only", default: false)
        isDestructive = try reader.bool("destructive", default: false)
        isIdempotent = try reader.bool("idempotent", default: false)
        isOpenWorld = try reader.bool("open_world", default: false)
    }

    /// The manifest's form, every field written out.
    package var json: JSONObject {
        [
            "read_only": .bool(isReadOnly), "destructive": .bool(isDestructive), "idempotent": .bool(isIdempotent),
            "open_world": .bool(isOpenWorld),
        ]
    }
}

/// What a tool's output is.
package enum ToolContentType: String, Sendable, Hashable, CaseIterable {
    /// A JSON value.
    case json
    /// Text, in a JSON string.
    case text
    /// HTML by a stranger, in a JSON string: sanitised before anyone sees it as HTML.
    case htmlUntrusted = "html_untrusted"
}

/// A call that `limen plugin test` makes.
package struct ToolExample: Sendable, Hashable {
    /// What it shows; nil when unnamed.
    package let name: String?
    /// The input.
    package let input: JSONValue
    /// The expected output; nil when it varies.
    package let output: JSONValue?

    init(_ reader: ManifestReader) throws(ManifestProblem) {
        name = try reader.optionalString("name")
        input = try reader.value("input")
        output = reader.object["output"]
    }

    /// The manifest's form.
    package var json: JSONObject {
        var object = JSONObject()
        if let name { object["name"] = .string(name) }
        object["input"] = input
        if let output { object["output"] = output }
        return object
    }
}

/// One tool as a manifest declares it.
package struct ToolManifest: Sendable, Hashable {
    /// The second half of its id.
    package let name: String
    /// What people read.
    package let title: String
    /// What it does, for people and models.
    package let description: String
    /// JSON Schema of the input.
    package let inputSchema: JSONValue
    /// JSON Schema of the output; nil accepts any JSON.
    package let outputSchema: JSONValue?
    /// Its effects.
    package let annotations: ToolAnnotations
    /// What the output is.
    package let contentType: ToolContentType
    /// Only for admins, through an artifact that an admin owns (TOOL-7).
    package let isPrivileged: Bool
    /// Wall clock over all retries; nil leaves it to the host's `tools.timeout_ms`.
    package let timeoutMilliseconds: Int?
    /// Retries after the first attempt.
    package let retries: Int
    /// Calls that `limen plugin test` makes.
    package let examples: [ToolExample]

    init(_ reader: ManifestReader) throws(ManifestProblem) {
        name = try reader.string("name")
        title = try reader.optionalString("title") ?? name
        description = try reader.string("description")
        inputSchema = try reader.value("input_schema")
        outputSchema = reader.object["output_schema"]
        annotations = try ToolAnnotations(reader.nested("annotations"))
        contentType = try reader.choice("content_type", default: .json)
        isPrivileged = try reader.bool("privileged", default: false)
        timeoutMilliseconds =
            reader.object["timeout_ms"] == nil ? nil : try reader.integer("timeout_ms", default: Limits.toolTimeoutMillisecondsDefault)
        retries = try reader.integer("retries", default: Limits.toolRetriesDefault)
        var examples: [ToolExample] = []
        for example in try reader.objects("examples") { examples.append(try ToolExample(example)) }
        self.examples = examples
    }

    /// The manifest's form, every field written out.
    package var json: JSONObject {
        var object: JSONObject = [
            "name": .string(name), "title": .string(title), "description": .string(description), "input_schema": inputSchema,
        ]
        if let outputSchema { object["output_schema"] = outputSchema }
        object["annotations"] = .object(annotations.json)
        object["content_type"] = .string(contentType.rawValue)
        object["privileged"] = .bool(isPrivileged)
        if let timeoutMilliseconds { object["timeout_ms"] = .number(JSONNumber(timeoutMilliseconds)) }
        object["retries"] = .number(JSONNumber(retries))
        if !examples.isEmpty { object["examples"] = .array(examples.map { .object($0.json) }) }
        return object
    }
}
