import Glibc
import IO

extension HTTPConnection {
    /// The state of a request that is being read.
    private struct Partial {
        var head: HTTPRequestHead?
        var body: [UInt8] = []
        var bodyBytesMax = 0
        var requestID = ""
        var isComplete = false
    }

    /// The next whole request; nil when the client ended the connection in order, or was idle for too long.
    func readRequest(isFirst: Bool) async throws -> (HTTPRequestHead, [UInt8], String)? {
        var partial = Partial()
        if !input.isEmpty { try parse(&partial) }
        var deadline = Deadline.distantFuture
        var deadlineKind = 0
        while !partial.isComplete {
            // The time-out changes with what is awaited: a request, the rest of its head, the rest of its body.
            let isIdle = parser.isAtStart && input.isEmpty
            let kind = partial.head != nil ? 3 : isIdle ? 1 : 2
            if kind != deadlineKind {
                let isFirstByte = deadlineKind == 1 && isFirst && kind == 2
                deadlineKind = kind
                if !isFirstByte { deadline = context.loop.turnDeadline.adding(milliseconds: timeout(kind, isFirst: isFirst)) }
            }
            phase = isIdle ? .idle : .reading
            if isIdle && isClosing { return nil }
            if let head = partial.head, head.expectsContinue, input.isEmpty, partial.body.isEmpty { try await sendContinue(&partial) }
            guard let count = try await fill(until: deadline, partial) else { return nil }
            if count == 0 { return nil }
            try consume(count, &partial)
        }
        guard let head = partial.head else { return nil }
        return (head, partial.body, partial.requestID)
    }

    private func timeout(_ kind: Int, isFirst: Bool) -> Int {
        switch kind {
        case 1: isFirst ? server.configuration.headMillisecondsMax : server.configuration.idleMillisecondsMax
        case 2: server.configuration.headMillisecondsMax
        default: server.configuration.bodyMillisecondsMax
        }
    }

    /// Waits for bytes and reads them to the scratch buffer; nil when the client was idle for too long or is wanted gone.
    private func fill(until deadline: Deadline, _ partial: Partial) async throws -> Int? {
        guard let registration else { return nil }
        while true {
            if deadline != .distantFuture && context.loop.turnDeadline >= deadline { return try timedOut(partial) }
            if let count = try Syscall.receive(fd, context.scratch) { return count }
            do throws(IOError) {
                try await registration.readEdgeUncancelled(until: deadline)
            } catch {
                switch error.code {
                case .timedOut: return try timedOut(partial)
                case .cancelled where phase == .idle: return nil
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

    /// Runs the parser until it needs more or the request is complete; the answer is how many bytes it took.
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
            case .content(let taken):
                if partial.body.count + taken > partial.bodyBytesMax { throw tooLarge(partial) }
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
        switch server.handler.admit(head, remoteAddress: remoteAddress, requestID: partial.requestID) {
        case .refuse(let response):
            throw Refusal(response: response, requestID: partial.requestID, isHead: head.method == .head)
        case .accept(let bodyBytesMax):
            partial.bodyBytesMax = bodyBytesMax
            guard let length = head.contentLength else { return }
            if length > bodyBytesMax { throw tooLarge(partial) }
            // No more than one read is reserved on the client's word alone.
            if length > 0 { partial.body.reserveCapacity(min(length, HTTPLimits.readBytes)) }
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
        refusal(HTTPFailure(413, "The body is larger than this route takes."), partial.requestID)
    }

    /// The injected reply for what the server refuses by itself.
    func refusal(_ failure: HTTPFailure, _ requestID: String) -> Refusal {
        let id = requestID.isEmpty ? server.configuration.makeRequestID() : requestID
        var response = server.configuration.errorResponse(failure.status, failure.message, id)
        response.status = failure.status
        return Refusal(response: response, requestID: id, isHead: false)
    }

    private func sendContinue(_ partial: inout Partial) async throws {
        guard let head = partial.head, let registration else { return }
        let deadline = Deadline.after(milliseconds: server.configuration.writeMillisecondsMax)
        try await registration.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8), until: deadline)
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
