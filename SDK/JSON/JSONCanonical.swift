extension JSONValue {
    /// The canonical text of RFC 8785: members sorted by UTF-16, numbers as ECMAScript prints doubles.
    ///
    /// Throws `notCanonical` for an integer that a double cannot hold exactly or a number out of range, which the RFC leaves undefined: two
    /// different documents would else share one signature.
    public func canonical() throws(JSONError) -> [UInt8] {
        try checkDepth()
        var bytes: [UInt8] = []
        try writeCanonical(into: &bytes)
        return bytes
    }

    private func writeCanonical(into bytes: inout [UInt8]) throws(JSONError) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .string(let value): JSONWriter.write(value, into: &bytes)
        case .number(let value): bytes.append(contentsOf: try value.canonical().utf8)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                try value.writeCanonical(into: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in object.sorted(by: { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }).enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                JSONWriter.write(member.key, into: &bytes)
                bytes.append(UInt8(ascii: ":"))
                try member.value.writeCanonical(into: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}

extension JSONNumber {
    /// The number as ECMAScript's `Number.prototype.toString` prints the nearest double.
    fileprivate func canonical() throws(JSONError) -> String {
        let value = double
        guard value.isFinite else { throw JSONError(.notCanonical, at: 0, "the number \(literal) is out of a double's range") }
        if isInteger, value.magnitude >= 9_007_199_254_740_992, Double.exactLiteral(value) != JSONDecimal(literal) {
            throw JSONError(.notCanonical, at: 0, "the integer \(literal) does not fit a double exactly")
        }
        return value == 0 ? "0" : JSONNumber.ecmaScript(value)
    }

    private static func ecmaScript(_ value: Double) -> String {
        // Swift prints the same shortest digits; only their layout differs.
        let decimal = JSONDecimal(value.magnitude.description)
        let digits = String(decoding: decimal.digits.map { $0 + UInt8(ascii: "0") }, as: UTF8.self)
        let count = digits.utf8.count, point = count + decimal.exponent
        let sign = value < 0 ? "-" : ""
        if point >= count && point <= 21 { return sign + digits + String(repeating: "0", count: point - count) }
        if point > 0 && point <= 21 { return sign + digits.prefix(point) + "." + digits.dropFirst(point) }
        if point > -6 && point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
        let power = (point > 0 ? "+" : "-") + String((point - 1).magnitude)
        return sign + digits.prefix(1) + (count > 1 ? "." + digits.dropFirst() : "") + "e" + power
    }
}

extension Double {
    /// The shortest decimal that reads back as `value`, which is what a canonical text will show.
    fileprivate static func exactLiteral(_ value: Double) -> JSONDecimal { JSONDecimal(value.description) }
}
