/// A JSON number, kept as the exact text it was written with; equality, order and hashing are those of the exact decimal value.
public struct JSONNumber: Sendable {
    /// The source text, for example `1.50` or `-2e9`.
    public let literal: String

    /// Wraps a literal already known to be in the grammar.
    package init(unchecked literal: String) { self.literal = literal }

    /// Makes an integer.
    public init(_ value: Int) { literal = String(value) }
    /// Makes an integer.
    public init(_ value: Int64) { literal = String(value) }
    /// Makes an integer.
    public init(_ value: UInt64) { literal = String(value) }
    /// Makes the shortest number that reads back as `value`; nil when `value` is not finite.
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        literal = value.description
    }

    /// Makes a number from a literal; nil when RFC 8259 does not allow it or it is over the default limits.
    public init?(literal: String) {
        var copy = literal
        let valid = copy.withUTF8 { bytes in
            guard let scanned = NumberScan(bytes, at: 0, limits: .default).success else { return false }
            return scanned.end == bytes.count
        }
        guard valid else { return nil }
        self.literal = literal
    }

    /// Whether the value has no fractional part, so that `2.0` and `1e3` are integers too.
    public var isInteger: Bool { JSONDecimal(literal).isInteger }

    /// The value when it is an integer from -2^63 to 2^63-1, else nil.
    public var int64: Int64? { Int64(literal) ?? JSONDecimal(literal).int64 }

    /// The value when it is an integer from 0 to 2^64-1, else nil.
    public var uint64: UInt64? { UInt64(literal) ?? JSONDecimal(literal).uint64 }

    /// The nearest double; infinite when the value is out of range.
    public var double: Double {
        if let value = Double(literal) { return value }
        return literal.utf8.first == UInt8(ascii: "-") ? -Double.infinity : Double.infinity
    }
}

extension JSONNumber: Hashable, Comparable {
    /// Whether both numbers have the same exact value.
    public static func == (left: JSONNumber, right: JSONNumber) -> Bool {
        sameBytes(left.literal, right.literal) || JSONDecimal(left.literal) == JSONDecimal(right.literal)
    }

    /// Whether `left` is smaller, compared exactly.
    public static func < (left: JSONNumber, right: JSONNumber) -> Bool {
        JSONDecimal(left.literal) < JSONDecimal(right.literal)
    }

    /// Feeds the exact value into `hasher`.
    public func hash(into hasher: inout Hasher) { hasher.combine(JSONDecimal(literal)) }
}
