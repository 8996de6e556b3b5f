/// A point on the time line: seconds since 1970-01-01T00:00:00Z without leap seconds.
package struct Moment: Hashable, Comparable, Sendable {
    package let seconds: Int64
    /// 0 to 999,999,999.
    package let nanoseconds: Int

    package init(seconds: Int64, nanoseconds: Int = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package static func < (left: Moment, right: Moment) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    /// Moves by seconds and nanoseconds of any size and sign.
    package func adding(seconds: Int64, nanoseconds: Int64 = 0) throws(TimeError) -> Moment {
        // Whole seconds first: the nanoseconds alone could reach past what 64 bits hold.
        let (whole, part) = Moment.floorDivide(nanoseconds, 1_000_000_000)
        let (carry, rest) = Moment.floorDivide(Int64(self.nanoseconds) + part, 1_000_000_000)
        let (sum, overflowed) = self.seconds.addingReportingOverflow(seconds)
        let (total, overflowedAgain) = sum.addingReportingOverflow(whole + carry)
        guard !overflowed, !overflowedAgain, Limits.seconds.contains(total) else {
            throw TimeError(.range, "The time is outside the years \(Limits.years.lowerBound) to \(Limits.years.upperBound).")
        }
        return Moment(seconds: total, nanoseconds: Int(rest))
    }

    static func floorDivide(_ a: Int64, _ b: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
        return remainder < 0 ? (quotient - 1, remainder + b) : (quotient, remainder)
    }
}

/// A date and a time of day, without a zone.
package struct LocalTime: Hashable, Sendable {
    package let date: CivilDate
    /// 0 to 86,399.
    package let secondOfDay: Int
    package let nanoseconds: Int

    package init(date: CivilDate, secondOfDay: Int, nanoseconds: Int = 0) {
        (self.date, self.secondOfDay, self.nanoseconds) = (date, secondOfDay, nanoseconds)
    }

    package var hour: Int { secondOfDay / 3600 }
    package var minute: Int { secondOfDay / 60 % 60 }
    package var second: Int { secondOfDay % 60 }

    /// Seconds since 1970 as if this were UTC.
    package var secondsAsUTC: Int64 { Int64(date.daysSince1970) * 86_400 + Int64(secondOfDay) }

    /// What clocks that are `offset` seconds ahead of UTC show.
    package init(_ moment: Moment, offset: Int) throws(TimeError) {
        let (days, second) = Moment.floorDivide(moment.seconds + Int64(offset), 86_400)
        guard let date = CivilDate(daysSince1970: Int(days)) else {
            throw TimeError(.range, "The time is outside the years \(Limits.years.lowerBound) to \(Limits.years.upperBound).")
        }
        self.init(date: date, secondOfDay: Int(second), nanoseconds: moment.nanoseconds)
    }
}
