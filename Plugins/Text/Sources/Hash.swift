import LimenPlugin

/// Computes digests and checksums.
struct HashTool: Tool {
    static let name = "hash"
    static let title: String? = "Digest of a text"
    static let description =
        "Computes SHA-256, SHA-1, MD5 or CRC-32 of a text or of bytes given as Base64 or hexadecimal. SHA-1, MD5 and CRC-32 find accidents, not forgeries."
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]

    enum Algorithm: String, Codable, CaseIterable, Sendable { case sha256, sha1, md5, crc32 }
    enum Encoding: String, Codable, CaseIterable, Sendable { case utf8, base64, hex }

    struct Input: Codable, Sendable {
        @Field("The text, or bytes in the encoding named.", maxLength: 1_048_576) var text: String
        @Field("How the text stands for bytes.") var encoding: Encoding = .utf8
        @Field("What to compute.", minItems: 1, maxItems: 4, uniqueItems: true) var algorithms: [Algorithm] = [.sha256]
    }

    struct Output: Codable, Sendable {
        @Field("Bytes that were read.") var bytes = 0
        @Field("Lower-case hexadecimal by algorithm.") var digests: [String: String] = [:]
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        let bytes: [UInt8]
        switch input.encoding {
        case .utf8: bytes = Array(input.text.utf8)
        case .base64: bytes = try decoded("Base64", Bytes.base64(input.text))
        case .hex: bytes = try decoded("hexadecimal", Bytes.hex(input.text))
        }
        var output = Output(bytes: bytes.count)
        for algorithm in input.algorithms {
            try context.checkCancellation()
            output.digests[algorithm.rawValue] = Bytes.hex(Digest.compute(algorithm, bytes))
        }
        return output
    }

    private func decoded(_ name: String, _ bytes: [UInt8]?) throws -> [UInt8] {
        guard let bytes else { throw PluginError("invalid_encoding", "The text is not \(name).") }
        return bytes
    }
}

/// Bytes as text.
enum Bytes {
    static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    static func hex(_ text: String) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue.map { UInt8($0) } }
        guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// RFC 4648, standard alphabet; padding is required, line breaks are skipped.
    static func base64(_ text: String) -> [UInt8]? {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var values = [UInt8](repeating: 255, count: 256)
        for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
        let symbols = text.utf8.filter { $0 != 10 && $0 != 13 }
        let padding = symbols.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard symbols.count % 4 == 0, padding <= 2 else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(symbols.count / 4 * 3)
        var (buffer, bits) = (UInt32(0), 0)
        for symbol in symbols.dropLast(padding) {
            guard values[Int(symbol)] != 255 else { return nil }
            buffer = (buffer << 6 | UInt32(values[Int(symbol)])) & 0xFFFFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                result.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
            }
        }
        return buffer & ((1 << UInt32(bits)) - 1) == 0 ? result : nil
    }
}
