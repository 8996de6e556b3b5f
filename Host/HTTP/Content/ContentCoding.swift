/// How a reply's content is coded (RFC 9110, 8.4).
package enum ContentCoding: String, Sendable, Hashable {
    case identity
    case gzip

    /// Chooses by the client's Accept-Encoding (12.5.3).
    ///
    /// A client that names nothing, or nothing that can be read, gets the content as it is: it may be a tool that knows no coding.
    /// - Returns: nil when the client takes neither gzip nor the content as it is (406).
    package static func negotiate(_ headers: HTTPHeaders) -> ContentCoding? {
        let values = headers.values("Accept-Encoding")
        guard !values.isEmpty, values.reduce(0, { $0 + $1.utf8.count }) <= ContentLimits.acceptEncodingBytesMax else { return .identity }
        var weights: [String: Int] = [:]
        for element in headers.list("Accept-Encoding").prefix(ContentLimits.codingsMax) {
            guard let (name, weight) = ContentCoding.element(element) else { return .identity }
            weights[name] = weight
        }
        let gzip = weights["gzip"] ?? weights["x-gzip"] ?? weights["*"] ?? 0
        // As it is, content is always welcome but where it is refused by name, or by a star that nothing softens.
        let identity = weights["identity"] ?? (weights["*"] == 0 ? 0 : 1)
        if gzip > 0 && gzip >= identity { return .gzip }
        return identity > 0 ? .identity : nil
    }

    /// One coding, in lower case, with its weight in thousandths.
    private static func element(_ text: String) -> (String, Int)? {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false).map { HTTPHeaders.trimmed($0).lowercased() }
        guard let name = parts.first, parts.count <= 2, !name.isEmpty, name.utf8.allSatisfy({ Characters.isToken($0) }) else { return nil }
        guard parts.count == 2 else { return (name, 1000) }
        guard parts[1].hasPrefix("q="), let weight = QualityValue.thousandths(parts[1].dropFirst(2)) else { return nil }
        return (name, weight)
    }
}
