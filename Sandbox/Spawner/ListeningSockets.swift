import CLinux
import Glibc
import Jail

/// Sockets that systemd listens on for the service (sd_listen_fds(3)). The processes with privilege only hand them on: they close their own as soon as
/// the host has been started.
struct ListeningSockets {
    /// They are the descriptors from 3 on.
    static let first: Int32 = 3
    /// One service needs no more.
    static let countMax: Int32 = 8

    let count: Int32

    static let none = ListeningSockets(count: 0)

    /// What was passed to this very process; the variables of somebody else's are ignored.
    /// - Throws: `JailError` when there are more than `countMax` or one is not open.
    static func inherited() throws(JailError) -> ListeningSockets {
        guard number("LISTEN_PID") == getpid(), let count = number("LISTEN_FDS"), count > 0 else { return none }
        guard count <= countMax else { throw JailError("take \(count) sockets from systemd; at most \(countMax) are", errno: E2BIG) }
        let sockets = ListeningSockets(count: count)
        for descriptor in sockets.descriptors {
            try require("take socket \(descriptor) from systemd", checked(fcntl(descriptor, F_SETFD, FD_CLOEXEC)))
        }
        return sockets
    }

    private static func number(_ name: String) -> Int32? { getenv(name).flatMap { Int32(String(cString: $0)) } }

    private var descriptors: Range<Int32> { Self.first..<Self.first + count }

    /// The first descriptor above them.
    var end: Int32 { Self.first + count }

    /// Leaves them open in the program that this process executes next, and says so as systemd does; without any, takes the variables away.
    /// - Throws: `JailError`.
    func pass() throws(JailError) {
        guard count > 0 else {
            for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
            return
        }
        for descriptor in descriptors { try require("pass socket \(descriptor)", checked(fcntl(descriptor, F_SETFD, 0))) }
        setenv("LISTEN_PID", String(getpid()), 1)
    }

    /// Closes this process's copies.
    func closeAll() { for descriptor in descriptors { close(descriptor) } }
}
