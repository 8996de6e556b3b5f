/// A length of time in calendar and clock units, all of one sign.
package struct CalendarDuration: Hashable, Sendable {
    package var years = 0
    package var months = 0
    package var weeks = 0
    package var days = 0
    package var seconds: Int64 = 0
    package var nanoseconds = 0
    package var isNegative = false

    package init() {}

    /// Months of the calendar part, with the sign.
    var signedMonths: Int { (isNegative ? -1 : 1) * (years * 12 + months) }
    /// Days of the calendar part, with the sign.
    var signedDays: Int { (isNegative ? -1 : 1) * (weeks * 7 + days) }
    var signedSeconds: Int64 { isNegative ? -seconds : seconds }
    var signedNanoseconds: Int64 { Int64(isNegative ? -nanoseconds : nanoseconds) }
    package var hasClockPart: Bool { seconds != 0 || nanoseconds != 0 }

    /// `P1Y2M3DT4H5M6.5S`
    package var text: String {
        var date = ""
        for (amount, unit) in [(years, "Y"), (months, "M"), (weeks, "W"), (days, "D")] where amount != 0 { date += "\(amount)\(unit)" }
        var time = ""
        let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60)
        if hours != 0 { time += "\(hours)H" }
        if minutes != 0 { time += "\(minutes)M" }
        if rest != 0 || nanoseconds != 0 { time += "\(rest)\(ISOText.fraction(nanoseconds))S" }
        if date.isEmpty && time.isEmpty { return "PT0S" }
        return (isNegative ? "-P" : "P") + date + (time.isEmpty ? "" : "T" + time)
    }

    /// The opposite length.
    package var negated: CalendarDuration {
        var copy = self
        copy.isNegative.toggle()
        return copy
    }
}

extension CalendarDuration {
    /// Reads an ISO 8601 duration, with an optional sign; only the last unit of a time may have a fraction.
    package init(parsing text: String) throws(TimeError) {
        var scanner = try Scanner(text)
        try self.init(&scanner)
        try scanner.end()
    }

    init(_ scanner: inout Scanner) throws(TimeError) {
        self.init()
        isNegative = scanner.skip("-")
        if !isNegative { _ = scanner.skip("+") }
        guard scanner.skip("P") else { throw scanner.fault("a duration such as P1DT2H") }
        var order = 0
        var inTime = false
        while !scanner.isAtEnd && !scanner.isAt("/") {
            if !inTime && scanner.skip("T") {
                inTime = true
                order = 5
                continue
            }
            order = try component(&scanner, after: order, inTime)
            if order == 10 { break }
        }
        guard order != 0 && order != 5 else { throw scanner.fault("a number and a unit") }
    }

    /// Reads one number with its unit; returns the unit's place, 10 after a fraction.
    private mutating func component(_ scanner: inout Scanner, after order: Int, _ inTime: Bool) throws(TimeError) -> Int {
        let position = scanner.index
        let number = try scanner.longNumber()
        let fraction = try scanner.fraction()
        let units = inTime ? ["H", "M", "S"] : ["Y", "M", "W", "D"]
        guard let place = units.firstIndex(where: { scanner.isAt(Unicode.Scalar($0) ?? "?") }) else {
            throw scanner.fault("one of the units \(units.joined(separator: ", "))")
        }
        scanner.index += 1
        let rank = place + (inTime ? 6 : 1)
        guard rank > order else { throw TimeError(.syntax, "The units of a duration go from large to small, each once.", at: position) }
        guard fraction == nil || inTime else { throw TimeError(.syntax, "Only hours, minutes and seconds have fractions.", at: position) }
        if inTime {
            let scale: Int64 = [3600, 60, 1][place]
            seconds += number * scale
            let extra = (fraction ?? 0) * scale
            seconds += extra / 1_000_000_000
            nanoseconds += Int(extra % 1_000_000_000)
        } else {
            guard number <= 10_000_000 else { throw TimeError(.range, "The number is too large.", at: position) }
            switch place {
            case 0: years = Int(number)
            case 1: months = Int(number)
            case 2: weeks = Int(number)
            default: days = Int(number)
            }
        }
        return fraction == nil ? rank : 10
    }
}
