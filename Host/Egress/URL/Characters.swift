/// Character classes of RFC 3986 and RFC 9110.
enum Characters {
    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    static func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a }

    static func lower(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }

    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    /// pchar of RFC 3986 section 3.3, but the percent sign.
    static func isPathCharacter(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) || "-._~!$&'()*+,;=:@".utf8.contains(byte) }

    /// tchar of RFC 9110 section 5.6.2.
    static func isToken(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) || "!#$%&'*+-.^_`|~".utf8.contains(byte) }
}
