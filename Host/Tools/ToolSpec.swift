package import Egress
import JSON
package import JSONSchema
package import Registry
package import Supervisor

/// One tool as the call path needs it.
package struct ToolSpec: Sendable {
    /// `plugin.tool`.
    package var id: String
    package var name: String
    package var plugin: String
    package var version: String
    package var input: CompiledSchema
    package var output: CompiledSchema?
    package var isIdempotent: Bool
    package var content: ToolContent
    package var isPrivileged: Bool
    package var timeoutMilliseconds: Int
    package var retries: Int
    package var inputBytesMax: Int
    package var isolation: IsolationMode
    /// Whether the plugin keeps key-value state.
    package var keepsState: Bool
    /// What the plugin may reach; nil when nothing.
    package var egress: EgressAccess?
    /// What it adapts, if it is no tool: then it is called by kind and model, and by nobody as a tool.
    package var adapter: AdapterKind?
    /// An adapter's models; empty where it takes any.
    package var models: [String] = []
    /// How long an adapter may say nothing; nil for as long as the call may last.
    package var silenceMilliseconds: Int?
    /// What errors call it.
    var noun: String { adapter == nil ? "tool" : "adapter" }
    var subject: String { "the \(noun)" }

    package init(
        id: String, name: String, plugin: String, version: String, input: CompiledSchema, output: CompiledSchema? = nil, isIdempotent: Bool = false,
        content: ToolContent = .json, isPrivileged: Bool = false, timeoutMilliseconds: Int = ToolLimits.callMillisecondsDefault, retries: Int = 2,
        inputBytesMax: Int = 1 << 20,
        isolation: IsolationMode = .tenant, keepsState: Bool = false
    ) {
        self.id = id
        self.name = name
        self.plugin = plugin
        self.version = version
        self.input = input
        self.output = output
        self.isIdempotent = isIdempotent
        self.content = content
        self.isPrivileged = isPrivileged
        self.timeoutMilliseconds = timeoutMilliseconds
        self.retries = retries
        self.inputBytesMax = inputBytesMax
        self.isolation = isolation
        self.keepsState = keepsState
    }

    /// A tool of the registry; `timeoutMilliseconds` holds for one whose manifest names no time.
    package init(_ tool: ToolDescriptor, of record: PluginRecord, timeoutMilliseconds: Int = ToolLimits.callMillisecondsDefault) {
        self.init(
            id: tool.id, name: tool.name, plugin: tool.plugin, version: tool.version, input: tool.input, output: tool.output,
            isIdempotent: tool.annotations.isIdempotent, content: ToolContent(tool.contentType), isPrivileged: tool.privileged,
            timeoutMilliseconds: tool.timeoutMilliseconds ?? timeoutMilliseconds, retries: tool.retries,
            inputBytesMax: record.manifest.limits.inputBytes,
            isolation: IsolationMode(record.manifest.isolation), keepsState: record.manifest.state == .keyValue)
    }
}

extension ToolContent {
    init(_ type: ToolContentType) {
        switch type {
        case .json: self = .json
        case .text: self = .text
        case .htmlUntrusted: self = .htmlUntrusted
        }
    }
}

extension IsolationMode {
    /// The manifest's isolation.
    package init(_ isolation: Isolation) {
        switch isolation {
        case .call: self = .call
        case .user: self = .user
        case .tenant: self = .tenant
        case .shared: self = .shared
        }
    }
}
