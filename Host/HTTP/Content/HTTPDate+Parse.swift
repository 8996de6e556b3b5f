import Glibc

extension HTTPDate {
    /// Reads any of the three forms that a recipient must know; nil for everything else, a day that the month does not have or a weekday that is
    /// not the date's among them: whoever asks then does as if there were no date.
    /// - Parameter now: what the two digits of an RFC 850 year are completed by.
    package init?(_ text: String, now: HTTPDate = .now()) {
        guard text.utf8.count <= HTTPDate.bytesMax else { return nil }
        var reader = DateReader(rest: Array(text.utf8)[...])
        guard let parts = reader.fixdate() ?? reader.rfc850(now) ?? reader.asctime(), let seconds = parts.seconds else { return nil }
        self.init(seconds: seconds)
    }

    /// The year that two digits mean: the one within the past 50 years or the next 50 (RFC 9110, 5.6.7).
    static func year(_ digits: Int, now: HTTPDate) -> Int {
        var seconds = now.seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let present = Int(parts.tm_year) + 1900
        let year = present / 100 * 100 + digits
        if year > present + 50 { return year - 100 }
        return year <= present - 50 ? year + 100 : year
    }
}

/// A date in its parts.
private struct DateParts {
    var weekday: Int
    var day = 0
    var month = 0
    var year = 0
    var hour = 0
    var minute = 0
    var second = 0

    /// The moment; nil when there is no such one.
    var seconds: Int? {
        // A leap second is in the grammar; it counts as the next minute's first.
        guard (1...31).contains(day), (1...9999).contains(year), hour < 24, minute < 60, second <= 60 else { return nil }
        var parts = tm()
        (parts.tm_mday, parts.tm_mon, parts.tm_year) = (Int32(day), Int32(month), Int32(year - 1900))
        let midnight = timegm(&parts)
        // `timegm` turns a day that the month does not have into one of the next month, and fills in the weekday.
        guard Int(parts.tm_mday) == day, Int(parts.tm_wday) == weekday else { return nil }
        return midnight + hour * 3600 + minute * 60 + second
    }
}

/// Takes a date's text apart; each form begins at the beginning and takes all.
private struct DateReader {
    let rest: ArraySlice<UInt8>
    private var position = 0

    init(rest: ArraySlice<UInt8>) { self.rest = rest }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    mutating func fixdate() -> DateParts? {
        position = 0
        guard let weekday = name(HTTPDate.days.map { String($0.prefix(3)) }), skip(", "), let day = number(2), skip(" "),
            let month = name(HTTPDate.months), skip(" "), let year = number(4), skip(" ")
        else { return nil }
        var parts = DateParts(weekday: weekday, day: day, month: month, year: year)
        return time(&parts) && skip(" GMT") && isAtEnd ? parts : nil
    }

    /// `Sunday, 06-Nov-94 08:49:37 GMT`
    mutating func rfc850(_ now: HTTPDate) -> DateParts? {
        position = 0
        guard let weekday = name(HTTPDate.days), skip(", "), let day = number(2), skip("-"), let month = name(HTTPDate.months), skip("-"),
            let year = number(2), skip(" ")
        else { return nil }
        var parts = DateParts(weekday: weekday, day: day, month: month, year: HTTPDate.year(year, now: now))
        return time(&parts) && skip(" GMT") && isAtEnd ? parts : nil
    }

    /// `Sun Nov  6 08:49:37 1994`
    mutating func asctime() -> DateParts? {
        position = 0
        guard let weekday = name(HTTPDate.days.map { String($0.prefix(3)) }), skip(" "), let month = name(HTTPDate.months), skip(" "),
            let day = skip(" ") ? number(1) : number(2), skip(" ")
        else { return nil }
        var parts = DateParts(weekday: weekday, day: day, month: month)
        guard time(&parts), skip(" "), let year = number(4), isAtEnd else { return nil }
        parts.year = year
        return parts
    }

    private var isAtEnd: Bool { position == rest.count }

    private mutating func time(_ parts: inout DateParts) -> Bool {
        guard let hour = number(2), skip(":"), let minute = number(2), skip(":"), let second = number(2) else { return false }
        (parts.hour, parts.minute, parts.second) = (hour, minute, second)
        return true
    }

    private mutating func skip(_ text: String) -> Bool {
        guard rest[position...].starts(with: text.utf8) else { return false }
        position += text.utf8.count
        return true
    }

    private mutating func name(_ names: [String]) -> Int? {
        for (index, name) in names.enumerated() where skip(name) { return index }
        return nil
    }

    private mutating func number(_ digits: Int) -> Int? {
        guard position + digits <= rest.count else { return nil }
        var value = 0
        for byte in rest[position..<(position + digits)] {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        position += digits
        return value
    }
}
