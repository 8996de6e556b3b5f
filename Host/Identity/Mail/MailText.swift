internal import Glibc

/// A letter as mail carries it (RFC 5322, RFC 2045).
package enum MailText {
    /// Head and text; lines end in CRLF. An address or a subject with a line break cannot get here (`Email`, and subjects are ours), and is made a blank if it does.
    package static func bytes(of letter: Letter, from sender: String, id: String, at now: Int64) -> [UInt8] {
        let head = [
            ("From", sender), ("To", letter.to), ("Date", date(now)), ("Subject", letter.subject), ("Message-ID", "<\(id)@limen>"),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"), ("Content-Transfer-Encoding", "8bit"), ("Auto-Submitted", "auto-generated"),
        ]
        let fields = head.map { "\($0.0): \(oneLine($0.1))\r\n" }.joined()
        let text = letter.text.split(separator: "\n", omittingEmptySubsequences: false).map { $0 + "\r\n" }.joined()
        return Array((fields + "\r\n" + text).utf8)
    }

    private static func oneLine(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : $0 }))
    }

    /// Such as `Sat, 21 Nov 2026 22:50:00 +0000` (RFC 5322 section 3.3).
    static func date(_ milliseconds: Int64) -> String {
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = "\(days[Int(parts.tm_wday)]), \(parts.tm_mday) \(months[Int(parts.tm_mon)]) \(1900 + parts.tm_year)"
        return "\(day) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) +0000"
    }
}
