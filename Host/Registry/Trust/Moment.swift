internal import Glibc

/// A wall-clock moment in whole seconds, as trust files write it: `2026-11-21T14:00:00Z`.
package struct Moment: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Seconds since 1970-01-01T00:00:00Z.
    package let seconds: Int

    /// Takes seconds since the epoch.
    package init(seconds: Int) { self.seconds = seconds }

    /// The present moment.
    package static func now() -> Moment { Moment(seconds: time(nil)) }

    /// Reads RFC 3339 in UTC without fractions; nil for any other form and for dates that no calendar has.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 20, bytes[4] == 45, bytes[7] == 45, bytes[10] == 84, bytes[13] == 58, bytes[16] == 58, bytes[19] == 90 else {
            return nil
        }
        func number(_ range: Range<Int>) -> Int32? { Int32(String(decoding: bytes[range], as: UTF8.self)) }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19)
        else { return nil }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, month - 1, day)
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (hour, minute, second)
        seconds = timegm(&parts)
        // timegm takes the 31st of February for the 3rd of March; a moment that is not printed as it was read is none.
        guard description == text else { return nil }
    }

    /// RFC 3339.
    package var description: String {
        var seconds = time_t(seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ value: Int32, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
        }
        return "\(padded(parts.tm_year + 1900, 4))-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))"
            + "T\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))Z"
    }

    /// Earlier first.
    package static func < (left: Moment, right: Moment) -> Bool { left.seconds < right.seconds }
}
