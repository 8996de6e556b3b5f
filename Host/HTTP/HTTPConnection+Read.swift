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

    /// The next request, whole or ready to be streamed; nil when there is none: the connection is then parked, or the client ended it in order or was
    /// idle for too long.
    func readRequest() async throws -> Partial? {
        var partial = Partial()
        if !input.isEmpty { try parse(&partial) }
        if !partial.isReady && parser.isAtStart && input.isEmpty {
            guard try await readFirstBytes(&partial) else { return nil }
        }
        // A connection's first byte does not prolong the time that its first head has.
        var deadline = isFirst ? idleDeadline : nil
        var awaitsBody = false
        while !partial.isReady {
            if partial.head != nil && !awaitsBody {
                awaitsBody = true
                deadline = nil
            }
            let due = deadline ?? context.loop.turnDeadline.adding(milliseconds: awaitsBody ? partial.bodyMilliseconds : headMilliseconds)
            deadline = due
            phase = .reading
            if awaitsBody { try await sendContinue(&partial) }
            let grace = awaitsBody ? partial.bodyCount / HTTPLimits.bodyBytesPerMillisecondMin : 0
            let count = try await fill(until: due.adding(milliseconds: grace), partial)
            if count == 0 { return nil }
            try consume(count, &partial)
        }
        return partial
    }

    /// Takes the first bytes of a request; false when there are none: the connection is then parked, or over.
    private func readFirstBytes(_ partial: inout Partial) async throws -> Bool {
        phase = .idle
        let now = context.loop.turnDeadline
        var due = idleDeadline ?? now.adding(milliseconds: isFirst ? headMilliseconds : server.configuration.idleMillisecondsMax)
        if isClosing {
            guard isFirst, !isCut, !Task.isCancelled else { return try takeLastWords(&partial) }
            // A client that has only just come has a moment to say why.
            due = min(due, now.adding(milliseconds: HTTPLimits.newcomerMilliseconds))
        }
        idleDeadline = due
        guard let stream else { return false }
        while context.loop.turnDeadline < due {
            if let count = try stream.receive(into: context.scratch) {
                if count == 0 { return false }
                context.counters.bytesIn.add(count)
                try consume(count, &partial)
                return true
            }
            isParked = stream.park(until: due)
            if isParked { return false }
            if stream.tls?.wants == .write { try await stream.readEdgeUncancelled(until: due) }
        }
        return false
    }

    /// What an idle client has sent before it could know that the server drains is still answered; false when there is nothing.
    private func takeLastWords(_ partial: inout Partial) throws -> Bool {
        guard !isCut, !Task.isCancelled, let stream else { return false }
        stream.refresh()
        guard let count = try stream.receive(into: context.scratch), count > 0 else { return false }
        context.counters.bytesIn.add(count)
        try consume(count, &partial)
        return true
    }

    /// How long a head may take, its first byte's waiting included when it is the first one.
    private var headMilliseconds: Int { max(1, server.configuration.headMillisecondsMax - (isFirst ? handshakeMilliseconds : 0)) }

    /// Reads more of a streamed body into `partial.body`, if there is more.
    func readPiece(_ partial: inout Partial, since began: Deadline, until deadline: Deadline) async throws {
        if !input.isEmpty && !partial.isComplete { try parse(&partial) }
        while partial.body.isEmpty && !partial.isComplete {
            try await sendContinue(&partial)
            let patience = partial.bodyMilliseconds + partial.bodyCount / HTTPLimits.bodyBytesPerMillisecondMin
            let due = began.adding(milliseconds: patience)
            do {
                let count = try await fill(until: min(due, deadline), partial, isCancellable: true)
                if count == 0 { throw IOError(.closed, "body") }
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

    /// Waits for bytes and reads them to the scratch buffer; 0 when the client has ended its side.
    private func fill(until deadline: Deadline, _ partial: Partial, isCancellable: Bool = false) async throws -> Int {
        guard let stream else { return 0 }
        while true {
            if deadline != .distantFuture && context.loop.turnDeadline >= deadline { throw late(partial) }
            if let count = try stream.receive(into: context.scratch) {
                context.counters.bytesIn.add(count)
                return count
            }
            do throws(IOError) {
                if isCancellable { try await stream.readEdge(until: deadline) } else { try await stream.readEdgeUncancelled(until: deadline) }
            } catch {
                throw error.code == .timedOut ? late(partial) : error
            }
        }
    }

    private func late(_ partial: Partial) -> any Error { refusal(HTTPFailure(408, "The request did not arrive in time."), partial.requestID) }

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
