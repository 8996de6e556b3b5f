import Store

/// An email address: as its owner wrote it, and in the one form by which accounts are told apart.
package struct Email: Sendable, Hashable {
    /// As it was written, in normal form C: what mail is sent to.
    package let text: String
    /// Normal form C without case, by Unicode's own mapping and no language's: what is unique in a tenant.
    package let key: String

    /// Takes an address; nil for what mail could not be sent to, and for every character that means something in a mail's header.
    ///
    /// No quoted local parts, no comments, no address literals. A domain of one label (`admin@localhost`) is fine: there are networks without dots.
    package init?(_ text: String) {
        guard text.utf8.count <= IdentityLimits.emailBytesMax else { return nil }
        let normal = NormalForm.of(text)
        let parts = normal.split(separator: "@", omittingEmptySubsequences: false)
        guard normal.utf8.count <= IdentityLimits.emailBytesMax, parts.count == 2, Self.isLocal(parts[0]), Self.isDomain(parts[1]) else { return nil }
        self.text = normal
        key = Self.folded(normal)
    }

    /// Without case: up and down again, so that letters with two small forms (σ, ς) have one.
    static func folded(_ text: String) -> String { NormalForm.of(text.uppercased().lowercased()) }

    private static func isLocal(_ part: Substring) -> Bool {
        guard (1...IdentityLimits.emailLocalBytesMax).contains(part.utf8.count), part.first != ".", part.last != ".", !part.contains("..") else {
            return false
        }
        return part.unicodeScalars.allSatisfy { isWord($0) || "!#$%&'*+-/=?^_`{|}~.".unicodeScalars.contains($0) }
    }

    private static func isDomain(_ part: Substring) -> Bool {
        let labels = part.split(separator: ".", omittingEmptySubsequences: false)
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.unicodeScalars.allSatisfy { isWord($0) || $0 == "-" }
        }
    }

    /// ASCII letters and digits; beyond ASCII letters, digits and marks alone.
    static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar) }
        return switch scalar.properties.generalCategory {
        case .lowercaseLetter, .uppercaseLetter, .titlecaseLetter, .otherLetter, .modifierLetter, .decimalNumber, .nonspacingMark, .spacingMark: true
        default: false
        }
    }
}

/// A name that others see, unique in a tenant whatever its case.
package struct Handle: Sendable, Hashable {
    /// As it was written.
    package let text: String
    /// By which handles are told apart.
    package let key: String

    /// Takes letters, digits, `_`, `-` and `.`, the first of them a letter or digit.
    package init?(_ text: String) {
        let normal = NormalForm.of(text)
        guard IdentityLimits.handleCharacters.contains(normal.unicodeScalars.count), normal.utf8.count <= 160,
            normal.unicodeScalars.first.map(Email.isWord) == true,
            normal.unicodeScalars.allSatisfy({ Email.isWord($0) || "_-.".unicodeScalars.contains($0) })
        else { return nil }
        self.text = normal
        key = Email.folded(normal)
    }
}
