/// What a text of ISO 8601 or RFC 3339 says.
package enum ParsedTime: Hashable, Sendable {
    /// A moment; `offset` in seconds as written, `zone` the name in brackets (RFC 9557) if there was one.
    case moment(Moment, offset: Int, zone: String?)
    /// A date and a time without an offset, with the zone's name in brackets if there was one.
    case local(LocalTime, zone: String?)
    case date(CivilDate)
    case duration(CalendarDuration)
    indirect case interval(ParsedTime, ParsedTime)

    package var kind: String {
        switch self {
        case .moment: "moment"
        case .local: "local"
        case .date: "date"
        case .duration: "duration"
        case .interval: "interval"
        }
    }
}

/// Reads dates (calendar, week, ordinal), times, durations and intervals.
package struct TimeParser {
    private var scanner: Scanner

    /// Reads the whole of a text.
    package static func parse(_ text: String) throws(TimeError) -> ParsedTime {
        var parser = TimeParser(scanner: try Scanner(text))
        if parser.scanner.isAtEnd { throw TimeError(.syntax, "The text is empty.", at: 0) }
        let first = try parser.part()
        if parser.scanner.skip("/") {
            let second = try parser.part()
            try parser.scanner.end()
            if case .duration = first, case .duration = second { throw TimeError(.syntax, "An interval needs a time at one end.", at: 0) }
            return .interval(first, second)
        }
        try parser.scanner.end()
        return first
    }

    private mutating func part() throws(TimeError) -> ParsedTime {
        let signed = scanner.isAt("-") || scanner.isAt("+")
        if scanner.isAt("P") || (signed && scanner.isAt("P", offset: 1)) { return .duration(try CalendarDuration(&scanner)) }
        if scanner.isAt("@") { return try unixTime() }
        let date = try date()
        guard scanner.skip("T") || scanner.skip("t") || (scanner.isAt(" ") && scanner.isDigit(offset: 1) && scanner.skip(" ")) else {
            return .date(date)
        }
        let local = try time(date)
        let offset = try offset()
        let zone = try bracketedZone()
        guard let offset else { return .local(local, zone: zone) }
        let moment = try Moment(seconds: 0, nanoseconds: local.nanoseconds).adding(seconds: local.secondsAsUTC - Int64(offset))
        return .moment(moment, offset: offset, zone: zone)
    }

    /// `@1700000000.5`: seconds since 1970.
    private mutating func unixTime() throws(TimeError) -> ParsedTime {
        scanner.index += 1
        let negative = scanner.skip("-")
        let seconds = try scanner.longNumber()
        let nanoseconds = try scanner.fraction() ?? 0
        let zero = Moment(seconds: 0)
        return .moment(
            try zero.adding(seconds: negative ? -seconds : seconds, nanoseconds: negative ? -nanoseconds : nanoseconds), offset: 0, zone: nil)
    }
}

extension TimeParser {
    private mutating func date() throws(TimeError) -> CivilDate {
        let start = scanner.index
        let negative = scanner.isAt("-")
        let isExpanded = negative || scanner.isAt("+")
        if isExpanded { scanner.index += 1 }
        let magnitude = try scanner.digits(isExpanded && scanner.digitRun >= 6 ? 6 : 4, "year")
        let year = negative ? -magnitude : magnitude
        if negative && magnitude == 0 { throw TimeError(.syntax, "The year 0 has no minus sign.", at: start) }
        let date: CivilDate?
        let extended = scanner.skip("-")
        if scanner.skip("W") {
            let week = try scanner.digits(2, "week")
            let hasDay = extended ? scanner.skip("-") : scanner.isDigit()
            date = CivilDate(isoYear: year, week: week, weekday: hasDay ? try scanner.digits(1, "weekday") : 1)
        } else if scanner.digitRun == 3 {
            date = CivilDate(year: year, dayOfYear: try scanner.digits(3, "day of the year"))
        } else {
            let month = try scanner.digits(2, "month")
            guard !extended || scanner.skip("-") else { throw scanner.fault("'-' and the day") }
            date = CivilDate(year: year, month: month, day: try scanner.digits(2, "day"))
        }
        guard let date else {
            let text = String(decoding: scanner.bytes[start..<scanner.index], as: UTF8.self)
            throw TimeError(.range, "There is no date \(text).", at: start)
        }
        return date
    }

    private mutating func time(_ date: CivilDate) throws(TimeError) -> LocalTime {
        let start = scanner.index
        let hour = try scanner.digits(2, "hour")
        let colons = scanner.isAt(":")
        var (minute, second, nanoseconds) = (0, 0, 0)
        if colons ? scanner.skip(":") : scanner.isDigit() {
            minute = try scanner.digits(2, "minute")
            if colons ? scanner.skip(":") : scanner.isDigit() {
                second = try scanner.digits(2, "second")
                nanoseconds = Int(try scanner.fraction() ?? 0)
            }
        }
        let isMidnight = hour == 24 && minute == 0 && second == 0 && nanoseconds == 0
        // A leap second counts as the first second of the next minute: the time line here has none.
        guard hour < 24 || isMidnight, minute < 60, second <= 60 else {
            throw TimeError(.range, "There is no such time of day.", at: start)
        }
        let total = hour * 3600 + minute * 60 + second
        if total < 86_400 { return LocalTime(date: date, secondOfDay: total, nanoseconds: nanoseconds) }
        guard let next = CivilDate(daysSince1970: date.daysSince1970 + 1) else {
            throw TimeError(.range, "The time is outside the years \(Limits.years.lowerBound) to \(Limits.years.upperBound).", at: start)
        }
        return LocalTime(date: next, secondOfDay: total - 86_400, nanoseconds: nanoseconds)
    }

    private mutating func offset() throws(TimeError) -> Int? {
        if scanner.skip("Z") || scanner.skip("z") { return 0 }
        guard scanner.isAt("+") || scanner.isAt("-") else { return nil }
        let start = scanner.index
        let negative = scanner.isAt("-")
        scanner.index += 1
        let hours = try scanner.digits(2, "offset")
        let minutes = scanner.skip(":") || scanner.isDigit() ? try scanner.digits(2, "offset") : 0
        guard hours < 24, minutes < 60 else { throw TimeError(.range, "There is no such offset.", at: start) }
        return (negative ? -1 : 1) * (hours * 3600 + minutes * 60)
    }

    /// `[Europe/Paris]`
    private mutating func bracketedZone() throws(TimeError) -> String? {
        guard scanner.skip("[") else { return nil }
        let start = scanner.index
        while !scanner.isAtEnd && !scanner.isAt("]") { scanner.index += 1 }
        let name = String(decoding: scanner.bytes[start..<scanner.index], as: UTF8.self)
        guard scanner.skip("]"), !name.isEmpty else { throw scanner.fault("a time zone in brackets") }
        return name
    }
}
