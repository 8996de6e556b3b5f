/// One rule for local time: how far ahead of UTC, and what it is called.
package struct LocalTimeType: Hashable, Sendable {
    /// Seconds ahead of UTC.
    package let offset: Int
    package let isDaylight: Bool
    package let abbreviation: String
}

/// A time zone as a TZif file describes it (RFC 8536, versions 2 to 4; version 1 blocks are skipped).
package struct ZoneFile: Sendable {
    package let transitions: [Int64]
    /// The type that starts with each transition.
    let typeIndices: [UInt8]
    let types: [LocalTimeType]
    /// The rule after the last transition.
    package let footer: PosixRule?

    /// Reads a file; every count is checked against the bytes that are there.
    package init(parsing bytes: [UInt8]) throws(TimeError) {
        guard bytes.count <= Limits.zoneFileBytesMax else { throw ZoneFile.bad("it is too large") }
        var reader = ZoneFileReader(bytes: bytes)
        let first = try reader.header()
        guard first.version >= UInt8(ascii: "2") else { throw ZoneFile.bad("version 1 has no 64-bit times") }
        try reader.skip(first.size(timeBytes: 4))
        let header = try reader.header()
        guard header.timeCount <= Limits.transitionsMax, header.typeCount >= 1, header.typeCount <= Limits.zoneTypesMax,
            header.isUTCount == 0 || header.isUTCount == header.typeCount, header.isStandardCount == 0 || header.isStandardCount == header.typeCount
        else { throw ZoneFile.bad("its counts are out of range") }
        transitions = try reader.times(header.timeCount)
        typeIndices = try reader.take(header.timeCount)
        types = try reader.types(header)
        try reader.skip(header.leapCount * 12 + header.isStandardCount + header.isUTCount)
        footer = try reader.footer()
        guard typeIndices.allSatisfy({ Int($0) < header.typeCount }) else { throw ZoneFile.bad("a transition names no type") }
        guard zip(transitions, transitions.dropFirst()).allSatisfy({ $0 < $1 }) else { throw ZoneFile.bad("its transitions are not in order") }
    }

    /// A zone without transitions.
    package init(fixed offset: Int, abbreviation: String) {
        (transitions, typeIndices, footer) = ([], [], nil)
        types = [LocalTimeType(offset: offset, isDaylight: false, abbreviation: abbreviation)]
    }

    static func bad(_ reason: String) -> TimeError { TimeError(.badZoneFile, "The zone file is not valid: \(reason).") }

    /// The rule in force at a moment.
    package func type(at seconds: Int64) -> LocalTimeType {
        var (low, high) = (0, transitions.count)
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= seconds { low = middle + 1 } else { high = middle }
        }
        if low == transitions.count, let footer { return footer.type(at: seconds) }
        return low == 0 ? types[0] : types[Int(typeIndices[low - 1])]
    }

    /// The moments at which clocks show a local time: one, none in a gap, two in an overlap; in order.
    package func moments(of local: LocalTime) -> [Moment] {
        let wall = local.secondsAsUTC
        var offsets: Set<Int> = []
        for probe in [wall - 172_800, wall - 86_400, wall - 50_400, wall, wall + 50_400, wall + 86_400, wall + 172_800] {
            offsets.insert(type(at: probe).offset)
        }
        for offset in offsets { offsets.insert(type(at: wall - Int64(offset)).offset) }
        return offsets.map { wall - Int64($0) }.filter { type(at: $0).offset == Int(wall - $0) }.sorted()
            .map { Moment(seconds: $0, nanoseconds: local.nanoseconds) }
    }
}

/// Reads the parts of a TZif file in order.
private struct ZoneFileReader {
    struct Header {
        var version: UInt8
        var isUTCount, isStandardCount, leapCount, timeCount, typeCount, charCount: Int

        func size(timeBytes: Int) -> Int {
            timeCount * (timeBytes + 1) + typeCount * 6 + charCount + leapCount * (timeBytes + 4) + isStandardCount + isUTCount
        }
    }

    let bytes: [UInt8]
    var index = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func take(_ count: Int) throws(TimeError) -> [UInt8] {
        guard count >= 0, count <= bytes.count - index else { throw ZoneFile.bad("it ends early") }
        index += count
        return Array(bytes[(index - count)..<index])
    }

    mutating func skip(_ count: Int) throws(TimeError) {
        guard count >= 0, count <= bytes.count - index else { throw ZoneFile.bad("it ends early") }
        index += count
    }

    private mutating func count() throws(TimeError) -> Int {
        let value = try take(4).reduce(0) { $0 << 8 | Int($1) }
        guard value <= Limits.zoneFileBytesMax else { throw ZoneFile.bad("a count is out of range") }
        return value
    }

    mutating func header() throws(TimeError) -> Header {
        guard try take(4) == Array("TZif".utf8) else { throw ZoneFile.bad("it does not start with TZif") }
        let version = try take(16)[0]
        let counts = [try count(), try count(), try count(), try count(), try count(), try count()]
        return Header(
            version: version, isUTCount: counts[0], isStandardCount: counts[1], leapCount: counts[2], timeCount: counts[3],
            typeCount: counts[4], charCount: counts[5])
    }

    mutating func times(_ count: Int) throws(TimeError) -> [Int64] {
        let data = try take(count * 8)
        return (0..<count).map { place in
            Int64(bitPattern: data[(place * 8)..<(place * 8 + 8)].reduce(0) { $0 << 8 | UInt64($1) })
        }
    }

    mutating func types(_ header: Header) throws(TimeError) -> [LocalTimeType] {
        let data = try take(header.typeCount * 6)
        let names = try take(header.charCount)
        var types: [LocalTimeType] = []
        for place in 0..<header.typeCount {
            let record = Array(data[(place * 6)..<(place * 6 + 6)])
            let offset = Int(Int32(bitPattern: record[0..<4].reduce(0) { $0 << 8 | UInt32($1) }))
            guard offset.magnitude <= 93_599, record[4] <= 1, Int(record[5]) < names.count else {
                throw ZoneFile.bad("a local time type is out of range")
            }
            let name = names[Int(record[5])...].prefix { $0 != 0 }.prefix(16)
            types.append(LocalTimeType(offset: offset, isDaylight: record[4] == 1, abbreviation: String(decoding: name, as: UTF8.self)))
        }
        return types
    }

    mutating func footer() throws(TimeError) -> PosixRule? {
        guard index < bytes.count else { return nil }
        guard bytes[index] == 10 else { throw ZoneFile.bad("its footer does not start with a line feed") }
        let text = bytes[(index + 1)...].prefix { $0 != 10 }
        return text.isEmpty ? nil : try PosixRule(parsing: Array(text.prefix(200)))
    }
}
