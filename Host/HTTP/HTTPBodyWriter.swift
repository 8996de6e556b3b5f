package import IO

/// Writes the content of a streamed reply; only on the connection's loop, one write at a time.
package final class HTTPBodyWriter: @unchecked Sendable {
    // SAFETY: every method checks that it runs on the connection's loop.
    private let stream: SocketStream
    private let isChunked: Bool
    private let writeMillisecondsMax: Int
    private var isWriting = false
    private var lastWrite = Deadline.now()
    private var backlog: [UInt8] = []
    /// Sends something that means nothing, to learn whether a client that says no more still listens: one that has gone answers with a reset.
    var probe: (() -> Void)?
    /// Fields that follow the content, for a client that said `TE: trailers`; nobody else is sent them.
    package var trailers = HTTPHeaders()
    /// Bytes sent, framing included.
    private(set) var count = 0
    /// A write ended before all of it was sent: nothing that follows would be understood.
    private var isBroken = false

    init(stream: SocketStream, isChunked: Bool, writeMillisecondsMax: Int) {
        self.stream = stream
        self.isChunked = isChunked
        self.writeMillisecondsMax = writeMillisecondsMax
    }

    /// The loop that the stream lives on.
    package var loop: EventLoop { stream.loop }

    /// Sends `bytes` at once, waiting while the client is slow; throws when it has gone, is too slow, or the task was cancelled, and the stream is
    /// over then.
    package func write(_ bytes: [UInt8], until deadline: Deadline = .distantFuture) async throws(IOError) {
        if isBroken { throw IOError(.closed, "write") }
        if Task.isCancelled { throw IOError(.cancelled, "write") }
        checkTurn()
        isWriting = true
        defer { isWriting = false }
        var out = takeBacklog()
        if isChunked { ResponseWriter.chunk(&out, bytes) } else { out.append(contentsOf: bytes) }
        lastWrite = loop.turnDeadline
        let patience = writeMillisecondsMax + out.count / HTTPLimits.writeBytesPerMillisecondMin
        isBroken = true
        try await stream.write(out, until: min(deadline, .after(milliseconds: patience)))
        isBroken = false
        count += out.count
    }

    /// As `write`, for text.
    package func write(_ text: String) async throws(IOError) { try await write(Array(text.utf8)) }

    /// Sends `bytes` if the line has been quiet for so long and no write is under way; never waits. For heartbeats.
    func writeIfQuiet(_ bytes: [UInt8], forMilliseconds quiet: Int) {
        guard !isWriting, !isBroken, backlog.isEmpty, loop.turnDeadline >= lastWrite.adding(milliseconds: quiet) else { return }
        var out: [UInt8] = []
        if isChunked { ResponseWriter.chunk(&out, bytes) } else { out = bytes }
        lastWrite = loop.turnDeadline
        do throws(IOError) {
            let sent = try stream.send(out) ?? 0
            count += sent
            backlog = Array(out[sent...])
        } catch {
            // The client has gone: the next write says so, and the hang-up cancels the task.
            return
        }
    }

    func finish(takesTrailers: Bool) async throws(IOError) {
        var out = takeBacklog()
        if isChunked { ResponseWriter.lastChunk(&out, takesTrailers ? trailers : HTTPHeaders()) }
        try await stream.write(out, until: .after(milliseconds: writeMillisecondsMax))
        count += out.count
    }

    private func takeBacklog() -> [UInt8] {
        defer { backlog = [] }
        return backlog
    }

    private func checkTurn() {
        precondition(loop.isCurrent, "a body is written on its connection's loop")
        precondition(!isWriting, "one task writes a body")
    }
}
