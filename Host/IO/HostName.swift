/// What may be asked of the name service at all.
enum HostName {
    /// The name in small letters without a trailing dot; nil when it is none.
    ///
    /// Letters, digits, hyphens and underscores in labels (RFC 1123, 2.1); names in other scripts come as A-labels. A name whose last label is a
    /// number is refused: getaddrinfo would read `127.1`, `0x7f.1` and `2130706433` as addresses that nobody has judged.
    static func normalised(_ text: String) -> String? {
        var bytes = text.utf8.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }
        if bytes.last == 0x2e { bytes.removeLast() }
        guard (1...IOLimits.hostNameBytesMax).contains(bytes.count) else { return nil }
        let labels = bytes.split(separator: 0x2e, omittingEmptySubsequences: false)
        guard labels.allSatisfy({ isLabel($0) }), let last = labels.last, !isNumber(last) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isLabel(_ label: ArraySlice<UInt8>) -> Bool {
        guard (1...63).contains(label.count), label.first != 0x2d, label.last != 0x2d else { return false }
        return label.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x61...0x7a, 0x2d, 0x5f: true
            default: false
            }
        }
    }

    private static func isNumber(_ label: ArraySlice<UInt8>) -> Bool {
        if label.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) { return true }
        guard label.starts(with: [0x30, 0x78]) else { return false }
        return label.dropFirst(2).allSatisfy { ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66) }
    }
}
