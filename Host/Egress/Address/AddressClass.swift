/// What an address is: the public Internet's, or a special block's.
package struct AddressClass: Sendable, Hashable {
    /// The most specific block that holds the address; nil for a public one.
    package let block: SpecialBlock?
    /// The IPv4 address that it carries, in whichever form.
    package let embedded: IPAddress?

    /// Whether a connection may be made without the operator's exception.
    package var isPublic: Bool { block == nil }

    /// Classifies any address; the metadata services come first, then the longest prefix.
    package init(_ address: IPAddress) {
        let embedded = Self.embedded(in: address)
        self.embedded = embedded
        let inner = embedded.flatMap { carried in SpecialBlock.metadata.first { $0.network.contains(carried) } }
        block = SpecialBlock.metadata.first { $0.network.contains(address) } ?? inner ?? Self.special(address)
    }

    private static func special(_ address: IPAddress) -> SpecialBlock? {
        let table = address.width == 32 ? SpecialBlock.ipv4 : SpecialBlock.ipv6
        let found = table.filter { $0.network.contains(address) }.max { $0.network.prefix < $1.network.prefix }
        guard case .v6(let value) = address, found == nil else { return found }
        if isISATAP(value) { return SpecialBlock.isatap }
        return value >> 125 == 0b001 ? nil : SpecialBlock.unallocated
    }

    /// Interface identifiers 0000:5efe:w.x.y.z and 0200:5efe:w.x.y.z (RFC 5214 section 6.1).
    private static func isISATAP(_ value: UInt128) -> Bool {
        let middle = UInt32(truncatingIfNeeded: value >> 32)
        return middle == 0x0000_5efe || middle == 0x0200_5efe
    }

    /// The IPv4 address that an IPv6 address stands for.
    private static func embedded(in address: IPAddress) -> IPAddress? {
        guard case .v6(let value) = address else { return nil }
        let low = UInt32(truncatingIfNeeded: value)
        // 6to4: the 32 bits behind 2002 (RFC 3056 section 2).
        if value >> 112 == 0x2002 { return .v4(UInt32(truncatingIfNeeded: value >> 80)) }
        // Teredo: the client's address, inverted (RFC 4380 section 4).
        if value >> 96 == 0x2001_0000 { return .v4(~low) }
        // Mapped, translated, NAT64 with a prefix of 96 bits; the local-use prefix with any length holds one at its end, or none we could tell.
        let high = value >> 32
        let isAtEnd = high == 0xffff || high == 0xffff_0000 || high == 0x64_ff9b << 64 || value >> 80 == 0x64_ff9b_0001
        // Compatible, but :: and ::1, which are none.
        let isCompatible = high == 0 && low > 1
        return isAtEnd || isCompatible || isISATAP(value) ? .v4(low) : nil
    }
}

extension AddressClass: CustomStringConvertible {
    /// The block's name and document, never the address.
    package var description: String { block.map { "\($0.name), \($0.reference)" } ?? "public" }
}
