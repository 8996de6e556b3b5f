import Glibc
public import JSON
import PluginABI

/// What one call may use of its host.
///
/// A context is valid until its call ends; later uses are ignored or throw `CancellationError`.
public struct ToolContext: Sendable {
    let handle: CallHandle

    /// The request's id, for logs and outward requests.
    public let requestID: String
    /// The call's W3C trace context, for outward requests; empty when there is none.
    public let traceparent: String
    /// Binary attachments of the input.
    public let attachments: [Attachment]
    /// The operator's configuration of the plugin; an empty object when there is none.
    public let config: JSONValue
    /// The only writable directory.
    public let scratch: String
    /// The time on `CLOCK_MONOTONIC`, in nanoseconds, at which the call ends.
    public let deadlineNanoseconds: UInt64

    /// The time left until the call ends; zero when it has passed.
    public var timeRemaining: Duration {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let nowNanoseconds = UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
        return deadlineNanoseconds > nowNanoseconds ? .nanoseconds(Int64(clamping: deadlineNanoseconds - nowNanoseconds)) : .zero
    }

    /// True once the call was cancelled or its deadline has passed.
    public var isCancelled: Bool { Task.isCancelled || handle.isCancelled }

    /// Throws `CancellationError` once the call was cancelled or its deadline has passed; for loops that never await.
    public func checkCancellation() throws {
        if isCancelled { throw CancellationError() }
    }

    /// Decodes the operator's configuration.
    public func config<Value: Decodable>(as type: Value.Type) throws -> Value {
        try JSONCoder.decode(type, from: config)
    }

    /// Writes a line to the host's structured log.
    public func log(_ level: LogLevel, _ message: String) {
        handle.log(level.raw, message)
    }

    /// Reports how far the call has come: a fraction from 0 to 1, a message, or both.
    public func progress(_ fraction: Double? = nil, _ message: String? = nil) {
        var event = JSONObject()
        if let fraction, let number = JSONNumber(min(max(fraction, 0), 1)) { event["fraction"] = .number(number) }
        if let message { event["message"] = .string(message) }
        handle.emit(LIMEN_EVENT_PROGRESS, .object(event))
    }

    /// Emits the next piece of a streamed text.
    public func token(_ text: String) {
        handle.emit(LIMEN_EVENT_TOKEN, .object(["text": .string(text)]))
    }

    /// Emits a part of the result that is ready.
    public func partial<Value: Encodable>(_ value: Value) throws {
        handle.emit(LIMEN_EVENT_PARTIAL, try JSONCoder.encode(value))
    }

    /// Adds a binary attachment to the result; throws when there are too many.
    public func attach(_ attachment: Attachment) throws {
        try handle.attach(attachment)
    }
}

/// How much a log line matters.
public enum LogLevel: Sendable, Hashable, CaseIterable {
    case debug, info, warning, error

    var raw: limen_log_level {
        switch self {
        case .debug: LIMEN_LOG_DEBUG
        case .info: LIMEN_LOG_INFO
        case .warning: LIMEN_LOG_WARNING
        case .error: LIMEN_LOG_ERROR
        }
    }
}
