import Glibc
package import IO
package import JSON

/// Structured log: one JSON object a line. Writing a line never blocks; a thread of its own passes the lines on.
package final class Log: Sendable {
    /// Where lines go.
    package enum Destination: Sendable {
        case standardError
        /// A descriptor that stays the caller's and outlives the log.
        case descriptor(Int32)
        /// Called on the writer's thread for each batch of lines; for tests.
        case callback(@Sendable ([UInt8]) -> Void)
        /// Nowhere.
        case none
    }

    private final class Shared: @unchecked Sendable {
        // SAFETY: every member but the constants is touched only while `condition` is held.
        let condition = Condition()
        var lines: [UInt8] = []
        var count = 0
        var dropped: UInt64 = 0
        var droppedTotal: UInt64 = 0
        var isWriting = false
        var isStopping = false
    }

    /// Lines below this level are not written.
    package let level: LogLevel
    private let destination: Destination
    private let shared = Shared()
    private let writer = Lock<Thread?>(nil)

    /// Starts the writer; throws when the system has no thread left.
    package init(level: LogLevel = .info, destination: Destination = .standardError) throws(IOError) {
        self.level = level
        self.destination = destination
        if case .none = destination { return }
        let shared = self.shared
        do {
            var thread: Thread? = try Thread(name: "log") { Log.serve(shared, destination) }
            writer.withLock { swap(&$0, &thread) }
        } catch {
            throw IOError(.system(error), "log")
        }
    }

    /// A log that writes nothing.
    package init() {
        level = .error
        destination = .none
    }

    /// Lines dropped because the writer could not keep up.
    package var droppedLines: UInt64 { shared.condition.withLock { shared.droppedTotal } }

    package func debug(_ message: String, _ fields: [(String, JSONValue)] = []) { write(.debug, message, fields) }
    package func info(_ message: String, _ fields: [(String, JSONValue)] = []) { write(.info, message, fields) }
    package func notice(_ message: String, _ fields: [(String, JSONValue)] = []) { write(.notice, message, fields) }
    package func warning(_ message: String, _ fields: [(String, JSONValue)] = []) { write(.warning, message, fields) }
    package func error(_ message: String, _ fields: [(String, JSONValue)] = []) { write(.error, message, fields) }

    /// Queues one line; dropped, and counted, when too many wait.
    package func write(_ level: LogLevel, _ message: String, _ fields: [(String, JSONValue)] = []) {
        guard level >= self.level else { return }
        if case .none = destination { return }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let line = LogLine.encode(level: level, message: message, fields: fields, time: time)
        shared.condition.withLock {
            if shared.count >= TelemetryLimits.queuedLinesMax || shared.isStopping {
                shared.dropped += 1
                shared.droppedTotal += 1
                return
            }
            shared.lines.append(contentsOf: line)
            shared.count += 1
            shared.condition.broadcast()
        }
    }

    /// Queues `count` lines that are encoded already and checked to hold no secret, whatever the level; dropped, and counted, when too many wait.
    package func append(_ lines: [UInt8], count: Int) {
        if case .none = destination { return }
        shared.condition.withLock {
            if shared.count + count > TelemetryLimits.queuedLinesMax || shared.isStopping {
                shared.dropped += UInt64(count)
                shared.droppedTotal += UInt64(count)
                return
            }
            shared.lines.append(contentsOf: lines)
            shared.count += count
            shared.condition.broadcast()
        }
    }

    /// Blocks until every queued line has been passed on; for the end of a process and for tests.
    package func flush() {
        if case .none = destination { return }
        shared.condition.withLock {
            while (shared.count > 0 || shared.isWriting) && !shared.isStopping { shared.condition.wait() }
        }
    }

    /// Passes on what is queued and ends the writer; later lines are dropped.
    package func close() {
        shared.condition.withLock {
            shared.isStopping = true
            shared.condition.broadcast()
        }
        let thread = writer.withLock { thread -> Thread? in
            var out: Thread? = nil
            swap(&out, &thread)
            return out
        }
        thread?.join()
    }

    deinit { close() }

    private static func serve(_ shared: Shared, _ destination: Destination) {
        while true {
            let (batch, dropped, isLast) = shared.condition.withLock {
                while shared.count == 0 && shared.dropped == 0 && !shared.isStopping { shared.condition.wait() }
                defer {
                    shared.lines = []
                    shared.count = 0
                    shared.dropped = 0
                    shared.isWriting = true
                }
                return (shared.lines, shared.dropped, shared.isStopping)
            }
            var out = batch
            if dropped > 0 { out += droppedNotice(dropped) }
            pass(out, to: destination)
            shared.condition.withLock {
                shared.isWriting = false
                shared.condition.broadcast()
            }
            if isLast { return }
        }
    }

    private static func droppedNotice(_ count: UInt64) -> [UInt8] {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return LogLine.encode(
            level: .warning, message: "log lines were dropped", fields: [("count", .number(JSONNumber(count)))], time: time)
    }

    private static func pass(_ bytes: [UInt8], to destination: Destination) {
        switch destination {
        case .standardError: writeAll(bytes, to: STDERR_FILENO)
        case .descriptor(let fd): writeAll(bytes, to: fd)
        case .callback(let body): if !bytes.isEmpty { body(bytes) }
        case .none: break
        }
    }

    private static func writeAll(_ bytes: [UInt8], to fd: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            do throws(Errno) {
                let count = try Syscall.retrying { rest.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) } }
                rest = rest.dropFirst(count)
            } catch {
                guard error.code == EAGAIN else {
                    // There is nowhere left to say that the log cannot be written.
                    return
                }
                var entry = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
                if poll(&entry, 1, 1000) <= 0 { return }
            }
        }
    }
}
