import CLinux
import Glibc
import WorkerProtocol

/// What a socket grant adds to stage 1: the calls of a TCP client over IPv4, and none of a server, of another family or of another kind.
///
/// `connect` has its address in memory where a filter cannot read it: the network namespace, in which nothing but the proxy listens, and Landlock where it
/// knows ports decide whom it reaches. The frame socket, which was made outside, keeps its one number and takes none of these calls.
extension WorkerPolicy {
    /// The rules that differ with the grant, by call.
    static var withSocket: [Syscall: SyscallRule] {
        var rules: [Syscall: SyscallRule] = [
            .socket: tcpSocket, .sendto: sendWithoutAddress, .recvfrom: receiveWithoutAddress,
            .setsockopt: options(SocketOption.settable), .getsockopt: options(SocketOption.readable), .fcntl: fcntlButFrames,
        ]
        for call in [Syscall.connect, .getsockname, .getpeername, .shutdown] { rules[call] = SyscallRule([onFrames], otherwise: .allow) }
        // Another number of the frame socket's would not be known by it.
        for call in [Syscall.dup, .dup2, .dup3] { rules[call] = SyscallRule([onFrames], otherwise: .allow) }
        return rules
    }

    private static let framesTest = ArgumentTest.equals(argument: 0, value: UInt32(WorkerDescriptor.frames))
    private static var onFrames: SyscallRule.Clause { .init([framesTest], .errno(EPERM)) }

    /// AF_INET, SOCK_STREAM with or without its two flags, and the protocol that this means anyway.
    private static var tcpSocket: SyscallRule {
        let stream = UInt32(SOCK_STREAM.rawValue)
        let flags = UInt32(SOCK_CLOEXEC.rawValue) | UInt32(SOCK_NONBLOCK.rawValue)
        let isStream: [ArgumentTest] = [
            .equals(argument: 0, value: UInt32(AF_INET)), .hasAny(argument: 1, mask: stream), .hasNone(argument: 1, mask: ~(stream | flags)),
        ]
        let protocols = [0, UInt32(IPPROTO_TCP)].map { SyscallRule.Clause(isStream + [.equals(argument: 2, value: $0)], .allow) }
        return SyscallRule(protocols + socket.clauses, otherwise: socket.otherwise)
    }

    /// The length of the address is 0, which the kernel takes for none whatever the pointer says; no flag that connects, sends out of band or without a copy.
    private static var sendWithoutAddress: SyscallRule {
        let flags = UInt32(MSG_NOSIGNAL) | UInt32(MSG_DONTWAIT) | UInt32(MSG_MORE)
        return SyscallRule(
            [onFrames, .init([.equals(argument: 5, value: 0), .hasNone(argument: 3, mask: ~flags)], .allow)], otherwise: .errno(EPERM))
    }

    private static var receiveWithoutAddress: SyscallRule {
        let flags = UInt32(MSG_NOSIGNAL) | UInt32(MSG_DONTWAIT) | UInt32(MSG_PEEK) | UInt32(MSG_WAITALL)
        return SyscallRule(
            [onFrames, .init([.equals(argument: 4, value: 0), .hasNone(argument: 3, mask: ~flags)], .allow)], otherwise: .errno(EPERM))
    }

    private static func options(_ known: [(level: Int32, option: Int32)]) -> SyscallRule {
        let allowed = known.map { pair in
            SyscallRule.Clause([.equals(argument: 1, value: UInt32(pair.level)), .equals(argument: 2, value: UInt32(pair.option))], .allow)
        }
        return SyscallRule([onFrames] + allowed, otherwise: .errno(EPERM))
    }

    private static var fcntlButFrames: SyscallRule {
        let duplicates = [F_DUPFD, F_DUPFD_CLOEXEC].map {
            SyscallRule.Clause([framesTest, .equals(argument: 1, value: UInt32($0))], .errno(EPERM))
        }
        return SyscallRule(duplicates + fcntl.clauses, otherwise: fcntl.otherwise)
    }

    /// What clients set and ask; nothing that needs a privilege, attaches a program, changes a protocol or names an interface.
    private enum SocketOption {
        private static let tcp = Int32(IPPROTO_TCP)
        static let settable: [(Int32, Int32)] = [
            (SOL_SOCKET, SO_KEEPALIVE), (SOL_SOCKET, SO_SNDBUF), (SOL_SOCKET, SO_RCVBUF), (SOL_SOCKET, SO_LINGER), (SOL_SOCKET, SO_RCVTIMEO),
            (SOL_SOCKET, SO_SNDTIMEO), (tcp, TCP_NODELAY), (tcp, TCP_KEEPIDLE), (tcp, TCP_KEEPINTVL), (tcp, TCP_KEEPCNT), (tcp, TCP_QUICKACK),
            (tcp, TCP_USER_TIMEOUT),
        ]
        static let readable: [(Int32, Int32)] =
            settable + [(SOL_SOCKET, SO_ERROR), (SOL_SOCKET, SO_TYPE), (SOL_SOCKET, SO_DOMAIN), (SOL_SOCKET, SO_PROTOCOL)]
    }
}
