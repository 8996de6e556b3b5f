import LimenPlugin

/// A feed as callers get it.
package struct Feed: Sendable, Hashable {
    package enum Format: String, Sendable { case rss2, rss1, atom }

    package struct Item: Sendable, Hashable {
        package var title = ""
        package var link: String?
        package var id: String?
        package var published: String?
        package var summary = ""
        package var authors: [String] = []
    }

    package var format: Format
    package var title = ""
    package var link: String?
    package var items: [Item] = []
    /// Whether items were left out for their number.
    package var isTruncated = false
}

/// Reads RSS 2.0, RSS 1.0 and Atom.
package enum FeedReader {
    /// Reads a feed that was found at a URL; `check` is asked now and then whether to go on.
    package static func read(_ bytes: [UInt8], charset: String?, at url: WebURL, itemsMax: Int, _ check: () throws -> Void = {}) throws -> Feed {
        guard bytes.count <= Limits.bodyBytesMax else { throw PluginError("too_large", "The feed is longer than \(Limits.bodyBytesMax) bytes.") }
        let collector = FeedCollector(itemsMax: min(itemsMax, Limits.feedItemsMax))
        // Some feeds begin with an empty line, which XML does not have before its declaration.
        let start = bytes.firstIndex { $0 != 32 && !(9...13).contains($0) } ?? bytes.startIndex
        try XMLParser(charset: charset.flatMap(name), collector).parse(Array(bytes[start...]), check)
        guard let format = collector.format else { throw PluginError("not_parsed", "The feed is empty.") }
        var feed = Feed(format: format, isTruncated: collector.isDone)
        feed.title = try text(collector.feedTitle, url, Limits.titleCharactersMax)
        feed.link = link(collector.feedLink, url)
        for raw in collector.items {
            try check()
            feed.items.append(try item(raw, url))
        }
        return feed
    }

    /// What the header says goes before what the document says (RFC 7303, 3.2), if it is known at all.
    private static func name(_ label: String) -> String? {
        switch Charset(label: label) {
        case .utf8: "UTF-8"
        case .windows1252: "windows-1252"
        case nil: nil
        }
    }

    private static func item(_ raw: FeedCollector.Item, _ url: WebURL) throws -> Feed.Item {
        var item = Feed.Item()
        item.title = try text(raw.title, url, Limits.titleCharactersMax)
        item.link = link(raw.link ?? (raw.isIDLink ? raw.id : nil), url)
        item.id = raw.id.map { plain($0, Limits.titleCharactersMax) }.flatMap { $0.isEmpty ? nil : $0 }
        item.published = (raw.published ?? raw.updated).flatMap(FeedDate.rfc3339)
        item.summary = try text(raw.summary ?? raw.content, url, Limits.feedSummaryCharactersMax)
        for author in raw.authors {
            let name = person(plain(author, Limits.feedNameCharactersMax))
            if !name.isEmpty && !item.authors.contains(name) && item.authors.count < Limits.feedAuthorsMax { item.authors.append(name) }
        }
        return item
    }

    private static func text(_ field: FeedCollector.Text?, _ url: WebURL, _ charactersMax: Int) throws -> String {
        guard let field else { return "" }
        return field.isHTML ? try PageReader.text(of: field.text, at: url, charactersMax: charactersMax) : plain(field.text, charactersMax)
    }

    private static func plain(_ text: String, _ charactersMax: Int) -> String { TextBuilder.collapsed(text, charactersMax: charactersMax) }

    private static func link(_ text: String?, _ url: WebURL) -> String? {
        guard let text, !text.trimmingSpaces().isEmpty else { return nil }
        return url.resolve(text)?.description
    }

    /// RSS has `ada@example.org (Ada Lovelace)`.
    private static func person(_ text: String) -> String {
        guard text.hasSuffix(")"), text.contains("@"), let open = text.firstIndex(of: "(") else { return text }
        return text[text.index(after: open)...].dropLast().trimmingSpaces()
    }
}
