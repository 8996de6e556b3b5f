import Glibc
import IO

extension HTTPConnection {
    /// The state of a request that is being read.
    struct Partial {
        var head: HTTPRequestHead?
        var body: [UInt8] = []
        /// Bytes of the body that have come, whether they still lie in `body` or not.
        var bodyCount = 0
        var bodyBytesMax = 0
        var bodyMilliseconds = 0
        var isStreamed = false
        var requestID = ""
        var isComplete = false

        /// Whether the handler may begin.
        var isReady: Bool { isComplete || (isStreamed && head != nil) }
    }

    /// What a read waits for, each with a time-out of its own.
    private enum Awaited { case nothing, request, head, body }

    /// The next request, whole or ready to be streamed; nil when the client ended the connection in order, or was idle for too long.
    func readRequest(isFirst: Bool) async throws -> Partial? {
        var partial = Partial()
        if !input.isEmpty { try parse(&partial) }
        var deadline = Deadline.distantFuture
        var newcomerDeadline: Deadline?
        var awaited = Awaited.nothing
        while !partial.isReady {
            let isIdle = parser.isAtStart && input.isEmpty
            let next: Awaited = partial.head != nil ? .body : isIdle ? .request : .head
            if next != awaited {
                // A connection's first byte does not prolong the time that its first head has.
                let isPrompted = awaited == .request && isFirst && next == .head
                awaited = next
                if !isPrompted { deadline = context.loop.turnDeadline.adding(milliseconds: timeout(next, isFirst, partial)) }
            }
            phase = isIdle ? .idle : .reading
            if isIdle && isClosing {
                if !isFirst || Task.isCancelled {
                    guard try takeLastWords(&partial) else { return nil }
                    continue
                }
                // A client that has only just come has a moment to say why.
                newcomerDeadline = newcomerDeadline ?? context.loop.turnDeadline.adding(milliseconds: HTTPLimits.newcomerMilliseconds)
            }
            if partial.head != nil { try await sendContinue(&partial) }
            let grace = awaited == .body ? partial.bodyCount / HTTPLimits.bodyBytesPerMillisecondMin : 0
            let due = min(deadline.adding(milliseconds: grace), isIdle ? newcomerDeadline ?? .distantFuture : .distantFuture)
            do {
                guard let count = try await fill(until: due, partial), count > 0 else { return nil }
                try consume(count, &partial)
            } catch is Interruption { continue }
        }
        return partial
    }

    /// An idle connection was woken because the server drains.
    private struct Interruption: Error {}

    /// What an idle client has sent before it could know that the server drains is still answered; false when there is nothing.
    private func takeLastWords(_ partial: inout Partial) throws -> Bool {
        guard !Task.isCancelled, let stream else { return false }
        stream.refresh()
        guard let count = try stream.receive(into: context.scratch), count > 0 else { return false }
        context.counters.bytesIn.add(count)
        try consume(count, &partial)
        return true
    }

    private func timeout(_ awaited: Awaited, _ isFirst: Bool, _ partial: Partial) -> Int {
        switch awaited {
        case .request where !isFirst: server.configuration.idleMillisecondsMax
        case .body: partial.bodyMilliseconds
        default: max(1, server.configuration.headMillisecondsMax - (isFirst ? handshakeMilliseconds : 0))
        }
    }

    /// Reads more of a streamed body into `partial.body`, if there is more.
    func readPiece(_ partial: inout Partial, since began: Deadline, until deadline: Deadline) async throws {
        if !input.isEmpty && !partial.isComplete { try parse(&partial) }
        while partial.body.isEmpty && !partial.isComplete {
            try await sendContinue(&partial)
            let patience = partial.bodyMilliseconds + partial.bodyCount / HTTPLimits.bodyBytesPerMillisecondMin
            let due = began.adding(milliseconds: patience)
            do {
                guard let count = try await fill(until: min(due, deadline), partial, isCancellable: true), count > 0 else {
                    throw IOError(.closed, "body")
                }
                try consume(count, &partial)
            } catch let refusal as Refusal where deadline < due && refusal.cause?.status == 408 {
                throw IOError(.timedOut, "body")
            }
        }
    }

    /// A client that shut down its sending side did so behind the body; now it counts.
    func bodyEnded() {
        if stream?.hasHungUp == true { peerHungUp(isHalf: true) }
    }

    /// Waits for bytes and reads them to the scratch buffer; nil when the client was idle for too long or is wanted gone.
    private func fill(until deadline: Deadline, _ partial: Partial, isCancellable: Bool = false) async throws -> Int? {
        guard let stream else { return nil }
        while true {
            if deadline != .distantFuture && context.loop.turnDeadline >= deadline { return try timedOut(partial) }
            if let count = try stream.receive(into: context.scratch) {
                context.counters.bytesIn.add(count)
                return count
            }
            do throws(IOError) {
                if isCancellable { try await stream.readEdge(until: deadline) } else { try await stream.readEdgeUncancelled(until: deadline) }
            } catch {
                switch error.code {
                case .timedOut: return try timedOut(partial)
                case .cancelled where phase == .idle: throw Interruption()
                default: throw error
                }
            }
        }
    }

    private func timedOut(_ partial: Partial) throws -> Int? {
        if phase == .idle { return nil }
        throw refusal(HTTPFailure(408, "The request did not arrive in time."), partial.requestID)
    }

    /// Parses `count` fresh bytes of the scratch buffer, together with what was left before.
    private func consume(_ count: Int, _ partial: inout Partial) throws {
        let fresh = UnsafeRawBufferPointer(rebasing: context.scratch[..<count])
        if !input.isEmpty {
            input.append(fresh)
            return try parse(&partial)
        }
        // The usual case: everything is parsed where it was read, and only a rest is copied.
        let taken = try advance(fresh.assumingMemoryBound(to: UInt8.self), &partial)
        if taken < count { input.append(UnsafeRawBufferPointer(rebasing: fresh[taken...])) }
    }

    private func parse(_ partial: inout Partial) throws {
        var failure: (any Error)?
        let taken = input.withBytes { bytes -> Int in
            do { return try advance(bytes, &partial) } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        input.take(taken)
    }

    /// Runs the parser until it needs more, the request is complete, or its handler wants the rest; the answer is how many bytes it took.
    private func advance(_ bytes: UnsafeBufferPointer<UInt8>, _ partial: inout Partial) throws -> Int {
        var position = 0
        while true {
            let rest = UnsafeBufferPointer(rebasing: bytes[position...])
            switch parser.advance(rest) {
            case .needMore: return position
            case .skip(let taken): position += taken
            case .head(let head, let taken):
                position += taken
                try admit(head, &partial)
                if partial.isStreamed { return position }
            case .content(let taken):
                partial.bodyCount += taken
                if partial.bodyCount > partial.bodyBytesMax { throw tooLarge(partial) }
                partial.body.append(contentsOf: UnsafeBufferPointer(rebasing: rest[..<taken]))
                position += taken
            case .end(let taken):
                partial.isComplete = true
                return position + taken
            case .failure(let failure): throw refusal(failure, partial.requestID)
            }
        }
    }

    private func admit(_ head: HTTPRequestHead, _ partial: inout Partial) throws {
        partial.head = head
        partial.requestID = requestID(head)
        bodyBytesIn = 0
        arrived = context.loop.turnDeadline
        switch server.handler.admit(head, remoteAddress: remoteAddress, requestID: partial.requestID) {
        case .refuse(let response):
            context.counters.reject(.refused)
            throw Refusal(response: response, requestID: partial.requestID, head: head)
        case .accept(let bytesMax, let milliseconds, let isStreamed):
            partial.bodyBytesMax = bytesMax
            partial.bodyMilliseconds = milliseconds ?? server.configuration.bodyMillisecondsMax
            partial.isStreamed = isStreamed && head.hasBody
            guard let length = head.contentLength else { return }
            if length > bytesMax { throw tooLarge(partial) }
            // No more than one read is reserved on the client's word alone.
            if length > 0 && !isStreamed { partial.body.reserveCapacity(min(length, HTTPLimits.readBytes)) }
        }
    }

    private func requestID(_ head: HTTPRequestHead) -> String {
        if let given = head.headers["X-Request-Id"], (1...HTTPLimits.requestIDBytesMax).contains(given.utf8.count),
            given.utf8.allSatisfy({ Characters.isVisible($0) })
        {
            return given
        }
        return server.configuration.makeRequestID()
    }

    private func tooLarge(_ partial: Partial) -> Refusal {
        refusal(HTTPFailure(413, "The body is larger than this route takes."), partial.requestID, partial.head)
    }

    /// The injected reply for what the server refuses by itself.
    func refusal(_ failure: HTTPFailure, _ requestID: String, _ head: HTTPRequestHead? = nil) -> Refusal {
        context.counters.reject(HTTPRejection(status: failure.status))
        let id = requestID.isEmpty ? server.configuration.makeRequestID() : requestID
        var response = server.configuration.errorResponse(failure.status, failure.message, id)
        response.status = failure.status
        return Refusal(response: response, requestID: id, head: head, cause: failure)
    }

    /// Asks for the body of a client that waits to be asked.
    private func sendContinue(_ partial: inout Partial) async throws {
        guard let head = partial.head, head.expectsContinue, partial.bodyCount == 0, input.isEmpty, let stream else { return }
        let deadline = Deadline.after(milliseconds: server.configuration.writeMillisecondsMax)
        try await stream.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8), until: deadline)
        partial.head = head.continued
    }
}

extension HTTPRequestHead {
    /// The same head after 100 (Continue) has been sent.
    var continued: HTTPRequestHead {
        HTTPRequestHead(
            method: method, headers: headers, contentLength: contentLength, keepsAlive: keepsAlive, expectsContinue: false,
            minorVersion: minorVersion, targetStart: targetStart, targetEnd: targetEnd, pathStart: pathStart, pathEnd: pathEnd,
            isPlain: isPlain)
    }
}
