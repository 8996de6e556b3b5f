import Glibc

extension FDRegistration {
    /// Waits until a read will not block (data, end or error). Ends early with `.timedOut`, `.cancelled` or `.closed`.
    package func readable(until deadline: Deadline) async throws(IOError) {
        if try isReadyNow(POLLIN) { return consume(.read) }
        try await edge(.read, until: deadline, "read")
    }

    /// Waits until a write will not block (room or error). Ends early with `.timedOut`, `.cancelled` or `.closed`.
    package func writable(until deadline: Deadline) async throws(IOError) {
        if try isReadyNow(POLLOUT) { return consume(.write) }
        try await writeEdge(until: deadline)
    }

    /// Reads what there is, waiting for the first byte; 0 at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline) async throws(IOError) -> Int {
        while true {
            guard isOpen else { throw IOError(.closed, "read") }
            do throws(Errno) {
                if let count = try Syscall.read(fd, buffer) { return count }
            } catch {
                throw IOError(.system(error), "read")
            }
            try await edge(.read, until: deadline, "read")
        }
    }

    /// Writes all of `bytes`, waiting for room as long as the deadline allows; a gone peer is `.system(EPIPE)`.
    package func write(_ bytes: [UInt8], until deadline: Deadline) async throws(IOError) {
        var sent = 0
        while sent < bytes.count {
            guard isOpen else { throw IOError(.closed, "write") }
            do throws(Errno) {
                if let count = try Syscall.send(fd, bytes, from: sent) {
                    sent += count
                    continue
                }
            } catch {
                throw IOError(.system(error), "write")
            }
            try await writeEdge(until: deadline)
        }
    }

    /// Waits for the next edge without asking the kernel first: only after a call has said "would block", or after a short read of a stream.
    package func readEdge(until deadline: Deadline) async throws(IOError) { try await edge(.read, until: deadline, "read") }

    /// Waits for the next edge of room to write; only after a call has said "would block".
    package func writeEdge(until deadline: Deadline) async throws(IOError) {
        try watchWrites()
        try await edge(.write, until: deadline, "write")
    }

    /// As `readEdge`, but not ended by the task's cancellation, only by `interrupt()`; for a connection's own loop, where it is hot.
    package func readEdgeUncancelled(until deadline: Deadline) async throws(IOError) {
        loop.assertOnLoop()
        guard isOpen else { throw IOError(.closed, "read") }
        if read.isReady { return read.isReady = false }
        let outcome = await withUnsafeContinuation { begin(.read, until: deadline, $0) }
        try check(outcome, "read")
    }

    private func edge(
        _ side: Side, until deadline: Deadline, _ operation: StaticString
    ) async throws(IOError) {
        loop.assertOnLoop()
        guard isOpen else { throw IOError(.closed, operation) }
        if self[side].isReady { return self[side].isReady = false }
        self[side].sequence &+= 1
        let sequence = self[side].sequence
        let isRead = side == .read
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { begin(side, until: deadline, $0) }
        } onCancel: {
            loop.execute { self.cancel(isRead: isRead, sequence: sequence) }
        }
        try check(outcome, operation)
    }

    private func begin(
        _ side: Side, until deadline: Deadline,
        _ continuation: UnsafeContinuation<Outcome, Never>
    ) {
        precondition(self[side].waiter == nil, "one task waits for a direction")
        self[side].waiter = continuation
        self[side].deadline = deadline.nanoseconds
        arm(deadline.nanoseconds)
    }

    private func cancel(isRead: Bool, sequence: UInt32) {
        if isRead {
            if read.sequence == sequence { finish(.read, .cancelled) }
        } else if write.sequence == sequence {
            finish(.write, .cancelled)
        }
    }

    private func check(_ outcome: Outcome, _ operation: StaticString) throws(IOError) {
        switch outcome {
        case .ready: return
        case .timedOut: throw IOError(.timedOut, operation)
        case .cancelled: throw IOError(.cancelled, operation)
        case .closed: throw IOError(.closed, operation)
        }
    }

    private func consume(_ side: Side) {
        self[side].isReady = false
    }

    /// Asks the kernel, so that a caller who left bytes unread is not made to wait for an edge that has passed.
    private func isReadyNow(_ events: Int32) throws(IOError) -> Bool {
        loop.assertOnLoop()
        guard isOpen else { throw IOError(.closed, "poll") }
        do {
            return try Syscall.isReady(fd, events: events)
        } catch {
            throw IOError(.system(error), "poll")
        }
    }
}
