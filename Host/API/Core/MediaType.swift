import HTTP

/// A media type that some route can produce.
package enum MediaType: String, Sendable, CaseIterable {
    case json = "application/json"
    case events = "text/event-stream"
    case html = "text/html"
    case plain = "text/plain"
    /// One JSON value a line.
    case lines = "application/x-ndjson"

    private var parts: (type: Substring, subtype: Substring) {
        let split = rawValue.split(separator: "/")
        return (split[0], split[1])
    }

    /// Chooses what to send by the client's `Accept` (RFC 9110, 12.5.1).
    /// - Parameter produced: What the route makes, its own preference first; must not be empty.
    /// - Returns: nil when the client accepts none of it (406).
    package static func negotiate(accept: String?, produced: [MediaType]) -> MediaType? {
        guard let accept, !accept.allSatisfy({ $0 == " " }) else { return produced.first }
        guard accept.utf8.count <= Limits.acceptBytesMax else { return nil }
        let ranges = accept.split(separator: ",").prefix(Limits.acceptRangesMax).compactMap(MediaRange.init)
        var best: (type: MediaType, quality: Int)?
        for type in produced {
            let match = ranges.filter { $0.matches(type.parts) }.max { $0.specificity < $1.specificity }
            guard let match, match.quality > 0 else { continue }
            if match.quality > (best?.quality ?? 0) { best = (type, match.quality) }
        }
        return best?.type
    }

    /// Whether a `Content-Type` names this type, whatever its parameters; a charset other than UTF-8 does not count.
    package func isNamed(by contentType: String) -> Bool {
        let pieces = contentType.split(separator: ";").map { $0.trimmingSpaces.lowercased() }
        guard pieces.first == rawValue else { return false }
        return pieces.dropFirst().allSatisfy { piece in
            guard piece.hasPrefix("charset=") else { return true }
            let name = piece.dropFirst(8).filter { $0 != "\"" }
            return name == "utf-8" || name == "utf8"
        }
    }
}

/// One range of an `Accept` header.
private struct MediaRange {
    var type: Substring
    var subtype: Substring
    /// Thousandths.
    var quality: Int

    init?(_ text: Substring) {
        let pieces = text.split(separator: ";").map(\.trimmingSpaces)
        guard let range = pieces.first else { return nil }
        let split = range.split(separator: "/", omittingEmptySubsequences: false)
        guard split.count == 2 else { return nil }
        (type, subtype) = (split[0], split[1])
        quality = 1000
        for piece in pieces.dropFirst() where piece.lowercased().hasPrefix("q=") {
            guard let value = QualityValue.thousandths(piece.dropFirst(2)) else { return nil }
            quality = value
        }
    }

    var specificity: Int { type == "*" ? 0 : subtype == "*" ? 1 : 2 }

    func matches(_ parts: (type: Substring, subtype: Substring)) -> Bool {
        (type == "*" && subtype == "*") || (type.lowercased() == parts.type && (subtype == "*" || subtype.lowercased() == parts.subtype))
    }
}

extension StringProtocol {
    /// The text without the spaces and tabs around it.
    var trimmingSpaces: SubSequence {
        let start = firstIndex { $0 != " " && $0 != "\t" } ?? endIndex
        var end = endIndex
        while end > start, self[index(before: end)] == " " || self[index(before: end)] == "\t" { end = index(before: end) }
        return self[start..<end]
    }
}
