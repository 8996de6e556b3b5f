/// Writes times by a pattern with `%` fields, as `strftime` does in the C locale.
package enum TimeFormat {
    private static let weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
    ]

    /// The fields that `format` knows, each with what it stands for.
    package static let fields = """
        %Y year, %y its last two digits, %m month, %B %b its name, %d %e day, %j day of the year, %A %a weekday, %u 1 (Monday) to 7, \
        %G %V ISO year and week, %H %k hour, %I %l 1 to 12, %p AM or PM, %M minute, %S second, %f microseconds, %N nanoseconds, \
        %z +0100, %:z +01:00, %Z abbreviation, %s seconds since 1970, %F %Y-%m-%d, %T %H:%M:%S, %R %H:%M, %D %m/%d/%y, %% itself
        """

    package static func text(_ moment: Moment, _ zone: Zone, _ pattern: String) throws(TimeError) -> String {
        guard pattern.utf8.count <= Limits.formatBytesMax else {
            throw TimeError(.argument, "The format has more than \(Limits.formatBytesMax) bytes.")
        }
        let (local, type) = (try zone.local(moment), zone.type(at: moment))
        var text = ""
        var isField = false
        var colon = false
        for (position, character) in pattern.unicodeScalars.enumerated() {
            if !isField {
                if character == "%" { isField = true } else { text.unicodeScalars.append(character) }
            } else if character == ":" && !colon {
                colon = true
            } else {
                guard let value = colon && character != "z" ? nil : field(character, moment, local, type, colon: colon) else {
                    throw TimeError(.argument, "The format has no field '%\(colon ? ":" : "")\(character)'.", at: position)
                }
                text += value
                (isField, colon) = (false, false)
            }
        }
        if isField { throw TimeError(.argument, "The format ends in '%'.", at: pattern.unicodeScalars.count) }
        return text
    }

    private static func field(_ name: Unicode.Scalar, _ moment: Moment, _ local: LocalTime, _ type: LocalTimeType, colon: Bool) -> String? {
        dateField(name, local.date) ?? timeField(name, local) ?? zoneField(name, moment, type, colon: colon)
    }

    private static func dateField(_ name: Unicode.Scalar, _ date: CivilDate) -> String? {
        func two(_ number: Int) -> String { ISOText.padded(number, 2) }
        switch name {
        case "Y": return date.year < 0 ? "-" + ISOText.padded(-date.year, 4) : ISOText.padded(date.year, 4)
        case "y": return two(CivilDate.floorMod(date.year, 100))
        case "m": return two(date.month)
        case "B": return months[date.month - 1]
        case "b", "h": return String(months[date.month - 1].prefix(3))
        case "d": return two(date.day)
        case "e": return date.day < 10 ? " \(date.day)" : "\(date.day)"
        case "j": return ISOText.padded(date.dayOfYear, 3)
        case "A": return weekdays[date.weekday - 1]
        case "a": return String(weekdays[date.weekday - 1].prefix(3))
        case "u": return "\(date.weekday)"
        case "w": return "\(date.weekday % 7)"
        case "G": return ISOText.padded(date.isoWeek.year, 4)
        case "V": return two(date.isoWeek.week)
        case "F": return ISOText.date(date)
        case "D": return "\(two(date.month))/\(two(date.day))/\(two(CivilDate.floorMod(date.year, 100)))"
        default: return nil
        }
    }

    private static func timeField(_ name: Unicode.Scalar, _ local: LocalTime) -> String? {
        func two(_ number: Int) -> String { ISOText.padded(number, 2) }
        func spaced(_ number: Int) -> String { number < 10 ? " \(number)" : "\(number)" }
        let twelve = (local.hour + 11) % 12 + 1
        switch name {
        case "H": return two(local.hour)
        case "k": return spaced(local.hour)
        case "I": return two(twelve)
        case "l": return spaced(twelve)
        case "p": return local.hour < 12 ? "AM" : "PM"
        case "M": return two(local.minute)
        case "S": return two(local.second)
        case "f": return ISOText.padded(local.nanoseconds / 1000, 6)
        case "N": return ISOText.padded(local.nanoseconds, 9)
        case "T": return "\(two(local.hour)):\(two(local.minute)):\(two(local.second))"
        case "R": return "\(two(local.hour)):\(two(local.minute))"
        default: return nil
        }
    }

    private static func zoneField(_ name: Unicode.Scalar, _ moment: Moment, _ type: LocalTimeType, colon: Bool) -> String? {
        switch name {
        case "z":
            let text = OffsetText.text(type.offset)
            return colon ? text : String(String.UnicodeScalarView(text.unicodeScalars.filter { $0 != ":" }))
        case "Z": return type.abbreviation
        case "s": return "\(moment.seconds)"
        case "%": return "%"
        case "n": return "\n"
        case "t": return "\t"
        default: return nil
        }
    }
}
