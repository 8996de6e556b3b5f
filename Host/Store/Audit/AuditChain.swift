internal import Crypto
internal import JSON

/// An entry in the exact form that is stored and hashed: texts cut to their limits, details serialised.
struct AuditRow: Sendable {
    let at: Int64
    let actor: String
    let tenant: String
    let action: String
    let plugin: String?
    let version: String?
    let tool: String?
    let callID: String?
    let outcome: String
    let reason: String?
    let details: String?

    /// Bounds an entry. What is too long is cut and never refused: an act must not escape the log by being long-winded.
    init(_ entry: AuditEntry) {
        let limit = StoreLimits.auditTextBytesMax
        at = entry.atMilliseconds
        actor = Self.cut(entry.actor, limit)
        tenant = Self.cut(entry.tenant, limit)
        action = entry.action.isEmpty ? "unnamed" : Self.cut(entry.action, limit)
        plugin = entry.plugin.map { Self.cut($0, limit) }
        version = entry.version.map { Self.cut($0, limit) }
        tool = entry.tool.map { Self.cut($0, limit) }
        callID = entry.callID.map { Self.cut($0, limit) }
        outcome = entry.outcome.isEmpty ? "unknown" : Self.cut(entry.outcome, limit)
        reason = entry.reason.map { Self.cut($0, StoreLimits.auditReasonBytesMax) }
        let bytes = entry.details.map { JSONValue.object($0).serialized([.sortedKeys]) }
        details = bytes.map {
            $0.count <= StoreLimits.auditDetailsBytesMax ? String(decoding: $0, as: UTF8.self) : #"{"omitted_bytes":\#($0.count)}"#
        }
    }

    /// Columns `at` to `details` of a row that begins with `seq`.
    init(_ row: Row) throws(StoreError) {
        at = try row.integer(1)
        actor = try row.text(2)
        tenant = try row.text(3)
        action = try row.text(4)
        plugin = try row.optionalText(5)
        version = try row.optionalText(6)
        tool = try row.optionalText(7)
        callID = try row.optionalText(8)
        outcome = try row.text(9)
        reason = try row.optionalText(10)
        details = try row.optionalText(11)
    }

    /// The entry again.
    func entry() throws(StoreError) -> AuditEntry {
        var object: JSONObject?
        if let details {
            do {
                object = try JSONValue(parsing: Array(details.utf8)).objectValue
            } catch {
                throw StoreError(.corrupt, "audit details are not JSON: \(error.message)")
            }
        }
        return AuditEntry(
            actor: actor, tenant: tenant, action: action, plugin: plugin, version: version, tool: tool, callID: callID, outcome: outcome,
            reason: reason, details: object, atMilliseconds: at)
    }

    /// Values of the columns `at` to `details`.
    var parameters: [SQLValue] {
        [
            .integer(at), .text(actor), .text(tenant), .text(action), SQLValue(plugin), SQLValue(version), SQLValue(tool), SQLValue(callID),
            .text(outcome), SQLValue(reason), SQLValue(details),
        ]
    }

    /// The link: SHA-256 over the previous hash, the number and every field, each with its length or marked as absent, so that no two
    /// entries share their bytes.
    func hash(previous: [UInt8], seq: Int64) -> [UInt8] {
        var bytes = previous
        bytes.reserveCapacity(512)
        Self.append(UInt64(bitPattern: seq), to: &bytes)
        Self.append(UInt64(bitPattern: at), to: &bytes)
        for text in [actor, tenant, action, plugin, version, tool, callID, outcome, reason, details] {
            guard let text else {
                bytes.append(0)
                continue
            }
            bytes.append(1)
            Self.append(UInt64(text.utf8.count), to: &bytes)
            bytes.append(contentsOf: text.utf8)
        }
        return SHA256.hash(bytes).bytes
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    private static func cut(_ text: String, _ bytesMax: Int) -> String {
        // A NUL would end the text early in SQLite's functions, and a longer text than the schema allows would fail the call's record.
        let clean = text.utf8.contains(0) ? String(text.unicodeScalars.map { $0 == "\0" ? "\u{fffd}" : Character($0) }) : text
        guard clean.utf8.count > bytesMax else { return clean }
        var scalars = String.UnicodeScalarView()
        var count = 0
        for scalar in clean.unicodeScalars {
            count += UTF8.width(scalar)
            if count > bytesMax { break }
            scalars.append(scalar)
        }
        return String(scalars)
    }
}
