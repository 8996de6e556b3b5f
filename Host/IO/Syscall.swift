import CLinux
import Glibc

/// One wrapper per shape of system call: retries EINTR, throws every other error, and says "would block" with nil.
package enum Syscall {
    /// Calls until the answer is not EINTR; a negative answer throws.
    @inline(__always)
    @discardableResult
    package static func retrying<T: FixedWidthInteger & SignedInteger>(_ body: () -> T) throws(Errno) -> T {
        while true {
            let result = body()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw Errno(code) }
        }
    }

    /// Like `retrying`, but nil when the call would have blocked.
    @inline(__always)
    package static func nonblocking(_ body: () -> Int) throws(Errno) -> Int? {
        while true {
            let result = body()
            if result >= 0 { return result }
            let code = errno
            if code == EAGAIN || code == EWOULDBLOCK { return nil }
            if code != EINTR { throw Errno(code) }
        }
    }

    /// Bytes read, 0 at the end, nil when nothing has come yet.
    package static func read(_ fd: Int32, _ buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int? {
        try nonblocking { Glibc.read(fd, buffer.baseAddress, buffer.count) }
    }

    /// Bytes written, nil when there is no room yet.
    package static func write(_ fd: Int32, _ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int? {
        try nonblocking { Glibc.write(fd, buffer.baseAddress, buffer.count) }
    }

    /// Bytes received from a socket, 0 at the end, nil when nothing has come yet; never takes descriptors.
    package static func receive(_ fd: Int32, _ buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int? {
        try nonblocking { Glibc.recv(fd, buffer.baseAddress, buffer.count, 0) }
    }

    /// Bytes sent on a socket, nil when there is no room yet; a gone peer is EPIPE and never a signal.
    package static func send(_ fd: Int32, _ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int? {
        try nonblocking { Glibc.send(fd, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL)) }
    }

    /// As `send`, for what `bytes` holds from `offset` on; with `hasMore` the kernel may wait for what follows.
    package static func send(_ fd: Int32, _ bytes: [UInt8], from offset: Int, hasMore: Bool = false) throws(Errno) -> Int? {
        let flags = Int32(MSG_NOSIGNAL) | (hasMore ? Int32(MSG_MORE) : 0)
        return try nonblocking {
            bytes.withUnsafeBytes { Glibc.send(fd, $0.baseAddress.map { $0 + offset }, $0.count - offset, flags) }
        }
    }

    /// Closes; on Linux the descriptor is gone even when close reports EINTR, so it is never retried.
    package static func close(_ fd: Int32) throws(Errno) {
        if Glibc.close(fd) != 0 && errno != EINTR { throw Errno.last }
    }

    /// Whether `fd` has one of `events` (POLLIN, POLLOUT, …) now; does not wait.
    package static func isReady(_ fd: Int32, events: Int32) throws(Errno) -> Bool {
        var entry = pollfd(fd: fd, events: Int16(events), revents: 0)
        return try retrying { poll(&entry, 1, 0) } > 0
    }

    /// Makes reads and writes on `fd` return at once.
    package static func setNonblocking(_ fd: Int32) throws(Errno) { try retrying { clinux_set_nonblocking(fd) } }

    /// A connected pair of non-blocking stream sockets, closed on exec; the caller owns both numbers.
    package static func socketPair() throws(Errno) -> (Int32, Int32) {
        var fds: (Int32, Int32) = (-1, -1)
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        _ = try withUnsafeMutableBytes(of: &fds) { bytes throws(Errno) in
            try retrying { socketpair(AF_UNIX, type, 0, bytes.baseAddress?.assumingMemoryBound(to: Int32.self)) }
        }
        return fds
    }
}
