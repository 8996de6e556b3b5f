import LimenPlugin

/// The moments of feeds: RFC 822 as RSS has it, RFC 3339 as Atom has it, and what feeds make of both.
package enum FeedDate {
    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    /// RFC 822, section 5.
    private static let zones = [
        "ut": 0, "utc": 0, "gmt": 0, "z": 0, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420,
    ]

    /// The moment in RFC 3339; nil for what is none.
    package static func rfc3339(_ text: String) -> String? {
        let text = text.trimmingSpaces()
        guard text.utf8.count <= 64 else { return nil }
        if let moment = DateTime(text) { return moment.description }
        // W3C's profile of ISO 8601 leaves out seconds, or the time.
        if text.utf8.count == 10, let moment = DateTime(text + "T00:00:00Z") { return moment.description }
        if let mark = text.firstIndex(of: "T"), let colon = text[mark...].firstIndex(of: ":") {
            let end = text.index(colon, offsetBy: 3, limitedBy: text.endIndex) ?? text.endIndex
            if let moment = DateTime(text[..<end] + ":00" + text[end...]) { return moment.description }
            if let moment = DateTime(text + "Z") { return moment.description }
        }
        return rfc822(text)?.description
    }

    private static func rfc822(_ text: String) -> DateTime? {
        var words = text.lowercased().split(whereSeparator: { $0 == " " || $0 == "," || $0 == "\t" || $0 == "\n" })[...]
        if let first = words.first, first.utf8.allSatisfy({ $0 > 57 }) { words = words.dropFirst() }
        guard words.count >= 4, let day = Int(words.removeFirst()) else { return nil }
        let name = words.removeFirst()
        guard let month = months.firstIndex(where: { name.hasPrefix($0) }), var year = Int(words.removeFirst()) else { return nil }
        if year < 50 { year += 2_000 } else if year < 100 { year += 1_900 }
        let clock = words.removeFirst().split(separator: ":").map { Int($0) }
        guard (2...3).contains(clock.count), let hour = clock[0], let minute = clock[1] else { return nil }
        guard let second = clock.count == 3 ? clock[2] : 0 else { return nil }
        guard let offset = offset(words.first ?? "gmt") else { return nil }
        let sign = offset < 0 ? "-" : "+"
        let written =
            "\(digits(year, 4))-\(digits(month + 1, 2))-\(digits(day, 2))T\(digits(hour, 2)):\(digits(minute, 2)):\(digits(min(second, 59), 2))"
        return DateTime(written + (offset == 0 ? "Z" : "\(sign)\(digits(abs(offset) / 60, 2)):\(digits(abs(offset) % 60, 2))"))
    }

    /// Minutes east of Greenwich.
    private static func offset(_ text: Substring) -> Int? {
        if let known = zones[String(text)] { return known }
        let bytes = Array(text.utf8).filter { $0 != UInt8(ascii: ":") }
        guard bytes.count == 5, bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-") else { return nil }
        guard let number = Int(String(decoding: bytes[1...], as: UTF8.self)), number >= 0 else { return nil }
        return (number / 100 * 60 + number % 100) * (bytes[0] == UInt8(ascii: "-") ? -1 : 1)
    }

    private static func digits(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
