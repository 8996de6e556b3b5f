import Egress
import Glibc
import IO
import JSON
import Registry
import Telemetry

/// `limen bench egress`: what our proxy adds to a connection, beside squid and tinyproxy, to one server on loopback in one run.
enum EgressBench {
    /// How much is measured.
    struct Effort: Sendable {
        var milliseconds = 2_000
        var rounds = 3
        var clients = 32
        var bulkClients = 4
        var tunnels = 1_000
        var requestsPerTunnel = 20

        init(isBrief: Bool) { if isBrief { (milliseconds, rounds, clients, tunnels, requestsPerTunnel) = (100, 1, 8, 100, 2) } }
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        raiseOpenFiles()
        if let role = arguments["serve"] {
            guard let server = EgressBenchServer(rawValue: role) else { throw UsageError("--serve is upstream or tunnels") }
            return try server.run(behind: arguments.integer("port", in: 1...65_535) ?? 0)
        }
        let folder = try Folder.temporary()
        defer { Folder.remove(folder) }
        let upstream = try start(.upstream)
        defer { upstream.child.end() }
        guard let port = upstream.ports.first else { throw CommandError("the server behind does not listen") }
        let tunnels = try start(.tunnels, ["--port", String(port)])
        defer { tunnels.child.end() }
        var peers: [(name: String, child: EgressBenchChild, address: SocketAddress)] = []
        defer { for peer in peers { peer.child.end() } }
        for peer in EgressBenchPeer.allCases {
            if let started = try peer.start(port: port, in: folder) { peers.append((peer.rawValue, started.child, started.address)) }
        }
        let effort = Effort(isBrief: arguments.has("brief"))
        let result = try measure(effort, port: port, tunnels, peers)
        Output.print(arguments.has("json") ? JSONValue.object(result).text + "\n" : EgressBenchTable.text(result, effort))
        return 0
    }

    /// A thousand tunnels are some thousands of descriptors.
    private static func raiseOpenFiles() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        // Where it fails, the measurement says so by failing.
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private static func start(_ server: EgressBenchServer, _ more: [String] = []) throws -> (child: EgressBenchChild, ports: [Int]) {
        let child = try EgressBenchChild.start(Path.ownExecutable(), ["bench", "egress", "--serve", server.rawValue] + more)
        let ports = child.firstLine().split(separator: " ").compactMap { Int($0) }
        guard !ports.isEmpty else {
            child.end()
            throw CommandError("the server \(server.rawValue) does not start")
        }
        return (child, ports)
    }

    private static func measure(
        _ effort: Effort, port: Int, _ tunnels: (child: EgressBenchChild, ports: [Int]),
        _ peers: [(name: String, child: EgressBenchChild, address: SocketAddress)]
    ) throws -> JSONObject {
        let group = try EventLoopGroup()
        defer { group.stop() }
        let resolver = try Resolver(on: group.loops[0])
        defer { resolver.close() }
        // Lines are made and thrown away: writing them is another process's work in a service.
        let log = try Log(destination: .callback { _ in })
        defer { log.close() }
        let proxy = EgressProxy(dialer: EgressDialer(resolver: resolver, tls: try TLSClientContext()), log: log)
        defer { proxy.close() }
        guard let upstream = SocketAddress("127.0.0.1", port: UInt16(port)) else { throw CommandError("no loopback") }
        let ours = tunnels.ports.compactMap { SocketAddress("127.0.0.1", port: UInt16($0)) }
        let fetch = EgressWay.Fetch(proxy: proxy, access: try EgressBenchGrant.access(isSocket: false, ports: [port]))
        let ways =
            [
                EgressWay(name: "direct", proxies: [], fetch: nil, resident: { 0 }),
                EgressWay(name: "limen", proxies: ours, fetch: fetch, resident: { tunnels.child.residentKiB }),
            ] + peers.map { peer in EgressWay(name: peer.name, proxies: [peer.address], fetch: nil, resident: { peer.child.residentKiB }) }
        let run = EgressBenchRun(group: group, upstream: upstream, ways: ways, effort: effort)
        return try group.runBlocking { try await run.all() }
    }
}
