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
