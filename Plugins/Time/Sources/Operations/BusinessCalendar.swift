/// Which days count as working days.
package struct BusinessCalendar: Sendable {
    private let isWeekend: [Bool]
    private let holidays: Set<Int>

    /// Weekend days are 1 (Monday) to 7; not all seven.
    package init(weekend: [Int] = [6, 7], holidays: [CivilDate] = []) throws(TimeError) {
        guard weekend.allSatisfy((1...7).contains), Set(weekend).count < 7 else {
            throw TimeError(.argument, "Weekend days are from 1 (Monday) to 7 (Sunday), and not all of them.")
        }
        guard holidays.count <= Limits.datesMax else { throw TimeError(.argument, "More than \(Limits.datesMax) holidays.") }
        isWeekend = (1...7).map(weekend.contains)
        self.holidays = Set(holidays.map(\.daysSince1970))
    }

    package func isBusinessDay(_ day: Int) -> Bool {
        !isWeekend[CivilDate.floorMod(day + 3, 7)] && !holidays.contains(day)
    }

    /// Working days from `start` up to, but without, `end`; negative if `end` is earlier.
    package func count(from start: CivilDate, to end: CivilDate) -> Int {
        let (first, last) = (min(start.daysSince1970, end.daysSince1970), max(start.daysSince1970, end.daysSince1970))
        let weeks = (last - first) / 7
        var count = weeks * isWeekend.count { !$0 }
        for day in (first + weeks * 7)..<last where !isWeekend[CivilDate.floorMod(day + 3, 7)] { count += 1 }
        count -= holidays.count { $0 >= first && $0 < last && !isWeekend[CivilDate.floorMod($0 + 3, 7)] }
        return end < start ? -count : count
    }

    /// The day that is `count` working days away; with 0, the day itself or the next working day.
    package func moving(_ date: CivilDate, by count: Int) throws(TimeError) -> CivilDate {
        guard count.magnitude <= Limits.businessDaysMax else {
            throw TimeError(.argument, "At most \(Limits.businessDaysMax) business days can be added.")
        }
        var day = date.daysSince1970
        let step = count < 0 ? -1 : 1
        var rest = Int(count.magnitude)
        while rest > 0 {
            day += step
            if isBusinessDay(day) { rest -= 1 }
        }
        while !isBusinessDay(day) { day += step }
        guard let moved = CivilDate(daysSince1970: day) else {
            throw TimeError(.range, "The date is outside the years \(Limits.years.lowerBound) to \(Limits.years.upperBound).")
        }
        return moved
    }
}
