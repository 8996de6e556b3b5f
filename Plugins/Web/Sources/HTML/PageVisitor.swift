import HTMLTree

/// Writes a page's text while its tree is walked.
struct PageVisitor: HTMLVisitor {
    /// An element that is open.
    struct Open {
        let name: String
        let breaks: Int
        var isMain = false
        var isArticle = false
    }

    /// A list, a row and so on that is open.
    private enum List {
        case bullets
        case numbers(next: Int)
    }

    private let base: WebURL
    private let here: WebURL
    private let readsMainOnly: Bool
    private var builder: TextBuilder
    private var links: [Page.Link] = []
    private var hasMoreLinks = false
    private var lists: [List] = []
    /// Cells that were begun in each open row.
    private var cells: [Int] = []
    private var anchor: (url: WebURL, text: TextBuilder)?
    private var mainDepth = 0
    private var articleDepth = 0
    private var preDepth = 0

    init(base: WebURL, page: WebURL, charactersMax: Int, readsMainOnly: Bool) {
        (self.base, here, self.readsMainOnly) = (base, page, readsMainOnly)
        builder = TextBuilder(charactersMax: charactersMax)
    }

    var isEmpty: Bool { builder.bytes.isEmpty }
    var page: Page { Page(title: nil, text: builder.text, links: links, isTruncated: builder.isFull || hasMoreLinks) }

    private var isReading: Bool { !readsMainOnly || mainDepth > 0 }

    mutating func open(_ element: Element) throws -> Open? {
        guard !builder.isFull, element.name != "head" else { return nil }
        let isMain = Boilerplate.isMain(element)
        guard isMain || !Boilerplate.skips(element, isInArticle: articleDepth > 0 || mainDepth > 0) else { return nil }
        var open = Open(name: element.name, breaks: Layout.breaks(element.name), isMain: isMain)
        open.isArticle = element.name == "article"
        if isMain { mainDepth += 1 }
        if open.isArticle { articleDepth += 1 }
        guard isReading else { return open }
        begin(element, open)
        return open
    }

    mutating func close(_ open: Open) {
        if isReading { end(open) }
        if open.isMain { mainDepth -= 1 }
        if open.isArticle { articleDepth -= 1 }
    }

    mutating func text(_ text: String) {
        guard isReading else { return }
        if preDepth > 0 { builder.appendPreformatted(text) } else { builder.append(text) }
        anchor?.text.append(text)
    }

    mutating func comment() {}

    private mutating func begin(_ element: Element, _ open: Open) {
        if open.breaks > 0 { builder.lineBreak(listBreaks(open)) }
        switch open.name {
        case "br": builder.lineBreak(1)
        case "a": beginLink(element)
        case "img":
            // A picture that is a link's whole content names it.
            if anchor != nil, let alt = element.attributes.first(where: { $0.name == "alt" })?.value { text(alt) }
        case "ul", "dir": lists.append(.bullets)
        case "ol": lists.append(.numbers(next: element.attributes.first { $0.name == "start" }.flatMap { Int($0.value) } ?? 1))
        case "li": beginItem()
        case "blockquote": builder.beginLine(with: "> ")
        case "pre", "listing", "xmp": preDepth += 1
        case "tr": cells.append(0)
        case "td", "th": beginCell()
        case "q": builder.append("“")
        default:
            let level = Layout.headingLevel(open.name)
            if level > 0 { builder.beginLine(with: String(repeating: "#", count: level) + " ") }
        }
    }

    private mutating func end(_ open: Open) {
        switch open.name {
        case "a": endLink()
        case "ul", "ol", "dir": _ = lists.popLast()
        case "pre", "listing", "xmp": preDepth -= 1
        case "tr": _ = cells.popLast()
        case "q": builder.append("”")
        case "li", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6": builder.dropPrefix()
        default: break
        }
        if open.breaks > 0 { builder.lineBreak(listBreaks(open)) }
    }

    /// An outer list stands by itself, a list in a list does not; what stands in a cell does not tear the row apart.
    private func listBreaks(_ open: Open) -> Int {
        switch open.name {
        case "ul", "ol", "dir": lists.isEmpty && cells.isEmpty ? 2 : 1
        case "p" where !lists.isEmpty || !cells.isEmpty, "table" where !cells.isEmpty: 1
        default: open.breaks
        }
    }

    private mutating func beginItem() {
        let indentation = String(repeating: "  ", count: min(max(lists.count - 1, 0), Limits.indentationMax))
        guard case .numbers(let next)? = lists.last else { return builder.beginLine(with: indentation + "- ") }
        lists[lists.count - 1] = .numbers(next: next &+ 1)
        builder.beginLine(with: "\(indentation)\(next). ")
    }

    private mutating func beginCell() {
        guard let begun = cells.last else { return }
        // Tables are also used to lay pages out: a cell begins with a bar only where the row has said something.
        if begun > 0 && !builder.isAtLineStart { builder.append(" | ") }
        cells[cells.count - 1] = begun + 1
    }

    private mutating func beginLink(_ element: Element) {
        anchor = nil
        guard let href = element.attributes.first(where: { $0.name == "href" })?.value, let url = base.resolve(href) else { return }
        // A link within the page leads nowhere else.
        guard !(url == here && href.utf8.contains(UInt8(ascii: "#"))) else { return }
        anchor = (url, TextBuilder(charactersMax: Limits.linkTextCharactersMax))
    }

    private mutating func endLink() {
        guard let (url, text) = anchor else { return }
        anchor = nil
        let link = Page.Link(text: text.text, url: url.description)
        guard !builder.isFull, !(link.text.isEmpty && links.last?.url == link.url) else { return }
        guard links.count < Limits.linksMax else { return hasMoreLinks = true }
        links.append(link)
    }
}
