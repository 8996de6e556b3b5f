package import JSON

extension JSONValue {
    /// A random value of at most that many levels.
    package static func random(depth: Int, _ generator: inout SeededRandom) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &generator) {
        case 0: return .null
        case 1: return .bool(.random(using: &generator))
        case 2: return JSONValue(Int64.random(in: .min ... .max, using: &generator) >> Int64.random(in: 0..<64, using: &generator))
        case 3: return JSONValue(Double(bitPattern: .random(in: .min ... .max, using: &generator)))
        case 4, 5: return .string(randomText(&generator))
        case 6: return .array((0..<Int.random(in: 0..<6, using: &generator)).map { _ in random(depth: depth - 1, &generator) })
        default:
            var object = JSONObject()
            for _ in 0..<Int.random(in: 0..<14, using: &generator) { object[randomText(&generator)] = random(depth: depth - 1, &generator) }
            return .object(object)
        }
    }

    private static func randomText(_ generator: inout SeededRandom) -> String {
        let ranges: [ClosedRange<UInt32>] = [0...0x1f, 0x20...0x7f, 0x80...0x7ff, 0xe000...0xffff, 0x10000...0x10ffff]
        var text = ""
        for _ in 0..<Int.random(in: 0..<12, using: &generator) {
            let range = ranges.randomElement(using: &generator) ?? 0x20...0x7f
            if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &generator)) { text.unicodeScalars.append(scalar) }
        }
        return text
    }
}
