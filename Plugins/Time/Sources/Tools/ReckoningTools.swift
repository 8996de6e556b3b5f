import LimenPlugin

struct DifferenceTool: Tool {
    static let name = "difference"
    static let title: String? = "Time between two times"
    static let description = "Tells how long it is from one date or time to another: exactly in seconds, and in calendar units."
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]
    let environment: TimeEnvironment

    struct Input: Codable, Sendable {
        @Field("The start: a date or time, or \"now\".", minLength: 1, maxLength: 200) var from: String
        @Field("The end, likewise.", minLength: 1, maxLength: 200) var to: String
        @Field("The zone whose calendar counts, and of times without one; UTC by default.", maxLength: 64) var zone: String?
    }

    struct Output: Codable, Sendable {
        @Field("Years, months, days, hours, minutes and seconds as an ISO 8601 duration; added to the start it gives the end.") var calendar: String
        @Field("Days, hours, minutes and seconds of exact length, as an ISO 8601 duration.") var exact: String
        @Field("The exact difference in seconds, as a decimal number.") var seconds: String
        @Field("Whole days of exactly 24 hours, rounded towards zero.") var days: Int64
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        try reporting { () throws(TimeError) in
            let (start, startZone) = try environment.resolve(input.from, zone: input.zone)
            let (end, _) = try environment.resolve(input.to, zone: input.zone)
            let calendar = try Arithmetic.calendarDifference(from: start, to: end, in: startZone)
            let exact = exactDuration(start, end)
            let total = exact.seconds + Int64(exact.days) * 86_400
            let sign = exact.isNegative ? "-" : ""
            return Output(
                calendar: .value(calendar.text), exact: .value(exact.text), seconds: .value("\(sign)\(total)\(ISOText.fraction(exact.nanoseconds))"),
                days: .value(Int64(exact.isNegative ? -exact.days : exact.days)))
        }
    }

    private func exactDuration(_ start: Moment, _ end: Moment) -> CalendarDuration {
        let (first, last) = (min(start, end), max(start, end))
        var duration = CalendarDuration()
        var (seconds, nanoseconds) = (last.seconds - first.seconds, last.nanoseconds - first.nanoseconds)
        if nanoseconds < 0 {
            seconds -= 1
            nanoseconds += 1_000_000_000
        }
        duration.days = Int(seconds / 86_400)
        duration.seconds = seconds % 86_400
        duration.nanoseconds = nanoseconds
        duration.isNegative = end < start
        return duration
    }
}

struct AddTool: Tool {
    static let name = "add"
    static let title: String? = "Add a duration to a time"
    static let description = """
        Adds an ISO 8601 duration (negative to subtract) to a date or time: years and months first, then weeks and days, on the zone's \
        calendar; then hours, minutes and seconds exactly. The policies say what happens at month ends and at clock changes.
        """
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]
    let environment: TimeEnvironment

    struct Input: Codable, Sendable {
        @Field("A date or time, or \"now\".", minLength: 1, maxLength: 200) var time: String
        @Field("The duration, such as P1M, -P3D or PT36H.", minLength: 2, maxLength: 200) var duration: String
        @Field("The zone whose calendar counts, and of a time without one.", maxLength: 64) var zone: String?
        @Field("When the month lacks the day: its last day, on into the next month, or an error.") var overflow: OverflowPolicy = .constrain
        @Field("What to do with local times that clocks skip or show twice.") var disambiguation: Disambiguation = .compatible
    }

    struct Output: Codable, Sendable {
        @Field("The date, when a date was given, else the time as RFC 3339.") var result: String
        @Field("The time in full, when a time was given.") var moment: MomentOutput?
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        try reporting { () throws(TimeError) in
            let duration = try CalendarDuration(parsing: input.duration)
            if input.time != "now", case .date(let date) = try TimeParser.parse(input.time), !duration.hasClockPart {
                return Output(result: .value(ISOText.date(try Arithmetic.add(duration, to: date, input.overflow))), moment: .value(nil))
            }
            let (moment, zone) = try environment.resolve(input.time, zone: input.zone, input.disambiguation)
            let result = try Arithmetic.add(duration, to: moment, in: zone, input.overflow, input.disambiguation)
            return Output(result: .value(try ISOText.moment(result, zone)), moment: .value(try MomentOutput(result, zone)))
        }
    }
}

struct BusinessDaysTool: Tool {
    static let name = "business_days"
    static let title: String? = "Count or add business days"
    static let description = "Counts the business days from one date up to (not including) another, or moves a date by a number of business days."
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]
    let environment: TimeEnvironment

    struct Input: Codable, Sendable {
        @Field("The start: a date.", minLength: 1, maxLength: 200) var from: String
        @Field("The end, to count; give this or add.", maxLength: 200) var to: String?
        @Field("Business days to move by, negative to go back; give this or to.", minimum: -100_000, maximum: 100_000) var add: Int?
        @Field("Weekend days, 1 (Monday) to 7 (Sunday).", maxItems: 6) var weekend: [Int] = [6, 7]
        @Field("Days off: dates.", maxItems: 1000) var holidays: [String] = []
    }

    struct Output: Codable, Sendable {
        @Field("Business days from start to end; negative if the end is earlier.") var count: Int?
        @Field("The date reached.") var date: String?
        @Field("Whether the start is itself a business day.") var startIsBusinessDay: Bool

        enum CodingKeys: String, CodingKey {
            case count, date
            case startIsBusinessDay = "start_is_business_day"
        }
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        try reporting { () throws(TimeError) in
            guard (input.to == nil) != (input.add == nil) else { throw TimeError(.argument, "Give either 'to' or 'add'.") }
            let calendar = try BusinessCalendar(weekend: input.weekend, holidays: environment.days(input.holidays))
            let start = try environment.day(input.from, zone: nil)
            var (count, date): (Int?, String?)
            if let to = input.to { count = calendar.count(from: start, to: try environment.day(to, zone: nil)) }
            if let add = input.add { date = ISOText.date(try calendar.moving(start, by: add)) }
            return Output(count: .value(count), date: .value(date), startIsBusinessDay: .value(calendar.isBusinessDay(start.daysSince1970)))
        }
    }
}

struct RecurrenceTool: Tool {
    static let name = "recurrence"
    static let title: String? = "List recurring dates"
    static let description = """
        Lists when something recurs: daily, weekly (on weekdays), monthly or yearly (on days of the month, also from its end, or on the n-th \
        weekday). With a time and a zone the local time stays the same across clock changes.
        """
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]
    let environment: TimeEnvironment

    struct Input: Codable, Sendable {
        @Field("The first possible occurrence: a date, or a time.", minLength: 1, maxLength: 200) var start: String
        @Field("How often.") var frequency: Recurrence.Frequency
        @Field("Every so many days, weeks, months or years.", minimum: 1, maximum: 1000) var interval: Int = 1
        @Field("Weekdays, 1 (Monday) to 7.", maxItems: 7) var weekdays: [Int] = []
        @Field("Days of the month, 1 to 31, or -1 (the last) to -31; months without the day are left out.", maxItems: 31) var monthDays: [Int] = []
        @Field("The n-th of the weekdays in the month: 1 to 5, or -1 (the last) to -5.", minimum: -5, maximum: 5) var ordinal: Int?
        @Field("Occurrences listed at most.", minimum: 1, maximum: 1000) var count: Int = 10
        @Field("The last date that may occur.", maxLength: 200) var until: String?
        @Field("Dates left out.", maxItems: 1000) var exclude: [String] = []
        @Field("The zone of a start with a time.", maxLength: 64) var zone: String?

        enum CodingKeys: String, CodingKey {
            case start, frequency, interval, weekdays, ordinal, count, until, exclude, zone
            case monthDays = "month_days"
        }
    }

    struct Output: Codable, Sendable {
        @Field("The occurrences: dates, or times as RFC 3339 when the start has a time.") var occurrences: [String]
        @Field("Whether there are no further ones.") var complete: Bool
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        try reporting { () throws(TimeError) in
            var rule = Recurrence(input.frequency)
            (rule.interval, rule.weekdays, rule.monthDays) = (input.interval, input.weekdays, input.monthDays)
            (rule.ordinal, rule.count) = (input.ordinal, input.count)
            rule.until = try input.until.map { text throws(TimeError) in try environment.day(text, zone: nil) }
            rule.excluded = try environment.days(input.exclude)
            if input.start != "now", case .date(let date) = try TimeParser.parse(input.start) {
                let (days, complete) = try rule.days(from: date)
                return Output(occurrences: .value(days.map(ISOText.date)), complete: .value(complete))
            }
            return try timed(rule, input)
        }
    }

    private func timed(_ rule: Recurrence, _ input: Input) throws(TimeError) -> Output {
        let (start, zone) = try environment.resolve(input.start, zone: input.zone)
        let local = try zone.local(start)
        let (days, complete) = try rule.days(from: local.date)
        var times: [String] = []
        for day in days {
            let moment = try zone.moment(LocalTime(date: day, secondOfDay: local.secondOfDay, nanoseconds: local.nanoseconds), .compatible)
            times.append(try ISOText.moment(moment, zone))
        }
        return Output(occurrences: .value(times), complete: .value(complete))
    }
}
