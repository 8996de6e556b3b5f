import EgressCases
import Glibc
import IO
import Registry

@testable import Egress

/// A proxy on a loopback port with a server behind it, and what it reported.
final class TunnelBench: Sendable {
    let group: EventLoopGroup
    let server: TunnelServer
    let address: SocketAddress
    let upstream: Upstream
    let budget: TunnelBudget
    let records = Records()
    let dialer: TableDialer
    private let running: OwnedTask<Void>

    init(
        _ behaviour: Upstream.Behaviour = .echo, openMax: Int = Limits.tunnelsMax, ratePerMinute: Int = 100_000, isOpened: Bool = true,
        quota change: (inout TunnelQuota) -> Void = { _ in }
    ) async throws {
        group = try EventLoopGroup(count: 2)
        guard let any = SocketAddress("127.0.0.1", port: 0) else { throw NotAnAddress(text: "127.0.0.1") }
        upstream = try await Upstream(behaviour, on: group.loops[1], any)
        let port = Int(upstream.address.port)
        var networks = PrivateNetworks()
        if isOpened { try networks.open(["127.0.0.0/8"], for: "allowed.test") }
        var grant = EgressGrant()
        grant.allow = EgressCases.tunnelRules(port: port)
        var quota = TunnelQuota(bytesMax: 64 << 20)
        change(&quota)
        budget = TunnelBudget(ratePerMinute: ratePerMinute, openMax: openMax)
        dialer = TableDialer(["allowed.test": ["127.0.0.1"], "silent.test": [], "mixed.test": ["10.0.0.1", "169.254.169.254"]])
        let listener = try Sockets.listen(on: any)
        address = try Sockets.localAddress(listener.raw)
        let records = records
        server = TunnelServer(
            listener, worker: 7, on: group.loops[0],
            TunnelServer.Settings(
                policy: try EgressPolicy(grant, privateNetworks: networks), quota: quota, budget: budget, dialer: dialer,
                report: { record in records.append(record) }))
        running = OwnedTask(on: group.loops[0]) { [server] in await server.run() }
    }

    /// Host and port of the server behind the proxy, as a client names them.
    var target: String { "allowed.test:\(upstream.address.port)" }

    /// A client whose tunnel stands.
    func tunnel() throws -> TunnelClient {
        let client = try TunnelClient(address)
        try client.connect(target)
        let answer = client.receiveHead()
        guard answer == "HTTP/1.1 200 Connection established\r\n\r\n" else { throw NotAnAddress(text: answer) }
        return client
    }

    /// Sends `text` and gives all of the answer.
    func ask(_ text: String) throws -> String {
        let client = try TunnelClient(address)
        try client.send(Array(text.utf8))
        return client.receiveAll()
    }

    /// Waits until no connection is left; false after five seconds.
    func becomesEmpty() -> Bool {
        for _ in 0..<500 {
            if server.open == 0, budget.open == 0 { return true }
            usleep(10_000)
        }
        return false
    }

    func stop() async {
        server.close()
        await running.finish()
        await upstream.stop()
        await group.shutdown()
    }
}

/// What a proxy has reported.
final class Records: Sendable {
    private let all = Lock<[TunnelRecord]>([])
    func append(_ record: TunnelRecord) { all.withLock { $0.append(record) } }
    func withLock<T>(_ body: ([TunnelRecord]) -> T) -> T { body(all.withLock { $0 }) }
}

/// Answers from a table; dials as the system does.
final class TableDialer: TunnelDialer {
    let names: [String: [String]]
    let asked = Lock<[String]>([])
    let dialled = Lock<[IPAddress]>([])

    init(_ names: [String: [String]]) { self.names = names }

    func addresses(of name: String, until deadline: Deadline) async throws(TunnelFailure) -> [IPAddress] {
        asked.withLock { $0.append(name) }
        guard let found = names[name] else { throw .resolve }
        return found.compactMap { IPAddress($0) }
    }

    func connect(to addresses: [IPAddress], port: Int, on loop: EventLoop, until deadline: Deadline) async throws(TunnelFailure) -> SocketStream {
        dialled.withLock { $0 += addresses }
        return try await SystemDialer.dial(addresses, port, on: loop, until: deadline)
    }
}

/// A server on a loopback port.
final class Upstream: Sendable {
    enum Behaviour: Sendable {
        /// Sends back what comes, and ends when the client does.
        case echo
        /// Reads nothing.
        case deaf
        /// Sends without end.
        case endless
    }

    let address: SocketAddress
    private let listener: Int32
    private let scope = TaskScope()
    // SAFETY: used only between a read and the copy of what it brought, on loops of the tests that run one after the other.
    nonisolated(unsafe) private static let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

    init(_ behaviour: Behaviour, on loop: EventLoop, _ any: SocketAddress) async throws {
        let socket = try Sockets.listen(on: any)
        address = try Sockets.localAddress(socket.raw)
        listener = socket.release()
        scope.start(on: loop) { [listener, scope] in
            do {
                let registration = try loop.register(listener)
                defer { registration.deregister() }
                while true {
                    while let accepted = try Sockets.accept(listener) {
                        let fd = accepted.fd
                        scope.start(on: loop) { await Upstream.serve(fd, loop, behaviour) }
                    }
                    try await registration.readEdge(until: .distantFuture)
                }
            } catch { return }
        }
    }

    private static func serve(_ fd: Int32, _ loop: EventLoop, _ behaviour: Behaviour) async {
        do {
            let stream = SocketStream(try loop.register(fd))
            defer { stream.close() }
            if behaviour == .deaf { try await loop.sleep(until: .distantFuture) }
            if behaviour == .endless { try await pour(stream) }
            try await echo(stream)
        } catch { return }
    }

    private static func pour(_ stream: SocketStream) async throws {
        let chunk = [UInt8](repeating: 120, count: 16 << 10)
        while true { try await stream.write(chunk, until: .distantFuture) }
    }

    private static func echo(_ stream: SocketStream) async throws {
        while true {
            let count = try await stream.read(into: buffer, until: .distantFuture)
            if count == 0 { return try stream.shutdownWrites() }
            try await stream.write(Array(buffer[..<count]), until: .distantFuture)
        }
    }

    func stop() async {
        scope.cancel()
        await scope.finish()
        close(listener)
    }
}

/// A blocking client that sends exactly what it is told.
final class TunnelClient: Sendable {
    let fd: Int32

    init(_ address: SocketAddress) throws {
        fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = address.port.bigEndian
        target.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try Syscall.retrying { [fd] in
            withUnsafePointer(to: &target) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(fd, $0, length) } }
        }
        var wait = timeval(tv_sec: 10, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] { setsockopt(fd, SOL_SOCKET, option, &wait, socklen_t(MemoryLayout<timeval>.size)) }
    }

    deinit { close(fd) }

    func connect(_ target: String) throws { try send(Array("CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n\r\n".utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count { sent += try Syscall.send(fd, bytes, from: sent) ?? 0 }
    }

    func finish() { shutdown(fd, Int32(SHUT_WR)) }

    /// What comes next, empty at the end or after ten seconds.
    func receive() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(fd, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : []
    }

    /// Up to the empty line, byte by byte: what follows is the server's.
    func receiveHead() -> String {
        var all = ""
        var byte: UInt8 = 0
        while !all.hasSuffix("\r\n\r\n"), recv(fd, &byte, 1, 0) == 1 { all.unicodeScalars.append(Unicode.Scalar(byte)) }
        return all
    }

    func receiveAll() -> String {
        var all = ""
        while true {
            let more = receive()
            if more.isEmpty { return all }
            all += String(decoding: more, as: UTF8.self)
        }
    }
}
