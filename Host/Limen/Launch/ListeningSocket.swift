import Glibc
import IO

/// The socket that systemd listens on for this service (sd_listen_fds(3)): it stays while the service restarts, so no client is refused meanwhile.
enum ListeningSocket {
    private static let first: Int32 = 3

    /// The socket that was passed to this very process, nil when there is none.
    /// - Throws: `CommandError` when there are several, or it is no TCP socket that listens.
    static func inherited() throws -> FileDescriptor? {
        guard number("LISTEN_PID") == getpid(), let count = number("LISTEN_FDS"), count > 0 else { return nil }
        guard count == 1 else {
            throw CommandError(
                "systemd passed \(count) sockets, limen serves on one: leave one ListenStream= in limen.socket; [::]:PORT takes IPv4 as well")
        }
        return try checked(FileDescriptor(first), from: "systemd")
    }

    private static func number(_ name: String) -> Int32? { getenv(name).flatMap { Int32(String(cString: $0)) } }

    /// The socket, if it is a TCP socket that listens.
    /// - Throws: `CommandError`, saying where it came from.
    static func checked(_ socket: consuming FileDescriptor, from whom: String) throws -> FileDescriptor {
        var isListening: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(socket.raw, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) == 0, isListening == 1 else {
            throw CommandError("the socket from \(whom) does not listen: limen.socket needs ListenStream=ADDRESS:PORT and Accept=no")
        }
        do {
            _ = try Sockets.localAddress(socket.raw)
        } catch {
            throw CommandError("the socket from \(whom) is no TCP socket: limen.socket needs ListenStream=ADDRESS:PORT")
        }
        guard fcntl(socket.raw, F_SETFD, FD_CLOEXEC) == 0 else { throw CommandError("the socket from \(whom): \(Path.reason())") }
        return socket
    }
}
