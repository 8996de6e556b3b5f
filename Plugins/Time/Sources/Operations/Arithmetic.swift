/// Adding to and subtracting times.
package enum Arithmetic {
    /// Adds a duration: years and months first, then weeks and days, both on the calendar of the zone, then hours, minutes and seconds
    /// on the time line.
    package static func add(
        _ duration: CalendarDuration, to moment: Moment, in zone: Zone, _ overflow: OverflowPolicy, _ disambiguation: Disambiguation
    ) throws(TimeError) -> Moment {
        var result = moment
        if duration.signedMonths != 0 || duration.signedDays != 0 {
            let local = try zone.local(moment)
            let date = try local.date.adding(months: duration.signedMonths, days: duration.signedDays, overflow)
            result = try zone.moment(
                LocalTime(date: date, secondOfDay: local.secondOfDay, nanoseconds: local.nanoseconds), disambiguation)
        }
        return try result.adding(seconds: duration.signedSeconds, nanoseconds: duration.signedNanoseconds)
    }

    /// Adds a duration without a clock part to a date.
    package static func add(_ duration: CalendarDuration, to date: CivilDate, _ overflow: OverflowPolicy) throws(TimeError) -> CivilDate {
        guard !duration.hasClockPart else {
            throw TimeError(.argument, "A duration with hours, minutes or seconds needs a time to be added to, not a date.")
        }
        return try date.adding(months: duration.signedMonths, days: duration.signedDays, overflow)
    }

    /// The difference in years, months and days; adding it to `start` gives `end`.
    package static func calendarDifference(from start: CivilDate, to end: CivilDate) throws(TimeError) -> CalendarDuration {
        var duration = CalendarDuration()
        duration.isNegative = end < start
        let sign = duration.isNegative ? -1 : 1
        var months = ((end.year - start.year) * 12 + end.month - start.month) * sign
        var reached = try start.adding(months: months * sign, days: 0, .constrain)
        if sign > 0 ? reached > end : reached < end {
            months -= 1
            reached = try start.adding(months: months * sign, days: 0, .constrain)
        }
        duration.years = months / 12
        duration.months = months % 12
        duration.days = (end.daysSince1970 - reached.daysSince1970) * sign
        if duration.years == 0 && duration.months == 0 && duration.days == 0 { duration.isNegative = false }
        return duration
    }

    /// The difference in calendar units of a zone and the rest on the clock; adding it to `start` there gives `end`.
    package static func calendarDifference(from start: Moment, to end: Moment, in zone: Zone) throws(TimeError) -> CalendarDuration {
        if end < start {
            // Counted from the same start backwards, so that adding the negative length leads back.
            return try backwards(from: start, to: end, in: zone)
        }
        let (first, last) = (try zone.local(start), try zone.local(end))
        var date = try calendarDifference(from: first.date, to: last.date)
        var reached = try add(date, to: start, in: zone, .constrain, .compatible)
        if reached > end, let before = CivilDate(daysSince1970: last.date.daysSince1970 - 1), before >= first.date {
            date = try calendarDifference(from: first.date, to: before)
            reached = try add(date, to: start, in: zone, .constrain, .compatible)
        }
        return withClock(date, from: reached, to: end)
    }

    private static func backwards(from start: Moment, to end: Moment, in zone: Zone) throws(TimeError) -> CalendarDuration {
        let (first, last) = (try zone.local(start), try zone.local(end))
        var date = try calendarDifference(from: first.date, to: last.date)
        var reached = try add(date, to: start, in: zone, .constrain, .compatible)
        if reached < end, let after = CivilDate(daysSince1970: last.date.daysSince1970 + 1), after <= first.date {
            date = try calendarDifference(from: first.date, to: after)
            reached = try add(date, to: start, in: zone, .constrain, .compatible)
        }
        var result = withClock(date, from: end, to: reached)
        result.isNegative = true
        return result
    }

    private static func withClock(_ date: CalendarDuration, from start: Moment, to end: Moment) -> CalendarDuration {
        var duration = date
        var (seconds, nanoseconds) = (end.seconds - start.seconds, end.nanoseconds - start.nanoseconds)
        if nanoseconds < 0 {
            seconds -= 1
            nanoseconds += 1_000_000_000
        }
        duration.seconds = max(0, seconds)
        duration.nanoseconds = nanoseconds
        return duration
    }
}
