/// A host, normalised once: what is compared, looked up, sent as `Host` and SNI, and held against a certificate.
package enum EgressHost: Sendable, Hashable {
    /// A domain name in lower case without the root's dot: LDH labels (RFC 5890 section 2.3.1), `xn--` labels valid.
    case name(String)
    /// An address that was written as one.
    case address(IPAddress)

    /// Reads a host as it stands in a URL, IPv6 in brackets.
    ///
    /// One trailing dot is taken off a name, because it says only what every name here is anyway: complete (RFC 1034 section 3.1). Names outside ASCII
    /// are refused and `xn--` labels only checked: mapping characters is for whoever shows or types names (RFC 5895), and the DNS, certificates and
    /// this allowlist all compare what stands in ASCII. So no IDNA library is needed, and none can disagree with us.
    package init(_ text: String) throws(EgressRefusal) { try self.init(Array(text.utf8)[...]) }

    init(_ bytes: ArraySlice<UInt8>) throws(EgressRefusal) {
        if bytes.first == UInt8(ascii: "[") {
            self = .address(.v6(try Self.bracketed(bytes)))
            return
        }
        guard !bytes.isEmpty else { throw .hostMissing }
        try Self.checkCharacters(bytes)
        let isDotted = bytes.last == UInt8(ascii: ".")
        let name = isDotted ? bytes.dropLast() : bytes
        guard name.count <= Limits.hostBytesMax else { throw .hostTooLong }
        let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        for label in labels { try Self.checkLength(label) }
        // WHATWG URL's "ends in a number" checker: other programs would read an address here, so it has to be one, plainly.
        if let last = labels.last, Self.isNumber(last) {
            guard !isDotted, let value = IPAddress.dotted(name) else { throw .ipv4Form }
            self = .address(.v4(value))
            return
        }
        for label in labels { try Self.checkLabel(label) }
        self = .name(String(decoding: name.map(Characters.lower), as: UTF8.self))
    }

    private static func bracketed(_ bytes: ArraySlice<UInt8>) throws(EgressRefusal) -> UInt128 {
        guard bytes.last == UInt8(ascii: "]") else { throw .ipv6Form }
        let inner = bytes.dropFirst().dropLast()
        guard !inner.contains(UInt8(ascii: "%")) else { throw .ipv6Zone }
        guard let value = IPv6Text.parse(inner) else { throw .ipv6Form }
        return value
    }

    private static func checkCharacters(_ bytes: ArraySlice<UInt8>) throws(EgressRefusal) {
        for byte in bytes {
            switch byte {
            case _ where Characters.isDigit(byte) || Characters.isLetter(byte): continue
            case UInt8(ascii: "-"), UInt8(ascii: "."): continue
            case UInt8(ascii: "%"): throw .hostPercent
            case 0x80...: throw .urlNonASCII
            default: throw .hostCharacter
            }
        }
    }

    private static func checkLength(_ label: ArraySlice<UInt8>) throws(EgressRefusal) {
        guard !label.isEmpty else { throw .hostLabelEmpty }
        guard label.count <= Limits.labelBytesMax else { throw .hostLabelTooLong }
    }

    private static func checkLabel(_ label: ArraySlice<UInt8>) throws(EgressRefusal) {
        let hyphen = UInt8(ascii: "-")
        guard label.first != hyphen, label.last != hyphen else { throw .hostLabelHyphen }
        let bytes = label.map(Characters.lower)
        guard bytes.count >= 4, bytes[2] == hyphen, bytes[3] == hyphen else { return }
        guard bytes.starts(with: "xn--".utf8) else { throw .hostLabelReserved }
        guard Punycode.isValid(bytes[4...]) else { throw .hostPunycode }
    }

    /// All digits, or `0x` with hexadecimal digits or nothing behind it.
    private static func isNumber(_ label: ArraySlice<UInt8>) -> Bool {
        if label.allSatisfy(Characters.isDigit) { return true }
        let bytes = label.map(Characters.lower)
        return bytes.starts(with: "0x".utf8) && bytes.dropFirst(2).allSatisfy { Characters.hexValue($0) != nil }
    }

    /// What people may read in a decision: a literal address that is not public is not repeated.
    var shown: String {
        if case .address(let address) = self, !AddressClass(address).isPublic { return "an address that is not public" }
        return description
    }
}

extension EgressHost: CustomStringConvertible {
    /// The host as a URL has it.
    package var description: String {
        switch self {
        case .name(let name): name
        case .address(.v4(let value)): "\(IPAddress.v4(value))"
        case .address(.v6(let value)): "[\(IPAddress.v6(value))]"
        }
    }
}
