import IO
package import JSON

/// One decision and what came of it: for the log, the metrics and the admin API. It names no address, path or value.
package struct EgressRecord: Sendable, Hashable {
    /// How it ended.
    package enum Outcome: Sendable, Hashable {
        case replied(status: Int)
        case refused(EgressRefusal)
        case failed(EgressPhase)
        case cancelled
        /// A tunnel, which has ended.
        case tunnelled(TunnelEnd)
        /// No request that a proxy answers; the status it was told.
        case malformed(status: Int)
        /// More tunnels than the plugin may have, or faster.
        case turnedAway(TunnelBudget.Shortage)

        /// Its name in metrics and in the admin API.
        package var label: String {
            switch self {
            case .replied, .tunnelled: "allowed"
            case .refused: "refused"
            case .failed: "failed"
            case .cancelled: "cancelled"
            case .malformed: "malformed"
            case .turnedAway: "turned_away"
            }
        }
    }

    /// Seconds since 1970.
    package let time: Int
    package let plugin: String
    package let tenant: String
    package let requestID: String
    /// `fetch` or `tunnel`.
    package let kind: String
    package let method: String
    /// As decisions show it; nil when the URL could not be read.
    package let host: String?
    package let port: Int?
    package let outcome: Outcome
    package let bytesOut: Int
    package let bytesIn: Int
    package let milliseconds: Double
    /// Requests that it is about; more than one only for tunnels that were turned away.
    package var count = 1
    /// The rule of the manifest that allowed a tunnel.
    package var rule: Int?

    package init(
        time: Int, plugin: String, tenant: String, requestID: String, kind: String, method: String, host: String?, port: Int?, outcome: Outcome,
        bytesOut: Int, bytesIn: Int, milliseconds: Double
    ) {
        self.time = time
        self.plugin = plugin
        self.tenant = tenant
        self.requestID = requestID
        self.kind = kind
        self.method = method
        self.host = host
        self.port = port
        self.outcome = outcome
        self.bytesOut = bytesOut
        self.bytesIn = bytesIn
        self.milliseconds = milliseconds
    }

    /// The record without its time, as fields of a log line.
    package var fields: [(String, JSONValue)] {
        var fields: [(String, JSONValue)] = [
            ("request_id", .string(requestID)), ("plugin", .string(plugin)), ("tenant", .string(tenant)), ("kind", .string(kind)),
            ("method", .string(method)), ("host", host.map { .string($0) } ?? .null), ("port", port.map { JSONValue($0) } ?? .null),
            ("outcome", .string(outcome.label)), ("bytes_out", JSONValue(bytesOut)), ("bytes_in", JSONValue(bytesIn)),
            ("duration_ms", JSONValue(milliseconds)),
        ]
        switch outcome {
        case .replied(let status): fields.append(("status", JSONValue(status)))
        case .refused(let rule): fields.append(("rule", .string(rule.rawValue)))
        case .failed(let phase): fields.append(("phase", .string(phase.rawValue)))
        case .cancelled: break
        case .tunnelled(let end): fields.append(("end", .string(end.rawValue)))
        case .malformed(let status): fields.append(("status", JSONValue(status)))
        case .turnedAway(let shortage): fields.append(("end", .string(shortage == .tooMany ? "too_many" : "too_fast")))
        }
        if let rule { fields.append(("allowed_by", .string("/egress/allow/\(rule)"))) }
        if count > 1 { fields.append(("count", JSONValue(count))) }
        return fields
    }
}

/// The latest decisions, the newest first; safe from any thread.
package final class EgressRecords: Sendable {
    private struct State {
        var ring: [EgressRecord] = []
        var next = 0
        var total: [String: Int] = [:]
        var bytes: [String: (out: Int, in: Int)] = [:]
    }

    private let state = Lock(State())

    package init() {}

    package func append(_ record: EgressRecord) {
        state.withLock { state in
            if state.ring.count < Limits.recordsMax { state.ring.append(record) } else { state.ring[state.next] = record }
            state.next = (state.next + 1) % Limits.recordsMax
            state.total["\(record.kind) \(record.outcome.label)", default: 0] += record.count
            state.bytes[record.kind, default: (0, 0)].out += record.bytesOut
            state.bytes[record.kind, default: (0, 0)].in += record.bytesIn
        }
    }

    /// At most `count` of the latest.
    package func latest(_ count: Int) -> [EgressRecord] {
        state.withLock { state in
            let ordered = state.ring.count < Limits.recordsMax ? state.ring : Array(state.ring[state.next...] + state.ring[..<state.next])
            return Array(ordered.reversed().prefix(count))
        }
    }

    /// Decisions since the start by kind and outcome, with a space between.
    package var totals: [String: Int] { state.withLock { $0.total } }
    /// Bytes sent and received since the start by kind: of bodies for fetches, all that passed for tunnels.
    package var bytesByKind: [String: (out: Int, in: Int)] { state.withLock { $0.bytes } }
    /// The same of all kinds.
    package var bytes: (out: Int, in: Int) { bytesByKind.values.reduce((0, 0)) { ($0.0 + $1.out, $0.1 + $1.in) } }
}
