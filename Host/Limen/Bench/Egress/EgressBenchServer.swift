import Egress
import Glibc
import HTTP
import IO
import JSON
import Registry

/// What `limen bench egress` puts into processes of their own: the server behind the proxies, and our CONNECT proxy. Each runs until its standard input ends.
enum EgressBenchServer: String {
    case upstream, tunnels

    static let smallPath = "/small"
    static let bulkPath = "/bulk"
    static let bulkBytes = 1 << 20

    func run(behind port: Int) throws -> Int32 {
        let group = try EventLoopGroup()
        defer { group.stop() }
        let end: @Sendable () async -> Void
        let ports: [Int]
        switch self {
        case .upstream: (ports, end) = try Self.serve(group)
        case .tunnels: (ports, end) = try Self.tunnel(group, port)
        }
        Output.print(ports.map(String.init).joined(separator: " ") + "\n")
        var byte: UInt8 = 0
        while read(STDIN_FILENO, &byte, 1) > 0 { continue }
        try group.runBlocking { await end() }
        return 0
    }

    private static func loopback() throws(CommandError) -> SocketAddress {
        guard let address = SocketAddress("127.0.0.1", port: 0) else { throw CommandError("no loopback") }
        return address
    }

    private static func serve(_ group: EventLoopGroup) throws -> ([Int], @Sendable () async -> Void) {
        var configuration = HTTPServerConfiguration(address: try loopback())
        configuration.connectionsPerAddressMax = configuration.connectionsMax
        let server = HTTPServer(configuration: configuration, group: group, handler: Pages())
        let bound = try server.start()
        return ([Int(bound.port)], { await server.drain(within: 100) })
    }

    /// As the host has them: one proxy a worker, the workers spread over the loops.
    private static func tunnel(_ group: EventLoopGroup, _ port: Int) throws -> ([Int], @Sendable () async -> Void) {
        let resolver = try Resolver(on: group.loops[0])
        let budget = TunnelBudget(ratePerMinute: EgressBenchGrant.plenty, openMax: EgressBenchGrant.plenty)
        let access = try EgressBenchGrant.access(isSocket: true, ports: [port])
        var ports: [Int] = []
        var running: [(TunnelServer, OwnedTask<Void>)] = []
        for (number, loop) in group.loops.enumerated() {
            let listener = try Sockets.listen(on: try loopback())
            ports.append(Int(try Sockets.localAddress(listener.raw).port))
            let server = TunnelServer(
                listener, worker: UInt64(number), on: loop,
                TunnelServer.Settings(
                    policy: access.policy, quota: TunnelQuota(bytesMax: EgressBenchGrant.plenty), budget: budget, dialer: SystemDialer(resolver),
                    report: { _ in }))
            running.append((server, OwnedTask(on: loop) { await server.run() }))
        }
        let servers = running
        return (
            ports,
            {
                for (server, task) in servers {
                    server.close()
                    await task.finish()
                }
            }
        )
    }

    /// A few bytes, and many.
    private struct Pages: HTTPHandler {
        private let small = JSONValue.object(["message": "Hello, World!"]).serialized()
        private let bulk = [UInt8](repeating: 0x61, count: bulkBytes)

        func handle(_ request: HTTPRequest) async -> HTTPResponse {
            HTTPResponse(contentType: "application/json", request.path == bulkPath ? bulk : small)
        }
    }
}

/// What the measured plugin may do: reach loopback, as often as it likes.
enum EgressBenchGrant {
    /// More than any measurement takes.
    static let plenty = 1 << 40

    static func access(isSocket: Bool, ports: [Int]) throws -> EgressAccess {
        var grant = EgressGrant()
        grant.allow = [EgressRule(scheme: .http, host: "127.0.0.1", ports: ports, isSocket: isSocket)]
        (grant.requestsMax, grant.ratePerMinute, grant.responseBytesMax) = (plenty, plenty, 2 * EgressBenchServer.bulkBytes)
        var networks = PrivateNetworks()
        try networks.open(["127.0.0.0/8"], for: "127.0.0.1")
        return try EgressAccess(plugin: "bench", grant: grant, privateNetworks: networks)
    }
}
