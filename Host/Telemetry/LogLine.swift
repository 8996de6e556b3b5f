package import Glibc
package import JSON

/// One log line as JSON, bounded and without secrets.
package enum LogLine {
    /// Names whose values are never written, whatever their type.
    private static let secretNames = [
        "password", "passwd", "secret", "token", "authorization", "cookie", "set-cookie", "api_key", "apikey", "access_token",
        "refresh_token", "private_key", "x-session", "session_id",
    ]

    /// The line with its line feed.
    package static func encode(
        level: LogLevel, message: String, fields: [(String, JSONValue)], time: timespec
    ) -> [UInt8] {
        var object = JSONObject()
        object["time"] = .string(timestamp(time))
        object["level"] = .string(level.rawValue)
        object["msg"] = .string(cut(message, TelemetryLimits.messageBytesMax))
        let head = object
        for (name, value) in fields.prefix(TelemetryLimits.fieldsMax) {
            // The three first names are the log's own.
            let key = head[name] == nil ? name : "field_" + name
            object[key] = isSecret(name) ? "[redacted]" : bounded(value)
        }
        var bytes = JSONValue.object(object).serialized()
        if bytes.count > TelemetryLimits.lineBytesMax {
            var short = head
            short["request_id"] = object["request_id"]
            short["truncated"] = true
            bytes = JSONValue.object(short).serialized()
        }
        bytes.append(0x0a)
        return bytes
    }

    private static func isSecret(_ name: String) -> Bool {
        let lower = name.lowercased()
        return secretNames.contains { lower == $0 || lower.hasSuffix("_" + $0) || lower.hasSuffix("-" + $0) }
    }

    private static func bounded(_ value: JSONValue) -> JSONValue {
        switch value {
        case .null, .bool: return value
        case .number(let number): return number.literal.utf8.count <= TelemetryLimits.fieldBytesMax ? value : "[too long]"
        case .string(let text): return .string(cut(text, TelemetryLimits.fieldBytesMax))
        case .array(let items):
            let safe = JSONValue.array(items.map { withoutSecrets($0, depth: 0) })
            return fits(safe) ? safe : "[too long]"
        case .object:
            let safe = withoutSecrets(value, depth: 0)
            return fits(safe) ? safe : "[too long]"
        }
    }

    private static func fits(_ value: JSONValue) -> Bool { value.serialized().count <= TelemetryLimits.fieldBytesMax }

    private static func withoutSecrets(_ value: JSONValue, depth: Int) -> JSONValue {
        if depth > 16 { return "[too deep]" }
        switch value {
        case .array(let items): return .array(items.map { withoutSecrets($0, depth: depth + 1) })
        case .object(let object):
            var out = JSONObject()
            for (key, value) in object { out[key] = isSecret(key) ? "[redacted]" : withoutSecrets(value, depth: depth + 1) }
            return .object(out)
        default: return value
        }
    }

    /// At most `max` bytes of `text`, whole characters, with a mark where it was cut.
    static func cut(_ text: String, _ max: Int) -> String {
        if text.utf8.count <= max { return text }
        return String(decoding: text.utf8.prefix(max), as: UTF8.self) + "…"
    }

    /// RFC 3339 in UTC with milliseconds.
    package static func timestamp(_ time: timespec) -> String {
        var seconds = time.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let pad: (Int32, Int) -> String = { number, width in
            let text = String(number)
            return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
        }
        let date = "\(pad(parts.tm_year + 1900, 4))-\(pad(parts.tm_mon + 1, 2))-\(pad(parts.tm_mday, 2))"
        let clock = "\(pad(parts.tm_hour, 2)):\(pad(parts.tm_min, 2)):\(pad(parts.tm_sec, 2))"
        return "\(date)T\(clock).\(pad(Int32(time.tv_nsec / 1_000_000), 3))Z"
    }
}
