/// A rule by which days repeat.
package struct Recurrence: Sendable {
    package enum Frequency: String, Codable, Sendable, CaseIterable {
        case daily, weekly, monthly, yearly
    }

    package var frequency: Frequency
    /// Every so many periods.
    package var interval = 1
    /// 1 (Monday) to 7; for weekly rules, and with `ordinal` for monthly ones.
    package var weekdays: [Int] = []
    /// 1 to 31, or -1 to -31 from the month's end; for monthly and yearly rules. Days that a month lacks are left out.
    package var monthDays: [Int] = []
    /// The n-th of `weekdays` in the month: 1 to 5, or -1 to -5 from its end.
    package var ordinal: Int?
    package var count = 10
    /// The last day that may occur.
    package var until: CivilDate?
    package var excluded: [CivilDate] = []

    package init(_ frequency: Frequency) { self.frequency = frequency }

    /// The days from `start` on; `isComplete` is false if only the count ended them.
    package func days(from start: CivilDate) throws(TimeError) -> (days: [CivilDate], isComplete: Bool) {
        try check()
        let skipped = Set(excluded)
        var days: [CivilDate] = []
        for period in 0..<Limits.recurrencePeriodsMax {
            guard let candidates = candidates(start, period * interval) else { return (days, true) }
            for day in candidates where day >= start {
                if let until, day > until { return (days, true) }
                if skipped.contains(day) { continue }
                if days.count == count { return (days, false) }
                days.append(day)
            }
        }
        return (days, false)
    }

    private func check() throws(TimeError) {
        func require(_ condition: Bool, _ message: String) throws(TimeError) {
            guard condition else { throw TimeError(.argument, message) }
        }
        try require((1...1000).contains(interval), "The interval is from 1 to 1000.")
        try require((1...Limits.occurrencesMax).contains(count), "The count is from 1 to \(Limits.occurrencesMax).")
        try require(weekdays.allSatisfy((1...7).contains), "Weekdays are from 1 (Monday) to 7 (Sunday).")
        try require(monthDays.allSatisfy { (1...31).contains(Int($0.magnitude)) }, "Days of the month are 1 to 31 or -1 to -31.")
        try require(ordinal.map { (1...5).contains(Int($0.magnitude)) } ?? true, "The ordinal is 1 to 5 or -1 to -5.")
        try require(excluded.count <= Limits.datesMax, "More than \(Limits.datesMax) excluded dates.")
        let monthly = frequency == .monthly || frequency == .yearly
        try require(monthDays.isEmpty || monthly, "'month_days' is for monthly and yearly rules.")
        try require(
            ordinal == nil || (monthly && !weekdays.isEmpty && monthDays.isEmpty),
            "'ordinal' is for monthly and yearly rules with 'weekdays' and without 'month_days'.")
        try require(!monthly || weekdays.isEmpty || ordinal != nil, "A monthly or yearly rule with 'weekdays' needs an 'ordinal'.")
    }

    /// The days of one period, in order; nil past the end of the calendar.
    private func candidates(_ start: CivilDate, _ offset: Int) -> [CivilDate]? {
        switch frequency {
        case .daily:
            guard let day = CivilDate(daysSince1970: start.daysSince1970 + offset) else { return nil }
            return weekdays.isEmpty || weekdays.contains(day.weekday) ? [day] : []
        case .weekly:
            let monday = start.daysSince1970 - start.weekday + 1 + offset * 7
            guard CivilDate(daysSince1970: monday) != nil else { return nil }
            let wanted = weekdays.isEmpty ? [start.weekday] : Set(weekdays).sorted()
            return wanted.compactMap { CivilDate(daysSince1970: monday + $0 - 1) }
        case .monthly, .yearly:
            let index = start.year * 12 + start.month - 1 + offset * (frequency == .yearly ? 12 : 1)
            let (year, month) = (CivilDate.floorDiv(index, 12), CivilDate.floorMod(index, 12) + 1)
            guard Limits.years.contains(year) else { return nil }
            return monthCandidates(year, month, start)
        }
    }

    private func monthCandidates(_ year: Int, _ month: Int, _ start: CivilDate) -> [CivilDate] {
        let length = CivilDate.days(inMonth: month, of: year)
        var days: Set<Int> = []
        if let ordinal, let first = CivilDate(year: year, month: month, day: 1) {
            for weekday in weekdays {
                let earliest = CivilDate.floorMod(weekday - first.weekday, 7) + 1
                let latest = earliest + (length - earliest) / 7 * 7
                days.insert(ordinal > 0 ? earliest + (ordinal - 1) * 7 : latest + (ordinal + 1) * 7)
            }
        } else {
            for day in monthDays.isEmpty ? [start.day] : monthDays { days.insert(day > 0 ? day : length + 1 + day) }
        }
        return days.sorted().compactMap { CivilDate(year: year, month: month, day: $0) }
    }
}
