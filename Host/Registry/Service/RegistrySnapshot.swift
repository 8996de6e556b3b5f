/// The registry at one moment: immutable, cheap to copy, safe to keep for the length of a call.
package struct RegistrySnapshot: Sendable {
    /// Plugins that passed every check, by name.
    package let plugins: [String: PluginRecord]
    /// Versions on trial, by name; each beside a plugin of the same name.
    package let canaries: [String: PluginRecord]
    /// Manifests that did not, by file name.
    package let refused: [String: RefusedPlugin]
    private let toolsByID: [String: ToolDescriptor]
    private let idsByName: [String: [String]]

    init(plugins: [String: PluginRecord], canaries: [String: PluginRecord], refused: [String: RefusedPlugin]) {
        (self.plugins, self.canaries, self.refused) = (plugins, canaries, refused)
        var tools: [String: ToolDescriptor] = [:]
        var names: [String: [String]] = [:]
        for record in plugins.values {
            for tool in record.tools {
                tools[tool.id] = tool
                names[tool.name, default: []].append(tool.id)
            }
        }
        (toolsByID, idsByName) = (tools, names)
    }

    /// The tool of an id `plugin.tool`, or of a bare name that only one plugin uses; nil otherwise.
    package func tool(_ idOrName: String) -> ToolDescriptor? {
        if let tool = toolsByID[idOrName] { return tool }
        guard let ids = idsByName[idOrName], ids.count == 1 else { return nil }
        return toolsByID[ids[0]]
    }

    /// The ids that a bare name could mean, sorted; more than one makes it ambiguous.
    package func candidates(_ name: String) -> [String] { (idsByName[name] ?? []).sorted() }

    /// The plugin that offers a tool.
    package func plugin(of tool: ToolDescriptor) -> PluginRecord? { plugins[tool.plugin] }

    /// At most `limit` (1 to 500) tools with ids after `cursor`, sorted by id, and the cursor of the next page if there is one (API-7).
    package func tools(after cursor: String? = nil, limit: Int = 50) -> (items: [ToolDescriptor], next: String?) {
        let count = min(max(1, limit), 500)
        let ids = toolsByID.keys.filter { id in cursor.map { id > $0 } ?? true }.sorted()
        let page = ids.prefix(count)
        return (page.compactMap { toolsByID[$0] }, ids.count > count ? page.last : nil)
    }
}
