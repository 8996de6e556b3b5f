import HTMLTree
import LimenPlugin

/// What a reader gets of a page.
package struct Page: Sendable, Hashable {
    /// A link of the text.
    package struct Link: Sendable, Hashable {
        package let text: String
        package let url: String
    }

    package var title: String?
    package var text = ""
    package var links: [Link] = []
    /// Whether text or links were left out for their number.
    package var isTruncated = false
}

/// Turns HTML into text: headings with `#`, lists with `-` and numbers, table cells with `|`, and the links.
package enum PageReader {
    /// Reads a page that was found at a URL; where it names its main content, that alone.
    package static func read(_ html: [UInt8], at url: WebURL, charactersMax: Int) throws -> Page {
        guard html.count <= Limits.bodyBytesMax else { throw PluginError("too_large", "The page is longer than \(Limits.bodyBytesMax) bytes.") }
        let tree = try ParsedHTML(html, tagsMax: Limits.tagsMax)
        var head = HeadVisitor()
        try tree.walk(&head)
        let base = head.base.flatMap { url.resolve($0) } ?? url
        var visitor = PageVisitor(base: base, page: url, charactersMax: charactersMax, readsMainOnly: head.hasMain)
        try tree.walk(&visitor)
        if visitor.isEmpty && head.hasMain {
            // Scripts would fill it; what else there is may still say something.
            visitor = PageVisitor(base: base, page: url, charactersMax: charactersMax, readsMainOnly: false)
            try tree.walk(&visitor)
        }
        var page = visitor.page
        let title = TextBuilder.collapsed(head.title, charactersMax: Limits.titleCharactersMax)
        page.title = title.isEmpty ? nil : title
        return page
    }

    /// The text of a fragment, such as a feed's summary.
    static func text(of html: String, at url: WebURL, charactersMax: Int) throws -> String {
        // What has no markup needs no parser.
        guard html.utf8.contains(where: { $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: "&") }) else {
            return TextBuilder.collapsed(html, charactersMax: charactersMax)
        }
        return try read(Array(html.utf8), at: url, charactersMax: charactersMax).text
    }
}

/// Finds the title, the base and whether there is main content.
struct HeadVisitor: HTMLVisitor {
    private(set) var title = ""
    private(set) var base: String?
    private(set) var hasMain = false
    private var isInTitle = false
    private var isDone = false

    mutating func open(_ element: Element) -> Bool? {
        guard element.isHTML, element.name != "template" else { return nil }
        if Boilerplate.isMain(element) { hasMain = true }
        switch element.name {
        case "title" where !isDone: isInTitle = true
        case "base" where base == nil: base = element.attributes.first { $0.name == "href" }?.value
        default: break
        }
        return isInTitle
    }

    mutating func close(_ closing: Bool) {
        guard closing else { return }
        isInTitle = false
        isDone = true
    }

    mutating func text(_ text: String) { if isInTitle { title += text } }
    mutating func comment() {}
}
