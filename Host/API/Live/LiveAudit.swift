import Crypto
package import JSON
package import Store
package import Telemetry

/// The audit chain, as the operator's routes see it.
package struct LiveAudit: AuditReading {
    private let audit: AuditLog
    private let log: Log

    /// Reads from the store's chain.
    package init(_ audit: AuditLog, log: Log) {
        self.audit = audit
        self.log = log
    }

    package func page(cursor: String?, limit: Int) async throws(APIError) -> (items: [JSONValue], next: String?) {
        do {
            try await audit.settle()
            let page = try await audit.list(cursor: cursor, limit: limit)
            return (page.items.map(Self.json), page.nextCursor)
        } catch {
            if error.code == .invalid { throw .invalid("The cursor is none that this list gave out.", reason: "cursor") }
            throw failed(error)
        }
    }

    package func lines(after seq: Int64, limit: Int) async throws(APIError) -> [UInt8] {
        do {
            try await audit.settle()
            return Self.lines(try await audit.entries(after: seq, limit: limit))
        } catch {
            throw failed(error)
        }
    }

    /// One JSON object a line: all that the hash covers, the hash before and the hash.
    package static func lines(_ records: [AuditRecord]) -> [UInt8] {
        records.flatMap { record in
            var line = json(record).objectValue ?? [:]
            line["previous"] = .string(Hex.encode(record.previous))
            return JSONValue.object(line).serialized([.sortedKeys]) + [UInt8(ascii: "\n")]
        }
    }

    package func verify() async throws(APIError) -> JSONValue {
        do {
            try await audit.settle()
            let result = try await audit.verify()
            return [
                "intact": .bool(result.isIntact), "entries": JSONValue(result.entriesChecked),
                "broken_at": result.brokenAt.map { JSONValue($0) } ?? .null, "reason": result.reason.map { .string($0) } ?? .null,
                "head_hash": .string(Hex.encode(result.headHash)),
            ]
        } catch {
            throw failed(error)
        }
    }

    private func failed(_ error: StoreError) -> APIError {
        log.error("audit could not be read", [("cause", .string("\(error)"))])
        return APIError(storing: error)
    }

    private static func json(_ record: AuditRecord) -> JSONValue {
        let entry = record.entry
        func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
        return [
            "seq": JSONValue(record.seq), "at": .string(Timestamp.text(milliseconds: entry.atMilliseconds)), "actor": .string(entry.actor),
            "tenant": .string(entry.tenant), "action": .string(entry.action), "plugin": optional(entry.plugin),
            "version": optional(entry.version), "tool": optional(entry.tool), "call_id": optional(entry.callID),
            "outcome": .string(entry.outcome), "reason": optional(entry.reason), "details": .object(entry.details ?? [:]),
            "hash": .string(Hex.encode(record.hash)),
        ]
    }
}

/// Times as RFC 3339 in UTC, with milliseconds.
package enum Timestamp {
    /// A moment in milliseconds since 1970-01-01 UTC.
    package static func text(milliseconds: Int64) -> String {
        let seconds = milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
        let days = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
        let (year, month, day) = date(days)
        let rest = Int(seconds - days * 86400)
        let fraction = Int(milliseconds - seconds * 1000)
        return
            "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(padded(rest / 3600, 2)):\(padded(rest / 60 % 60, 2)):\(padded(rest % 60, 2)).\(padded(fraction, 3))Z"
    }

    /// Civil date of a day number since 1970-01-01 (Howard Hinnant's `civil_from_days`).
    private static func date(_ days: Int64) -> (Int, Int, Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let index = (5 * dayOfYear + 2) / 153
        let month = index < 10 ? index + 3 : index - 9
        return (Int(yearOfEra + era * 400 + (month <= 2 ? 1 : 0)), Int(month), Int(dayOfYear - (153 * index + 2) / 5 + 1))
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
