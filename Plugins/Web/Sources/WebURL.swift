/// An absolute http or https URL without a fragment, in the characters that URLs have.
///
/// It only puts references together (RFC 3986, 5.2); what may be asked for is the proxy's to judge, which reads the text anew.
package struct WebURL: Sendable, Hashable, CustomStringConvertible {
    /// `http` or `https`.
    package let scheme: String
    /// Host and port, as written.
    package let authority: String
    /// Begins with a slash.
    package let path: String
    /// With its question mark; empty when there is none.
    package let query: String

    /// The URL as text.
    package var description: String { "\(scheme)://\(authority)\(path)\(query)" }
    /// The authority without its port.
    package var host: String { authority.hasPrefix("[") ? authority : String(authority.prefix { $0 != ":" }) }

    /// Reads an absolute URL; nil for anything else.
    package init?(_ text: String) {
        let reference = Reference(text)
        guard let scheme = reference.scheme, ["http", "https"].contains(scheme) else { return nil }
        guard let authority = reference.authority, !authority.isEmpty else { return nil }
        self.init(scheme: scheme, authority: authority, path: reference.path, query: reference.query)
    }

    private init(scheme: String, authority: String, path: String, query: String) {
        self.scheme = scheme
        self.authority = authority
        self.path = WebURL.withoutDots(path.hasPrefix("/") ? path : "/" + path)
        self.query = query
    }

    /// The URL that a link on this page leads to; nil when it is none of http or https, or leads nowhere else.
    package func resolve(_ text: String) -> WebURL? {
        guard text.utf8.count <= Limits.urlBytesMax else { return nil }
        let reference = Reference(text)
        if let scheme = reference.scheme {
            guard ["http", "https"].contains(scheme), let authority = reference.authority, !authority.isEmpty else { return nil }
            return WebURL(scheme: scheme, authority: authority, path: reference.path, query: reference.query)
        }
        if let authority = reference.authority {
            return authority.isEmpty ? nil : WebURL(scheme: scheme, authority: authority, path: reference.path, query: reference.query)
        }
        if reference.path.isEmpty {
            return WebURL(scheme: scheme, authority: authority, path: path, query: reference.query.isEmpty ? query : reference.query)
        }
        let folder = path.prefix(upTo: path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)
        return WebURL(
            scheme: scheme, authority: authority, path: reference.path.hasPrefix("/") ? reference.path : folder + reference.path,
            query: reference.query)
    }

    /// RFC 3986, 5.2.4.
    private static func withoutDots(_ path: String) -> String {
        var parts: [Substring] = []
        let all = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, part) in all.enumerated() {
            let isLast = index == all.count - 1
            switch part.lowercased() {
            case ".", "%2e": if isLast { parts.append("") }
            case "..", ".%2e", "%2e.", "%2e%2e":
                _ = parts.popLast()
                if isLast { parts.append("") }
            default: parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// The parts of a reference (RFC 3986, appendix B), its fragment cut off.
    private struct Reference {
        var scheme: String?
        var authority: String?
        var path = ""
        var query = ""

        init(_ text: String) {
            var rest = Substring(Reference.written(text))
            rest = rest.prefix { $0 != "#" }
            if let colon = rest.firstIndex(of: ":"), Reference.isScheme(rest[..<colon]) {
                scheme = rest[..<colon].lowercased()
                rest = rest[rest.index(after: colon)...]
            }
            if let mark = rest.firstIndex(of: "?") {
                query = String(rest[mark...])
                rest = rest[..<mark]
            }
            if rest.hasPrefix("//") {
                rest = rest.dropFirst(2)
                let end = rest.firstIndex(of: "/") ?? rest.endIndex
                authority = rest[..<end].lowercased()
                rest = rest[end...]
            }
            path = String(rest)
        }

        private static func isScheme(_ text: Substring) -> Bool {
            guard let first = text.utf8.first, (97...122).contains(first | 0x20) else { return false }
            return text.utf8.allSatisfy { (97...122).contains($0 | 0x20) || (48...57).contains($0) || [43, 45, 46].contains($0) }
        }

        /// As browsers read an attribute: spaces at both ends and line breaks inside go, and what no URL holds is written in percents.
        private static func written(_ text: String) -> String {
            let hex = Array("0123456789ABCDEF".utf8)
            var out: [UInt8] = []
            for byte in text.trimmingSpaces().utf8 {
                switch byte {
                case 9, 10, 13: continue
                case 0...32, 127..., 34, 60, 62, 92, 94, 96, 123, 124, 125: out += [37, hex[Int(byte >> 4)], hex[Int(byte & 15)]]
                default: out.append(byte)
                }
            }
            return String(decoding: out, as: UTF8.self)
        }
    }
}
