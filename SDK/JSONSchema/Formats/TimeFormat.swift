/// Dates, times and durations of RFC 3339.
enum TimeFormat {
    typealias Bytes = Slice<UnsafeBufferPointer<UInt8>>

    static func isDateTime(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard bytes.count > 11, bytes[10] | 0x20 == UInt8(ascii: "t") else { return false }
        return isDate(bytes[..<10]) && isTime(bytes[11...])
    }

    /// The number that `count` digits at the front spell, or nil.
    private static func take(_ bytes: inout Bytes, digits count: Int) -> Int? {
        guard bytes.count >= count else { return nil }
        var value = 0
        for byte in bytes.prefix(count) {
            guard ASCII.isDigit(byte) else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        bytes = bytes.dropFirst(count)
        return value
    }

    private static func take(_ bytes: inout Bytes, _ character: UInt8) -> Bool {
        guard bytes.first == character else { return false }
        bytes = bytes.dropFirst()
        return true
    }

    static func isDate(_ bytes: Bytes) -> Bool {
        var rest = bytes
        let dash = UInt8(ascii: "-")
        guard let year = take(&rest, digits: 4), take(&rest, dash), let month = take(&rest, digits: 2), take(&rest, dash),
            let day = take(&rest, digits: 2), rest.isEmpty, (1...12).contains(month), day >= 1
        else { return false }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return day <= days[month - 1]
    }

    static func isTime(_ bytes: Bytes) -> Bool {
        var rest = bytes
        let colon = UInt8(ascii: ":")
        guard let hour = take(&rest, digits: 2), take(&rest, colon), let minute = take(&rest, digits: 2), take(&rest, colon),
            let second = take(&rest, digits: 2), hour <= 23, minute <= 59, second <= 60
        else { return false }
        if take(&rest, UInt8(ascii: ".")) {
            let digits = rest.prefix { ASCII.isDigit($0) }
            guard !digits.isEmpty else { return false }
            rest = rest.dropFirst(digits.count)
        }
        guard let offset = offset(rest) else { return false }
        // A leap second is only ever inserted at the end of a day in UTC.
        let utc = ((hour * 60 + minute - offset) % 1440 + 1440) % 1440
        return second < 60 || utc == 1439
    }

    /// The minutes that the zone is ahead of UTC, or nil when it is malformed.
    private static func offset(_ bytes: Bytes) -> Int? {
        var rest = bytes
        guard let sign = rest.popFirst() else { return nil }
        if sign | 0x20 == UInt8(ascii: "z") { return rest.isEmpty ? 0 : nil }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), let hour = take(&rest, digits: 2), take(&rest, UInt8(ascii: ":")),
            let minute = take(&rest, digits: 2), rest.isEmpty, hour <= 23, minute <= 59
        else { return nil }
        return (sign == UInt8(ascii: "-") ? -1 : 1) * (hour * 60 + minute)
    }

    /// RFC 3339 appendix A: parts from large to small without a gap, or weeks alone.
    static func isDuration(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var rest = bytes[...]
        guard take(&rest, UInt8(ascii: "P")), !rest.isEmpty else { return false }
        if rest.last == UInt8(ascii: "W") {
            return rest.count > 1 && rest.dropLast().allSatisfy { ASCII.isDigit($0) }
        }
        let date = rest.prefix { $0 != UInt8(ascii: "T") }
        guard date.isEmpty || areParts(date, of: "YMD") else { return false }
        rest = rest.dropFirst(date.count)
        return rest.isEmpty || areParts(rest.dropFirst(), of: "HMS")
    }

    private static func areParts(_ bytes: Bytes, of units: StaticString) -> Bool {
        var rest = bytes, last: Int?
        guard !rest.isEmpty else { return false }
        while !rest.isEmpty {
            let digits = rest.prefix { ASCII.isDigit($0) }
            rest = rest.dropFirst(digits.count)
            guard !digits.isEmpty, let unit = rest.popFirst() else { return false }
            let place = (0..<units.utf8CodeUnitCount).first { units.utf8Start[$0] == unit }
            guard let place, last.map({ place == $0 + 1 }) ?? true else { return false }
            last = place
        }
        return true
    }
}
