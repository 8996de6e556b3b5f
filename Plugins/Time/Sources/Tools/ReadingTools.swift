import LimenPlugin

struct NowTool: Tool {
    static let name = "now"
    static let title: String? = "The time now"
    static let description = "Tells the current date and time in a time zone."
    static let annotations: ToolAnnotations = [.readOnly]
    let environment: TimeEnvironment

    struct Input: Codable, Sendable {
        @Field("A name such as Europe/Paris, UTC, or an offset such as +02:00.", maxLength: 64) var zone: String = "UTC"
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> MomentOutput {
        try reporting { () throws(TimeError) in try MomentOutput(environment.now(), environment.zones.zone(input.zone)) }
    }
}

struct ParseTool: Tool {
    static let name = "parse"
    static let title: String? = "Read a date, time, duration or interval"
    static let description = """
        Reads ISO 8601 and RFC 3339: dates (2026-11-21, 2026-W47-6, 2026-325), times with offset or [zone], durations (P1M, PT1H30M), \
        intervals (start/end, start/duration), and @seconds since 1970; tells what they mean.
        """
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]
    let environment: TimeEnvironment

    struct Input: Codable, Sendable {
        @Field("The text.", minLength: 1, maxLength: 200) var text: String
        @Field("The zone of times that have neither offset nor zone.", maxLength: 64) var zone: String?
        @Field("What to do with local times that clocks skip or show twice.") var disambiguation: Disambiguation = .compatible
    }

    struct Output: Codable, Sendable {
        @Field("moment, local (a time without a zone), date, duration or interval.") var kind: String
        @Field("The text in its normal form.") var normalized: String
        @Field("The moment, for times, and for dates their first.") var start: MomentOutput?
        @Field("The end, for intervals.") var end: MomentOutput?
        @Field("The exact length in seconds, for intervals and for durations of weeks or shorter units.") var seconds: Int64?
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        try reporting { () throws(TimeError) in
            let parsed = try TimeParser.parse(input.text)
            let zone = try input.zone.map { name throws(TimeError) in try environment.zones.zone(name) }
            return try output(parsed, zone, input.disambiguation)
        }
    }

    private func output(_ parsed: ParsedTime, _ zone: Zone?, _ policy: Disambiguation) throws(TimeError) -> Output {
        switch parsed {
        case .duration(let duration):
            let exact = duration.years == 0 && duration.months == 0
            let seconds = duration.signedSeconds + Int64(duration.signedDays) * 86_400
            return Output(
                kind: .value("duration"), normalized: .value(duration.text), start: .value(nil), end: .value(nil),
                seconds: .value(exact ? seconds : nil))
        case .local(let local, nil) where zone == nil:
            return Output(kind: .value("local"), normalized: .value(ISOText.local(local)), start: .value(nil), end: .value(nil), seconds: .value(nil))
        case .interval(let first, let second):
            let (start, end, used) = try environment.interval(first, second, zone, policy)
            let text = try ISOText.moment(start, used) + "/" + ISOText.moment(end, used)
            return Output(
                kind: .value("interval"), normalized: .value(text), start: .value(try MomentOutput(start, used)),
                end: .value(try MomentOutput(end, used)),
                seconds: .value(end.seconds - start.seconds))
        default:
            let (moment, used) = try environment.resolve(parsed, zone: zone, policy)
            var text = try ISOText.moment(moment, used)
            if case .date(let date) = parsed { text = ISOText.date(date) }
            return Output(
                kind: .value(parsed.kind), normalized: .value(text), start: .value(try MomentOutput(moment, used)), end: .value(nil),
                seconds: .value(nil))
        }
    }
}

extension TimeEnvironment {
    /// The two ends of an interval, one of which may be given as a duration.
    func interval(_ first: ParsedTime, _ second: ParsedTime, _ zone: Zone?, _ policy: Disambiguation) throws(TimeError)
        -> (start: Moment, end: Moment, zone: Zone)
    {
        if case .duration(let duration) = second {
            let (start, used) = try resolve(first, zone: zone, policy)
            return (start, try Arithmetic.add(duration, to: start, in: used, .constrain, policy), used)
        }
        let (end, endZone) = try resolve(second, zone: zone, policy)
        if case .duration(let duration) = first {
            return (try Arithmetic.add(duration.negated, to: end, in: endZone, .constrain, policy), end, endZone)
        }
        let (start, used) = try resolve(first, zone: zone, policy)
        return (start, end, used)
    }
}

struct ConvertTool: Tool {
    static let name = "convert"
    static let title: String? = "Convert between time zones"
    static let description = "Tells what clocks in other time zones show at a given time."
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]
    let environment: TimeEnvironment

    struct Input: Codable, Sendable {
        @Field("The time, as RFC 3339 or ISO 8601, or \"now\".", minLength: 1, maxLength: 200) var time: String
        @Field("The zone of a time that has neither offset nor zone.", maxLength: 64) var from: String?
        @Field("The zones wanted.", minItems: 1, maxItems: 50) var to: [String]
        @Field("What to do with local times that clocks skip or show twice.") var disambiguation: Disambiguation = .compatible
    }

    struct Output: Codable, Sendable {
        @Field("The time in each zone, in the order asked.") var times: [MomentOutput]
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        try reporting { () throws(TimeError) in
            guard input.to.count <= Limits.targetZonesMax else { throw TimeError(.argument, "More than \(Limits.targetZonesMax) zones.") }
            let (moment, _) = try environment.resolve(input.time, zone: input.from, input.disambiguation)
            var times: [MomentOutput] = []
            for name in input.to { times.append(try MomentOutput(moment, environment.zones.zone(name))) }
            return Output(times: .value(times))
        }
    }
}

struct FormatTool: Tool {
    static let name = "format"
    static let title: String? = "Format a time"
    static let description = "Writes a time by a pattern of fields: \(TimeFormat.fields). Names are English."
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]
    let environment: TimeEnvironment

    struct Input: Codable, Sendable {
        @Field("The time, as RFC 3339 or ISO 8601, or \"now\".", minLength: 1, maxLength: 200) var time: String
        @Field("The pattern, for example \"%A, %e %B %Y\".", minLength: 1, maxLength: 200) var format: String
        @Field("The zone in which to write it, and to read it if it has none.", maxLength: 64) var zone: String?
    }

    struct Output: Codable, Sendable {
        @Field("The time as asked.") var text: String
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        try reporting { () throws(TimeError) in
            let (moment, zone) = try environment.resolve(input.time, zone: input.zone)
            return Output(text: .value(try TimeFormat.text(moment, zone, input.format)))
        }
    }
}

struct ZonesTool: Tool {
    static let name = "zones"
    static let title: String? = "List time zones"
    static let description = "Lists time zones whose names contain a text, with their offsets at a given time."
    static let annotations: ToolAnnotations = [.readOnly]
    let environment: TimeEnvironment

    struct Input: Codable, Sendable {
        @Field("Part of a name, such as Europe or york; empty for all.", maxLength: 64) var query: String = ""
        @Field("The time at which offsets hold; now by default.", maxLength: 200) var at: String = "now"
        @Field("Zones listed at most.", minimum: 1, maximum: 600) var limit: Int = 100
    }

    struct Entry: Codable, Sendable {
        @Field("The name.") var name: String
        @Field("The offset from UTC.") var offset: String
        @Field("What local time is called.") var abbreviation: String
        @Field("Whether daylight saving holds.") var daylightSaving: Bool

        enum CodingKeys: String, CodingKey {
            case name, offset, abbreviation
            case daylightSaving = "daylight_saving"
        }
    }

    struct Output: Codable, Sendable {
        @Field("The zones, by name.") var zones: [Entry]
        @Field("Whether there are more.") var truncated: Bool
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        try reporting { () throws(TimeError) in
            let (moment, _) = try environment.resolve(input.at, zone: nil)
            let wanted = input.query.lowercased()
            let names = environment.zones.names().filter { wanted.isEmpty || $0.lowercased().contains(wanted) }
            var entries: [Entry] = []
            for name in names.prefix(min(input.limit, Limits.zonesListedMax)) {
                let type = try environment.zones.zone(name).type(at: moment)
                entries.append(
                    Entry(
                        name: .value(name), offset: .value(OffsetText.text(type.offset)), abbreviation: .value(type.abbreviation),
                        daylightSaving: .value(type.isDaylight)))
            }
            return Output(zones: .value(entries), truncated: .value(entries.count < names.count))
        }
    }
}
