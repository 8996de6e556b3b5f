/// Base64 with padding (RFC 4648, 4), as the handshake has it.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let part = bytes[start..<min(start + 3, bytes.count)]
            var word = part.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            word <<= UInt32(3 - part.count) * 8
            for index in 0..<4 { out.append(index <= part.count ? alphabet[Int(word >> UInt32(18 - 6 * index)) & 63] : 0x3d) }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Whether `text` is 16 bytes in canonical form, as a `Sec-WebSocket-Key` must be (RFC 6455, 4.1).
    static func isSixteenBytes(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 24, bytes[22] == 0x3d, bytes[23] == 0x3d else { return false }
        var last = 0
        for byte in bytes[..<22] {
            guard let value = alphabet.firstIndex(of: byte) else { return false }
            last = value
        }
        return last & 15 == 0
    }
}
