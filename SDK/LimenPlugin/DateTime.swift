public import JSON

/// A moment with its offset from UTC, written as RFC 3339: `2026-02-03T04:05:06.789Z`.
///
/// Moments are compared and hashed by their instant; the offset is only how they are written. Leap seconds are refused.
public struct DateTime: Sendable, Hashable, Comparable, Codable, SchemaProviding, CustomStringConvertible {
    /// Seconds since 1970-01-01T00:00:00Z, without leap seconds.
    public let secondsSince1970: Int64
    /// 0 to 999,999,999.
    public let nanoseconds: Int32
    /// Minutes east of UTC.
    public let offsetMinutes: Int16

    /// Makes a moment; nil outside the years 0000 to 9999 or for an offset of a day or more.
    public init?(secondsSince1970: Int64, nanoseconds: Int32 = 0, offsetMinutes: Int16 = 0) {
        let localRange: ClosedRange<Int64> = -62_167_219_200...253_402_300_799
        guard (0..<1_000_000_000).contains(nanoseconds), (-1439...1439).contains(offsetMinutes) else { return nil }
        let (local, overflow) = secondsSince1970.addingReportingOverflow(Int64(offsetMinutes) * 60)
        guard !overflow, localRange.contains(local) else { return nil }
        self.secondsSince1970 = secondsSince1970
        self.nanoseconds = nanoseconds
        self.offsetMinutes = offsetMinutes
    }

    /// Parses RFC 3339; nil for anything else.
    public init?(_ text: String) {
        var scanner = DateTimeScanner(Array(text.utf8))
        guard let fields = scanner.scan() else { return nil }
        let days = DateTime.days(year: fields.year, month: fields.month, day: fields.day)
        let local = days * 86_400 + Int64(fields.hour * 3_600 + fields.minute * 60 + fields.second)
        self.init(
            secondsSince1970: local - Int64(fields.offsetMinutes) * 60, nanoseconds: Int32(fields.nanoseconds),
            offsetMinutes: Int16(fields.offsetMinutes))
    }

    /// Whether both are equal.
    public static func == (left: DateTime, right: DateTime) -> Bool {
        (left.secondsSince1970, left.nanoseconds) == (right.secondsSince1970, right.nanoseconds)
    }

    /// Whether the left one is the earlier instant.
    public static func < (left: DateTime, right: DateTime) -> Bool {
        (left.secondsSince1970, left.nanoseconds) < (right.secondsSince1970, right.nanoseconds)
    }

    /// Hashes what equality compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(secondsSince1970)
        hasher.combine(nanoseconds)
    }

    /// Decodes the value.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = DateTime(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "Not a date and time as in RFC 3339.")
        }
        self = value
    }

    /// Encodes as the value alone.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    /// A string in the format `date-time`.
    public static var jsonSchema: JSONValue { .object(["type": "string", "format": "date-time"]) }
    /// The beginning of 1970.
    public static var schemaExample: DateTime { DateTime(unchecked: 0) }

    private init(unchecked seconds: Int64) {
        secondsSince1970 = seconds
        nanoseconds = 0
        offsetMinutes = 0
    }

    /// The value as text.
    public var description: String {
        let local = secondsSince1970 + Int64(offsetMinutes) * 60
        let days = local >= 0 ? local / 86_400 : (local - 86_399) / 86_400
        let (year, month, day) = DateTime.date(days: days)
        let second = Int(local - days * 86_400)
        var text = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T"
        text += "\(padded(second / 3_600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
        if nanoseconds > 0 {
            var digits = padded(Int(nanoseconds), 9)
            while digits.hasSuffix("0") { digits.removeLast() }
            text += "." + digits
        }
        if offsetMinutes == 0 { return text + "Z" }
        let distance = Int(offsetMinutes.magnitude)
        return text + (offsetMinutes < 0 ? "-" : "+") + "\(padded(distance / 60, 2)):\(padded(distance % 60, 2))"
    }

    private func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant's algorithm).
    private static func days(year: Int, month: Int, day: Int) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return Int64(era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468)
    }

    private static func date(days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = Int(days) + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthIndex + 2) / 5 + 1)
    }
}

/// Reads the fields of RFC 3339's `date-time`.
private struct DateTimeScanner {
    struct Fields {
        var year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, nanoseconds = 0, offsetMinutes = 0
    }

    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func scan() -> Fields? {
        var fields = Fields()
        guard let year = digits(4), accept("-"), let month = digits(2), accept("-"), let day = digits(2),
            accept("T") || accept("t") || accept(" "), let hour = digits(2), accept(":"), let minute = digits(2), accept(":"),
            let second = digits(2), (1...12).contains(month), (1...Self.length(year, month)).contains(day), hour < 24, minute < 60,
            second < 60
        else { return nil }
        (fields.year, fields.month, fields.day) = (year, month, day)
        (fields.hour, fields.minute, fields.second) = (hour, minute, second)
        if accept(".") {
            guard let nanoseconds = fraction() else { return nil }
            fields.nanoseconds = nanoseconds
        }
        guard let offset = offset(), index == bytes.count else { return nil }
        fields.offsetMinutes = offset
        return fields
    }

    private mutating func offset() -> Int? {
        if accept("Z") || accept("z") { return 0 }
        let isWest = accept("-")
        guard isWest || accept("+"), let hours = digits(2), accept(":"), let minutes = digits(2), hours < 24, minutes < 60 else { return nil }
        return (isWest ? -1 : 1) * (hours * 60 + minutes)
    }

    /// Digits past the ninth are cut off.
    private mutating func fraction() -> Int? {
        var nanoseconds = 0
        var count = 0
        while let digit = digit() {
            if count < 9 { nanoseconds = nanoseconds * 10 + digit }
            count += 1
        }
        guard count > 0 else { return nil }
        for _ in min(count, 9)..<9 { nanoseconds *= 10 }
        return nanoseconds
    }

    private mutating func digits(_ count: Int) -> Int? {
        var number = 0
        for _ in 0..<count {
            guard let digit = digit() else { return nil }
            number = number * 10 + digit
        }
        return number
    }

    private mutating func digit() -> Int? {
        guard index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) else { return nil }
        defer { index += 1 }
        return Int(bytes[index] - UInt8(ascii: "0"))
    }

    private mutating func accept(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private static func length(_ year: Int, _ month: Int) -> Int {
        let isLeap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
        return month == 2 ? (isLeap ? 29 : 28) : ([4, 6, 9, 11].contains(month) ? 30 : 31)
    }
}
