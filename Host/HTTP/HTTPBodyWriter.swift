package import IO

/// Writes the content of a streamed reply; only on the connection's loop, one write at a time.
package final class HTTPBodyWriter: @unchecked Sendable {
    // SAFETY: every method checks that it runs on the connection's loop.
    private let registration: FDRegistration
    private let isChunked: Bool
    private let writeMillisecondsMax: Int
    private var isWriting = false
    private var lastWrite = Deadline.now()
    private var backlog: [UInt8] = []
    /// Sends something that means nothing, to learn whether a client that says no more still listens: one that has gone answers with a reset.
    var probe: (() -> Void)?
    /// A write ended before all of it was sent: nothing that follows would be understood.
    private var isBroken = false

    init(registration: FDRegistration, isChunked: Bool, writeMillisecondsMax: Int) {
        self.registration = registration
        self.isChunked = isChunked
        self.writeMillisecondsMax = writeMillisecondsMax
    }

    /// The loop that the stream lives on.
    package var loop: EventLoop { registration.loop }

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
        try await registration.write(out, until: min(deadline, .after(milliseconds: patience)))
        isBroken = false
    }

    /// As `write`, for text.
    package func write(_ text: String) async throws(IOError) { try await write(Array(text.utf8)) }

    /// Sends `bytes` if the line has been quiet for so long and no write is under way; never waits. For heartbeats.
    func writeIfQuiet(_ bytes: [UInt8], forMilliseconds quiet: Int) {
        guard !isWriting, !isBroken, backlog.isEmpty, loop.turnDeadline >= lastWrite.adding(milliseconds: quiet) else { return }
        var out: [UInt8] = []
        if isChunked { ResponseWriter.chunk(&out, bytes) } else { out = bytes }
        lastWrite = loop.turnDeadline
        do throws(Errno) {
            let sent = try Syscall.send(registration.fd, out, from: 0) ?? 0
            backlog = Array(out[sent...])
        } catch {
            // The client has gone: the next write says so, and the hang-up cancels the task.
            return
        }
    }

    func finish() async throws(IOError) {
        var out = takeBacklog()
        if isChunked { ResponseWriter.lastChunk(&out) }
        try await registration.write(out, until: .after(milliseconds: writeMillisecondsMax))
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
