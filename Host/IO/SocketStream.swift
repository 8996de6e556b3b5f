import CLinux
import Glibc

/// A stream socket on its loop, as those who speak a protocol over it see it; it owns the descriptor from `init` to `close`.
///
/// Every method runs on the loop's thread. One task reads and one writes.
package struct SocketStream {
    /// The socket's place in its loop.
    package let registration: FDRegistration
    /// What everything goes through; nil for a plain socket.
    package let tls: TLSSession?

    /// Takes over a socket that is registered, and the session that has shaken hands over it.
    package init(_ registration: FDRegistration, tls: TLSSession? = nil) {
        self.registration = registration
        self.tls = tls
    }

    /// Connects to `address`; from a task of `loop`, on which the socket then lives.
    package static func connect(to address: SocketAddress, on loop: EventLoop, until deadline: Deadline) async throws(IOError) -> SocketStream {
        let socket: FileDescriptor
        do throws(Errno) { socket = try Sockets.connect(to: address) } catch { throw IOError(.system(error), "connect") }
        let registration = try loop.register(socket.raw)
        let fd = socket.release()
        let stream = SocketStream(registration)
        do throws(IOError) {
            try await registration.writable(until: deadline)
            do throws(Errno) {
                guard let error = try Sockets.pendingError(fd) else { return stream }
                throw error
            } catch {
                throw IOError(.system(error), "connect")
            }
        } catch {
            stream.close()
            throw error
        }
    }

    /// The loop that the socket lives on.
    package var loop: EventLoop { registration.loop }
    /// Whether the peer has shut down its sending side, or all.
    package var hasHungUp: Bool { registration.hasHungUp }

    /// Bytes received, 0 at the end, nil when nothing has come yet: then `readEdge` waits for more.
    @inline(__always)
    package func receive(into buffer: UnsafeMutableRawBufferPointer) throws(IOError) -> Int? {
        guard registration.isOpen else { throw IOError(.closed, "read") }
        if let tls { return try tls.received(into: buffer) }
        if registration.isDry { return nil }
        do throws(Errno) {
            let count = try Syscall.receive(registration.fd, buffer)
            // A short read has emptied the socket (epoll(7)). After a hang-up, whose edge has been, the end itself is still to be read.
            if count != 0 && count ?? 0 < buffer.count && !registration.hasHungUp { registration.isDry = true }
            return count
        } catch {
            throw IOError(.system(error), "read")
        }
    }

    /// Makes the next `receive` ask the kernel, whatever the loop has heard: an edge may be on its way.
    package func refresh() { registration.isDry = false }

    /// Bytes of `bytes` from `offset` on that were sent, nil when there is no room yet.
    /// - Parameter hasMore: more follows at once, so the kernel may wait for it before it fills a packet.
    @inline(__always)
    package func send(_ bytes: [UInt8], from offset: Int = 0, hasMore: Bool = false) throws(IOError) -> Int? {
        guard registration.isOpen else { throw IOError(.closed, "write") }
        if let tls { return try tls.sent(bytes, from: offset) }
        do throws(Errno) {
            return try Syscall.send(registration.fd, bytes, from: offset, hasMore: hasMore)
        } catch {
            throw IOError(.system(error), "write")
        }
    }

    /// Bytes of the file `file` from `offset` on, at most `count`, that were sent without a copy (sendfile(2)), or encrypted; nil when there is no
    /// room yet, 0 at its end.
    package func sendFile(_ file: Int32, at offset: Int, count: Int) throws(IOError) -> Int? {
        guard registration.isOpen else { throw IOError(.closed, "write") }
        if let tls { return try tls.sent(file: file, at: offset, count: count) }
        do throws(Errno) {
            return try Syscall.nonblocking { clinux_sendfile(registration.fd, file, Int64(offset), count) }
        } catch {
            throw IOError(.system(error), "write")
        }
    }

    /// Waits until `send` is worth another try; only after it has said nil.
    package func writeEdge(until deadline: Deadline) async throws(IOError) {
        if let tls { return try await tls.edge(registration, until: deadline) }
        try await registration.writeEdge(until: deadline)
    }

    /// Sends all of `bytes` from `offset` on, waiting for room as long as the deadline allows; a gone peer is `.system(EPIPE)`.
    package func write(_ bytes: [UInt8], from offset: Int = 0, until deadline: Deadline) async throws(IOError) {
        var sent = offset
        while sent < bytes.count {
            if let count = try send(bytes, from: sent) {
                sent += count
            } else {
                try await writeEdge(until: deadline)
            }
        }
    }

    /// Reads what there is, waiting for the first byte; 0 at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline) async throws(IOError) -> Int {
        while true {
            if let count = try receive(into: buffer) { return count }
            try await readEdge(until: deadline)
        }
    }

    /// Waits until `receive` is worth another try; only after it has said nil.
    package func readEdge(until deadline: Deadline) async throws(IOError) {
        if let tls, tls.wants == .write { return try await tls.edge(registration, until: deadline) }
        try await registration.readEdge(until: deadline)
    }

    /// As `readEdge`, but ended only by `interrupt`, not by the task's cancellation: where that is hot.
    package func readEdgeUncancelled(until deadline: Deadline) async throws(IOError) {
        if let tls, tls.wants == .write { return try await tls.edge(registration, until: deadline) }
        try await registration.readEdgeUncancelled(until: deadline)
    }

    /// Waits without a task until `receive` is worth another try, only after it has said nil; `onWake` of the registration hears of it. False when it
    /// may be worth a try already, or when a session has to write first: then `readEdgeUncancelled` waits.
    package func park(until deadline: Deadline) -> Bool { tls?.wants != .write && registration.park(until: deadline) }

    /// Says that nothing more will be sent.
    package func shutdownWrites() throws(IOError) {
        tls?.sayGoodbye()
        do throws(Errno) { try Sockets.shutdownWrites(registration.fd) } catch { throw IOError(.system(error), "shutdown") }
    }

    /// Tells the peer that this is the end and not a broken connection; nothing waits. Without it a peer that has no other way to know takes what
    /// came for a part.
    package func sayGoodbye() { tls?.sayGoodbye() }

    /// Ends all waits with `.closed` and closes the descriptor; a second call does nothing.
    package func close() {
        guard registration.isOpen else { return }
        registration.deregister(closingNext: true)
        do throws(Errno) { try Syscall.close(registration.fd) } catch {
            // A reset that nobody read about is of no use any more; closing what another owns would be a fault of ours.
            assert(error.code != EBADF)
        }
    }
}
