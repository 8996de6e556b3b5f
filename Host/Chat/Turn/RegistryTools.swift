package import Registry
package import Tools

/// The tools of the registry, as turns see them: enabled, callable now, and without privilege (TOOL-7: never by default).
package struct RegistryTools: ChatToolbox {
    private let registry: Registry
    private let service: ToolService

    /// Joins the registry and the call path.
    package init(registry: Registry, service: ToolService) { (self.registry, self.service) = (registry, service) }

    package func tools() -> [ChatTool] {
        let snapshot = registry.snapshot()
        return service.entries.compactMap { entry in
            // In the moment in which one version takes another's place, nobody knows which annotations hold.
            guard !entry.spec.isPrivileged, let tool = snapshot.tool(entry.spec.id), tool.version == entry.spec.version else { return nil }
            let title = tool.title.isEmpty ? "" : "\(tool.title): "
            return ChatTool(
                id: tool.id, version: tool.version, description: title + tool.description, inputSchema: tool.inputSchema,
                isDestructive: tool.annotations.isDestructive)
        }
    }

    package func call(_ call: ToolCall) async -> ToolOutcome { await service.call(call) }
}
