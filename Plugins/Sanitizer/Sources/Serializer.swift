import HTMLTree
import LimenPlugin

/// Writes the allowed part of a tree as HTML that parses back to the same.
///
/// Only HTML elements of the allowlist are written, every one closed, every attribute quoted, every `&`, `<`, `>` and quote of text
/// escaped; no comment, no raw-text element and no foreign content ever is. So a second parse has nothing to reinterpret.
struct Serializer: HTMLVisitor {
    /// What ends an element that was opened.
    enum Closing {
        case nothing
        case tag(String)
    }

    private let allowsImages: Bool
    private(set) var html = ""
    private(set) var removed: [String: Int] = [:]
    private var depth = 0
    private var isAtPreStart = false

    init(allowsImages: Bool) {
        self.allowsImages = allowsImages
    }

    /// Nil skips the element's content.
    mutating func open(_ element: Element) throws -> Closing? {
        guard element.isHTML, !Allowlist.withContent.contains(element.name) else {
            // The parser makes an empty head for every fragment: that is not worth a report.
            if element.name != "head" || !element.isHTML { dropped("element", element.name) }
            return nil
        }
        switch element.name {
        case "html", "body":
            for attribute in element.attributes { dropped("attribute", attribute.name) }
            return .nothing
        case "input": try checkbox(element)
        case "img": try image(element)
        case let name where !Allowlist.elements.contains(name) || depth >= Limits.depthMax:
            dropped("element", name)
            return .nothing
        default: return try write(element)
        }
        return nil
    }

    mutating func close(_ closing: Closing) {
        guard case .tag(let name) = closing else { return }
        html += "</\(name)>"
        depth -= 1
        isAtPreStart = false
    }

    mutating func text(_ text: String) throws {
        // A parser drops the first line break of a pre element.
        if isAtPreStart, text.utf8.first == UInt8(ascii: "\n") { html += "\n" }
        isAtPreStart = false
        html += escaped(text)
        try checkSize()
    }

    mutating func comment() { dropped("comment", "") }

    private mutating func dropped(_ kind: String, _ name: String) {
        let plain = String(decoding: name.utf8.filter { $0 > 32 && $0 < 127 }.prefix(Limits.nameBytesMax), as: UTF8.self)
        let key = plain.isEmpty ? kind : "\(kind) \(plain)"
        guard removed[key] != nil || removed.count < Limits.reportsMax else {
            removed["others", default: 0] += 1
            return
        }
        removed[key, default: 0] += 1
    }

    private mutating func write(_ element: Element) throws -> Closing? {
        html += "<" + element.name
        for attribute in element.attributes { write(attribute, of: element.name) }
        if element.name == "a" { html += #" rel="nofollow noopener noreferrer""# }
        html += ">"
        try checkSize()
        if Allowlist.void.contains(element.name) { return nil }
        depth += 1
        isAtPreStart = element.name == "pre"
        return .tag(element.name)
    }

    private mutating func write(_ attribute: (name: String, value: String), of element: String) {
        guard attribute.value.utf8.count <= Limits.attributeBytesMax, let rule = Allowlist.rule(element, attribute.name),
            let value = allowed(attribute.value, rule)
        else { return dropped("attribute", attribute.name) }
        html += " \(attribute.name)=\"\(escaped(value))\""
    }

    private mutating func allowed(_ value: String, _ rule: Allowlist.Rule) -> String? {
        switch rule {
        case .anyText: return value
        case .flag: return ""
        case .oneOf(let values): return values.contains(value.lowercased()) ? value.lowercased() : nil
        case .integer(let range): return Int(value).flatMap { range.contains($0) ? String($0) : nil }
        case .identifier: return LinkPolicy.identifier(value)
        case .token(let prefix):
            let isPlain = value.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "\"") }
            return value.hasPrefix(prefix) && isPlain && value.utf8.count <= 64 ? value : nil
        case .link:
            let (link, scheme) = LinkPolicy.accepted(value, schemes: ["http", "https", "mailto"])
            if link == nil { dropped("link", scheme) }
            return link
        }
    }

    /// A task list's box becomes a character.
    private mutating func checkbox(_ element: Element) throws {
        guard element.attributes.contains(where: { $0.name == "type" && $0.value.lowercased() == "checkbox" }) else {
            return dropped("element", "input")
        }
        try text(element.attributes.contains { $0.name == "checked" } ? "☑" : "☐")
    }

    private mutating func image(_ element: Element) throws {
        let source = element.attributes.first { $0.name == "src" }?.value ?? ""
        guard allowsImages, depth < Limits.depthMax, let link = LinkPolicy.accepted(source, schemes: ["https"]).link else {
            dropped("element", "img")
            return try text(element.attributes.first { $0.name == "alt" }?.value ?? "")
        }
        html += "<img src=\"\(escaped(link))\" referrerpolicy=\"no-referrer\" loading=\"lazy\""
        for attribute in element.attributes where attribute.name != "src" { write(attribute, of: "img") }
        html += ">"
        try checkSize()
    }

    private func checkSize() throws {
        guard html.utf8.count <= Limits.outputBytesMax else {
            throw PluginError("too_large", "The sanitised HTML would be longer than \(Limits.outputBytesMax) bytes.")
        }
    }

    private func escaped(_ text: String) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): result += "&amp;".utf8
            case UInt8(ascii: "<"): result += "&lt;".utf8
            case UInt8(ascii: ">"): result += "&gt;".utf8
            case UInt8(ascii: "\""): result += "&quot;".utf8
            case UInt8(ascii: "'"): result += "&#39;".utf8
            case UInt8(ascii: "`"): result += "&#96;".utf8
            case 0: break
            default: result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
