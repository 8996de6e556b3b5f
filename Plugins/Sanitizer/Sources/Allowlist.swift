/// What may stay. Everything else goes: elements lose their tags, those of `withContent` their content too.
enum Allowlist {
    static let elements: Set<String> = [
        "a", "abbr", "b", "bdi", "bdo", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "del", "details", "dfn", "div",
        "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "mark", "ol", "p", "pre",
        "q", "rp", "rt", "ruby", "s", "samp", "section", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot",
        "th", "thead", "time", "tr", "u", "ul", "var", "wbr",
    ]

    static let void: Set<String> = ["br", "col", "hr", "img", "wbr"]

    /// Elements whose content is not text for readers, or is parsed by other rules.
    static let withContent: Set<String> = [
        "applet", "audio", "base", "canvas", "embed", "frame", "frameset", "head", "iframe", "link", "listing", "math", "meta", "noembed",
        "noframes", "noscript", "object", "param", "plaintext", "script", "select", "source", "style", "svg", "template", "textarea", "title",
        "track", "video", "xmp",
    ]

    enum Rule {
        case anyText
        case oneOf(Set<String>)
        case integer(ClosedRange<Int>)
        case token(prefix: String)
        case link
        case identifier
        case flag
    }

    static func rule(_ element: String, _ attribute: String) -> Rule? {
        switch (element, attribute) {
        case (_, "title"), (_, "lang"), ("time", "datetime"): .anyText
        case (_, "dir"): .oneOf(["ltr", "rtl", "auto"])
        case (_, "id"): .identifier
        case ("a", "href"): .link
        case ("code", "class"): .token(prefix: "language-")
        case ("td", "align"), ("th", "align"), ("tr", "align"): .oneOf(["left", "right", "center"])
        case ("th", "scope"): .oneOf(["row", "col", "rowgroup", "colgroup"])
        case ("td", "colspan"), ("th", "colspan"), ("td", "rowspan"), ("th", "rowspan"), ("col", "span"), ("colgroup", "span"): .integer(1...1_000)
        case ("ol", "start"), ("li", "value"): .integer(-1_000_000...1_000_000)
        case ("ol", "reversed"), ("details", "open"): .flag
        case ("img", "alt"): .anyText
        case ("img", "width"), ("img", "height"): .integer(1...4_096)
        default: nil
        }
    }
}

/// Decides about links.
enum LinkPolicy {
    /// The link to write, or nil and the scheme that was refused.
    static func accepted(_ value: String, schemes: Set<String>) -> (link: String?, scheme: String) {
        // As the URL standard does before it looks for a scheme: outer controls and spaces go, inner tabs and line breaks too.
        let scalars = value.unicodeScalars.filter { $0.value != 9 && $0.value != 10 && $0.value != 13 }
        let trimmed = scalars.drop { $0.value <= 32 }.reversed().drop { $0.value <= 32 }.reversed()
        var link = String.UnicodeScalarView()
        link.append(contentsOf: trimmed)
        let text = String(link)
        guard text.utf8.count <= Limits.urlBytesMax, !text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) else {
            return (nil, "malformed")
        }
        if text.first == "#" { return (identifier(String(text.dropFirst())).map { "#" + $0 }, "fragment") }
        guard let colon = text.firstIndex(of: ":") else { return (nil, "relative") }
        let scheme = text[..<colon].lowercased()
        guard !scheme.isEmpty, scheme.utf8.allSatisfy({ isSchemeByte($0) }) else { return (nil, "relative") }
        return (schemes.contains(scheme) ? text : nil, scheme)
    }

    /// An id that cannot collide with the page's own, or nil.
    static func identifier(_ value: String) -> String? {
        let isPlain = value.utf8.allSatisfy { isSchemeByte($0) || $0 == UInt8(ascii: "_") || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        guard !value.isEmpty, value.utf8.count <= 64, isPlain else { return nil }
        return value.hasPrefix("user-content-") ? value : "user-content-" + value
    }

    private static func isSchemeByte(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }
}
