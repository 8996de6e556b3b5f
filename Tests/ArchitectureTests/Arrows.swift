/// The arrows of ARCHITECTURE.md, "Targets": which of our modules each folder may import.
enum Arrows {
    /// Modules of the toolchain that any product code may use.
    static let toolchain: Set<String> = ["Glibc", "Synchronization", "Swift", "Builtin", "_Concurrency"]

    static let allowed: [String: Set<String>] = [
        "SDK/PluginABI": [],
        "SDK/JSON": [],
        "SDK/JSONSchema": ["JSON", "CPCRE2"],
        "SDK/LimenPlugin": ["PluginABI", "JSON", "JSONSchema"],
        "SDK/PluginHarness": ["PluginABI", "LimenPlugin", "JSON"],
        "Sandbox/CLinux": [],
        "Sandbox/CConditions": [],
        "Sandbox/WorkerProtocol": ["JSON"],
        "Sandbox/Jail": ["CLinux", "WorkerProtocol"],
        "Sandbox/Worker": ["Jail", "WorkerProtocol", "PluginABI", "CLinux", "CConditions", "JSON"],
        "Sandbox/Spawner": ["Jail", "WorkerProtocol", "CLinux", "JSON"],
        "Sandbox/Supervisor": ["WorkerProtocol", "Jail", "JSON"],
        "Host/IO": ["CLinux", "COpenSSL"],
        "Host/Telemetry": ["JSON", "IO", "CLinux"],
        "Host/Config": ["JSON", "JSONSchema"],
        "Host/Crypto": ["COpenSSL"],
        "Host/HTTP": ["IO", "JSON", "CLinux", "CZlib"],
        "Host/Store": ["CSQLite", "CPQ", "IO", "JSON", "Crypto"],
        "Host/Identity": ["Store", "Crypto", "IO", "JSON"],
        "Host/Workflows": ["Store", "Crypto", "IO", "JSON", "JSONSchema"],
        "Host/Artifacts": ["Store", "Crypto", "IO", "JSON"],
        "Host/Tokens": ["Store", "IO", "JSON"],
        "Host/Chat": ["Artifacts", "Workflows", "Tokens", "Tools", "Registry", "Supervisor", "WorkerProtocol", "Store", "Crypto", "IO", "JSON"],
        "Host/Registry": ["Store", "Crypto", "JSON", "JSONSchema", "Telemetry", "CLinux", "IO"],
        "Host/Egress": ["Registry", "Store", "HTTP", "IO", "JSON", "Telemetry"],
        "Host/Workers": ["IO", "Supervisor", "WorkerProtocol", "Jail", "Telemetry", "JSON", "CLinux"],
        "Host/Tools": [
            "Registry", "Workers", "Egress", "Supervisor", "JSON", "JSONSchema", "IO", "Store", "Telemetry", "Crypto", "WorkerProtocol",
        ],
        "Host/API": [
            "Identity", "Tools", "Registry", "Workers", "Egress", "HTTP", "IO", "JSON", "JSONSchema", "Store", "Telemetry", "Config", "Crypto",
            "Supervisor",
            "WorkerProtocol", "Artifacts", "Chat", "Workflows",
        ],
        "Host/Limen": [
            "API", "Artifacts", "Chat", "Workflows", "Identity", "Tools", "Registry", "Egress", "Workers", "HTTP", "IO", "JSON", "JSONSchema",
            "Store",
            "Telemetry", "Config",
            "Crypto", "Tokens",
            "Supervisor", "Jail", "WorkerProtocol", "CLinux",
        ],
        "Plugins/Text": ["TextPlugin", "LimenPlugin", "PluginABI", "JSON", "JSONSchema", "CPCRE2Archive"],
        "Plugins/Calc": ["CalcPlugin", "LimenPlugin", "PluginABI", "JSON", "JSONSchema"],
        "Plugins/Table": ["TablePlugin", "LimenPlugin", "PluginABI", "JSON", "JSONSchema"],
        "Plugins/Markdown": ["MarkdownPlugin", "LimenPlugin", "PluginABI", "JSON", "JSONSchema", "CCMark"],
        "Plugins/Time": ["TimePlugin", "LimenPlugin", "PluginABI", "JSON", "JSONSchema"],
        "Plugins/HTMLTree": ["LimenPlugin", "CGumbo"],
        "Plugins/Sanitizer": ["SanitizerPlugin", "LimenPlugin", "PluginABI", "JSON", "JSONSchema", "HTMLTree"],
        "Plugins/Web": ["WebPlugin", "LimenPlugin", "PluginABI", "JSON", "JSONSchema", "HTMLTree", "CExpat"],
        "Plugins/ModelWire": ["LimenPlugin", "JSON"],
        "Plugins/OpenAI": ["OpenAIPlugin", "LimenPlugin", "PluginABI", "JSON", "JSONSchema", "ModelWire"],
        "Plugins/Anthropic": ["AnthropicPlugin", "LimenPlugin", "PluginABI", "JSON", "JSONSchema", "ModelWire"],
        "Plugins/Zhipu": ["ZhipuPlugin", "LimenPlugin", "PluginABI", "JSON", "JSONSchema", "ModelWire"],
        "Plugins/Moonshot": ["MoonshotPlugin", "LimenPlugin", "PluginABI", "JSON", "JSONSchema", "ModelWire"],
        "Plugins/Sysprobe": [],
    ]

    /// The folder of `allowed` that a path belongs to.
    static func folder(of path: String) -> String {
        path.split(separator: "/").prefix(2).joined(separator: "/")
    }

    /// The module an import line names, or nil when the line is not an import.
    static func module(_ line: Substring) -> String? {
        var words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == ";" })[...]
        while let first = words.first, first.hasPrefix("@") || ["public", "package", "internal", "private", "fileprivate"].contains(first) {
            words = words.dropFirst()
        }
        guard words.first == "import" else { return nil }
        words = words.dropFirst()
        if let kind = words.first, ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"].contains(kind) {
            words = words.dropFirst()
        }
        return words.first.map { String($0.prefix { $0 != "." }) }
    }
}
