/// Character classes of RFC 9110, as bit masks of ASCII.
enum Characters {
    private static let tokenLow: UInt64 = mask(0..<64) { isTokenSlow($0) }
    private static let tokenHigh: UInt64 = mask(64..<128) { isTokenSlow($0) }

    private static func mask(_ range: Range<UInt8>, _ test: (UInt8) -> Bool) -> UInt64 {
        range.reduce(0) { $0 | (test($1) ? 1 << UInt64($1 & 63) : 0) }
    }

    private static func isTokenSlow(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        case 0x21, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e, 0x5f, 0x60, 0x7c, 0x7e: true
        default: false
        }
    }

    /// tchar: letters, digits and !#$%&'*+-.^_`|~
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        // The same sets as `isTokenSlow`, which a test compares with these constants.
        let low: UInt64 = 0x03ff_6cfa_0000_0000
        let high: UInt64 = 0x57ff_ffff_c7ff_fffe
        if byte < 64 { return low >> UInt64(byte) & 1 == 1 }
        return byte < 128 && high >> UInt64(byte & 63) & 1 == 1
    }

    /// The masks computed from the definition.
    static var tokenMasks: (UInt64, UInt64) { (tokenLow, tokenHigh) }

    /// Whether all bytes are tchar and there is one.
    static func isToken(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        for byte in bytes where !isToken(byte) { return false }
        return !bytes.isEmpty
    }

    /// Visible ASCII.
    @inline(__always)
    static func isVisible(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7f }

    /// What a field value may hold: visible, space, tab, obs-text.
    @inline(__always)
    static func isFieldValue(_ byte: UInt8) -> Bool { (byte >= 0x20 && byte != 0x7f) || byte == 0x09 }

    @inline(__always)
    static func lower(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }

    @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    /// Whether the bytes are `name` (lower case ASCII), whatever their case.
    @inline(__always)
    static func equals(_ bytes: UnsafeBufferPointer<UInt8>, _ name: StaticString) -> Bool {
        guard bytes.count == name.utf8CodeUnitCount else { return false }
        let other = name.utf8Start
        for index in 0..<bytes.count where lower(bytes[index]) != other[index] { return false }
        return true
    }
}
