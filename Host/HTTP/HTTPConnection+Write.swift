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
        case .file(let file, let pieces):
            try await writeFile(response, file, pieces, to: head, requestID: requestID, keepsAlive: keepsAlive)
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
    func sendOut(_ out: inout [UInt8], hasMore: Bool = false) async throws {
        guard let stream else { throw IOError(.closed, "write") }
        let sent = try stream.send(out, hasMore: hasMore) ?? 0
        bytesOut += sent
        context.counters.bytesOut.add(sent)
        if sent == out.count { return context.giveOut(&out) }
        let patience = server.configuration.writeMillisecondsMax + (out.count - sent) / HTTPLimits.writeBytesPerMillisecondMin
        // Not given back before it is sent: another connection takes its own meanwhile.
        try await stream.write(out, from: sent, until: .after(milliseconds: patience))
        bytesOut += out.count - sent
        context.counters.bytesOut.add(out.count - sent)
        context.giveOut(&out)
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
        guard let stream else { throw IOError(.closed, "write") }
        let writer = HTTPBodyWriter(
            stream: stream, isChunked: isChunked, writeMillisecondsMax: server.configuration.writeMillisecondsMax)
        bodyWriter = writer
        defer {
            bodyWriter = nil
            bytesOut += writer.count
            context.counters.bytesOut.add(writer.count)
        }
        // An error thrown here ends the connection before the last chunk, which tells the client that the content is not whole.
        try await produce(writer)
        try await writer.finish(takesTrailers: head.headers.list("TE").contains("trailers"))
        if !isChunked { isClosing = true }
    }

    /// Sends pieces of a file, and what stands between them, under one deadline that grows with their length.
    private func writeFile(
        _ response: HTTPResponse, _ file: HTTPFile, _ pieces: [ContentPlan.Piece], to head: HTTPRequestHead, requestID: String, keepsAlive: Bool
    ) async throws {
        let length = ContentPlan.length(of: pieces)
        let hasContent = head.method != .head && length > 0
        var out = context.takeOut()
        encodeHead(&out, response, .length(length), keepsAlive, head.minorVersion, requestID)
        try await sendOut(&out, hasMore: hasContent)
        guard hasContent else { return }
        let patience = server.configuration.writeMillisecondsMax + length / HTTPLimits.writeBytesPerMillisecondMin
        let deadline = Deadline.after(milliseconds: patience)
        for piece in pieces {
            switch piece {
            case .bytes(var bytes): try await sendOut(&bytes, hasMore: true)
            case .content(let range): try await send(range, of: file, until: deadline)
            }
        }
    }

    /// Sends bytes of a file by way of the kernel's cache; what is not there yet is read by the file pool first.
    private func send(_ range: Range<Int>, of file: HTTPFile, until deadline: Deadline) async throws {
        guard let stream else { throw IOError(.closed, "write") }
        var rest = range
        while !rest.isEmpty {
            try Task.checkCancellation()
            let window = rest.prefix(HTTPLimits.fileWindowBytes)
            try await file.load(window, server.configuration.filePool, until: deadline)
            guard let count = try stream.sendFile(file.raw, at: window.lowerBound, count: window.count) else {
                try await stream.writeEdge(until: deadline)
                continue
            }
            // It has become shorter: the length that was announced cannot be kept.
            if count == 0 { throw IOError(.closed, "file") }
            bytesOut += count
            context.counters.bytesOut.add(count)
            rest = rest.dropFirst(count)
            if !rest.isEmpty { await Task.yield() }
        }
    }

    /// Answers without the handler and ends.
    func refuse(_ refusal: Refusal) async {
        var out = context.takeOut()
        let bytes = refusal.response.bytes ?? []
        encodeHead(&out, refusal.response, .length(bytes.count), false, 1, refusal.requestID)
        if refusal.head?.method != .head { out.append(contentsOf: bytes) }
        let before = bytesOut
        var isWhole = false
        defer { exchanged(refusal.head, refusal.requestID, refusal.response, since: before, isWhole: isWhole) }
        do {
            try await sendOut(&out)
            isWhole = true
        } catch {
            // Nobody is there to be told.
            return
        }
        await linger()
    }

    /// Says that nothing more comes, and reads for a moment what the client still sends: closing with unread bytes would
    /// reset the connection and could take the reply with it.
    func linger() async {
        guard let stream else { return }
        let patience = context.isDraining ? HTTPLimits.lingerDrainingMilliseconds : HTTPLimits.lingerMilliseconds
        let deadline = Deadline.after(milliseconds: patience)
        var dropped = 0
        do {
            try stream.shutdownWrites()
            while dropped < HTTPLimits.lingerBytesMax {
                guard let count = try stream.receive(into: context.scratch) else {
                    try await stream.readEdge(until: deadline)
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

    /// Counts a request that is over and tells who wants to know.
    func exchanged(_ head: HTTPRequestHead?, _ requestID: String, _ response: HTTPResponse, since before: Int, isWhole: Bool) {
        context.counters.requests.add(1)
        guard let tell = server.configuration.onExchange else { return }
        let now = Deadline.now().nanoseconds
        let began = head == nil ? now : arrived.nanoseconds
        tell(
            HTTPExchange(
                head: head, requestID: requestID, remoteAddress: remoteAddress, status: response.status, bytesIn: bodyBytesIn,
                bytesOut: bytesOut - before, nanoseconds: now > began ? now - began : 0, isWhole: isWhole, note: response.note))
    }
}
