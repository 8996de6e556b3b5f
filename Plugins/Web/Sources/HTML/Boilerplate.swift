import HTMLTree

/// What of a page is not for its readers.
enum Boilerplate {
    /// Elements that are never read: code, media, controls, and ways to elsewhere.
    private static let skipped: Set<String> = [
        "applet", "area", "audio", "button", "canvas", "datalist", "dialog", "embed", "frame", "frameset", "iframe", "input", "link", "map", "math",
        "menu", "meter", "nav", "noembed", "noframes", "noscript", "object", "optgroup", "option", "param", "progress", "script", "select", "source",
        "style", "svg", "template", "textarea", "track", "video",
    ]

    /// Frames around the content, unless they belong to an article or a section.
    private static let frames: Set<String> = ["aside", "footer"]

    private static let skippedRoles: Set<String> = [
        "alert", "alertdialog", "banner", "complementary", "contentinfo", "dialog", "menu", "menubar", "navigation", "search", "tablist", "toolbar",
        "tooltip",
    ]

    static func skips(_ element: Element, isInArticle: Bool) -> Bool {
        guard element.isHTML, !skipped.contains(element.name) else { return true }
        if !isInArticle && frames.contains(element.name) { return true }
        for (name, value) in element.attributes {
            switch name {
            case "hidden": if value.lowercased() != "until-found" { return true }
            case "aria-hidden": if value.lowercased() == "true" { return true }
            case "role": if skippedRoles.contains(value.trimmingSpaces().lowercased()) { return true }
            case "style": if isHiding(value) { return true }
            default: continue
            }
        }
        return false
    }

    static func isMain(_ element: Element) -> Bool {
        element.isHTML && (element.name == "main" || element.attributes.contains { $0.name == "role" && $0.value.lowercased() == "main" })
    }

    private static func isHiding(_ style: String) -> Bool {
        let plain = style.lowercased().filter { !$0.isWhitespace }
        return plain.contains("display:none") || plain.contains("visibility:hidden")
    }
}

/// Elements that stand on lines of their own.
enum Layout {
    /// Line breaks around an element: 2 leave an empty line, 0 is for what stands in the line.
    static func breaks(_ name: String) -> Int {
        switch name {
        case "p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "table", "figure", "hr", "dl", "article", "section": 2
        case "address", "aside", "body", "caption", "center", "dd", "details", "dir", "div", "dt", "fieldset", "figcaption", "footer", "form",
            "header", "hgroup", "html", "legend", "li", "listing", "main", "ol", "summary", "tbody", "tfoot", "thead", "tr", "ul", "xmp":
            1
        default: 0
        }
    }

    /// 1 to 6; 0 for what is no heading.
    static func headingLevel(_ name: String) -> Int {
        let bytes = Array(name.utf8)
        guard bytes.count == 2, bytes[0] == UInt8(ascii: "h"), (UInt8(ascii: "1")...UInt8(ascii: "6")).contains(bytes[1]) else { return 0 }
        return Int(bytes[1] - UInt8(ascii: "0"))
    }
}
