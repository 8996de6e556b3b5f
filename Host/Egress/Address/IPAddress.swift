/// An IPv4 or IPv6 address as a number.
package enum IPAddress: Sendable, Hashable {
    case v4(UInt32)
    case v6(UInt128)

    /// Bits of an address of this family.
    package var width: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }

    /// The address as 128 bits, aligned to the left.
    var leftAligned: UInt128 {
        switch self {
        case .v4(let value): UInt128(value) << 96
        case .v6(let value): value
        }
    }

    /// Reads one form of each family: dotted decimal (RFC 6943 section 3.1.1, "strict"), and RFC 4291 section 2.2 without a zone.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        if let value = Self.dotted(bytes[...]) {
            self = .v4(value)
        } else if let value = IPv6Text.parse(bytes[...]) {
            self = .v6(value)
        } else {
            return nil
        }
    }

    /// Four decimal numbers up to 255 without leading zeros; nil for anything else.
    static func dotted(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        guard (7...15).contains(bytes.count) else { return nil }
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var number: UInt32 = 0
            for byte in part {
                guard Characters.isDigit(byte) else { return nil }
                number = number * 10 + UInt32(byte - UInt8(ascii: "0"))
            }
            guard number <= 255 else { return nil }
            value = value << 8 | number
        }
        return value
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted decimal, or the one form of RFC 5952.
    package var description: String {
        switch self {
        case .v4(let value): (0..<4).map { String(value >> UInt32(24 - 8 * $0) & 0xff) }.joined(separator: ".")
        case .v6(let value): IPv6Text.write(value)
        }
    }
}
