import Glibc
package import HTTP
import IO
package import Telemetry

/// One line a request: who asked for what, what came of it, how long it took. Neither queries nor fields nor bodies are in it.
///
/// Lines are put together by hand and handed on in batches: a line costs one to two microseconds of processor, a third of it in the log's own thread.
package final class AccessLog: Sendable {
    /// Which requests are logged.
    package enum Extent: String, Sendable {
        case on
        /// Those of status 400 or more, and those whose reply did not go out whole.
        case errors
        case off
    }

    private struct Batch: Sendable {
        var lines: [UInt8] = []
        var count = 0
        /// Whether a timer will hand the batch on.
        var isTimed = false
        /// The second that `prefix` is of.
        var second = 0
        var prefix: [UInt8] = []
    }

    private let extent: Extent
    private let log: Log
    private let batch = Lock(Batch())

    package init(_ extent: Extent, to log: Log) {
        self.extent = extent
        self.log = log
    }

    /// What a server calls for each exchange; nil when nothing is logged.
    package var recorder: (@Sendable (HTTPExchange) -> Void)? {
        if extent == .off { return nil }
        return { [self] exchange in record(exchange) }
    }

    /// Hands on what has gathered.
    package func flush() {
        let (lines, count) = batch.withLock { batch in
            var lines: [UInt8] = []
            lines.reserveCapacity(batch.count > 1 ? Limits.accessBatchBytes + 1024 : 0)
            swap(&lines, &batch.lines)
            defer { batch.count = 0 }
            return (lines, batch.count)
        }
        if count > 0 { log.append(lines, count: count) }
    }

    private func flushByTimer() {
        batch.withLock { $0.isTimed = false }
        flush()
    }

    private func record(_ exchange: HTTPExchange) {
        if extent == .errors && exchange.status < 400 && exchange.isWhole { return }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let loop = EventLoop.current
        let (wantsTimer, isFull) = batch.withLock { batch in
            if batch.second != time.tv_sec || batch.prefix.isEmpty {
                batch.second = time.tv_sec
                // Up to the point before the milliseconds.
                batch.prefix = Array((#"{"time":""# + LogLine.timestamp(timespec(tv_sec: time.tv_sec, tv_nsec: 0)).dropLast(5)).utf8)
            }
            batch.lines += batch.prefix
            AccessLog.append(exchange, milliseconds: Int(time.tv_nsec / 1_000_000), to: &batch.lines)
            batch.count += 1
            let wantsTimer = !batch.isTimed && loop != nil
            if wantsTimer { batch.isTimed = true }
            return (wantsTimer, batch.lines.count >= Limits.accessBatchBytes || loop == nil)
        }
        if isFull { flush() }
        if wantsTimer, let loop {
            loop.schedule(at: loop.turnDeadline.adding(milliseconds: Limits.accessBatchMilliseconds)) { [self] in flushByTimer() }
        }
    }

    private static func append(_ exchange: HTTPExchange, milliseconds: Int, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "."))
        digits(milliseconds, width: 3, &out)
        text(#"Z","level":"info","msg":"request","request_id":""#, &out)
        escaped(exchange.requestID, &out)
        text(#"","method":"#, &out)
        optional(exchange.head?.method.rawValue, &out)
        text(#","route":"#, &out)
        optional(exchange.note.route, &out)
        text(#","status":"#, &out)
        digits(exchange.status, &out)
        text(#","bytes_in":"#, &out)
        digits(exchange.bytesIn, &out)
        text(#","bytes_out":"#, &out)
        digits(exchange.bytesOut, &out)
        text(#","duration_us":"#, &out)
        digits(Int(exchange.nanoseconds / 1000), &out)
        text(#","address":""#, &out)
        escaped(exchange.remoteAddress, &out)
        text(#"","principal":"#, &out)
        optional(exchange.note.caller, &out)
        text(exchange.isWhole ? "}\n" : ",\"cut\":true}\n", &out)
    }

    @inline(__always)
    private static func text(_ text: StaticString, _ out: inout [UInt8]) {
        out.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private static func optional(_ text: String?, _ out: inout [UInt8]) {
        guard let text else { return AccessLog.text("null", &out) }
        out.append(UInt8(ascii: "\""))
        escaped(text, &out)
        out.append(UInt8(ascii: "\""))
    }

    /// The inside of a JSON string. What is not printable ASCII becomes a question mark: nothing of a client's may end a line.
    private static func escaped(_ text: String, _ out: inout [UInt8]) {
        var text = text
        text.withUTF8 { bytes in
            let bytes = UnsafeBufferPointer(rebasing: bytes[..<min(bytes.count, Limits.identifierBytesMax)])
            let isPlain = bytes.allSatisfy { $0 >= 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
            if isPlain { out.append(contentsOf: bytes) } else { mended(bytes, &out) }
        }
    }

    private static func mended(_ bytes: UnsafeBufferPointer<UInt8>, _ out: inout [UInt8]) {
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                out.append(UInt8(ascii: "\\"))
                out.append(byte)
            case 0x20..<0x7f: out.append(byte)
            default: out.append(UInt8(ascii: "?"))
            }
        }
    }

    private static func digits(_ number: Int, width: Int = 1, _ out: inout [UInt8]) {
        if number >= 10 || width > 1 { digits(max(0, number) / 10, width: width - 1, &out) }
        out.append(UInt8(ascii: "0") + UInt8(max(0, number) % 10))
    }
}
