import Glibc
import JSON
package import LimenPlugin

/// What the tools know of the world: zones and the clock.
package struct TimeEnvironment: Sendable {
    package let zones: any ZoneSource
    package let now: @Sendable () -> Moment

    package init(zones: any ZoneSource, now: @escaping @Sendable () -> Moment) {
        self.zones = zones
        self.now = now
    }

    /// The machine's own zones and clock.
    package static let system = TimeEnvironment(zones: SystemZones()) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Moment(seconds: Int64(time.tv_sec), nanoseconds: Int(time.tv_nsec))
    }
}

/// The plugin as its entry symbol serves it; tests give zones and a clock of their own.
package func timePlugin(_ environment: TimeEnvironment = .system) -> Plugin {
    Plugin(
        name: "time", version: "1.0.0",
        tools: [
            NowTool(environment: environment), ParseTool(environment: environment), ConvertTool(environment: environment),
            DifferenceTool(environment: environment), AddTool(environment: environment), FormatTool(environment: environment),
            BusinessDaysTool(environment: environment), RecurrenceTool(environment: environment), ZonesTool(environment: environment),
        ])
}

extension TimeError {
    /// The error as callers see it, with the place in the text.
    var reported: PluginError {
        PluginError(
            code.rawValue, position.map { "\(message) (at byte \($0 + 1))" } ?? message,
            details: position.map { ["position": .number(JSONNumber($0))] } ?? [:])
    }
}

/// Runs a body and reports its error to the caller.
func reporting<T>(_ body: () throws(TimeError) -> T) throws(PluginError) -> T {
    do { return try body() } catch { throw error.reported }
}

extension TimeEnvironment {
    /// A text as a moment in a zone: the zone given, else the one written in the text, else its offset.
    func resolve(_ text: String, zone name: String?, _ policy: Disambiguation = .compatible) throws(TimeError) -> (moment: Moment, zone: Zone) {
        let given = try name.map { name throws(TimeError) in try zones.zone(name) }
        if text == "now" { return (now(), given ?? .utc) }
        return try resolve(TimeParser.parse(text), zone: given, policy)
    }

    func resolve(_ parsed: ParsedTime, zone given: Zone?, _ policy: Disambiguation) throws(TimeError) -> (moment: Moment, zone: Zone) {
        switch parsed {
        case .moment(let moment, let offset, let written):
            let named = try written.map { name throws(TimeError) in try zones.zone(name) }
            if let named, named.type(at: moment).offset != offset {
                throw TimeError(.syntax, "The offset \(OffsetText.text(offset)) is not that of \(named.name) at that time.")
            }
            return (moment, given ?? named ?? (offset == 0 ? .utc : Zone(offset: offset)))
        case .local(let local, let written):
            guard let zone = try written.map({ name throws(TimeError) in try zones.zone(name) }) ?? given else {
                throw TimeError(.argument, "The time \(ISOText.local(local)) has no offset; give a zone.")
            }
            return (try zone.moment(local, policy), given ?? zone)
        case .date(let date):
            let zone = given ?? .utc
            return (try zone.moment(LocalTime(date: date, secondOfDay: 0), policy), zone)
        case .duration, .interval:
            throw TimeError(.argument, "Expected a time, found \(parsed.kind == "duration" ? "a duration" : "an interval").")
        }
    }

    /// A text as a day; of a time, its day as written or in the zone given.
    func day(_ text: String, zone name: String?) throws(TimeError) -> CivilDate {
        if text != "now" {
            switch try TimeParser.parse(text) {
            case .date(let date): return date
            case .local(let local, _): return local.date
            default: break
            }
        }
        let (moment, zone) = try resolve(text, zone: name)
        return try zone.local(moment).date
    }

    /// Dates, each a text.
    func days(_ texts: [String]) throws(TimeError) -> [CivilDate] {
        var days: [CivilDate] = []
        for text in texts { days.append(try day(text, zone: nil)) }
        return days
    }
}

/// A moment in a zone, told in every useful way.
struct MomentOutput: Codable, Sendable {
    @Field("The time in the zone, as RFC 3339.") var time: String
    @Field("The same in UTC.") var utc: String
    @Field("The zone.") var zone: String
    @Field("The zone's offset from UTC at that time.") var offset: String
    @Field("What local time is called there then.") var abbreviation: String
    @Field("Whether daylight saving holds.") var daylightSaving: Bool
    @Field("Seconds since 1970-01-01T00:00:00Z, rounded down.") var unixSeconds: Int64
    @Field("The weekday, 1 (Monday) to 7.") var weekday: Int
    @Field("The day in weeks of ISO 8601, as 2026-W47-6.") var isoWeek: String
    @Field("The day of the year, from 1.") var dayOfYear: Int

    enum CodingKeys: String, CodingKey {
        case time, utc, zone, offset, abbreviation, weekday
        case daylightSaving = "daylight_saving"
        case unixSeconds = "unix_seconds"
        case isoWeek = "iso_week"
        case dayOfYear = "day_of_year"
    }

    init(_ moment: Moment, _ zone: Zone) throws(TimeError) {
        let (type, date) = (zone.type(at: moment), try zone.local(moment).date)
        _time = .value(try ISOText.moment(moment, zone))
        _utc = .value(try ISOText.moment(moment, .utc))
        _zone = .value(zone.name)
        _offset = .value(OffsetText.text(type.offset))
        _abbreviation = .value(type.abbreviation)
        _daylightSaving = .value(type.isDaylight)
        _unixSeconds = .value(moment.seconds)
        _weekday = .value(date.weekday)
        _isoWeek = .value(ISOText.week(date))
        _dayOfYear = .value(date.dayOfYear)
    }
}
