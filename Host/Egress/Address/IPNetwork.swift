/// A block of addresses, such as `10.0.0.0/8`.
package struct IPNetwork: Sendable, Hashable, CustomStringConvertible {
    /// The first address of the block.
    package let address: IPAddress
    /// Bits that its addresses share.
    package let prefix: Int

    /// Reads CIDR notation (RFC 4632 section 3.1); nil when the address has bits behind the prefix, or the prefix is missing, padded or too long.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(String(parts[0])) else { return nil }
        let digits = parts[1].utf8
        guard (1...3).contains(digits.count), digits.allSatisfy(Characters.isDigit), digits.count == 1 || digits.first != UInt8(ascii: "0"),
            let prefix = Int(parts[1]), prefix <= address.width
        else { return nil }
        self.init(address: address, prefix: prefix)
        guard address.leftAligned & ~Self.mask(prefix) == 0 else { return nil }
    }

    private init(address: IPAddress, prefix: Int) {
        self.address = address
        self.prefix = prefix
    }

    private static func mask(_ prefix: Int) -> UInt128 { prefix == 0 ? 0 : ~UInt128(0) << UInt128(128 - prefix) }

    /// Whether the address is of the same family and in the block.
    package func contains(_ other: IPAddress) -> Bool {
        other.width == address.width && (other.leftAligned ^ address.leftAligned) & Self.mask(prefix) == 0
    }

    /// Whether all of `other` lies in the block.
    package func contains(_ other: IPNetwork) -> Bool { other.prefix >= prefix && contains(other.address) }

    package var description: String { "\(address)/\(prefix)" }
}
