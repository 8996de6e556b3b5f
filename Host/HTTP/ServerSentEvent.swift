package import IO

/// One event of a `text/event-stream`.
package struct ServerSentEvent: Sendable, Hashable {
    package var event: String?
    package var data: String
    package var id: String?

    package init(event: String? = nil, data: String, id: String? = nil) {
        self.event = event
        self.data = data
        self.id = id
    }

    /// The event as the stream carries it; line breaks in `event` and `id` are dropped, those in `data` become lines.
    package var bytes: [UInt8] {
        var out: [UInt8] = []
        let isBreak: (UInt8) -> Bool = { $0 == 0x0a || $0 == 0x0d || $0 == 0 }
        if let id { out += Array("id: ".utf8) + id.utf8.filter { !isBreak($0) } + [0x0a] }
        if let event { out += Array("event: ".utf8) + event.utf8.filter { !isBreak($0) } + [0x0a] }
        for line in ServerSentEvent.lines(data) { out += Array("data: ".utf8) + line + [0x0a] }
        return out + [0x0a]
    }

    /// Splits at CRLF, CR and LF, as readers of event streams do.
    private static func lines(_ text: String) -> [ArraySlice<UInt8>] {
        let bytes = Array(text.utf8)
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x0a || bytes[index] == 0x0d {
                lines.append(bytes[start..<index])
                if bytes[index] == 0x0d && index + 1 < bytes.count && bytes[index + 1] == 0x0a { index += 1 }
                start = index + 1
            }
            index += 1
        }
        lines.append(bytes[start...])
        return lines
    }
}

/// Sends events to one client.
package struct ServerSentEventStream: Sendable {
    private let writer: HTTPBodyWriter

    init(writer: HTTPBodyWriter) { self.writer = writer }

    /// The loop that the stream lives on.
    package var loop: EventLoop { writer.loop }

    /// Sends at once; throws when the client has gone, has not taken it by `deadline`, or the task was cancelled.
    package func send(_ event: ServerSentEvent, until deadline: Deadline = .distantFuture) async throws(IOError) {
        try await writer.write(event.bytes, until: deadline)
    }
}

extension HTTPResponse {
    /// An event stream; a comment line goes out whenever nothing else has for `heartbeatMilliseconds`, so that proxies keep it open.
    package static func events(
        heartbeatMilliseconds: Int = 15_000, _ produce: @escaping @Sendable (ServerSentEventStream) async throws -> Void
    ) -> HTTPResponse {
        var response = HTTPResponse.stream(contentType: "text/event-stream") { writer in
            let heart = Heart(writer: writer, milliseconds: heartbeatMilliseconds)
            heart.beat()
            writer.probe = { [unowned writer] in writer.writeIfQuiet(Heart.comment, forMilliseconds: 0) }
            defer {
                heart.stop()
                writer.probe = nil
            }
            try await produce(ServerSentEventStream(writer: writer))
        }
        response.headers.add("X-Accel-Buffering", "no")
        return response
    }
}

/// Sends heartbeats on the stream's loop.
private final class Heart: @unchecked Sendable {
    // SAFETY: touched only on the stream's loop.
    private let writer: HTTPBodyWriter
    private let milliseconds: Int
    private var timer: Timer?
    /// A line that readers of event streams skip.
    static let comment = Array(":\n\n".utf8)

    init(writer: HTTPBodyWriter, milliseconds: Int) {
        self.writer = writer
        self.milliseconds = max(1, milliseconds)
    }

    func beat() {
        timer = writer.loop.schedule(at: .after(milliseconds: milliseconds)) { [self] in
            writer.writeIfQuiet(Heart.comment, forMilliseconds: milliseconds)
            beat()
        }
    }

    func stop() {
        timer?.cancel()
        timer = nil
    }
}
