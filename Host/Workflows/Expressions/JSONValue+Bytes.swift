import JSON

extension JSONValue {
    /// Takes the bytes that the value has as compact JSON from what is left; false, after looking at little more than was left, when there are not so many.
    func takeBytes(from left: inout Int) -> Bool {
        switch self {
        case .null: left -= 4
        case .bool(let value): left -= value ? 4 : 5
        case .number(let value): left -= value.literal.utf8.count
        case .string(let text): Self.take(text, from: &left)
        case .array(let values):
            left -= 1 + max(1, values.count)
            for value in values where !(left >= 0 && value.takeBytes(from: &left)) { return false }
        case .object(let members):
            left -= 1 + max(1, members.count)
            for (name, value) in members {
                Self.take(name, from: &left)
                guard left > 0, value.takeBytes(from: &left) else { return false }
                left -= 1
            }
        }
        return left >= 0
    }

    /// With quotes and escapes; of a text that is too long by itself only the length.
    private static func take(_ text: String, from left: inout Int) {
        left -= text.utf8.count + 2
        guard left >= 0 else { return }
        for byte in text.utf8 {
            switch byte {
            case 0x08, 0x09, 0x0a, 0x0c, 0x0d, UInt8(ascii: "\""), UInt8(ascii: "\\"): left -= 1
            case 0x00..<0x20: left -= 5
            default: continue
            }
        }
    }
}
