import Egress
import Glibc
import IO

/// What the tunnels of the cases lead to: sends back what comes.
final class EchoServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let scope = TaskScope()

    init(on loop: EventLoop) throws {
        guard let any = SocketAddress("127.0.0.1", port: 0) else { throw EscapeError("no loopback") }
        let socket = try Sockets.listen(on: any)
        port = try Sockets.localAddress(socket.raw).port
        listener = socket.release()
        scope.start(on: loop) { [listener, scope] in
            do {
                let registration = try loop.register(listener)
                defer { registration.deregister() }
                while true {
                    while let accepted = try Sockets.accept(listener) {
                        let fd = accepted.fd
                        scope.start(on: loop) { await Self.echo(fd, loop) }
                    }
                    try await registration.readEdge(until: .distantFuture)
                }
            } catch { return }  // the suite is over
        }
    }

    private static func echo(_ fd: Int32, _ loop: EventLoop) async {
        do {
            let stream = SocketStream(try loop.register(fd))
            defer { stream.close() }
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 16)
            defer { buffer.deallocate() }
            while true {
                let count = try await stream.read(into: buffer, until: .distantFuture)
                if count == 0 { return try stream.shutdownWrites() }
                try await stream.write(Array(buffer[..<count]), until: .distantFuture)
            }
        } catch { return }  // the tunnel is gone
    }

    func stop() async {
        scope.cancel()
        await scope.finish()
        close(listener)
    }
}

/// The names of the cases; nothing is asked of the system.
struct NameTable: TunnelDialer {
    private static let names = ["allowed.test": "127.0.0.1", "neighbour.test": "127.0.0.1", "alias.test": "127.0.0.1"]

    func addresses(of name: String, until deadline: Deadline) async throws(TunnelFailure) -> [IPAddress] {
        guard let found = Self.names[name].flatMap({ IPAddress($0) }) else { throw .resolve }
        return [found]
    }

    func connect(to addresses: [IPAddress], port: Int, on loop: EventLoop, until deadline: Deadline) async throws(TunnelFailure) -> SocketStream {
        try await SystemDialer.dial(addresses, port, on: loop, until: deadline)
    }
}
