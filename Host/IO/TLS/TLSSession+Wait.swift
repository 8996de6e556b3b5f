import Glibc

extension TLSSession {
    /// Shakes hands by the deadline, waiting on the connection's registration; a peer that is too slow is `.timedOut`.
    package func handshake(on registration: FDRegistration, until deadline: Deadline) async throws(IOError) {
        while true {
            do throws(TLSError) { if try handshake() { return } } catch { throw IOError(.tls(error), "handshake") }
            try await edge(registration, until: deadline)
        }
    }

    /// Waits for what the last call that could not go on wants.
    ///
    /// A read may want to write, and another task be waiting to write already: then it looks again a little later.
    func edge(_ registration: FDRegistration, until deadline: Deadline) async throws(IOError) {
        switch wants {
        case .read where registration.read.waiter == nil: try await registration.readEdge(until: deadline)
        case .write where registration.write.waiter == nil: try await registration.writeEdge(until: deadline)
        default:
            if deadline.hasPassed { throw IOError(.timedOut, "TLS") }
            try await registration.loop.sleep(until: min(deadline, .after(milliseconds: IOLimits.crossedWaitMilliseconds)))
        }
    }
}

/// For `SocketStream`: the same calls, with its errors.
extension TLSSession {
    @inline(never)
    func received(into buffer: UnsafeMutableRawBufferPointer) throws(IOError) -> Int? {
        do throws(TLSError) { return try receive(into: buffer) } catch { throw IOError(.tls(error), "read") }
    }

    /// As much as there is room for, record by record.
    @inline(never)
    func sent(_ bytes: [UInt8], from offset: Int) throws(IOError) -> Int? {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(TLSError) in try sendAll(UnsafeRawBufferPointer(rebasing: buffer[offset...])) }
        }
        do throws(TLSError) { return try result.get() } catch { throw IOError(.tls(error), "write") }
    }

    /// A piece of a file, read and encrypted; 0 at its end.
    func sent(file: Int32, at offset: Int, count: Int) throws(IOError) -> Int? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(count, IOLimits.encryptedPieceBytes), alignment: 16)
        defer { buffer.deallocate() }
        let got: Int
        do throws(Errno) {
            got = try Syscall.retrying { pread(file, buffer.baseAddress, buffer.count, off_t(offset)) }
        } catch {
            throw IOError(.system(error), "read")
        }
        do throws(TLSError) { return try sendAll(UnsafeRawBufferPointer(rebasing: buffer[..<got])) } catch { throw IOError(.tls(error), "write") }
    }

    private func sendAll(_ bytes: UnsafeRawBufferPointer) throws(TLSError) -> Int? {
        var sent = 0
        while sent < bytes.count {
            guard let count = try send(UnsafeRawBufferPointer(rebasing: bytes[sent...])) else { return sent == 0 ? nil : sent }
            sent += count
        }
        return sent
    }
}
