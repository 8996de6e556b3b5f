import Glibc
import IO
import Supervisor
import WorkerProtocol

/// Why the next frame did not come.
enum FrameEnd: Error {
    /// The worker closed its end or died; `unread` tells that it had not taken all that it was sent (unix(7): a reset, or a broken pipe).
    case closed(unread: Bool)
    case timedOut
    case cancelled
    case fault(ProtocolFault)
}

/// Frames over the socket; only for the owner.
extension WorkerHandle {
    /// The next frame. With `waitFirst` no read is tried before the loop has reported one, because nothing can have come yet.
    func nextFrame(_ registration: FDRegistration, until deadline: Deadline, waitFirst: Bool = false) async throws(FrameEnd) -> Frame {
        var wait = waitFirst
        while true {
            if !wait {
                if let frame = try decoded() { return frame }
                if try receive() { continue }
            }
            wait = false
            try await readable(registration, until: deadline)
        }
    }

    /// A frame that is already here, or nil.
    func decoded() throws(FrameEnd) -> Frame? {
        do {
            guard let frame = try decoder.next() else { return nil }
            partialSince = nil
            return frame
        } catch {
            switch error {
            case .tooLong(.result, _, _): throw .fault(.outputTooLong)
            case .tooLong(.event, _, _): throw .fault(.eventFlood)
            case .tooLong: throw .fault(.oversize)
            case .unknownType: throw .fault(.unknownType)
            case .wrongDirection: throw .fault(.unexpectedType)
            case .reservedBitsSet: throw .fault(.malformed)
            }
        }
    }

    /// Reads once; false if nothing has come. Descriptors that travel along are closed by the kernel, as no control buffer is given.
    func receive() throws(FrameEnd) -> Bool {
        var isReset = false
        let count: Int? = withUnsafeTemporaryAllocation(byteCount: WorkersLimits.receiveBytes, alignment: 16) { buffer in
            do throws(Errno) {
                guard let count = try Syscall.receive(socket, buffer) else { return nil }
                if count > 0 { decoder.append(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
                return count
            } catch {
                isReset = error.code == ECONNRESET
                return 0
            }
        }
        if count == 0 { throw .closed(unread: isReset) }
        return count != nil
    }

    private func readable(_ registration: FDRegistration, until deadline: Deadline) async throws(FrameEnd) {
        var limit = deadline
        if decoder.isInsideFrame {
            let since = partialSince ?? .now
            partialSince = since
            limit = min(limit, Deadline(since.adding(milliseconds: SupervisorLimits.partialFrameMillisecondsMax)))
        }
        do {
            try await registration.readEdge(until: limit)
        } catch {
            switch error.code {
            case .timedOut: throw limit < deadline ? .fault(.partialFrame) : .timedOut
            case .cancelled: throw .cancelled
            case .closed, .system, .overloaded, .tls: throw .closed(unread: false)
            }
        }
    }

    /// Sends a whole frame.
    func send(_ bytes: [UInt8], _ registration: FDRegistration, until deadline: Deadline) async throws(FrameEnd) {
        guard let sent = Self.sendNow(socket, bytes) else { throw .closed(unread: true) }
        guard sent < bytes.count else { return }
        isMidFrame = true
        try await sendSlowly(Array(bytes[sent...]), registration, until: deadline)
        isMidFrame = false
    }

    /// Sends what there is room for; nil if the worker is gone.
    static func sendNow(_ socket: Int32, _ bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBytes { buffer -> Int? in
            do throws(Errno) { return try Syscall.send(socket, buffer) ?? 0 } catch { return nil }
        }
    }

    private func sendSlowly(_ bytes: [UInt8], _ registration: FDRegistration, until deadline: Deadline) async throws(FrameEnd) {
        do {
            try await registration.write(bytes, until: deadline)
        } catch {
            switch error.code {
            case .timedOut: throw .timedOut
            case .cancelled: throw .cancelled
            case .closed, .system, .overloaded, .tls: throw .closed(unread: true)
            }
        }
    }

    /// Judges a frame.
    func judge(_ frame: Frame) -> WorkerState.Verdict {
        let now = Moment.now
        return shared.withLock { $0.state.received(frame.type, call: frame.callID, bytes: frame.payload.count, at: now) }
    }
}
