import LimenPlugin

/// Markdown to HTML.
struct HTMLTool: Tool {
    static let name = "html"
    static let title: String? = "Markdown to HTML"
    static let description = """
        Converts Markdown (GitHub's dialect: tables, strikethrough, task lists, autolinks, footnotes) to HTML. The HTML is not sanitised; the \
        host does that for whoever asks for text/html.
        """
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]
    static let contentType = ToolContentType.htmlUntrusted

    struct Input: Codable, Sendable {
        @Field("The Markdown.", maxLength: 1_048_576) var text: String
        @Field("The dialect's extensions to use; all by default.", maxItems: 5, uniqueItems: true)
        var extensions: [Document.Extension] = Document.Extension.allCases
        @Field("Whether to use typographic quotes and dashes.") var smart: Bool = false
        @Field("Whether every line break is kept.") var hardBreaks: Bool = false
        @Field("Whether HTML inside the Markdown is kept; otherwise it is left out.") var allowHTML: Bool = false
        enum CodingKeys: String, CodingKey {
            case text, extensions, smart
            case hardBreaks = "hard_breaks"
            case allowHTML = "allow_html"
        }
    }

    struct Output: Codable, Sendable {
        @Field("Unsanitised HTML.") var html = ""
        @Field("The text of the first heading.") var title: String?
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        let document = try Document(
            input.text, extensions: Set(input.extensions), smart: input.smart, hardBreaks: input.hardBreaks, allowHTML: input.allowHTML)
        try context.checkCancellation()
        return Output(html: try document.html(), title: .value(try document.headings().first?.text))
    }
}

/// The headings of a Markdown document.
struct OutlineTool: Tool {
    static let name = "outline"
    static let title: String? = "Headings of a document"
    static let description = "Lists the headings of a Markdown document with their levels and lines."
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]

    struct Input: Codable, Sendable {
        @Field("The Markdown.", maxLength: 1_048_576) var text: String
    }

    struct Output: Codable, Sendable { var headings: [Document.Heading] }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        Output(headings: try Document(input.text, extensions: Set(Document.Extension.allCases)).headings())
    }
}
