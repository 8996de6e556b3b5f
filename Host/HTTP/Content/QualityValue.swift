/// The weight of an element in Accept and its like (RFC 9110, 12.4.2).
package enum QualityValue {
    /// Thousandths of a `q` such as `0.85`; nil when it is none.
    package static func thousandths(_ text: some StringProtocol) -> Int? {
        let bytes = Array(text.utf8.prefix(6))
        guard (1...5).contains(bytes.count), bytes[0] == 0x30 || bytes[0] == 0x31 else { return nil }
        var value = 0
        if bytes.count > 1 {
            guard bytes[1] == 0x2e else { return nil }
            for index in 2..<5 {
                let digit = index < bytes.count ? bytes[index] : 0x30
                guard (0x30...0x39).contains(digit) else { return nil }
                value = value * 10 + Int(digit - 0x30)
            }
        }
        if bytes[0] == 0x31 { return value == 0 ? 1000 : nil }
        return value
    }
}
