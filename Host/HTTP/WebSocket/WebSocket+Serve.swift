import IO

extension WebSocket {
    private var isInboxFull: Bool { inbox.count >= configuration.inboxMessagesMax || inboxBytes >= configuration.inboxBytesMax }

    /// Reads for the handler until the connection is over; the connection's task runs it beside the handler's.
    func serve(scratch: UnsafeMutableRawBufferPointer) async {
        var watch = Watch(heard: loop.turnDeadline)
        do throws(IOError) {
            while try await turn(&watch, scratch) {}
            try await sendLast()
        } catch {
            // The client went or the connection was cut: there is nobody to say more to.
            cutOff(.gone)
        }
    }

    /// What the connection knows of its client.
    private struct Watch {
        /// When bytes came last.
        var heard: Deadline
        /// When the client was asked whether it is there, since then.
        var asked: Deadline?
        /// When the present message began.
        var began: Deadline?
        var reads = 0
    }

    /// One step; false when nothing more is to be read.
    private func turn(_ watch: inout Watch, _ scratch: UnsafeMutableRawBufferPointer) async throws(IOError) -> Bool {
        if Task.isCancelled { throw IOError(.cancelled, "serve") }
        if isHandlerDone { startClose(WebSocketClose(.normal)) }
        if !outbox.isEmpty && !isBroken { try await sendQueued() }
        if isBroken { throw IOError(.closed, "serve") }
        if ending != nil { return false }
        if machine.state == .open && isInboxFull {
            try await changed.wait(until: .distantFuture, "serve")
            return true
        }
        if !input.isEmpty {
            input.take(input.withBytes { digest($0, &watch) })
            return true
        }
        watch.reads += 1
        if watch.reads % WebSocketLimits.burstMax == 0 { await Task.yield() }
        if let count = try stream.receive(into: scratch) { return read(UnsafeRawBufferPointer(rebasing: scratch[..<count]), &watch) }
        watch.reads = 0
        return try await wait(&watch)
    }

    private func read(_ fresh: UnsafeRawBufferPointer, _ watch: inout Watch) -> Bool {
        if fresh.isEmpty {
            // The end without a close frame.
            cutOff(.gone)
            return false
        }
        watch.heard = loop.turnDeadline
        watch.asked = nil
        let taken = digest(fresh.assumingMemoryBound(to: UInt8.self), &watch)
        if taken < fresh.count { input.append(UnsafeRawBufferPointer(rebasing: fresh[taken...])) }
        return true
    }

    /// Runs the machine over `bytes` until the handler has enough; the answer is how many it took.
    private func digest(_ bytes: UnsafeBufferPointer<UInt8>, _ watch: inout Watch) -> Int {
        var position = 0
        let now = loop.turnDeadline
        stepping: while ending == nil && !(machine.state == .open && isInboxFull) && outbox.count < WebSocketLimits.repliesBytesMax {
            switch machine.advance(bytes, &position, now: now) {
            case .needMore: break stepping
            case .message(let message):
                inbox.append(message)
                inboxBytes += message.count
                watch.began = nil
                arrived.signal()
            case .ping(let content): machine.pong(content, into: &outbox)
            case .pong: continue
            case .close(let close): ending = machine.state == .closed ? .finished : .closed(close)
            case .failure(let fault): ending = .failed(fault)
            }
        }
        if ending != nil { arrived.signal() }
        if !machine.isInside { watch.began = nil } else if watch.began == nil { watch.began = now }
        return position
    }

    /// Waits for bytes; false when the client has used up its time.
    private func wait(_ watch: inout Watch) async throws(IOError) -> Bool {
        let message = watch.began?.adding(milliseconds: configuration.messageMillisecondsMax) ?? .distantFuture
        let silence =
            watch.asked?.adding(milliseconds: configuration.pongMilliseconds) ?? watch.heard.adding(milliseconds: configuration.pingMilliseconds)
        do throws(IOError) {
            try await stream.readEdgeUncancelled(until: min(closeDeadline, message, silence))
            return true
        } catch {
            // Interrupted: something has changed, or we are to go.
            if error.code == .cancelled { return true }
            guard error.code == .timedOut else { throw error }
        }
        if closeDeadline.hasPassed {
            cutOff(.gone)
            return false
        }
        if message.hasPassed {
            ending = .failed(WebSocketFault(.policyViolation, "a message takes too long"))
            arrived.signal()
            return true
        }
        guard silence.hasPassed else { return true }
        if watch.asked != nil {
            cutOff(.gone)
            return false
        }
        watch.asked = loop.turnDeadline
        machine.ping(into: &outbox)
        return true
    }

    /// Sends what is queued, or leaves it to the task that sends now, unless that is too much.
    private func sendQueued() async throws(IOError) {
        if isFlushing {
            if outbox.count >= WebSocketLimits.repliesBytesMax { try await waitForWrites(until: .distantFuture) }
        } else {
            try await flush(until: .distantFuture)
        }
    }

    /// Our close frame, as the last thing, when the handler has seen what came before.
    private func sendLast() async throws(IOError) {
        guard let close = ending?.answer else { return }
        let grace = loop.turnDeadline.adding(milliseconds: configuration.closeGraceMilliseconds)
        while !hasSeenEnd && !isHandlerDone && !isBroken && !grace.hasPassed {
            // At the end of the grace the handler is left behind.
            do throws(IOError) { try await changed.wait(until: grace, "close") } catch { if error.code != .timedOut { throw error } }
        }
        let deadline = loop.turnDeadline.adding(milliseconds: configuration.closeMilliseconds)
        try await waitForWrites(until: deadline)
        machine.close(close, into: &outbox)
        try await flush(until: deadline)
    }
}
