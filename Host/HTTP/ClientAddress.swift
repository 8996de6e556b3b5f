import IO

/// Whom an address belongs to, as far as counting goes: IPv6 clients have a /64 each.
package enum ClientAddress {
    /// The bytes that count; an IPv4 address in IPv6's clothes is one of IPv4.
    static func key(_ address: SocketAddress?) -> [UInt8] {
        guard let bytes = address?.bytes else { return [] }
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
        if bytes.count == 16, bytes.starts(with: mapped) { return Array(bytes.suffix(4)) }
        return Array(bytes.prefix(8))
    }

    /// The same for an address as text; text that is no address is its own key.
    package static func network(_ address: String) -> String {
        guard address.utf8.contains(0x3a), let parsed = SocketAddress(address, port: 0) else { return address }
        let key = key(parsed)
        return key.count == 4 ? key.map(String.init).joined(separator: ".") : key.map { String($0, radix: 16) }.joined(separator: ":")
    }
}
