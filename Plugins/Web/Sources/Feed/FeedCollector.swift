import LimenPlugin

/// Puts a feed together from its elements; a state without I/O.
final class FeedCollector: XMLReceiver {
    /// Text, and whether it is HTML.
    struct Text {
        var text: String
        var isHTML: Bool
    }

    struct Item {
        var title: Text?
        var link: String?
        var id: String?
        var isIDLink = false
        var published: String?
        var updated: String?
        var summary: Text?
        var content: Text?
        var authors: [String] = []
    }

    private enum Field { case title, link, id, published, updated, summary, content, author }

    /// What an open element is.
    private enum Place {
        case feed, item, person, other
        case field(Field, isHTML: Bool)
        /// Markup that stands in a field as it is.
        case markup
    }

    private(set) var format: Feed.Format?
    private(set) var feedTitle: Text?
    private(set) var feedLink: String?
    private(set) var items: [Item] = []
    private(set) var isDone = false
    private let itemsMax: Int
    private var places: [Place] = []
    private var item: Item?
    private var buffer: [UInt8] = []
    private var kept = 0

    init(itemsMax: Int) { self.itemsMax = itemsMax }

    func start(_ name: String, _ attributes: [String: String]) throws(PluginError) {
        let parts = name.split(separator: " ", maxSplits: 1)
        let local = String(parts.last ?? "")
        let space = parts.count == 2 ? Namespace(parts[0]) : .none
        guard let place = places.last else { return try root(space, local) }
        switch place {
        case .field, .markup:
            buffer.append(32)
            places.append(.markup)
        case .feed: places.append(inFeed(space, local, attributes))
        case .item: places.append(field(space, local, attributes))
        case .person: places.append(local == "name" ? .field(.author, isHTML: false) : .other)
        case .other: places.append(.other)
        }
        if case .field? = places.last { buffer = [] }
    }

    func end() {
        guard let place = places.popLast() else { return }
        switch place {
        case .field(let field, let isHTML): keep(field, Text(text: String(decoding: buffer, as: UTF8.self), isHTML: isHTML))
        case .item:
            if let item { items.append(item) }
            item = nil
        case .markup: buffer.append(32)
        default: break
        }
    }

    func characters(_ bytes: UnsafeBufferPointer<UInt8>) throws(PluginError) {
        switch places.last {
        case .field, .markup:
            // The rest of a long text is not needed: what is returned is shorter still.
            guard buffer.count < Limits.feedFieldBytesMax else { return }
            buffer += bytes
            kept += bytes.count
            guard kept <= Limits.feedBytesMax else {
                throw PluginError("too_large", "The feed's items have more than \(Limits.feedBytesMax) bytes of text; ask for fewer items.")
            }
        default: return
        }
    }

    // MARK: Elements

    private enum Namespace {
        case none, atom, rss1, rdf, dublinCore, content, other

        init(_ uri: Substring) {
            switch uri {
            case "http://www.w3.org/2005/Atom": self = .atom
            case "http://purl.org/rss/1.0/", "http://my.netscape.com/rdf/simple/0.9/": self = .rss1
            case "http://www.w3.org/1999/02/22-rdf-syntax-ns#": self = .rdf
            case "http://purl.org/dc/elements/1.1/": self = .dublinCore
            case "http://purl.org/rss/1.0/modules/content/": self = .content
            // Some put RSS 2.0 into a namespace that it does not have.
            case "http://backend.userland.com/rss2": self = .none
            default: self = .other
            }
        }
    }

    private func root(_ space: Namespace, _ local: String) throws(PluginError) {
        switch (space, local) {
        case (.none, "rss"): format = .rss2
        case (.rdf, "RDF"): format = .rss1
        case (.atom, "feed"): format = .atom
        default:
            let name = String(decoding: local.utf8.filter { $0 > 32 && $0 < 127 }.prefix(40), as: UTF8.self)
            throw PluginError("not_a_feed", "The document's root is <\(name)>; a feed's is <rss>, <rdf:RDF> or <feed>.")
        }
        places.append(.feed)
    }

    private func inFeed(_ space: Namespace, _ local: String, _ attributes: [String: String]) -> Place {
        switch (space, local) {
        case (.none, "channel"), (.rss1, "channel"): return .feed
        case (.none, "item"), (.rss1, "item"), (.atom, "entry"):
            guard items.count < itemsMax else {
                isDone = true
                return .other
            }
            item = Item()
            item?.id = attributes["http://www.w3.org/1999/02/22-rdf-syntax-ns# about"]
            return .item
        case (.none, "title"), (.rss1, "title"), (.none, "link"), (.rss1, "link"), (.atom, "title"), (.atom, "link"):
            return field(space, local, attributes)
        default: return .other
        }
    }

    private func field(_ space: Namespace, _ local: String, _ attributes: [String: String]) -> Place {
        let isHTML = space != .atom || ["html", "text/html"].contains(attributes["type"] ?? "text")
        switch (space, local) {
        case (.atom, "link"):
            let relation = attributes["rel"] ?? "alternate"
            if relation == "alternate" || relation.hasSuffix("/alternate"), let target = attributes["href"] { link(target) }
            return .other
        case (_, "title") where isOwn(space): return .field(.title, isHTML: isHTML)
        case (.none, "link"), (.rss1, "link"): return .field(.link, isHTML: false)
        case (.none, "guid"):
            item?.isIDLink = attributes["isPermaLink"] != "false"
            return .field(.id, isHTML: false)
        case (.atom, "id"): return .field(.id, isHTML: false)
        case (.none, "pubDate"), (.atom, "published"), (.dublinCore, "date"): return .field(.published, isHTML: false)
        case (.atom, "updated"): return .field(.updated, isHTML: false)
        case (.none, "description"), (.rss1, "description"), (.atom, "summary"): return .field(.summary, isHTML: isHTML)
        case (.content, "encoded"): return .field(.content, isHTML: true)
        // What stands elsewhere, or is no text, is not fetched and not decoded.
        case (.atom, "content") where attributes["src"] == nil && Self.textTypes.contains(attributes["type"] ?? "text"):
            return .field(.content, isHTML: isHTML)
        case (.none, "author"), (.dublinCore, "creator"): return .field(.author, isHTML: false)
        case (.atom, "author"): return .person
        default: return .other
        }
    }

    private static let textTypes: Set<String> = ["text", "html", "xhtml", "text/html", "text/plain"]

    private func isOwn(_ space: Namespace) -> Bool {
        switch space {
        case .none, .rss1, .atom: true
        default: false
        }
    }

    // MARK: Fields

    private func link(_ target: String) {
        if item == nil { feedLink = feedLink ?? target } else if item?.link == nil { item?.link = target }
    }

    private func keep(_ field: Field, _ value: Text) {
        if case .link = field { return value.text.trimmingSpaces().isEmpty ? () : link(value.text) }
        guard var entry = item else {
            if case .title = field, feedTitle == nil { feedTitle = value }
            return
        }
        // The first of several counts.
        switch field {
        case .title: entry.title = entry.title ?? value
        case .link: break
        case .id: entry.id = value.text.trimmingSpaces()
        case .published: entry.published = entry.published ?? value.text
        case .updated: entry.updated = entry.updated ?? value.text
        case .summary: entry.summary = entry.summary ?? value
        case .content: entry.content = entry.content ?? value
        case .author: if entry.authors.count < Limits.feedAuthorsMax { entry.authors.append(value.text) }
        }
        item = entry
    }
}
