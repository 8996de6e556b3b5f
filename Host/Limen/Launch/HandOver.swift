import CLinux
import Glibc
import IO
import JSON
import Telemetry

/// A host takes the place of the one that serves from the same data folder, and no client is refused (`listen.hand_over`).
///
/// Two hosts must not work on one data folder: the audit chain, the registry and what is in memory of both have one writer. So the listening socket itself
/// changes hands (SCM_RIGHTS), and what connects meanwhile waits in its queue:
///
/// 1. the new host starts its spawner, proves its sandbox, and connects to `hand-over.sock` in the data folder;
/// 2. the running one sends a copy of its listening socket, the new one says that it has it;
/// 3. the running one accepts nothing more, finishes what runs within `limits.drain_ms`, and ends, which ends the connection;
/// 4. the new one opens the database and serves what has waited.
///
/// Until step 2 is over a new host that fails changes nothing.
enum HandOver {
    static let name = "hand-over.sock"
    /// What the new host says when it has the socket.
    private static let taken: UInt8 = 0x54
    /// For a step of the conversation; the wait for the old host's end has its own time.
    private static let stepMilliseconds = 5_000

    /// Asks the host that serves from `data` for its place and waits until it has ended.
    /// - Returns: its listening socket, nil when there is no such host.
    /// - Throws: `CommandError` when there is one and it does not give way within `milliseconds`.
    static func take(from data: String, within milliseconds: Int, on loop: EventLoop) async throws -> FileDescriptor? {
        guard let socket = try HandOverSocket.connect(data) else { return nil }
        let registration = try loop.register(socket.raw)
        defer { registration.deregister() }
        let listener = try await receive(socket.raw, registration)
        let checked = try ListeningSocket.checked(listener, from: "the running host")
        guard send(socket.raw, [taken], 1, Int32(MSG_NOSIGNAL)) == 1 else { throw CommandError("the running host: \(Path.reason())") }
        // The running host keeps its end open until its process is no more.
        let deadline = Deadline.after(milliseconds: milliseconds)
        var byte: UInt8 = 0
        do {
            while try withUnsafeMutableBytes(of: &byte, { try Syscall.receive(socket.raw, $0) }) != 0 {
                try await registration.readEdge(until: deadline)
            }
        } catch let error as Errno where error.code == ECONNRESET {
            return checked
        } catch {
            throw CommandError("the running host has not ended: \(error); it does not accept connections any more")
        }
        return checked
    }

    private static func receive(_ socket: Int32, _ registration: FDRegistration) async throws -> FileDescriptor {
        let deadline = Deadline.after(milliseconds: stepMilliseconds)
        while true {
            var byte: UInt8 = 0
            var passed: Int32 = -1
            var count: Int32 = 1
            let received = clinux_receive_fds(socket, &byte, 1, &passed, &count, Int32(MSG_DONTWAIT))
            if received == 1, count == 1 { return FileDescriptor(passed) }
            guard received == -Int(EAGAIN) else { throw CommandError("the running host did not hand over its socket; it serves on") }
            try await registration.readEdge(until: deadline)
        }
    }

    /// Gives a copy of the listening socket to whoever asks at `point`.
    /// - Returns: when somebody has taken it: the connection on which the end of this process will be noticed.
    static func give(
        at point: borrowing FileDescriptor, on loop: EventLoop, _ copy: () throws -> FileDescriptor?, _ refused: (String) -> Void
    ) async throws -> FileDescriptor {
        let waiting = try loop.register(point.raw)
        defer { waiting.deregister() }
        while true {
            while let (descriptor, _) = try Sockets.accept(point.raw) {
                let peer = FileDescriptor(descriptor)
                do {
                    guard let listener = try copy() else { throw CommandError("this host does not listen") }
                    try await offer(listener.raw, peer.raw, loop)
                    return peer
                } catch {
                    refused("\(error)")
                }
            }
            try await waiting.readEdge(until: .distantFuture)
        }
    }

    private static func offer(_ listener: Int32, _ peer: Int32, _ loop: EventLoop) async throws {
        guard HandOverSocket.isOurs(peer) else { throw CommandError("who asks for the socket is another account") }
        let registration = try loop.register(peer)
        defer { registration.deregister() }
        var byte: UInt8 = 0
        var descriptor = listener
        guard clinux_send_fds(peer, &byte, 1, &descriptor, 1) == 1 else { throw CommandError("the socket cannot be passed") }
        let deadline = Deadline.after(milliseconds: stepMilliseconds)
        let count = try await withUnsafeTemporaryByte { try await registration.read(into: $0, until: deadline) }
        guard count.value == 1, count.byte == taken else { throw CommandError("who asked for the socket has gone") }
    }

    private static func withUnsafeTemporaryByte(
        _ body: (UnsafeMutableRawBufferPointer) async throws -> Int
    ) async throws -> (value: Int, byte: UInt8) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
        defer { buffer.deallocate() }
        let count = try await body(buffer)
        return (count, buffer[0])
    }
}

/// The running host's side: whoever takes its place asks here.
final class Heir: Sendable {
    private let point: FileDescriptor
    private let data: String

    /// Opens the door in `data`.
    init(data: String) throws {
        self.data = data
        point = try HandOverSocket.listen(data)
    }

    /// Waits until somebody has taken a copy of the listening socket.
    func wait(on loop: EventLoop, log: Log, _ copy: () throws -> FileDescriptor?) async throws {
        let successor = try await HandOver.give(at: point, on: loop, copy) { reason in
            log.warning("nobody took the listening socket", [("reason", .string(reason))])
        }
        // Never closed by us: its end tells the other side that this process is no more, the database with it.
        _ = successor.release()
        log.notice("another host takes this one's place")
    }

    /// Takes the door's name away.
    func close() { HandOverSocket.remove(data) }
}

/// The socket in the data folder at which a running host is asked for its place; only its own account can reach it.
enum HandOverSocket {
    /// Listens in `data`, in the place of whatever was there.
    static func listen(_ data: String) throws -> FileDescriptor {
        try withAddress(data) { address, length, path in
            unlink(path)
            let socket = FileDescriptor(try make())
            guard bind(socket.raw, address, length) == 0, chmod(path, 0o600) == 0, Glibc.listen(socket.raw, 4) == 0 else {
                throw CommandError("listen.hand_over: cannot listen on \(data)/\(HandOver.name): \(Path.reason())")
            }
            return socket
        }
    }

    /// Takes the name away.
    static func remove(_ data: String) { unlink("\(data)/\(HandOver.name)") }

    /// A connection to the host that serves from `data`, nil when there is none.
    static func connect(_ data: String) throws -> FileDescriptor? {
        try withAddress(data) { address, length, _ in
            let socket = FileDescriptor(try make())
            if Glibc.connect(socket.raw, address, length) == 0 {
                guard isOurs(socket.raw) else { throw CommandError("listen.hand_over: \(data)/\(HandOver.name) belongs to another account") }
                return socket
            }
            guard errno == ENOENT || errno == ECONNREFUSED else {
                throw CommandError("listen.hand_over: cannot reach \(data)/\(HandOver.name): \(Path.reason())")
            }
            return nil
        }
    }

    /// Whether the other side runs as our own account.
    static func isOurs(_ socket: Int32) -> Bool {
        // struct ucred, which Swift's Glibc lacks: process, user, group.
        var peer: (UInt32, UInt32, UInt32) = (0, .max, .max)
        var length = socklen_t(MemoryLayout.size(ofValue: peer))
        return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.1 == getuid()
    }

    private static func make() throws -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        return try Syscall.retrying { socket(AF_UNIX, type, 0) }
    }

    /// The socket's address through the folder's descriptor: a path of our own length would not always fit into 108 bytes.
    private static func withAddress<T: ~Copyable>(
        _ data: String, _ body: (UnsafePointer<sockaddr>, socklen_t, String) throws -> T
    ) throws -> T {
        let raw = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC)
        guard raw >= 0 else { throw CommandError("cannot open \(data): \(Path.reason())") }
        let folder = FileDescriptor(raw)
        let path = "/proc/self/fd/\(folder.raw)/\(HandOver.name)"
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return try withUnsafePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, socklen_t(MemoryLayout<sockaddr_un>.size), path) }
        }
    }
}
