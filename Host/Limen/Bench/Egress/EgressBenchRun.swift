import HTTP
import IO
import JSON

/// One run over all ways: they take turns, and the median of the rounds counts.
struct EgressBenchRun: Sendable {
    let group: EventLoopGroup
    let upstream: SocketAddress
    let ways: [EgressWay]
    let effort: EgressBench.Effort

    func all() async throws -> JSONObject {
        var result: JSONObject = [:]
        for work in EgressWork.allCases {
            Output.progress("measuring \(work.rawValue), one client, then \(effort.clients)")
            try await rounds("\(work.rawValue)_1", work, EgressBenchServer.smallPath, clients: 1, &result)
            try await rounds("\(work.rawValue)_many", work, EgressBenchServer.smallPath, clients: effort.clients, &result)
            guard work != .opening else { continue }
            Output.progress("measuring \(work.rawValue), bodies of 1 MiB")
            try await rounds("\(work.rawValue)_bulk", work, EgressBenchServer.bulkPath, clients: effort.bulkClients, &result)
        }
        for way in ways where !way.isDirect { try await memory(of: way, &result) }
        return result
    }

    // MARK: Speed

    /// Latencies and rates of one work, under `KEY_WAY_…`.
    private func rounds(_ key: String, _ work: EgressWork, _ path: String, clients: Int, _ result: inout JSONObject) async throws {
        var found: [String: [String: [Double]]] = [:]
        for _ in 0..<effort.rounds {
            for way in ways {
                for (name, value) in try await once(work, path, way, clients) { found[way.name, default: [:]][name, default: []].append(value) }
            }
        }
        for (way, values) in found {
            for (name, list) in values { result["\(key)_\(way)_\(name)"] = Self.number(list.sorted()[list.count / 2]) }
        }
    }

    private static func number(_ value: Double) -> JSONValue { JSONValue((value * 10).rounded() / 10) }

    private func once(_ work: EgressWork, _ path: String, _ way: EgressWay, _ clients: Int) async throws -> [(String, Double)] {
        let begun = Deadline.now()
        // A tenth to warm up: connections, caches, and the peers' own pools.
        let warm = begun.adding(milliseconds: effort.milliseconds / 10)
        let end = warm.adding(milliseconds: effort.milliseconds)
        let tasks = (0..<clients).map { number in
            let loop = group.loops[number % group.loops.count]
            let client = EgressClient(way: way, upstream: upstream, path: path, number: number, loop: loop)
            return OwnedTask(on: loop) { () -> (Samples, Int) in
                var samples = Samples()
                var bytes = 0
                try await client.run(work, until: { end.hasPassed }) { nanoseconds, count in
                    guard warm.hasPassed else { return }
                    samples.add(nanoseconds)
                    bytes += count
                }
                return (samples, bytes)
            }
        }
        var (samples, bytes) = (Samples(), 0)
        for task in tasks {
            let (own, count) = try await task.value
            samples.add(own)
            bytes += count
        }
        let seconds = Double(Deadline.now().nanoseconds - warm.nanoseconds) / 1e9
        return [
            ("p50_us", samples.microseconds(0.5) ?? 0), ("p99_us", samples.microseconds(0.99) ?? 0),
            ("per_s", Double(samples.count) / seconds), ("mb_per_s", Double(bytes) / seconds / 1e6),
        ]
    }

    // MARK: Memory

    /// What a proxy weighs with so many tunnels that each have been used, and again after many more requests.
    private func memory(of way: EgressWay, _ result: inout JSONObject) async throws {
        Output.progress("\(effort.tunnels) tunnels at once through \(way.name)")
        let before = way.resident()
        let clients = (0..<effort.tunnels).map { number in
            EgressClient(
                way: way, upstream: upstream, path: EgressBenchServer.smallPath, number: number, loop: group.loops[number % group.loops.count])
        }
        var tunnels: [(EgressClient, HTTPClientConnection)] = []
        for client in clients {
            tunnels.append((client, try await OwnedTask(on: client.loop) { try await client.connection(isTunnel: true) }.value))
        }
        try await use(tunnels, times: 1)
        let open = way.resident()
        try await use(tunnels, times: effort.requestsPerTunnel)
        let used = way.resident()
        for (client, connection) in tunnels { client.loop.execute { connection.end() } }
        try await group.loops[0].sleep(until: .after(milliseconds: 500))
        for (name, value) in [("before", before), ("open", open), ("used", used), ("after", way.resident())] {
            result["tunnels_\(way.name)_\(name)_kib"] = JSONValue(value)
        }
    }

    private func use(_ tunnels: [(EgressClient, HTTPClientConnection)], times: Int) async throws {
        let tasks = tunnels.map { client, connection in
            OwnedTask(on: client.loop) { for _ in 0..<times { _ = try await client.get(connection, client.path) } }
        }
        for task in tasks { try await task.value }
    }
}
