import Glibc
import HTTP
import JSON
import Registry
import Telemetry
import TestKit

@testable import Egress
@testable import IO

/// A handler made of a closure.
struct Answering: HTTPHandler {
    let body: @Sendable (HTTPRequest) async -> HTTPResponse
    func handle(_ request: HTTPRequest) async -> HTTPResponse { await body(request) }
}

/// A value that closures share.
final class Box<Value: Sendable>: Sendable {
    let lock: Lock<Value>
    init(_ value: Value) { lock = Lock(value) }
    var value: Value { lock.withLock { $0 } }
}

/// A proxy with a name service of its own, and servers for it on loopback.
final class Street: Sendable {
    let group: EventLoopGroup
    let proxy: EgressProxy
    /// Names that were asked for, in order.
    let asked = Box<[String]>([])
    private let answers = Box<[String: [[UInt8]]]>([:])
    private let resolver: Resolver
    private let servers = Box<[HTTPServer]>([])
    private let authority: TestAuthority

    init() throws {
        group = try EventLoopGroup(count: 2)
        authority = try TestAuthority()
        let (asked, answers) = (asked, answers)
        resolver = try Resolver(on: group.loops[0], threads: 2, queueMax: 64) { name in
            asked.lock.withLock { $0.append(name) }
            return answers.value[name].map { .success($0) } ?? .failure(.notFound)
        }
        let tls = try TLSClientContext(authorities: authority.root)
        proxy = EgressProxy(dialer: EgressDialer(resolver: resolver, tls: tls), log: Log())
    }

    func name(_ name: String, _ addresses: String...) {
        answers.lock.withLock { $0[name] = addresses.compactMap { SocketAddress($0, port: 0)?.bytes } }
    }

    /// A server on `address`; its port.
    func serve(
        on address: String = "127.0.0.1", port: Int = 0, certificate names: [String]? = nil,
        _ body: @escaping @Sendable (HTTPRequest) async -> HTTPResponse
    ) throws -> Int {
        guard let place = SocketAddress(address, port: UInt16(port)) else { throw IOError(.closed, "address") }
        var configuration = HTTPServerConfiguration(address: place)
        configuration.connectionsPerAddressMax = 1000
        if let names {
            let issued = try authority.issue("server\(servers.value.count)", names: names)
            configuration.tls = try TLSServerContext([.init(certificate: issued.certificate, key: issued.key)])
        }
        let server = HTTPServer(configuration: configuration, group: group, handler: Answering(body: body))
        let bound = try server.start()
        servers.lock.withLock { $0.append(server) }
        return Int(bound.port)
    }

    /// Connections that are open at all servers.
    var connections: Int { servers.value.reduce(0) { $0 + $1.connectionCount } }

    /// What a plugin may do that is granted these rules, with loopback opened for `hosts`.
    func access(_ rules: [EgressRule], open hosts: [String], plugin: String = "p", _ change: (inout EgressGrant) -> Void = { _ in }) throws
        -> EgressAccess
    {
        var networks = PrivateNetworks()
        for host in hosts { try networks.open(["127.0.0.0/8"], for: host) }
        var grant = EgressGrant()
        grant.allow = rules
        change(&grant)
        return try EgressAccess(plugin: plugin, grant: grant, privateNetworks: networks)
    }

    /// Makes a request on a loop, as a call does.
    func fetch(
        _ request: EgressRequest, _ access: EgressAccess, tenant: String = "t", traceparent: String? = nil, before: Int = 0,
        until deadline: Deadline = .after(milliseconds: 20_000)
    ) async throws -> Result<EgressReply, EgressError> {
        let caller = EgressCaller(plugin: access.plugin, tenant: tenant, requestID: "r1", traceparent: traceparent)
        return try await OwnedTask(on: group.loops[0]) { [proxy] in
            do throws(EgressError) {
                return .success(try await proxy.fetch(request, access: access, caller: caller, before: before, until: deadline))
            } catch {
                return Result<EgressReply, EgressError>.failure(error)
            }
        }.value
    }

    func stop() async {
        proxy.close()
        for server in servers.value { await server.drain(within: 200) }
        await group.shutdown()
        resolver.close()
    }
}

extension Result where Success == EgressReply, Failure == EgressError {
    var text: String? {
        if case .success(let reply) = self { String(decoding: reply.body, as: UTF8.self) } else { nil }
    }
    var status: Int? {
        if case .success(let reply) = self { reply.status } else { nil }
    }
    var refusal: EgressRefusal? {
        if case .failure(.refused(let rule)) = self { rule } else { nil }
    }
    var phase: EgressPhase? {
        if case .failure(.failed(let failure)) = self { failure.phase } else { nil }
    }
    var message: String {
        if case .failure(let error) = self { "\(error.code) \(error.message)" } else { "" }
    }
}

/// A server that answers the first request of each connection, and ends its first connection when a second one comes.
final class Forgetful: Sendable {
    private let listener: Int32
    private let thread = Lock<IO.Thread?>(nil)
    let port: Int
    /// Requests that came, on any connection.
    let requests = Box(0)

    init() throws {
        guard let address = SocketAddress("127.0.0.1", port: 0) else { throw IOError(.closed, "address") }
        let socket = try Sockets.listen(on: address)
        port = Int(try Sockets.localAddress(socket.raw).port)
        listener = socket.release()
        let (listener, requests) = (listener, requests)
        // Blocking, for the thread.
        _ = fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) & ~O_NONBLOCK)
        var started: IO.Thread? = try IO.Thread(name: "forgetful") {
            for turn in 0..<2 {
                let fd = accept(listener, nil, nil)
                var buffer = [UInt8](repeating: 0, count: 4096)
                var answered = 0
                while recv(fd, &buffer, buffer.count, 0) > 0 {
                    requests.lock.withLock { $0 += 1 }
                    if turn == 0 && answered == 1 { break }
                    answered += 1
                    let reply = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)
                    _ = Glibc.send(fd, reply, reply.count, 0)
                }
                close(fd)
            }
        }
        thread.withLock { swap(&$0, &started) }
    }

    deinit {
        // Ends an accept that still waits.
        shutdown(listener, Int32(SHUT_RDWR))
        var started: IO.Thread?
        thread.withLock { swap(&$0, &started) }
        started?.join()
        close(listener)
    }
}
