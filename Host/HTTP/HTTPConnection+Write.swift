import Glibc
import IO

extension HTTPConnection {
    /// Sends a reply; throws when it could not be sent whole, and the connection is over then.
    func write(
        _ response: HTTPResponse, to head: HTTPRequestHead, hasBody: Bool = false, requestID: String, keepsAlive: Bool
    ) async throws {
        switch response.body {
        case .bytes(let bytes):
            var out = context.takeOut()
            let framing: ResponseWriter.Framing = HTTPConnection.hasNoContent(response.status) ? .none : .length(bytes.count)
            encodeHead(&out, response, framing, keepsAlive, head.minorVersion, requestID)
            if head.method != .head && framing != .none { out.append(contentsOf: bytes) }
            try await sendOut(&out)
        case .stream(let produce):
            try await writeStream(response, produce, to: head, requestID: requestID, keepsAlive: keepsAlive)
        case .webSocket(let upgrade):
            try await self.upgrade(
                upgrade, headers: response.headers, to: head, hasBody: hasBody, requestID: requestID, keepsAlive: keepsAlive)
        }
    }

    private static func hasNoContent(_ status: Int) -> Bool { status < 200 || status == 204 || status == 304 }

    private func encodeHead(
        _ out: inout [UInt8], _ response: HTTPResponse, _ framing: ResponseWriter.Framing, _ keepsAlive: Bool, _ minorVersion: Int,
        _ requestID: String
    ) {
        server.writer.head(
            &out, status: response.status, headers: response.headers, framing: framing, keepsAlive: keepsAlive, minorVersion: minorVersion,
            requestID: requestID, date: context.dateNow())
    }

    /// Sends with one call when the kernel has room, and gives the buffer back.
    func sendOut(_ out: inout [UInt8]) async throws {
        let sent = try Syscall.send(fd, out, from: 0) ?? 0
        if sent == out.count { return context.giveOut(&out) }
        let rest = Array(out[sent...])
        context.giveOut(&out)
        try await sendSlowly(rest)
    }

    private func sendSlowly(_ bytes: [UInt8]) async throws {
        guard let registration else { throw IOError(.closed, "write") }
        let patience = server.configuration.writeMillisecondsMax + bytes.count / HTTPLimits.writeBytesPerMillisecondMin
        try await registration.write(bytes, until: .after(milliseconds: patience))
    }

    private func writeStream(
        _ response: HTTPResponse, _ produce: @Sendable (HTTPBodyWriter) async throws -> Void, to head: HTTPRequestHead, requestID: String,
        keepsAlive: Bool
    ) async throws {
        let isChunked = head.minorVersion == 1
        var out = context.takeOut()
        encodeHead(&out, response, isChunked ? .chunked : .close, keepsAlive && isChunked, head.minorVersion, requestID)
        try await sendOut(&out)
        guard head.method != .head else { return }
        guard let registration else { throw IOError(.closed, "write") }
        let writer = HTTPBodyWriter(
            registration: registration, isChunked: isChunked, writeMillisecondsMax: server.configuration.writeMillisecondsMax)
        bodyWriter = writer
        defer { bodyWriter = nil }
        // An error thrown here ends the connection before the last chunk, which tells the client that the content is not whole.
        try await produce(writer)
        try await writer.finish()
        if !isChunked { isClosing = true }
    }

    /// Answers without the handler and ends.
    func refuse(_ refusal: Refusal) async {
        var out = context.takeOut()
        let bytes = refusal.response.bytes ?? []
        encodeHead(&out, refusal.response, .length(bytes.count), false, 1, refusal.requestID)
        if !refusal.isHead { out.append(contentsOf: bytes) }
        do {
            try await sendOut(&out)
        } catch {
            // Nobody is there to be told.
            return
        }
        await linger()
    }

    /// Says that nothing more comes, and reads for a moment what the client still sends: closing with unread bytes would
    /// reset the connection and could take the reply with it.
    func linger() async {
        guard let registration else { return }
        let patience = context.isDraining ? HTTPLimits.lingerDrainingMilliseconds : HTTPLimits.lingerMilliseconds
        let deadline = Deadline.after(milliseconds: patience)
        var dropped = 0
        do {
            try Sockets.shutdownWrites(fd)
            while dropped < HTTPLimits.lingerBytesMax {
                guard let count = try Syscall.receive(fd, context.scratch) else {
                    try await registration.readEdge(until: deadline)
                    continue
                }
                if count == 0 { return }
                dropped += count
            }
        } catch {
            // The client reset the connection, kept it open for too long, or we were cut: it is closed now either way.
            return
        }
    }
}
