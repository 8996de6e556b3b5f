import IO
import JSON
import Store

/// The data of a stream's events, as far as a reply is kept.
final class KeptData: Sendable {
    private struct State {
        var pieces: [String] = []
        var bytes = 0
    }

    private let state = Lock(State())

    init() {}

    /// What was kept; nil for the end of a stream of events that have names.
    init?(stored: [UInt8]) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: stored, limits: JSONLimits(bytesMax: StoreLimits.idempotencyBodyBytesMax))
        } catch {
            // No host of ours keeps that; the caller says so.
            return nil
        }
        guard let pieces = value["data_events"]?.arrayValue else { return nil }
        state.withLock { $0.pieces = pieces.compactMap(\.stringValue) }
    }

    var pieces: [String] { state.withLock { $0.pieces } }

    func add(_ data: String) {
        state.withLock { state in
            state.bytes += data.utf8.count
            if state.bytes <= StoreLimits.idempotencyBodyBytesMax { state.pieces.append(data) }
        }
    }

    /// The bytes that are kept; nil when they are too many.
    var stored: [UInt8]? {
        guard state.withLock({ $0.bytes }) <= StoreLimits.idempotencyBodyBytesMax else { return nil }
        let bytes = (["data_events": .array(pieces.map { .string($0) })] as JSONValue).serialized()
        return bytes.count <= StoreLimits.idempotencyBodyBytesMax ? bytes : nil
    }
}
