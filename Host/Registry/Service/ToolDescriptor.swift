package import JSON
package import JSONSchema

/// One callable tool with its schemas compiled; what the call path and `GET /v1/tools` read.
package struct ToolDescriptor: Sendable {
    /// `plugin.tool`; stable.
    package let id: String
    /// The tool's own name.
    package let name: String
    /// What people read.
    package let title: String
    /// What it does.
    package let description: String
    /// The plugin that offers it.
    package let plugin: String
    /// That plugin's version.
    package let version: String
    /// JSON Schema of the input.
    package let inputSchema: JSONValue
    /// JSON Schema of the output; nil accepts any JSON.
    package let outputSchema: JSONValue?
    /// `inputSchema`, compiled once.
    package let input: CompiledSchema
    /// `outputSchema`, compiled once.
    package let output: CompiledSchema?
    /// Its effects.
    package let annotations: ToolAnnotations
    /// What the output is.
    package let contentType: ToolContentType
    /// Only for admins, through an artifact that an admin owns (TOOL-7).
    package let privileged: Bool
    /// Wall clock over all retries; nil leaves it to the host's `tools.timeout_ms`.
    package let timeoutMilliseconds: Int?
    /// Retries after the first attempt.
    package let retries: Int
    /// Calls that `limen plugin test` makes.
    package let examples: [ToolExample]

    /// Compiles the schemas of a granted tool.
    init(_ tool: ToolManifest, of manifest: Manifest) throws(SchemaError) {
        id = "\(manifest.name).\(tool.name)"
        (name, title, description) = (tool.name, tool.title, tool.description)
        (plugin, version) = (manifest.name, manifest.version.description)
        (inputSchema, outputSchema) = (tool.inputSchema, tool.outputSchema)
        input = try CompiledSchema(tool.inputSchema)
        output = try tool.outputSchema.map { (schema) throws(SchemaError) in try CompiledSchema(schema) }
        (annotations, contentType, privileged) = (tool.annotations, tool.contentType, tool.isPrivileged)
        (timeoutMilliseconds, retries, examples) = (tool.timeoutMilliseconds, tool.retries, tool.examples)
    }
}
