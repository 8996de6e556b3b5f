import CLinux
import Glibc

/// TCP sockets, non-blocking and closed on exec.
package enum Sockets {
    private static func make(_ family: Int32) throws(Errno) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        return try Syscall.retrying { socket(family, type, 0) }
    }

    private static func enable(_ fd: Int32, _ level: Int32, _ option: Int32) throws(Errno) {
        var one: Int32 = 1
        try Syscall.retrying { setsockopt(fd, level, option, &one, socklen_t(MemoryLayout<Int32>.size)) }
    }

    /// Sends small writes at once.
    package static func setNoDelay(_ fd: Int32) throws(Errno) { try enable(fd, Int32(IPPROTO_TCP), Int32(TCP_NODELAY)) }

    /// A socket that listens on `address`; port 0 lets the kernel choose (`localAddress` tells which).
    package static func listen(on address: SocketAddress) throws(Errno) -> FileDescriptor {
        let socket = FileDescriptor(try make(address.family))
        let fd = socket.raw
        try enable(fd, SOL_SOCKET, SO_REUSEADDR)
        if address.family == AF_INET6 { try enable(fd, Int32(IPPROTO_IPV6), Int32(IPV6_V6ONLY)) }
        try address.withSockaddr { pointer, length throws(Errno) in _ = try Syscall.retrying { bind(fd, pointer, length) } }
        try Syscall.retrying { Glibc.listen(fd, IOLimits.listenBacklog) }
        return socket
    }

    /// The next pending connection with the client's address; nil when there is none now.
    package static func accept(_ listener: Int32) throws(Errno) -> (fd: Int32, peer: SocketAddress?)? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let accepted = try withUnsafeMutablePointer(to: &storage) { pointer throws(Errno) in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address throws(Errno) in
                try Syscall.nonblocking { Int(clinux_accept4(listener, address, &length)) }
            }
        }
        guard let accepted else { return nil }
        return (Int32(accepted), SocketAddress(storage))
    }

    /// Where a socket is bound.
    package static func localAddress(_ fd: Int32) throws(Errno) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        try withUnsafeMutablePointer(to: &storage) { pointer throws(Errno) in
            _ = try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address throws(Errno) in
                try Syscall.retrying { getsockname(fd, address, &length) }
            }
        }
        guard let address = SocketAddress(storage) else { throw Errno(EAFNOSUPPORT) }
        return address
    }

    /// Begins a connection; wait until it is writable, then ask `pendingError`.
    package static func connect(to address: SocketAddress) throws(Errno) -> FileDescriptor {
        let socket = FileDescriptor(try make(address.family))
        let fd = socket.raw
        try setNoDelay(fd)
        try address.withSockaddr { pointer, length throws(Errno) in
            // EINTR leaves the connection going on in the background, like EINPROGRESS.
            if Glibc.connect(fd, pointer, length) != 0 && errno != EINPROGRESS && errno != EINTR { throw Errno.last }
        }
        return socket
    }

    /// The error of a connection attempt that has ended, nil when it succeeded.
    package static func pendingError(_ fd: Int32) throws(Errno) -> Errno? {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        try Syscall.retrying { getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) }
        return code == 0 ? nil : Errno(code)
    }

    /// Makes the kernel answer a close with a reset instead of an orderly end; for clients that must be dropped at once.
    package static func setResetOnClose(_ fd: Int32) throws(Errno) {
        var option = linger(l_onoff: 1, l_linger: 0)
        try Syscall.retrying { setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size)) }
    }

    /// Says that nothing more will be sent.
    package static func shutdownWrites(_ fd: Int32) throws(Errno) {
        try Syscall.retrying { shutdown(fd, Int32(SHUT_WR)) }
    }
}
