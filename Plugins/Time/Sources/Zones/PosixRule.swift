/// The rule of a POSIX `TZ` string, as in the footer of a zone file: `CET-1CEST,M3.5.0,M10.5.0/3`.
package struct PosixRule: Sendable, Hashable {
    /// When daylight saving starts or ends within a year.
    enum Day: Sendable, Hashable {
        /// 1 to 365; 29 February is never counted.
        case julian(Int)
        /// 0 to 365; 29 February counts.
        case ordinal(Int)
        /// The n-th (5 is the last) weekday (0 is Sunday) of a month.
        case weekday(month: Int, week: Int, weekday: Int)

        /// The day in days since 1970.
        func day(in year: Int) -> Int {
            let first = CivilDate.firstDay(of: year)
            switch self {
            case .julian(let day): return first + day - 1 + (CivilDate.isLeap(year) && day >= 60 ? 1 : 0)
            case .ordinal(let day): return first + day
            case .weekday(let month, let week, let weekday):
                var start = first
                for earlier in 1..<month { start += CivilDate.days(inMonth: earlier, of: year) }
                let firstMatch = start + CivilDate.floorMod(weekday - (start + 4), 7)
                let length = CivilDate.days(inMonth: month, of: year)
                let wanted = firstMatch + (week - 1) * 7
                return wanted < start + length ? wanted : wanted - 7
            }
        }
    }

    struct Change: Sendable, Hashable {
        let day: Day
        /// Seconds after midnight, from -167 to 167 hours.
        let time: Int
    }

    let standard: LocalTimeType
    let daylight: LocalTimeType?
    let start: Change?
    let end: Change?

    /// The rule in force at a moment.
    func type(at seconds: Int64) -> LocalTimeType {
        guard let daylight, let start, let end else { return standard }
        let days = Int(Moment.floorDivide(seconds + Int64(standard.offset), 86_400).0)
        guard let year = CivilDate(daysSince1970: max(-4_000_000, min(days, 2_900_000)))?.year else { return standard }
        // The latest change at or before the moment decides; changes may lie in the neighbouring years.
        var (latest, found) = (Int64.min, standard)
        for year in (year - 1)...(year + 1) {
            let starts = Int64(start.day.day(in: year)) * 86_400 + Int64(start.time - standard.offset)
            let ends = Int64(end.day.day(in: year)) * 86_400 + Int64(end.time - daylight.offset)
            if starts <= seconds && starts > latest { (latest, found) = (starts, daylight) }
            // Permanent daylight time is written as an end that coincides with the next start: the start wins.
            if ends <= seconds && ends > latest { (latest, found) = (ends, standard) }
            if starts == latest { found = daylight }
        }
        return found
    }
}

extension PosixRule {
    package init(parsing bytes: [UInt8]) throws(TimeError) {
        var reader = PosixReader(bytes: bytes)
        let name = try reader.name()
        let offset = try -reader.signedTime(hoursMax: 24)
        standard = LocalTimeType(offset: offset, isDaylight: false, abbreviation: name)
        guard !reader.isAtEnd else {
            (daylight, start, end) = (nil, nil, nil)
            return
        }
        let daylightName = try reader.name()
        let daylightOffset = reader.isAt(",") ? offset + 3600 : try -reader.signedTime(hoursMax: 24)
        daylight = LocalTimeType(offset: daylightOffset, isDaylight: true, abbreviation: daylightName)
        start = try reader.change()
        end = try reader.change()
        guard reader.isAtEnd else { throw reader.fault("text after the rule") }
    }
}

private struct PosixReader {
    let bytes: [UInt8]
    var index = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { index == bytes.count }

    func isAt(_ character: Unicode.Scalar) -> Bool { index < bytes.count && bytes[index] == UInt8(ascii: character) }

    func fault(_ reason: String) -> TimeError { ZoneFile.bad("its rule has \(reason) at byte \(index)") }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard isAt(character) else { return false }
        index += 1
        return true
    }

    mutating func name() throws(TimeError) -> String {
        let quoted = skip("<")
        let start = index
        while index < bytes.count, index - start < 16, quoted ? bytes[index] != UInt8(ascii: ">") : (bytes[index] | 0x20) &- 97 < 26 { index += 1 }
        let name = String(decoding: bytes[start..<index], as: UTF8.self)
        guard index - start >= 1, !quoted || skip(">") else { throw fault("no name") }
        return name
    }

    mutating func number(_ range: ClosedRange<Int>) throws(TimeError) -> Int {
        let start = index
        var value = 0
        while index < bytes.count, bytes[index] &- 48 < 10, index - start < 4 {
            value = value * 10 + Int(bytes[index] &- 48)
            index += 1
        }
        guard index > start, range.contains(value) else { throw fault("a number out of range") }
        return value
    }

    mutating func signedTime(hoursMax: Int) throws(TimeError) -> Int {
        let negative = isAt("-")
        if negative || isAt("+") { index += 1 }
        var seconds = try number(0...hoursMax) * 3600
        if skip(":") { seconds += try number(0...59) * 60 }
        if skip(":") { seconds += try number(0...59) }
        return negative ? -seconds : seconds
    }

    mutating func change() throws(TimeError) -> PosixRule.Change {
        guard skip(",") else { throw fault("no date of change") }
        let day: PosixRule.Day
        if skip("M") {
            let month = try number(1...12)
            guard skip(".") else { throw fault("no week") }
            let week = try number(1...5)
            guard skip(".") else { throw fault("no weekday") }
            day = .weekday(month: month, week: week, weekday: try number(0...6))
        } else if skip("J") {
            day = .julian(try number(1...365))
        } else {
            day = .ordinal(try number(0...365))
        }
        return PosixRule.Change(day: day, time: skip("/") ? try signedTime(hoursMax: 167) : 7200)
    }
}
