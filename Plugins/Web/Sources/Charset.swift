import JSON
package import LimenPlugin

/// The encodings that are read: UTF-8, and windows-1252, which is what the labels of Latin-1 and ASCII mean on the web (WHATWG Encoding, 4.2).
package enum Charset: Sendable {
    case utf8, windows1252

    /// The encoding of a label; nil for those that are not read.
    package init?(label: String) {
        switch label.trimmingSpaces().lowercased() {
        case "utf-8", "utf8", "unicode-1-1-utf-8": self = .utf8
        case "windows-1252", "cp1252", "x-cp1252", "iso-8859-1", "iso8859-1", "iso_8859-1", "iso88591", "latin1", "latin-1", "l1", "us-ascii",
            "ascii", "ansi_x3.4-1968", "cp819", "ibm819":
            self = .windows1252
        default: return nil
        }
    }

    /// The text of a reply: by its byte order mark, else by the header's word, else by the page's own, else UTF-8 if it is any.
    package static func decode(_ bytes: [UInt8], declared: String?, findsMeta: Bool) throws(PluginError) -> String {
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { return String(decoding: bytes.dropFirst(3), as: UTF8.self) }
        if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) { throw unsupported("utf-16") }
        if let label = declared ?? (findsMeta ? meta(bytes) : nil) {
            // A page that says in ASCII that it is UTF-16 is not (HTML 13.2.3.2).
            let label = declared == nil && label.lowercased().hasPrefix("utf-16") ? "utf-8" : label
            guard let charset = Charset(label: label) else { throw unsupported(label) }
            return charset.text(bytes)
        }
        return String(validating: bytes, as: UTF8.self) ?? Charset.windows1252.text(bytes)
    }

    private static func unsupported(_ label: String) -> PluginError {
        let plain = String(decoding: label.utf8.filter { $0 > 32 && $0 < 127 }.prefix(40), as: UTF8.self)
        return PluginError(
            "unsupported_charset", "The reply is encoded as \(plain); only UTF-8, ISO-8859-1 and windows-1252 are read.",
            details: ["charset": .string(plain)])
    }

    private func text(_ bytes: [UInt8]) -> String {
        switch self {
        case .utf8: return String(decoding: bytes, as: UTF8.self)
        case .windows1252:
            var scalars = String.UnicodeScalarView()
            for byte in bytes { scalars.append(Unicode.Scalar(Charset.scalar(byte)) ?? "\u{fffd}") }
            return String(scalars)
        }
    }

    /// The character of a byte in windows-1252; those without any are the control characters of their number.
    static func scalar(_ byte: UInt8) -> UInt16 { (0x80...0x9f).contains(byte) ? high[Int(byte) - 0x80] : UInt16(byte) }

    private static let high: [UInt16] = [
        0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018, 0x2019,
        0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178,
    ]

    /// What `<meta charset=…>` or `<meta http-equiv=… content="…; charset=…">` near the beginning says.
    private static func meta(_ bytes: [UInt8]) -> String? {
        let head = bytes.prefix(Limits.prescanBytesMax).map { (65...90).contains($0) ? $0 | 0x20 : $0 }
        var rest = head[...]
        while let tag = rest.firstRange(of: Array("<meta".utf8)) {
            let end = rest[tag.upperBound...].firstIndex(of: UInt8(ascii: ">")) ?? rest.endIndex
            if let label = Charset.label(in: rest[tag.upperBound..<end]) { return label }
            rest = rest[end...]
        }
        return nil
    }

    private static func label(in tag: ArraySlice<UInt8>) -> String? {
        guard let word = tag.firstRange(of: Array("charset".utf8)) else { return nil }
        let isOpening: (UInt8) -> Bool = { $0 <= 32 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") }
        var value = tag[word.upperBound...].drop(while: isOpening)
        guard value.first == UInt8(ascii: "=") else { return nil }
        value = value.dropFirst().drop(while: isOpening)
        let label = value.prefix { !isOpening($0) && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "/") }
        return label.isEmpty ? nil : String(decoding: label, as: UTF8.self)
    }
}
