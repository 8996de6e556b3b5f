/// Times as RFC 3339 in UTC, with milliseconds.
package enum Timestamp {
    /// A moment in milliseconds since 1970-01-01 UTC.
    package static func text(milliseconds: Int64) -> String {
        let seconds = milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
        let days = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
        let (year, month, day) = date(days)
        let rest = Int(seconds - days * 86400)
        let fraction = Int(milliseconds - seconds * 1000)
        return
            "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(padded(rest / 3600, 2)):\(padded(rest / 60 % 60, 2)):\(padded(rest % 60, 2)).\(padded(fraction, 3))Z"
    }

    /// The day number since 1970-01-01 of a date such as `2026-11-22` (`days_from_civil`); nil for a text that is no day of the years 1970 to 9999.
    package static func day(_ date: String) -> Int64? {
        let parts = date.split(separator: "-", omittingEmptySubsequences: false).compactMap { Int64($0) }
        guard date.utf8.count == 10, parts.count == 3, (1970...9999).contains(parts[0]), (1...12).contains(parts[1]), (1...31).contains(parts[2])
        else {
            return nil
        }
        let year = parts[1] <= 2 ? parts[0] - 1 : parts[0]
        let (era, yearOfEra) = (year / 400, year % 400)
        let dayOfYear = (153 * (parts[1] + (parts[1] > 2 ? -3 : 9)) + 2) / 5 + parts[2] - 1
        let day = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        // A day that the month does not have would be another.
        return text(milliseconds: day * 86_400_000).hasPrefix(date) ? day : nil
    }

    /// Civil date of a day number since 1970-01-01 (Howard Hinnant's `civil_from_days`).
    private static func date(_ days: Int64) -> (Int, Int, Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let index = (5 * dayOfYear + 2) / 153
        let month = index < 10 ? index + 3 : index - 9
        return (Int(yearOfEra + era * 400 + (month <= 2 ? 1 : 0)), Int(month), Int(dayOfYear - (153 * index + 2) / 5 + 1))
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
