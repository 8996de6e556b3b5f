internal import TimePlugin

/// A time, and behind a zero byte a pattern: what is read, written and read again is the same.
func checkTime(_ bytes: [UInt8]) {
    let parts = texts(bytes, count: 2)
    guard let text = parts.first, let parsed = try? TimeParser.parse(text) else { return }  // a refusal is a fine answer
    checkTime(parsed, pattern: parts.count > 1 ? parts[1] : "%F %T %j %G-W%V")
}

private func checkTime(_ parsed: ParsedTime, pattern: String) {
    switch parsed {
    case .moment(let moment, let offset, _):
        let zone = Zone(offset: offset)
        guard let text = try? ISOText.moment(moment, zone) else { return }  // at the ends of the time line, local time is out of range
        guard case .moment(let again, offset, nil)? = try? TimeParser.parse(text) else { preconditionFailure("\(text) cannot be read") }
        precondition(again == moment, "\(text) is another moment")
        _ = try? TimeFormat.text(moment, zone, pattern)  // unknown fields are refused
        _ = try? moment.adding(seconds: .max, nanoseconds: .max)  // out of range is a fine answer
    case .local(let local, _):
        precondition((try? TimeParser.parse(ISOText.local(local))) == .local(local, zone: nil), "a local time does not survive")
        for policy in Disambiguation.allCases { _ = try? Zone.utc.moment(local, policy) }  // as above
    case .date(let date):
        precondition((try? TimeParser.parse(ISOText.date(date))) == .date(date), "a date does not survive")
        if (0...9999).contains(date.year) {
            precondition((try? TimeParser.parse(ISOText.week(date))) == .date(date) || date.year == 0 || date.year == 9999, "a week does not survive")
        }
    case .duration(let duration):
        guard let again = try? CalendarDuration(parsing: duration.text) else { preconditionFailure("\(duration.text) cannot be read") }
        precondition(again.text == duration.text, "a duration does not survive")
    case .interval(let start, let end):
        checkTime(start, pattern: pattern)
        checkTime(end, pattern: pattern)
    }
}

/// A zone file, or behind a first byte of zero a POSIX rule: every moment has a local time, and that leads back to the moment.
func checkZone(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    if first == 0 {
        _ = try? PosixRule(parsing: Array(bytes[1...]))  // a refusal is a fine answer
        return
    }
    guard let file = try? ZoneFile(parsing: bytes) else { return }  // as above
    let zone = Zone(name: "Fuzz/Zone", file: file)
    let near = file.transitions.prefix(4).flatMap { [$0, $0 == .min ? $0 : $0 - 1] }
    for seconds in near + [0, 1_700_000_000, 4_102_444_800, 64_060_588_800, -62_135_596_800] {
        guard let local = try? zone.local(Moment(seconds: seconds)) else { continue }  // outside the years that dates have
        for policy in Disambiguation.allCases { _ = try? zone.moment(local, policy) }  // as above
        _ = try? ISOText.moment(Moment(seconds: seconds), zone)  // as above
    }
}
