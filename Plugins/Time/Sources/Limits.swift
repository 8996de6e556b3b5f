/// Every bound of the time tools, in one place.
package enum Limits {
    /// Years of the proleptic Gregorian calendar.
    package static let years = -9999...9999
    /// Seconds from 1970 that `years` spans.
    static let seconds: ClosedRange<Int64> = -377_705_116_800...253_402_300_799
    /// Bytes of a text to parse.
    package static let textBytesMax = 200
    /// Bytes of a format.
    package static let formatBytesMax = 200
    /// Bytes of a zone file; the largest of the IANA database has about 4,000.
    package static let zoneFileBytesMax = 65_536
    /// Transitions of one zone.
    package static let transitionsMax = 4000
    /// Local time types of one zone.
    package static let zoneTypesMax = 256
    /// Bytes of a zone's name.
    package static let zoneNameBytesMax = 64
    /// Bytes of the database's index of zones.
    package static let zoneIndexBytesMax = 1 << 20
    /// Zones listed in one reply.
    package static let zonesListedMax = 600
    /// Zones that one conversion goes to.
    package static let targetZonesMax = 50
    /// Occurrences listed.
    package static let occurrencesMax = 1000
    /// Periods looked at while occurrences are sought.
    package static let recurrencePeriodsMax = 100_000
    /// Business days counted or moved by.
    package static let businessDaysMax = 100_000
    /// Holidays or exclusions of one call.
    package static let datesMax = 1000
    /// The magnitude of one component of a duration.
    package static let durationComponentMax: Int64 = 10_000_000_000_000
}
