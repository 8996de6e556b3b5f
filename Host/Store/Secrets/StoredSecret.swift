/// A secret as the store hands it out; prints its name and version wherever it ends up, never its value.
package struct StoredSecret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Whose calls it is for.
    package let tenant: String
    /// The name that manifests give.
    package let name: String
    /// Unlike that of any other value that this store ever held.
    package let version: Int64
    private let value: [UInt8]

    /// Takes a value that `SecretRules` let through.
    package init(tenant: String, name: String, version: Int64, value: [UInt8]) {
        (self.tenant, self.name, self.version, self.value) = (tenant, name, version, value)
    }

    /// The value; the name is meant to be noticed in review.
    package func reveal() -> [UInt8] { value }

    /// Compares versions: no two values share one.
    package static func == (left: StoredSecret, right: StoredSecret) -> Bool {
        left.version == right.version && left.name == right.name && left.tenant == right.tenant
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(tenant)
        hasher.combine(name)
        hasher.combine(version)
    }

    package var description: String { "\(tenant)/\(name) version \(version)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// What may be stored, and under which names.
package enum SecretRules {
    /// A value of fewer bytes would turn up in replies by chance, so that it could not be told from other text and taken out.
    package static let valueBytesMin = 8
    /// Bytes of a value at most; a token of any sort is shorter.
    package static let valueBytesMax = 4096
    /// Bytes of a name, as in manifests.
    package static let nameBytesMax = 128
    /// Bytes of a tenant's id.
    package static let tenantBytesMax = 255

    /// Why a value cannot be kept; nil when it can. Never says anything of the value but its length.
    ///
    /// Printable ASCII only: nothing else may stand in a header field, and of nothing else is it known in which forms a server may send it back.
    package static func problem(value: [UInt8]) -> String? {
        if value.count < valueBytesMin {
            return "has \(value.count) bytes; at least \(valueBytesMin) are needed, or it could not be told from other text in a reply"
        }
        if value.count > valueBytesMax { return "has \(value.count) bytes; \(valueBytesMax) are the most" }
        if !value.allSatisfy({ (0x20...0x7e).contains($0) }) { return "has a character that is not printable ASCII, such as a line break within" }
        if value.first == 0x20 || value.last == 0x20 { return "begins or ends with a blank" }
        // So many alike are no secret, and would slow down the search for it.
        if Set(value).count < 4 { return "has fewer than four different characters" }
        return nil
    }

    /// Why a name cannot be used; nil when it can. The manifest schema has the same rule.
    package static func problem(name: String) -> String? {
        let bytes = name.utf8
        func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte | 0x20) }
        let fits =
            (1...nameBytesMax).contains(bytes.count) && bytes.first.map(isLetter) == true
            && bytes.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || "_.-".utf8.contains($0) }
        return fits ? nil : "is no secret's name: a letter, then letters, digits and `_.-`, \(nameBytesMax) at most"
    }

    /// Why a tenant's id cannot be used; nil when it can.
    package static func problem(tenant: String) -> String? {
        let fits = (1...tenantBytesMax).contains(tenant.utf8.count) && tenant.utf8.allSatisfy { (0x21...0x7e).contains($0) }
        return fits ? nil : "is no tenant's id"
    }
}
