import Crypto
import JSON

/// What a share link shows, as a page for whoever opens it in a browser: no script, nothing from elsewhere, and all that a person or a model wrote is text.
///
/// A citation has one place, the list of sources below its message; its number in the text is a link there (CHAT-7).
struct SharePage {
    private let title: String
    private let messages: [JSONValue]
    private let next: String?

    /// - Parameters:
    ///   - messages: Of the contract's shape, as the link's JSON has them.
    ///   - next: What leads to the next page, of the query; nil at the end.
    init(title: String, messages: [JSONValue], next: String?) { (self.title, self.messages, self.next) = (title, messages, next) }

    /// Allows the page's own style and nothing else: no script runs even if one got in.
    static let policy =
        "default-src 'none'; style-src 'sha256-\(Base64URL.encode(SHA256.hash(style).bytes))='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    static let style = """
        :root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}
        article{border-top:1px solid;padding:.75rem 0}h2{font-size:1rem;margin:0}pre{overflow-x:auto;padding:.75rem;border:1px solid}
        .text{white-space:pre-wrap;overflow-wrap:anywhere}li:target{outline:2px solid;outline-offset:.25rem}blockquote{margin:.25rem 0}
        """

    var html: [UInt8] {
        var out = "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
        out += "<meta name=\"robots\" content=\"noindex\"><title>\(Self.escaped(title))</title><style>\(Self.style)</style></head><body><main>"
        out += "<h1>\(Self.escaped(title.isEmpty ? "A conversation" : title))</h1>"
        for message in messages { out += Self.article(message) }
        if let next { out += "<p><a rel=\"next\" href=\"?\(Self.escaped(next))\">More</a></p>" }
        return Array((out + "</main></body></html>").utf8)
    }

    private static func article(_ message: JSONValue) -> String {
        let number = message["seq"]?.intValue ?? 0
        let parts = message["content_struct"]?["segments"]?.arrayValue ?? []
        var sources: [Int: JSONValue] = [:]
        for part in parts where part["type"] == "citation" { if let index = part["index"]?.intValue { sources[index] = part } }
        var out = "<article id=\"m\(number)\"><h2>\(escaped(message["role"]?.stringValue ?? ""))</h2>"
        for part in parts {
            switch part["type"]?.stringValue {
            case "text": out += "<div class=\"text\">\(linked(part["text"]?.stringValue ?? "", number, sources))</div>"
            case "code": out += "<pre><code>\(escaped(part["text"]?.stringValue ?? ""))</code></pre>"
            case "tool_call":
                out += "<p><em>used \(escaped(part["tool"]?.stringValue ?? "")) (\(escaped(part["outcome"]?.stringValue ?? "")))</em></p>"
            case "attachment": out += "<p><em>\(escaped(part["name"]?.stringValue ?? "a file"))</em></p>"
            case "redaction": out += "<p><em>[removed]</em></p>"
            default: break
            }
        }
        // A message whose beginning alone was stored has text and no parts.
        if parts.isEmpty { out += "<div class=\"text\">\(escaped(message["content"]?.stringValue ?? ""))</div>" }
        if message["truncated"]?.boolValue == true { out += "<p><em>This answer was cut off.</em></p>" }
        if !sources.isEmpty {
            out += "<ol class=\"sources\">"
            for (index, source) in sources.sorted(by: { $0.key < $1.key }) {
                out += "<li id=\"m\(number)-s\(index)\" value=\"\(index)\"><cite>\(escaped(source["title"]?.stringValue ?? "source"))</cite>"
                if let text = source["text"]?.stringValue { out += "<blockquote>\(escaped(text))</blockquote>" }
                out += "</li>"
            }
            out += "</ol>"
        }
        return out + "</article>"
    }

    /// Text whose `[1]` leads to its source, where there is one.
    private static func linked(_ text: String, _ message: Int, _ sources: [Int: JSONValue]) -> String {
        guard !sources.isEmpty else { return escaped(text) }
        var out = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "[") {
            out += escaped(rest[..<open])
            let digits = rest[rest.index(after: open)...].prefix(4).prefix { $0.isASCII && $0.isNumber }
            guard digits.endIndex < rest.endIndex, rest[digits.endIndex] == "]", let index = Int(digits), sources[index] != nil else {
                out += "["
                rest = rest[rest.index(after: open)...]
                continue
            }
            out += "<a class=\"citation\" href=\"#m\(message)-s\(index)\">[\(index)]</a>"
            rest = rest[rest.index(after: digits.endIndex)...]
        }
        return out + escaped(rest)
    }

    /// Text that is text in an element and in a quoted attribute.
    private static func escaped(_ text: some StringProtocol) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "'": out += "&#39;"
            // A line that ends as on other systems ends once.
            case "\r": continue
            // Text that runs the other way stays within its element; other control characters are no text.
            case _ where scalar.value < 0x20 && scalar != "\n" && scalar != "\t": out += "\u{FFFD}"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
