/// The texts that a value is sent in and sent back in.
enum Base64Text {
    /// The characters in the order of their values.
    static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// Base64 with padding (RFC 4648 section 4), as basic authentication has it.
    static func standard(_ bytes: [UInt8]) -> String {
        var out = characters(bytes)
        while out.count % 4 != 0 { out.append(UInt8(ascii: "=")) }
        return String(decoding: out, as: UTF8.self)
    }

    /// Base64 without padding; the last character holds zero bits where the bytes end.
    static func characters(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var (bits, count) = (UInt32(0), 0)
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                out.append(alphabet[Int(bits >> count & 63)])
            }
        }
        if count > 0 { out.append(alphabet[Int(bits << (6 - count) & 63)]) }
        return out
    }

    /// Two digits in capitals.
    static func hex(_ byte: UInt8) -> String { String(decoding: [digits[Int(byte >> 4)], digits[Int(byte & 15)]], as: UTF8.self) }
}
