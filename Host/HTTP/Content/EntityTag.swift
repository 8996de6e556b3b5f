/// Tells one state of a resource from another (RFC 9110, 8.8.3).
package struct EntityTag: Sendable, Hashable {
    /// Whether equal tags promise only the same meaning, not the same bytes.
    package let isWeak: Bool
    /// What stands between the quotes.
    package let opaque: String

    /// Makes a tag of our own. Programmer input: a character that no tag may hold traps.
    package init(_ opaque: String, isWeak: Bool = false) {
        precondition(opaque.utf8.allSatisfy(EntityTag.isOpaque), "an entity tag holds visible characters without quotes")
        (self.opaque, self.isWeak) = (opaque, isWeak)
    }

    private init(parsed opaque: String, isWeak: Bool) { (self.opaque, self.isWeak) = (opaque, isWeak) }

    /// As it stands in a field: `"x"` or `W/"x"`.
    package var text: String { isWeak ? "W/\"\(opaque)\"" : "\"\(opaque)\"" }

    /// Whether both promise the same bytes (8.8.3.2, strong comparison).
    package func isIdentical(to other: EntityTag) -> Bool { !isWeak && !other.isWeak && opaque == other.opaque }

    /// Whether both mean the same (8.8.3.2, weak comparison).
    package func isEquivalent(to other: EntityTag) -> Bool { opaque == other.opaque }

    private static func isOpaque(_ byte: UInt8) -> Bool { byte == 0x21 || (byte >= 0x23 && byte != 0x7f) }

    /// Takes a tag from the beginning of `bytes`; nil when there is none.
    static func take(_ bytes: inout ArraySlice<UInt8>) -> EntityTag? {
        var rest = bytes
        let isWeak = rest.starts(with: [0x57, 0x2f])
        if isWeak { rest.removeFirst(2) }
        guard rest.first == 0x22 else { return nil }
        rest.removeFirst()
        guard let end = rest.firstIndex(where: { !isOpaque($0) }), rest[end] == 0x22, let text = String(validating: rest[..<end], as: UTF8.self)
        else { return nil }
        bytes = rest[(end + 1)...]
        return EntityTag(parsed: text, isWeak: isWeak)
    }
}

/// The value of If-Match or If-None-Match.
enum EntityTagCondition: Sendable, Hashable {
    /// `*`: any state at all.
    case any
    case tags([EntityTag])
    /// It could not be read, or names more tags than are looked at.
    case malformed

    /// The condition of all fields of that name; nil when there is none.
    init?(_ name: String, in headers: HTTPHeaders) {
        let values = headers.values(name)
        if values.isEmpty { return nil }
        if values.count == 1, Framing.trimmed(Array(values[0].utf8)) == [0x2a] {
            self = .any
            return
        }
        self = EntityTagCondition.list(Array(values.joined(separator: ",").utf8)[...])
    }

    /// Tags may hold commas, so the list is read, not split.
    private static func list(_ bytes: ArraySlice<UInt8>) -> EntityTagCondition {
        var rest = bytes
        var tags: [EntityTag] = []
        var needsComma = false
        while let byte = rest.first {
            switch byte {
            case 0x20, 0x09: rest.removeFirst()
            case 0x2c:
                rest.removeFirst()
                needsComma = false
            default:
                guard !needsComma, tags.count < ContentLimits.entityTagsMax, let tag = EntityTag.take(&rest) else { return .malformed }
                tags.append(tag)
                needsComma = true
            }
        }
        return tags.isEmpty ? .malformed : .tags(tags)
    }
}
