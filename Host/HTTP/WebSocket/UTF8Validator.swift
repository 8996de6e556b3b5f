/// Checks UTF-8 as it comes, across any cuts (RFC 3629); the first byte that cannot be right is refused at once.
struct UTF8Validator: Sendable {
    /// Continuation bytes that must follow.
    private var missing = 0
    /// The range of the next one; narrower than 80...BF after E0, ED, F0 and F4.
    private var low: UInt8 = 0x80
    private var high: UInt8 = 0xbf

    /// Whether no character is cut in two here.
    var isComplete: Bool { missing == 0 }

    /// False as soon as a byte is wrong; the validator is of no more use then.
    mutating func check(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        let raw = UnsafeRawBufferPointer(bytes)
        var index = 0
        while index < raw.count {
            if missing == 0 {
                while index + 8 <= raw.count, raw.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 {
                    index += 8
                }
                if index == raw.count { return true }
            }
            guard take(raw[index]) else { return false }
            index += 1
        }
        return true
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        if missing > 0 {
            guard byte >= low && byte <= high else { return false }
            (low, high) = (0x80, 0xbf)
            missing -= 1
            return true
        }
        switch byte {
        case 0x00...0x7f: return true
        case 0xc2...0xdf: missing = 1
        case 0xe0...0xef:
            missing = 2
            if byte == 0xe0 { low = 0xa0 }  // else overlong
            if byte == 0xed { high = 0x9f }  // else a surrogate
        case 0xf0...0xf4:
            missing = 3
            if byte == 0xf0 { low = 0x90 }  // else overlong
            if byte == 0xf4 { high = 0x8f }  // else past U+10FFFF
        default: return false
        }
        return true
    }
}
