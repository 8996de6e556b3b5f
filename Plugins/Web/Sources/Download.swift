import LimenPlugin

/// What a server answered.
struct Download {
    /// The address that answered.
    let url: WebURL
    let status: Int
    let type: MediaType
    let body: [UInt8]

    /// Asks for a URL. Redirects are followed here, one request each, because the caller wants to know where the page was found; the proxy judges
    /// every one of them as if it had been asked for.
    static func get(_ text: String, accept: String, followsRedirects: Bool, _ context: ToolContext) async throws -> Download {
        guard text.utf8.count <= Limits.urlBytesMax, var url = WebURL(text) else {
            throw PluginError("invalid_url", "The address is no absolute http or https URL.")
        }
        var visited: Set<String> = []
        while true {
            let reply = try await ask(FetchRequest(url.description, headers: ["accept": accept], maxResponseBytes: Limits.bodyBytesMax), context)
            guard followsRedirects, [301, 302, 303, 307, 308].contains(reply.status), let location = reply.headers["location"] else {
                return Download(url: url, status: reply.status, type: MediaType(reply.headers["content-type"] ?? ""), body: reply.body)
            }
            visited.insert(url.description)
            url = try next(url, location, visited)
        }
    }

    private static func next(_ url: WebURL, _ location: String, _ visited: Set<String>) throws(PluginError) -> WebURL {
        func refused(_ why: String) -> PluginError { PluginError("bad_redirect", "\(url.host) redirects \(why).") }
        guard visited.count <= Limits.redirectsMax else { throw refused("more than \(Limits.redirectsMax) times") }
        guard let next = url.resolve(location) else { throw refused("to what is no http or https URL") }
        guard url.scheme == "http" || next.scheme == "https" else { throw refused("from https to http") }
        guard !visited.contains(next.description) else { throw refused("in a circle") }
        return next
    }

    /// A stranger's server that is slow says nothing about this tool, so its time-out must not count against the tool's breaker.
    private static func ask(_ request: FetchRequest, _ context: ToolContext) async throws -> FetchResponse {
        do {
            return try await context.fetch(request)
        } catch let error as PluginError where error.code == "timed_out" {
            throw PluginError("unreachable", error.message)
        }
    }
}

/// A `Content-Type`.
struct MediaType {
    enum Kind { case html, text, xml, none }

    /// In small letters, without parameters; empty when there is none.
    let name: String
    let charset: String?

    init(_ field: String) {
        let parts = field.split(separator: ";", omittingEmptySubsequences: false).map { $0.trimmingSpaces() }
        name = String(parts.first?.lowercased().prefix(100) ?? "")
        charset =
            parts.dropFirst().lazy.compactMap { part -> String? in
                let pair = part.split(separator: "=", maxSplits: 1)
                guard pair.count == 2, pair[0].trimmingSpaces().lowercased() == "charset" else { return nil }
                return pair[1].trimmingSpaces().filter { $0 != "\"" && $0 != "'" }.lowercased()
            }.first
    }

    var kind: Kind {
        switch name {
        case "text/html", "application/xhtml+xml": .html
        case "application/json", "text/plain", "text/markdown", "text/csv", "application/x-ndjson": .text
        case "text/xml", "application/xml": .xml
        case _ where name.hasSuffix("+json"): .text
        case _ where name.hasSuffix("+xml") && name != "image/svg+xml": .xml
        default: .none
        }
    }

    /// For a sentence.
    var shown: String { name.isEmpty ? "of no type" : name.filter { $0.isASCII && !$0.isWhitespace } }
}

extension StringProtocol {
    /// Without ASCII white space at both ends.
    func trimmingSpaces() -> String {
        let isSpace: (UInt8) -> Bool = { $0 == 32 || (9...13).contains($0) }
        let bytes = Array(utf8.drop(while: isSpace))
        let count = bytes.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? 0
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
