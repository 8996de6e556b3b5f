/// A version as semver.org 2.0.0 writes and orders it.
package struct SemanticVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Incompatible changes.
    package let major: UInt64
    /// Additions.
    package let minor: UInt64
    /// Repairs.
    package let patch: UInt64
    /// Dot-separated identifiers after the hyphen.
    package let prerelease: [String]
    /// Dot-separated identifiers after the plus sign; without effect on order.
    package let build: [String]

    /// Reads a version; nil for anything that semver.org's grammar does not allow, or numbers above 2^64-1.
    package init?(_ text: String) {
        var rest = Substring(text)
        var build: [String] = []
        if let plus = rest.firstIndex(of: "+") {
            guard let parts = Self.identifiers(rest[rest.index(after: plus)...], numbersStrict: false) else { return nil }
            (build, rest) = (parts, rest[..<plus])
        }
        var prerelease: [String] = []
        if let hyphen = rest.firstIndex(of: "-") {
            guard let parts = Self.identifiers(rest[rest.index(after: hyphen)...], numbersStrict: true) else { return nil }
            (prerelease, rest) = (parts, rest[..<hyphen])
        }
        let numbers = rest.split(separator: ".", omittingEmptySubsequences: false).map(Self.number)
        guard numbers.count == 3, let major = numbers[0], let minor = numbers[1], let patch = numbers[2] else { return nil }
        (self.major, self.minor, self.patch) = (major, minor, patch)
        (self.prerelease, self.build) = (prerelease, build)
    }

    /// The text it was read from.
    package var description: String {
        var text = "\(major).\(minor).\(patch)"
        if !prerelease.isEmpty { text += "-" + prerelease.joined(separator: ".") }
        if !build.isEmpty { text += "+" + build.joined(separator: ".") }
        return text
    }

    /// Precedence by semver.org section 11; texts that differ only in build metadata are ordered by it, so that the order is total.
    package static func < (left: SemanticVersion, right: SemanticVersion) -> Bool {
        let (a, b) = ((left.major, left.minor, left.patch), (right.major, right.minor, right.patch))
        guard a == b else { return a < b }
        guard left.prerelease == right.prerelease else {
            if left.prerelease.isEmpty || right.prerelease.isEmpty { return right.prerelease.isEmpty }
            return precedes(left.prerelease, right.prerelease)
        }
        return left.build.joined(separator: ".") < right.build.joined(separator: ".")
    }

    private static func precedes(_ left: [String], _ right: [String]) -> Bool {
        for (a, b) in zip(left, right) where a != b {
            switch (UInt64(a), UInt64(b)) {
            case (let a?, let b?): return a < b
            case (_?, nil): return true
            case (nil, _?): return false
            case (nil, nil): return a < b
            }
        }
        return left.count < right.count
    }

    private static func number(_ text: Substring) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), text.count == 1 || !text.hasPrefix("0") else { return nil }
        return UInt64(text)
    }

    private static func identifiers(_ text: Substring, numbersStrict: Bool) -> [String]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        for part in parts {
            guard !part.isEmpty, part.utf8.allSatisfy(isIdentifierByte) else { return nil }
            if numbersStrict, part.utf8.allSatisfy({ (48...57).contains($0) }), number(part) == nil { return nil }
        }
        return parts.map(String.init)
    }

    private static func isIdentifierByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 45, 48...57, 65...90, 97...122: true
        default: false
        }
    }
}
