public import LimenPlugin

/// Turns Markdown into HTML.
public let markdownPlugin = Plugin(name: "markdown", version: "1.0.0", tools: [HTMLTool(), OutlineTool()])

/// Every bound of the plugin in one place.
enum Limits {
    /// Markers of quotes and lists at the start of one line.
    static let lineDepthMax = 200
    /// Depth of the parsed document.
    static let treeDepthMax = 200
    /// Bytes of HTML, below the manifest's output limit.
    static let outputBytesMax = 4 << 20
    static let headingsMax = 2_000
}
