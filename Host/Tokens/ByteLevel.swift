/// The characters that stand for bytes in vocabularies (GPT-2): printable ones for themselves, the rest from U+0100 on.
package enum ByteLevel {
    static func character(_ byte: UInt8) -> Unicode.Scalar { table[Int(byte)] }

    /// Bytes as a vocabulary writes them.
    package static func text(_ bytes: some Sequence<UInt8>) -> String {
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(character(byte)) }
        return String(text)
    }

    private static let table: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (UInt8.min...UInt8.max).map { byte in
            if (0x21...0x7e).contains(byte) || (0xa1...0xac).contains(byte) || byte >= 0xae { return Unicode.Scalar(byte) }
            defer { next += 1 }
            return Unicode.Scalar(next) ?? " "
        }
    }()
}
