/// Dates and times as ISO 8601 writes them.
package enum ISOText {
    static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return digits.utf8.count >= width ? digits : String(repeating: "0", count: width - digits.utf8.count) + digits
    }

    /// `2026-11-21`; years outside 0 to 9999 have a sign and six digits.
    package static func date(_ date: CivilDate) -> String {
        let year = (0...9999).contains(date.year) ? padded(date.year, 4) : (date.year < 0 ? "-" : "+") + padded(Int(date.year.magnitude), 6)
        return "\(year)-\(padded(date.month, 2))-\(padded(date.day, 2))"
    }

    /// `10:09:29.5`
    static func time(_ local: LocalTime) -> String {
        let text = "\(padded(local.hour, 2)):\(padded(local.minute, 2)):\(padded(local.second, 2))"
        return text + fraction(local.nanoseconds)
    }

    static func fraction(_ nanoseconds: Int) -> String {
        if nanoseconds == 0 { return "" }
        var digits = padded(nanoseconds, 9)
        while digits.utf8.last == UInt8(ascii: "0") { digits.removeLast() }
        return "." + digits
    }

    package static func local(_ local: LocalTime) -> String { date(local.date) + "T" + time(local) }

    /// RFC 3339 with the zone's offset; `Z` for UTC.
    package static func moment(_ moment: Moment, _ zone: Zone) throws(TimeError) -> String {
        let offset = zone.type(at: moment).offset
        let text = try local(zone.local(moment))
        return text + (zone.name == "UTC" ? "Z" : OffsetText.text(offset))
    }

    /// `2026-W47-6`
    package static func week(_ date: CivilDate) -> String {
        let week = date.isoWeek
        return "\(padded(week.year, 4))-W\(padded(week.week, 2))-\(date.weekday)"
    }
}
