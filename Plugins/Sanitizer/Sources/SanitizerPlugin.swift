import HTMLTree
public import LimenPlugin

/// Makes strangers' HTML safe to show. The host calls it for `html_untrusted` output.
public let sanitizerPlugin = Plugin(name: "sanitizer", version: "1.0.0", tools: [SanitizeTool()])

/// Every bound of the plugin in one place.
enum Limits {
    /// Bytes of HTML that are parsed.
    static let inputBytesMax = 4 << 20
    /// Start tags, which bound the depth and the size of the tree.
    static let tagsMax = 200_000
    /// Elements are kept down to this depth; below it only their text is.
    static let depthMax = 100
    /// Bytes of sanitised HTML.
    static let outputBytesMax = 4 << 20
    /// Different reasons of removal that are reported.
    static let reportsMax = 100
    static let nameBytesMax = 40
    static let urlBytesMax = 4_096
    static let attributeBytesMax = 4_096
}

/// Sanitises HTML against a strict allowlist.
struct SanitizeTool: Tool {
    static let name = "html"
    static let title: String? = "Sanitise HTML"
    static let description = """
        Returns HTML that holds only formatting: no scripts, styles, forms, frames, images by default, event handlers, or links to anything \
        but http, https, mailto and the page itself. Reports what it removed.
        """
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]
    static let contentType = ToolContentType.htmlUntrusted

    struct Input: Codable, Sendable {
        @Field("The HTML of a stranger.", maxLength: 4_194_304) var html: String
        @Field("Whether https images stay; loading one tells its server who reads.") var images: Bool = false
    }

    struct Output: Codable, Sendable {
        @Field("HTML that is safe to put into a page's body.") var html = ""
        @Field("How often what was removed, by kind and name, such as `element script`.") var removed: [String: Int] = [:]
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        let bytes = Array(input.html.utf8)
        guard bytes.count <= Limits.inputBytesMax else { throw PluginError("too_large", "The HTML is longer than \(Limits.inputBytesMax) bytes.") }
        try context.checkCancellation()
        var serializer = Serializer(allowsImages: input.images)
        try ParsedHTML(bytes, tagsMax: Limits.tagsMax).walk(&serializer)
        return Output(html: serializer.html, removed: serializer.removed)
    }
}
