/// A day of the proleptic Gregorian calendar.
package struct CivilDate: Hashable, Sendable {
    package let year: Int
    package let month: Int
    package let day: Int

    /// Nil unless the day exists and the year is within `Limits.years`.
    package init?(year: Int, month: Int, day: Int) {
        guard Limits.years.contains(year), (1...12).contains(month), day >= 1, day <= CivilDate.days(inMonth: month, of: year) else {
            return nil
        }
        (self.year, self.month, self.day) = (year, month, day)
    }

    /// The day so many days after 1970-01-01 (Howard Hinnant's algorithm); nil outside `Limits.years`.
    package init?(daysSince1970: Int) {
        guard daysSince1970.magnitude < 5_000_000 else { return nil }
        let shifted = daysSince1970 + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let index = (5 * dayOfYear + 2) / 153
        let month = index < 10 ? index + 3 : index - 9
        self.init(year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month: month, day: dayOfYear - (153 * index + 2) / 5 + 1)
    }

    /// Days since 1970-01-01.
    package var daysSince1970: Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    package static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    package static func days(inMonth month: Int, of year: Int) -> Int {
        month == 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
    }

    /// 1 for Monday to 7 for Sunday.
    package var weekday: Int { CivilDate.floorMod(daysSince1970 + 3, 7) + 1 }

    /// 1 to 366.
    package var dayOfYear: Int { daysSince1970 - CivilDate.firstDay(of: year) + 1 }

    static func firstDay(of year: Int) -> Int {
        let before = year - 1
        return before * 365 + floorDiv(before, 4) - floorDiv(before, 100) + floorDiv(before, 400) - 719_162
    }

    /// The year and week of ISO 8601; week 1 holds the year's first Thursday.
    package var isoWeek: (year: Int, week: Int) {
        let thursday = daysSince1970 - weekday + 4
        guard let date = CivilDate(daysSince1970: thursday) else { return (year, 1) }
        return (date.year, (date.dayOfYear - 1) / 7 + 1)
    }

    /// The day of an ISO week; nil if that week does not exist.
    package init?(isoYear: Int, week: Int, weekday: Int) {
        guard Limits.years.contains(isoYear), (1...53).contains(week), (1...7).contains(weekday) else { return nil }
        let fourth = CivilDate.firstDay(of: isoYear) + 3
        let monday = fourth - CivilDate.floorMod(fourth + 3, 7)
        self.init(daysSince1970: monday + (week - 1) * 7 + weekday - 1)
        guard isoWeek == (isoYear, week) else { return nil }
    }

    /// The n-th day of a year; nil if it has fewer.
    package init?(year: Int, dayOfYear: Int) {
        guard Limits.years.contains(year), dayOfYear >= 1, dayOfYear <= (CivilDate.isLeap(year) ? 366 : 365) else { return nil }
        self.init(daysSince1970: CivilDate.firstDay(of: year) + dayOfYear - 1)
    }

    package static func floorDiv(_ a: Int, _ b: Int) -> Int { a >= 0 ? a / b : (a - b + 1) / b }
    package static func floorMod(_ a: Int, _ b: Int) -> Int { a - floorDiv(a, b) * b }
}

extension CivilDate: Comparable {
    package static func < (left: CivilDate, right: CivilDate) -> Bool {
        (left.year, left.month, left.day) < (right.year, right.month, right.day)
    }
}

/// What to do when a month has no such day: 31 January plus a month.
package enum OverflowPolicy: String, Codable, Sendable, CaseIterable {
    /// The month's last day.
    case constrain
    /// The day after the month's end, carried on.
    case overflow
    /// An error.
    case reject
}

extension CivilDate {
    /// Adds calendar months and then days.
    package func adding(months: Int, days: Int, _ policy: OverflowPolicy) throws(TimeError) -> CivilDate {
        let outOfRange = TimeError(.range, "The date is outside the years \(Limits.years.lowerBound) to \(Limits.years.upperBound).")
        guard months.magnitude < 1_000_000, days.magnitude < 10_000_000 else { throw outOfRange }
        let index = year * 12 + month - 1 + months
        let (newYear, newMonth) = (CivilDate.floorDiv(index, 12), CivilDate.floorMod(index, 12) + 1)
        guard Limits.years.contains(newYear) else { throw outOfRange }
        let length = CivilDate.days(inMonth: newMonth, of: newYear)
        if day > length && policy == .reject {
            throw TimeError(.noSuchLocalTime, "\(newYear)-\(newMonth) has no day \(day).")
        }
        let spill = policy == .overflow ? max(0, day - length) : 0
        guard let date = CivilDate(year: newYear, month: newMonth, day: min(day, length)),
            let moved = CivilDate(daysSince1970: date.daysSince1970 + spill + days)
        else { throw outOfRange }
        return moved
    }
}
