import Testing
import TimePlugin

private func date(_ text: String) throws -> CivilDate {
    guard case .date(let date) = try TimeParser.parse(text) else { throw TimeError(.syntax, text) }
    return date
}

private func moment(_ text: String) throws -> Moment {
    guard case .moment(let moment, _, _) = try TimeParser.parse(text) else { throw TimeError(.syntax, text) }
    return moment
}

private func local(_ text: String) throws -> LocalTime {
    guard case .local(let local, _) = try TimeParser.parse(text) else { throw TimeError(.syntax, text) }
    return local
}

@Suite struct CalendarTests {
    @Test("a moment moves by any number of nanoseconds, or says that it cannot (found by fuzzing)")
    func farMoves() throws {
        let start = Moment(seconds: 0, nanoseconds: 999_999_999)
        #expect(try start.adding(seconds: 0, nanoseconds: .max) == Moment(seconds: 9_223_372_037, nanoseconds: 854_775_806))
        #expect(try start.adding(seconds: 0, nanoseconds: .min) == Moment(seconds: -9_223_372_036, nanoseconds: 145_224_191))
        #expect(throws: TimeError.self) { try start.adding(seconds: .max, nanoseconds: .max) }
    }

    @Test("dates agree with counting the days one by one through 1,200 years")
    func bruteForce() {
        var (year, month, day, weekday) = (1600, 1, 1, 6)
        let first = CivilDate(year: 1600, month: 1, day: 1)?.daysSince1970 ?? 0
        var dayOfYear = 1
        var wrong = 0
        for offset in 0..<438_291 {
            let date = CivilDate(daysSince1970: first + offset)
            if date != CivilDate(year: year, month: month, day: day) || date?.weekday != weekday || date?.dayOfYear != dayOfYear { wrong += 1 }
            weekday = weekday % 7 + 1
            (day, dayOfYear) = (day + 1, dayOfYear + 1)
            if day > CivilDate.days(inMonth: month, of: year) { (day, month) = (1, month + 1) }
            if month > 12 { (month, year, dayOfYear) = (1, year + 1, 1) }
        }
        #expect(wrong == 0)
        #expect(year == 2800)
    }

    @Test("a day, its ISO week and its ordinal lead to each other", arguments: 1...20 as ClosedRange<UInt64>)
    func weeks(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let date = try #require(CivilDate(daysSince1970: Int(generator.next() % 3_000_000) - 1_500_000))
            let week = date.isoWeek
            #expect(CivilDate(isoYear: week.year, week: week.week, weekday: date.weekday) == date, "seed \(seed)")
            #expect(CivilDate(year: date.year, dayOfYear: date.dayOfYear) == date, "seed \(seed)")
        }
    }

    @Test(
        "known ISO weeks",
        arguments: [
            ("2005-01-01", "2004-W53-6"), ("2005-12-31", "2005-W52-6"), ("2007-12-31", "2008-W01-1"), ("2008-12-29", "2009-W01-1"),
            ("2010-01-03", "2009-W53-7"),
            ("2026-11-21", "2026-W47-6"), ("1970-01-01", "1970-W01-4"), ("2000-02-29", "2000-W09-2"),
        ])
    func knownWeeks(text: String, week: String) throws {
        #expect(ISOText.week(try date(text)) == week)
        #expect(try date(week) == date(text))
    }

    @Test(
        "adding months keeps to the policy at month ends",
        arguments: [
            ("2024-01-31", 1, OverflowPolicy.constrain, "2024-02-29"), ("2023-01-31", 1, .constrain, "2023-02-28"),
            ("2023-01-31", 1, .overflow, "2023-03-03"),
            ("2024-02-29", 12, .constrain, "2025-02-28"), ("2024-02-29", 48, .reject, "2028-02-29"), ("2024-03-31", -1, .constrain, "2024-02-29"),
            ("2024-01-15", -13, .constrain, "2022-12-15"), ("0001-01-01", -12, .constrain, "0000-01-01"),
        ])
    func months(start: String, months: Int, policy: OverflowPolicy, expected: String) throws {
        #expect(ISOText.date(try date(start).adding(months: months, days: 0, policy)) == expected)
    }

    @Test("a rejected month end and an absurd date are errors")
    func rejected() throws {
        #expect(throws: TimeError.self) { try date("2023-01-31").adding(months: 1, days: 0, .reject) }
        #expect(throws: TimeError.self) { try date("9999-12-31").adding(months: 0, days: 1, .constrain) }
        #expect(throws: TimeError.self) { try date("2026-01-01").adding(months: .max, days: 0, .constrain) }
        #expect(throws: TimeError.self) { try date("2026-01-01").adding(months: 0, days: .min, .constrain) }
    }

    @Test("the calendar difference added to the start gives the end", arguments: 1...30 as ClosedRange<UInt64>)
    func difference(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let zones = [Zone.utc, try SystemZones().zone("America/New_York"), try SystemZones().zone("Australia/Lord_Howe")]
        for _ in 0..<50 {
            let start = Moment(seconds: Int64(generator.next() % 4_000_000_000) - 1_000_000_000, nanoseconds: Int(generator.next() % 1000))
            let end = Moment(seconds: Int64(generator.next() % 4_000_000_000) - 1_000_000_000, nanoseconds: Int(generator.next() % 1000))
            for zone in zones {
                let length = try Arithmetic.calendarDifference(from: start, to: end, in: zone)
                #expect(
                    try Arithmetic.add(length, to: start, in: zone, .constrain, .compatible) == end,
                    "seed \(seed) \(zone.name) \(start) \(end) \(length.text)")
            }
        }
    }

    @Test("business days are counted as by walking, and moving counts them back", arguments: 1...20 as ClosedRange<UInt64>)
    func businessDays(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let start = try #require(CivilDate(daysSince1970: Int(generator.next() % 20_000)))
        let end = try #require(CivilDate(daysSince1970: Int(generator.next() % 20_000)))
        let holidays = (0..<30).compactMap { _ in CivilDate(daysSince1970: Int(generator.next() % 20_000)) }
        let calendar = try BusinessCalendar(weekend: [5, 6], holidays: holidays)
        let (low, high) = (min(start, end).daysSince1970, max(start, end).daysSince1970)
        let walked = (low..<high).count { calendar.isBusinessDay($0) }
        #expect(calendar.count(from: start, to: end) == (end < start ? -walked : walked), "seed \(seed)")
        let workday = try calendar.moving(start, by: 0)
        let moved = try calendar.moving(workday, by: 37)
        #expect(calendar.count(from: workday, to: moved) == 37)
        #expect(try calendar.moving(moved, by: -37) == workday)
        #expect(throws: TimeError.self) { try BusinessCalendar(weekend: [1, 2, 3, 4, 5, 6, 7]) }
    }
}

@Suite struct TimeParsingTests {
    @Test(
        "moments in every notation mean the same",
        arguments: [
            "2026-11-21T10:09:29Z", "2026-11-21t10:09:29z", "2026-11-21 10:09:29+00:00", "20261121T100929Z", "2026-W47-6T10:09:29Z",
            "2026W476T100929Z",
            "2026-325T10:09:29Z", "2026325T100929Z", "2026-11-21T11:09:29+01:00", "2026-11-21T15:39:29+0530", "2026-11-21T02:09:29-08", "@1795255769",
            "2026-11-21T10:09:29.000000000Z", "2026-11-21T10:09:29,0Z", "+002026-11-21T10:09:29Z", "2026-11-20T24:00:00+13:50:29Z",
        ].dropLast())
    func notations(text: String) throws {
        #expect(try moment(text) == Moment(seconds: 1_795_255_769), "\(text)")
    }

    @Test("fractions, midnight at day's end and leap seconds are read")
    func details() throws {
        #expect(try moment("1970-01-01T00:00:00.123456789999Z") == Moment(seconds: 0, nanoseconds: 123_456_789))
        #expect(try moment("2026-11-21T24:00:00Z") == moment("2026-11-22T00:00:00Z"))
        #expect(try moment("2016-12-31T23:59:60Z") == moment("2017-01-01T00:00:00Z"))
        #expect(try moment("@-1.5") == Moment(seconds: -2, nanoseconds: 500_000_000))
        #expect(try moment("-000001-01-01T00:00:00Z").seconds == -62_198_755_200)
    }

    @Test(
        "what is no time is refused with its place",
        arguments: [
            "", "x", "2026", "2026-1-1", "2026-13-01", "2026-02-29", "2026-11-31", "2026-W54-1", "2026-W53-8", "2025-366", "2026-11-21T",
            "2026-11-21T25:00Z",
            "2026-11-21T24:00:01Z", "2026-11-21T10:60Z", "2026-11-21T10:00:61Z", "2026-11-21T10:00:00.Z", "2026-11-21T10:00Z ",
            "2026-11-21T10:00+24:00", "99999999-01-01",
            "2026-11-21T10:00Z[", "2026-11-21T10:00Z[]", "P", "PT", "P1", "P1H", "PT1D", "P1D1Y", "P1DT", "P1.5D", "PT1.5H30M",
            "P99999999999999999999D", "P1D/P1D", "@", "@x",
            "@99999999999999999999", "2026-11-21/2026-11-22/2026-11-23", "-000000-01-01", "2026-11-21T10:00:00\u{0}", "２０２６-11-21",
        ])
    func refused(text: String) {
        #expect(throws: TimeError.self) { try TimeParser.parse(text) }
    }

    @Test(
        "durations are read and written back",
        arguments: [
            ("P1Y2M3W4DT5H6M7.089S", "P1Y2M3W4DT5H6M7.089S"), ("PT90M", "PT1H30M"), ("PT0.5H", "PT30M"), ("-P1D", "-P1D"), ("P0D", "PT0S"),
            ("PT36H", "PT36H"), ("+PT1,5S", "PT1.5S"),
        ])
    func durations(text: String, expected: String) throws {
        #expect(try CalendarDuration(parsing: text).text == expected)
    }

    @Test("a moment written in any zone reads back as itself", arguments: 1...20 as ClosedRange<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for name in ["Europe/Paris", "Asia/Kathmandu", "America/St_Johns", "UTC"] {
            let zone = try SystemZones().zone(name)
            let written = Moment(seconds: Int64(generator.next() % 8_000_000_000), nanoseconds: Int(generator.next() % 1_000_000_000))
            #expect(try moment(ISOText.moment(written, zone)) == written, "seed \(seed)")
        }
    }

    @Test("formats fill in their fields")
    func formats() throws {
        let zone = try SystemZones().zone("Europe/Paris")
        let time = try moment("2026-07-04T07:05:09.25Z")
        #expect(
            try TimeFormat.text(time, zone, "%A, %e %B %Y %H:%M:%S.%f %z %:z %Z %I%p %j %G-W%V-%u %s %%")
                == "Saturday,  4 July 2026 09:05:09.250000 +0200 +02:00 CEST 09AM 185 2026-W27-6 1783148709 %")
        for bad in ["%", "%Q", "%:Y", String(repeating: "x", count: 500)] { #expect(throws: TimeError.self) { try TimeFormat.text(time, zone, bad) } }
    }
}

@Suite struct ZoneTests {
    @Test(
        "zones show the time that clocks there showed, or will",
        arguments: [
            ("America/New_York", "2040-07-04T12:00:00Z", "2040-07-04T08:00:00-04:00", "EDT"),
            ("Europe/Dublin", "2050-01-01T00:00:00Z", "2050-01-01T00:00:00+00:00", "GMT"),
            ("Australia/Lord_Howe", "2045-01-10T00:00:00Z", "2045-01-10T11:00:00+11:00", "+11"),
            ("America/Sao_Paulo", "2030-01-01T00:00:00Z", "2029-12-31T21:00:00-03:00", "-03"),
            ("Asia/Kathmandu", "1980-01-01T00:00:00Z", "1980-01-01T05:30:00+05:30", "+0530"),
            ("Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-28T14:00:00-10:00", "-10"),
            ("Pacific/Apia", "2012-01-01T00:00:00Z", "2012-01-01T14:00:00+14:00", "+14"),
            ("Asia/Tehran", "2020-07-01T00:00:00Z", "2020-07-01T04:30:00+04:30", "+0430"),
            ("Europe/London", "1970-06-01T00:00:00Z", "1970-06-01T01:00:00+01:00", "BST"),
            ("Europe/Paris", "2026-03-29T00:59:59Z", "2026-03-29T01:59:59+01:00", "CET"),
            ("Europe/Paris", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00+02:00", "CEST"),
            ("Europe/Paris", "2126-10-27T01:00:00Z", "2126-10-27T02:00:00+01:00", "CET"),
            ("US/Eastern", "2026-01-01T00:00:00Z", "2025-12-31T19:00:00-05:00", "EST"),
            ("+05:45", "2026-01-01T00:00:00Z", "2026-01-01T05:45:00+05:45", "+05:45"),
        ])
    func known(name: String, utc: String, expected: String, abbreviation: String) throws {
        let zone = try SystemZones().zone(name)
        let time = try moment(utc)
        #expect(try ISOText.moment(time, zone) == expected)
        #expect(zone.type(at: time).abbreviation == abbreviation)
    }

    @Test("every local time maps back to the moment it came from, in every zone of the machine")
    func everyZone() throws {
        let zones = SystemZones()
        let names = zones.names()
        #expect(names.count > 400)
        var generator = SeededGenerator(seed: 7)
        for name in names {
            let zone = try zones.zone(name)
            for _ in 0..<4 {
                let time = Moment(seconds: Int64(generator.next() % 6_000_000_000) - 1_500_000_000)
                let found = zone.file.moments(of: try zone.local(time))
                #expect(found.contains(time), "\(name) \(time.seconds)")
            }
        }
    }

    @Test(
        "skipped and doubled local times follow the policy",
        arguments: [
            ("2026-03-29T02:30:00", Disambiguation.compatible, "2026-03-29T03:30:00+02:00"),
            ("2026-03-29T02:30:00", .later, "2026-03-29T03:30:00+02:00"),
            ("2026-03-29T02:30:00", .earlier, "2026-03-29T01:30:00+01:00"), ("2026-10-25T02:30:00", .compatible, "2026-10-25T02:30:00+02:00"),
            ("2026-10-25T02:30:00", .earlier, "2026-10-25T02:30:00+02:00"), ("2026-10-25T02:30:00", .later, "2026-10-25T02:30:00+01:00"),
        ])
    func policies(text: String, policy: Disambiguation, expected: String) throws {
        let zone = try SystemZones().zone("Europe/Paris")
        #expect(try ISOText.moment(zone.moment(local(text), policy), zone) == expected)
        #expect(throws: TimeError.self) { try zone.moment(local(text), .reject) }
    }

    @Test("a day added across a clock change keeps the local time; 24 hours do not")
    func clockChange() throws {
        let zone = try SystemZones().zone("America/New_York")
        let start = try moment("2026-03-07T17:00:00Z")
        let day = try Arithmetic.add(CalendarDuration(parsing: "P1D"), to: start, in: zone, .constrain, .compatible)
        let hours = try Arithmetic.add(CalendarDuration(parsing: "PT24H"), to: start, in: zone, .constrain, .compatible)
        #expect(try ISOText.moment(day, zone) == "2026-03-08T12:00:00-04:00")
        #expect(try ISOText.moment(hours, zone) == "2026-03-08T13:00:00-04:00")
    }

    @Test(
        "names that would leave the directory, or do not exist, are no zones",
        arguments: [
            "", "../../../etc/passwd", "/etc/passwd", "Europe/../Europe/Paris", "Europe//Paris", "Europe/", ".", "Nowhere/City", "tzdata.zi",
            "Europe", "a\u{0}b", "posixrules ", "zone1970.tab",
            String(repeating: "a", count: 5000),
        ])
    func names(name: String) {
        #expect(throws: TimeError.self) { try SystemZones().zone(name) }
    }

    @Test("a damaged zone file is refused or read, and never a trap", arguments: 1...40 as ClosedRange<UInt64>)
    func damaged(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let whole = try #require(SystemZones().file("Europe/Paris"))
        for _ in 0..<50 {
            var bytes = whole
            for _ in 0..<(1 + generator.next() % 4) {
                bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
            }
            if generator.next() % 2 == 0 { bytes = Array(bytes.prefix(Int(generator.next() % UInt64(bytes.count)))) }
            do {
                let zone = Zone(name: "damaged", file: try ZoneFile(parsing: bytes))
                for seconds in [Int64.min, -1 << 40, 0, 1 << 33, .max] { _ = zone.file.type(at: seconds / 4) }
                _ = zone.file.moments(of: try local("2026-03-29T02:30:00"))
            } catch {
                #expect(error is TimeError, "seed \(seed)")
            }
        }
    }

    @Test(
        "a malformed rule is refused",
        arguments: [
            "", "C", "CET", "CET-25", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,J0,J1",
            "<+1", "CET-1CEST,M3.5.0/200,M10.5.0", "CET-1CEST,366,1", "EST5EDT,M3.2.0,M11.1.0x",
        ])
    func rules(text: String) {
        #expect(throws: TimeError.self) { try PosixRule(parsing: Array(text.utf8)) }
    }
}

@Suite struct RecurrenceTests {
    @Test(
        "rules give the days they say",
        arguments: [
            (Recurrence.Frequency.daily, 3, [], [], nil, "2026-02-26", ["2026-02-26", "2026-03-01", "2026-03-04"]),
            (.weekly, 2, [1, 5], [], nil, "2026-11-21", ["2026-11-30", "2026-12-04", "2026-12-14"]),
            (.weekly, 1, [], [], nil, "2026-11-21", ["2026-11-21", "2026-11-28", "2026-12-05"]),
            (.monthly, 1, [], [31], nil, "2026-01-01", ["2026-01-31", "2026-03-31", "2026-05-31"]),
            (.monthly, 1, [], [-1], nil, "2026-01-01", ["2026-01-31", "2026-02-28", "2026-03-31"]),
            (.monthly, 1, [2], [], 2, "2026-01-01", ["2026-01-13", "2026-02-10", "2026-03-10"]),
            (.monthly, 1, [5], [], -1, "2026-01-01", ["2026-01-30", "2026-02-27", "2026-03-27"]),
            (.monthly, 1, [1], [], 5, "2026-01-01", ["2026-03-30", "2026-06-29", "2026-08-31"]),
            (.yearly, 1, [], [], nil, "2024-02-29", ["2024-02-29", "2028-02-29", "2032-02-29"]),
        ] as [(Recurrence.Frequency, Int, [Int], [Int], Int?, String, [String])])
    func rules(_ rule: (Recurrence.Frequency, Int, [Int], [Int], Int?, String, [String])) throws {
        var recurrence = Recurrence(rule.0)
        (recurrence.interval, recurrence.weekdays, recurrence.monthDays, recurrence.ordinal, recurrence.count) = (rule.1, rule.2, rule.3, rule.4, 3)
        #expect(try recurrence.days(from: date(rule.5)).days.map(ISOText.date) == rule.6)
    }

    @Test("the end, exclusions and the calendar's end are kept, and a rule that never holds ends")
    func bounds() throws {
        var rule = Recurrence(.daily)
        rule.until = try date("2026-01-04")
        rule.excluded = [try date("2026-01-02")]
        let found = try rule.days(from: date("2026-01-01"))
        #expect(found.days.map(ISOText.date) == ["2026-01-01", "2026-01-03", "2026-01-04"] && found.isComplete)
        #expect(try Recurrence(.yearly).days(from: date("9995-01-01")).days.count == 5)
        var never = Recurrence(.yearly)
        never.monthDays = [31]
        #expect(try never.days(from: date("2026-02-01")).days.isEmpty)
        for change in [
            { (r: inout Recurrence) in r.interval = 0 }, { $0.count = 0 }, { $0.count = 5000 }, { $0.weekdays = [8] }, { $0.monthDays = [1] },
            { $0.ordinal = 1 },
        ] as [(inout Recurrence) -> Void] {
            var bad = Recurrence(.daily)
            change(&bad)
            #expect(throws: TimeError.self) { try bad.days(from: date("2026-01-01")) }
        }
    }
}
