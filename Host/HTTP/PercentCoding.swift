/// Percent-encoding of RFC 3986.
package enum PercentCoding {
    /// The text of `bytes`; nil for a broken triplet or what is not UTF-8.
    package static func decode(_ bytes: ArraySlice<UInt8>, plusIsSpace: Bool) -> String? {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            switch bytes[index] {
            case 0x25:
                guard index + 2 < bytes.endIndex, let high = Characters.hexValue(bytes[index + 1]),
                    let low = Characters.hexValue(bytes[index + 2])
                else { return nil }
                out.append(high << 4 | low)
                index += 3
            case 0x2b where plusIsSpace:
                out.append(0x20)
                index += 1
            case let byte:
                out.append(byte)
                index += 1
            }
        }
        return String(validating: out, as: UTF8.self)
    }

    /// Whether a path has no broken triplet, no encoded NUL or slash, and is UTF-8.
    static func isSoundPath(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let text = decode(bytes, plusIsSpace: false) else { return false }
        return !text.utf8.contains(0) && text.utf8.reduce(0) { $0 + ($1 == 0x2f ? 1 : 0) } == bytes.reduce(0) { $0 + ($1 == 0x2f ? 1 : 0) }
    }

    /// Encodes everything but unreserved characters; for one path segment or one query value.
    package static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: out.append(byte)
            default: out += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
