import Glibc

/// A moment as HTTP writes it (RFC 9110, 5.6.7): to the second, in UTC.
package struct HTTPDate: Sendable, Hashable, Comparable {
    /// Seconds since 1970-01-01 00:00:00 UTC.
    package let seconds: Int

    package init(seconds: Int) { self.seconds = seconds }

    /// The present moment.
    package static func now() -> HTTPDate { HTTPDate(seconds: time(nil)) }

    package static func < (left: HTTPDate, right: HTTPDate) -> Bool { left.seconds < right.seconds }

    /// The one form that is sent, such as `Sun, 06 Nov 1994 08:49:37 GMT`; of years 1 to 9999, which all times of files and clocks are.
    package var bytes: [UInt8] {
        var seconds = min(max(self.seconds, -62_135_596_800), 253_402_300_799)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var out: [UInt8] = []
        out.reserveCapacity(HTTPDate.bytesMax)
        out += HTTPDate.days[Int(parts.tm_wday)].utf8.prefix(3)
        ResponseWriter.append(&out, ", ")
        HTTPDate.append(&out, parts.tm_mday, 2)
        out.append(0x20)
        out += HTTPDate.months[Int(parts.tm_mon)].utf8
        out.append(0x20)
        HTTPDate.append(&out, parts.tm_year + 1900, 4)
        out.append(0x20)
        HTTPDate.append(&out, parts.tm_hour, 2)
        out.append(0x3a)
        HTTPDate.append(&out, parts.tm_min, 2)
        out.append(0x3a)
        HTTPDate.append(&out, parts.tm_sec, 2)
        ResponseWriter.append(&out, " GMT")
        return out
    }

    /// The same as text.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Bytes of the longest form, `Wednesday, 09-Nov-94 08:49:37 GMT`.
    static let bytesMax = 33
    static let days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func append(_ out: inout [UInt8], _ number: Int32, _ width: Int) {
        var divisor: Int32 = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            out.append(0x30 + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }
}
