import CConditions
import CLinux
import Glibc
import Jail
import Synchronization
import WorkerProtocol

/// The worker's end of the frame socket. Sending is safe from any thread; receiving is for the main thread.
final class FrameSocket: Sendable {
    private let sending = Mutex(())

    /// Sends whole frames; blocks while the host is slow, which is the plugin's back-pressure.
    /// - Throws: `JailError` when the host is gone.
    func send(_ bytes: [UInt8]) throws(JailError) {
        let failed = sending.withLock { _ in
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes { write(WorkerDescriptor.frames, $0.baseAddress! + sent, bytes.count - sent) }
                if count < 0, errno == EINTR { continue }
                if count <= 0 { return errno }
                sent += count
            }
            return 0
        }
        if failed != 0 { throw JailError("send frame", errno: failed) }
    }

    /// What a read brought.
    enum Received { case bytes(Int), nothing, closed }

    /// Reads once into `buffer`; with `wait` false it returns `nothing` rather than block.
    func receive(into buffer: UnsafeMutableRawBufferPointer, wait: Bool) -> Received {
        if !wait, !isReadable(timeoutMilliseconds: 0, also: -1).socket { return .nothing }
        while true {
            let count = read(WorkerDescriptor.frames, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            return count > 0 ? .bytes(count) : .closed
        }
    }

    /// Waits for the socket or for `also`, at most `timeoutMilliseconds` (-1: for ever).
    func isReadable(timeoutMilliseconds: Int32, also: Int32) -> (socket: Bool, also: Bool) {
        var set = [
            pollfd(fd: WorkerDescriptor.frames, events: Int16(POLLIN), revents: 0), pollfd(fd: also, events: Int16(POLLIN), revents: 0),
        ]
        let count = cconditions_true_poll(&set, 2, timeoutMilliseconds)
        guard count > 0 else { return (false, false) }
        return (set[0].revents != 0, set[1].revents != 0)
    }
}
