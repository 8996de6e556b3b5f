/// What to do with a local time that clocks skip or show twice.
package enum Disambiguation: String, Codable, Sendable, CaseIterable {
    /// In a gap the time moves on by the gap's length; in an overlap the first of the two is meant.
    case compatible
    /// The earlier of the two readings.
    case earlier
    /// The later of the two readings.
    case later
    /// An error.
    case reject
}

/// A named time zone.
package struct Zone: Sendable {
    package let name: String
    package let file: ZoneFile

    package static let utc = Zone(name: "UTC", file: ZoneFile(fixed: 0, abbreviation: "UTC"))

    package init(name: String, file: ZoneFile) {
        self.name = name
        self.file = file
    }

    /// A zone of one offset, of less than a day.
    package init(offset: Int) {
        name = OffsetText.text(offset)
        file = ZoneFile(fixed: offset, abbreviation: OffsetText.text(offset))
    }

    package func type(at moment: Moment) -> LocalTimeType { file.type(at: moment.seconds) }

    package func local(_ moment: Moment) throws(TimeError) -> LocalTime {
        try LocalTime(moment, offset: type(at: moment).offset)
    }

    /// The moment at which clocks show a local time.
    package func moment(_ local: LocalTime, _ policy: Disambiguation) throws(TimeError) -> Moment {
        let moments = file.moments(of: local)
        if moments.count == 1 { return try moments[0].adding(seconds: 0) }
        if let first = moments.first, let last = moments.last {
            if policy == .reject {
                throw TimeError(.ambiguousLocalTime, "Clocks in \(name) show \(ISOText.local(local)) twice.")
            }
            return policy == .later ? last : first
        }
        if policy == .reject {
            throw TimeError(.noSuchLocalTime, "Clocks in \(name) skip \(ISOText.local(local)).")
        }
        let before = file.type(at: local.secondsAsUTC - 86_400).offset
        let after = file.type(at: local.secondsAsUTC + 86_400).offset
        let offset = policy == .earlier ? max(before, after) : min(before, after)
        return try Moment(seconds: 0, nanoseconds: local.nanoseconds).adding(seconds: local.secondsAsUTC - Int64(offset))
    }
}

/// Where zones come from.
package protocol ZoneSource: Sendable {
    /// The bytes of a zone file; nil if there is none of that name.
    func file(_ name: String) -> [UInt8]?
    /// The names of all zones.
    func names() -> [String]
}

extension ZoneSource {
    /// The zone of an IANA name, `UTC`, `Z` or an offset such as `+02:00`.
    package func zone(_ name: String) throws(TimeError) -> Zone {
        if name == "UTC" || name == "Z" || name == "z" { return .utc }
        if let offset = OffsetText.offset(name) { return Zone(offset: offset) }
        guard ZoneName.isValid(name) else { throw TimeError(.unknownZone, "'\(name.prefix(64))' is no name of a time zone.") }
        guard let bytes = file(name) else {
            let wanted = name.lowercased()
            let similar = names().filter { $0.lowercased() == wanted || $0.lowercased().hasSuffix("/" + wanted) }.prefix(3)
            let hint = similar.isEmpty ? "" : " Did you mean \(similar.joined(separator: ", "))?"
            throw TimeError(.unknownZone, "There is no time zone '\(name)'.\(hint)")
        }
        return Zone(name: name, file: try ZoneFile(parsing: bytes))
    }
}

enum ZoneName {
    /// Parts of letters, digits, `_`, `+` and `-`, joined by slashes: nothing that leaves the directory.
    static func isValid(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= Limits.zoneNameBytesMax else { return false }
        return name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
            guard let first = part.utf8.first, (first | 0x20) &- 97 < 26 else { return false }
            return part.utf8.allSatisfy { ($0 | 0x20) &- 97 < 26 || $0 &- 48 < 10 || $0 == 95 || $0 == 43 || $0 == 45 }
        }
    }
}

/// Offsets from UTC as text.
package enum OffsetText {
    /// `+05:30`, `-03:00`; with seconds where there are any.
    package static func text(_ offset: Int) -> String {
        let magnitude = Int(offset.magnitude)
        let sign = offset < 0 ? "-" : "+"
        let text = sign + ISOText.padded(magnitude / 3600, 2) + ":" + ISOText.padded(magnitude / 60 % 60, 2)
        return magnitude % 60 == 0 ? text : text + ":" + ISOText.padded(magnitude % 60, 2)
    }

    /// Reads `+HH`, `+HH:MM` or `+HHMM`.
    static func offset(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard let sign = bytes.first, sign == 43 || sign == 45 else { return nil }
        var digits = Array(bytes.dropFirst())
        if digits.count == 5, digits[2] == 58 { digits.remove(at: 2) }
        guard digits.count == 2 || digits.count == 4, digits.allSatisfy({ $0 &- 48 < 10 }) else { return nil }
        let numbers = digits.map { Int($0) - 48 }
        let (hours, minutes) = (numbers[0] * 10 + numbers[1], digits.count == 4 ? numbers[2] * 10 + numbers[3] : 0)
        guard hours < 24, minutes < 60 else { return nil }
        return (sign == 45 ? -1 : 1) * (hours * 3600 + minutes * 60)
    }
}
