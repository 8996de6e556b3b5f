/// A host with an optional port: the middle of a URL, or the whole target of CONNECT.
package struct EgressAuthority: Sendable, Hashable {
    package let host: EgressHost
    /// The port, nil when none was written.
    package let port: Int?

    /// Reads the target of CONNECT: host and port, both required (RFC 9112 section 3.2.3, authority form).
    package init(connect text: String) throws(EgressRefusal) {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { throw .urlEmpty }
        guard bytes.count <= Limits.hostBytesMax + 8 else { throw .hostTooLong }
        if let refusal = bytes.lazy.compactMap(EgressURL.refusal(ofByte:)).first { throw refusal }
        try self.init(bytes[...], isURL: false)
    }

    init(_ bytes: ArraySlice<UInt8>, isURL: Bool) throws(EgressRefusal) {
        guard !bytes.contains(UInt8(ascii: "@")) else { throw .urlUserinfo }
        let (host, port) = try Self.split(bytes)
        guard isURL || port != nil else { throw .portMissing }
        self.host = try EgressHost(host)
        self.port = try port.map(Self.port)
    }

    /// Cuts at the colon behind the host; brackets keep those of an IPv6 address.
    private static func split(_ bytes: ArraySlice<UInt8>) throws(EgressRefusal) -> (ArraySlice<UInt8>, ArraySlice<UInt8>?) {
        let colon = UInt8(ascii: ":")
        guard bytes.first == UInt8(ascii: "[") else {
            guard let first = bytes.firstIndex(of: colon) else { return (bytes, nil) }
            guard !bytes[(first + 1)...].contains(colon) else { throw .ipv6Form }
            guard first > bytes.startIndex else { throw .hostMissing }
            return (bytes[..<first], bytes[(first + 1)...])
        }
        guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { throw .ipv6Form }
        let rest = bytes[(close + 1)...]
        guard let next = rest.first else { return (bytes, nil) }
        guard next == colon else { throw .ipv6Form }
        return (bytes[...close], rest.dropFirst())
    }

    /// A decimal number from 1 to 65535 without leading zeros.
    private static func port(_ digits: ArraySlice<UInt8>) throws(EgressRefusal) -> Int {
        guard !digits.isEmpty else { throw .portEmpty }
        guard digits.allSatisfy(Characters.isDigit) else { throw .portCharacter }
        guard digits.count == 1 || digits.first != UInt8(ascii: "0") else { throw .portLeadingZero }
        guard digits.count <= 5, let port = Int(String(decoding: digits, as: UTF8.self)), (1...65535).contains(port) else { throw .portRange }
        return port
    }
}
