import Glibc
import IO
import Registry
import Testing

@testable import Egress

@Suite("CONNECT proxy", .serialized)
struct TunnelTests {
    @Test("a tunnel carries bytes both ways, and the end of one side as an end")
    func carries() async throws {
        let bench = try await TunnelBench()
        bench.server.works(for: "call-1", tenant: "acme")
        let client = try bench.tunnel()
        bench.server.works(for: nil, tenant: "")
        let sent = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let writer = OwnedTask { [client] in
            try client.send(sent)
            client.finish()
        }
        var received: [UInt8] = []
        while received.count < sent.count {
            let more = client.receive()
            if more.isEmpty { break }
            received += more
        }
        try await writer.value
        // A macro that compares millions of bytes also looks for their shortest difference when they differ.
        let isWhole = received == sent
        #expect(isWhole, "\(received.count) of \(sent.count) bytes came back")
        #expect(client.receive().isEmpty)
        #expect(bench.becomesEmpty())
        let record = try #require(bench.records.withLock { $0 }.first)
        #expect(record.outcome == .tunnelled(.finished) && record.bytesUp == sent.count && record.bytesDown == sent.count)
        #expect(bench.server.traffic == (1, 2 * sent.count), "what the call is charged with")
        #expect(record.requestID == "call-1" && record.tenant == "acme")
        #expect(record.worker == 7 && record.target == bench.target && record.rule == 0)
        await bench.stop()
    }

    /// Target, rule.
    private static let refused: [(String, EgressRefusal)] = [
        ("other.test:443", .hostNotAllowed), ("evilallowed.test:443", .hostNotAllowed), ("allowed.test.evil.test:443", .hostNotAllowed),
        ("allowed.test:22", .portNotAllowed), ("allowed.test:25", .portNotAllowed), ("allowed.test:80", .portNotAllowed),
        ("allowed.test:0", .portRange), ("allowed.test:0443", .portLeadingZero), ("fetch.test:443", .tunnelNotAllowed),
        ("127.1:443", .ipv4Form), ("2130706433:443", .ipv4Form), ("169.254.169.254:80", .hostNotAllowed),
        ("metadata.google.internal:80", .metadataName), ("hidden.onion:443", .specialUseName), ("127.0.0.1:443", .addressNotPublic),
        ("[::1]:443", .hostNotAllowed), ("mixed.test:443", .addressNotPublic), ("silent.test:443", .addressMissing),
    ]

    @Test("a target that no rule opens gets 403 with the rule's name, no address, and nothing is dialled", arguments: refused)
    func refuses(target: String, rule: EgressRefusal) async throws {
        let bench = try await TunnelBench(isOpened: false)
        let answer = try bench.ask("CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 403 Forbidden\r\n") && answer.contains("\r\n\r\n\(rule.rawValue): "), "\(answer)")
        #expect(!answer.contains("127.") && !answer.contains("10.0.") && !answer.contains("169."))
        #expect(bench.dialer.dialled.withLock { $0 }.isEmpty)
        if rule != .addressNotPublic && rule != .addressMissing {
            #expect(bench.dialer.asked.withLock { $0 }.isEmpty, "no look-up before the decision")
        }
        #expect(bench.records.withLock { $0 }.map(\.outcome) == [.refused(rule)])
        #expect(bench.becomesEmpty())
        await bench.stop()
    }

    /// Request, beginning of the answer.
    private static let malformed: [(String, String)] = [
        ("GET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n", "HTTP/1.1 405 "),
        ("GET / HTTP/1.1\r\nHost: allowed.test\r\n\r\n", "HTTP/1.1 405 "), ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 "),
        ("CONNECT allowed.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n", "HTTP/1.1 400 "),
        ("CONNECT allowed.test:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "),
        ("CONNECT allowed.test:443 HTTP/1.1\r\nHost: allowed.test:443\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 400 "),
        ("CONNECT allowed.test:443 HTTP/1.1\r\nHost: allowed.test:443\r\n\r\nCONNECT other.test:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "),
        ("CONNECT allowed.test:65536 HTTP/1.1\r\nHost: allowed.test:65536\r\n\r\n", "HTTP/1.1 400 "),
        ("\u{16}\u{3}\u{1}", "HTTP/1.1 400 "), ("CONNECT allowed.test HTTP/2.0\r\n\r\n", "HTTP/1.1 505 "),
    ]

    @Test("what is no CONNECT request is told so and reaches nobody", arguments: malformed)
    func refusesMalformed(request: String, beginning: String) async throws {
        let bench = try await TunnelBench()
        let answer = try bench.ask(request)
        #expect(answer.hasPrefix(beginning), "\(answer)")
        if beginning.contains("405") { #expect(answer.contains("\r\nAllow: CONNECT\r\n") && answer.contains("https_proxy")) }
        #expect(bench.dialer.asked.withLock { $0 }.isEmpty)
        #expect(bench.becomesEmpty())
        await bench.stop()
    }

    @Test("a second request goes to the server of the first, because a tunnel is no proxy")
    func second() async throws {
        let bench = try await TunnelBench()
        let client = try bench.tunnel()
        let second = "CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n"
        try client.send(Array(second.utf8))
        client.finish()
        #expect(client.receiveAll() == second)
        #expect(bench.dialer.asked.withLock { $0 } == ["allowed.test"])
        await bench.stop()
    }

    @Test("a server that is not there is 502, a name that is not there too, and the client learns the phase alone")
    func failures() async throws {
        let bench = try await TunnelBench()
        for (target, phase, failure) in [("allowed.test:9", "connect", TunnelFailure.connect), ("missing.test:443", "resolve", .resolve)] {
            let answer = try bench.ask("CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n\r\n")
            #expect(
                answer.hasPrefix("HTTP/1.1 502 Bad Gateway\r\n") && answer.contains("\r\n\r\n\(phase): ") && !answer.contains("127."), "\(answer)")
            #expect(bench.records.withLock { $0 }.last?.outcome == .failed(failure))
        }
        #expect(bench.becomesEmpty())
        await bench.stop()
    }

    @Test("a head that does not come is 408, one that goes on for ever 431")
    func slow() async throws {
        let bench = try await TunnelBench { $0.headMilliseconds = 1_000 }
        let client = try TunnelClient(bench.address)
        try client.send(Array("CONNECT allowed".utf8))
        #expect(client.receiveAll().hasPrefix("HTTP/1.1 408 "))
        let silent = try TunnelClient(bench.address)
        #expect(silent.receiveAll().hasPrefix("HTTP/1.1 408 "))
        #expect(try bench.ask("CONNECT a:1 HTTP/1.1\r\nA: " + String(repeating: "x", count: 9_000)).hasPrefix("HTTP/1.1 431 "))
        #expect(bench.becomesEmpty())
        await bench.stop()
    }

    @Test("an idle tunnel, a long one and one that carries too much are closed", arguments: [TunnelEnd.idle, .duration, .bytes])
    func quotas(end: TunnelEnd) async throws {
        let bench = try await TunnelBench(end == .idle ? .deaf : .endless) { quota in
            switch end {
            case .idle: quota.idleMilliseconds = 200
            case .duration: (quota.millisecondsMax, quota.bytesMax) = (300, .max)
            default: quota.bytesMax = 1 << 20
            }
        }
        let client = try bench.tunnel()
        var received = 0
        while true {
            let more = client.receive()
            if more.isEmpty { break }
            received += more.count
        }
        #expect(bench.becomesEmpty())
        #expect(bench.records.withLock { $0 }.map(\.outcome) == [.tunnelled(end)])
        if end == .bytes { #expect(received <= 1 << 20) }
        await bench.stop()
    }

    @Test("a tunnel in use is not idle, whichever way its bytes go")
    func oneWay() async throws {
        let bench = try await TunnelBench(.endless) { quota in
            quota.idleMilliseconds = 1_000
            quota.bytesMax = .max
        }
        let client = try bench.tunnel()
        let until = Deadline.after(milliseconds: 2_500)
        while !until.hasPassed { #expect(!client.receive().isEmpty) }
        await bench.stop()
    }

    @Test("a server that does not read stops its client, and the proxy keeps no more than a buffer")
    func backPressure() async throws {
        let bench = try await TunnelBench(.deaf) { $0.bytesMax = .max }
        let client = try bench.tunnel()
        let chunk = [UInt8](repeating: 1, count: 64 << 10)
        var sent = 0
        while sent < 64 << 20 {
            let count = chunk.withUnsafeBytes { Glibc.send(client.fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count <= 0 { break }
            sent += count
            // The kernel's own buffers of four sockets, and one of ours.
            var set = pollfd(fd: client.fd, events: Int16(POLLOUT), revents: 0)
            if poll(&set, 1, 500) == 0 { break }
        }
        #expect(sent < 32 << 20, "\(sent) bytes went where nobody reads")
        await bench.stop()
    }

    @Test("beyond the plugin's tunnels a client gets 429 at once; the next one fits when one has ended")
    func tooMany() async throws {
        let bench = try await TunnelBench(openMax: 8)
        var clients = try (0..<8).map { _ in try bench.tunnel() }
        for _ in 0..<200 {
            let answer = try bench.ask("")
            #expect(answer.hasPrefix("HTTP/1.1 429 Too Many Requests\r\n"), "\(answer)")
        }
        clients.removeLast()
        for _ in 0..<500 where bench.budget.open == 8 { usleep(10_000) }
        clients.append(try bench.tunnel())
        clients = []
        #expect(bench.becomesEmpty())
        await bench.stop()
        let turnedAway = bench.records.withLock { $0 }.filter { $0.outcome == .turnedAway(.tooMany) }
        #expect(turnedAway.reduce(0) { $0 + $1.count } == 200 && turnedAway.count < 10, "a flood is a line a second")
    }

    @Test("tunnels beyond the manifest's rate get 429; what is refused anyway costs nothing of it")
    func tooFast() async throws {
        let bench = try await TunnelBench(ratePerMinute: 2)
        for _ in 0..<5 { #expect(try bench.ask("CONNECT no.test:443 HTTP/1.1\r\nHost: no.test:443\r\n\r\n").hasPrefix("HTTP/1.1 403 ")) }
        for _ in 0..<2 { _ = try bench.tunnel() }
        let answer = try bench.ask("CONNECT \(bench.target) HTTP/1.1\r\nHost: \(bench.target)\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 429 ") && answer.contains("\r\nRetry-After: "), "\(answer)")
        await bench.stop()
    }

    @Test("closing the proxy ends every tunnel and request, and its listener")
    func closes() async throws {
        let bench = try await TunnelBench()
        let open = try bench.tunnel(), asking = try TunnelClient(bench.address)
        try asking.send(Array("CONNECT".utf8))
        bench.server.close()
        #expect(open.receive().isEmpty && asking.receive().isEmpty)
        #expect(bench.becomesEmpty())
        await bench.stop()
        #expect(throws: Errno.self) { try TunnelClient(bench.address) }
        #expect(bench.records.withLock { $0 }.map(\.outcome) == [.tunnelled(.broken)])
    }

    @Test("a proxy that was closed before it ran serves nobody and leaves no descriptor")
    func neverRan() async throws {
        let group = try EventLoopGroup(count: 1)
        let any = try #require(SocketAddress("127.0.0.1", port: 0))
        let listener = try Sockets.listen(on: any)
        let fd = listener.raw
        let settings = TunnelServer.Settings(
            policy: try EgressPolicy(EgressGrant()), quota: TunnelQuota(bytesMax: 1), budget: TunnelBudget(ratePerMinute: 1),
            dialer: TableDialer([:]),
            report: { _ in })
        let server = TunnelServer(listener, worker: 1, on: group.loops[0], settings)
        let address = try Sockets.localAddress(fd)
        server.close()
        server.close()
        #expect(throws: Errno.self) { try TunnelClient(address) }
        await group.shutdown()
    }

    @Test("many idle tunnels hold no buffers: memory stays flat", arguments: [200])
    func flat(count: Int) async throws {
        var limit = rlimit(rlim_cur: 8192, rlim_max: 8192)
        getrlimit(__rlimit_resource_t(7), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(7), &limit)
        let wanted = getenv("LIMEN_TUNNELS").flatMap { Int(String(cString: $0)) } ?? count
        let bench = try await TunnelBench(openMax: wanted)
        for _ in 0..<8 { try exchange(bench.tunnel()) }
        #expect(bench.becomesEmpty())
        let before = Self.residentKiB()
        var clients: [TunnelClient] = []
        for _ in 0..<wanted {
            clients.append(try bench.tunnel())
            try exchange(clients[clients.count - 1])
        }
        let grown = Self.residentKiB() - before
        print("measured tunnels: \(wanted) open, \(grown) KiB more, \(grown * 1024 / wanted) bytes each (client and server of the test included)")
        #expect(bench.budget.open == wanted)
        #expect(grown < wanted * 24 + 4 << 10)
        clients = []
        #expect(bench.becomesEmpty())
        await bench.stop()
    }

    @Test("a tunnel adds two system calls and a wake-up each way: the time is printed, not judged")
    func latency() async throws {
        let bench = try await TunnelBench()
        let direct = try TunnelClient(bench.upstream.address), tunnel = try bench.tunnel()
        var times: [[UInt64]] = [[], []]
        for round in 0..<2_200 {
            for (index, client) in [direct, tunnel].enumerated() {
                let began = Deadline.now().nanoseconds
                try client.send([UInt8](repeating: 1, count: 64))
                #expect(client.receive().count == 64)
                if round >= 200 { times[index].append(Deadline.now().nanoseconds - began) }
            }
        }
        let sorted = times.map { $0.sorted() }
        for (name, place) in [("p50", 1_000), ("p99", 1_980)] {
            print("measured tunnel latency \(name): direct \(sorted[0][place] / 1000) us, through a tunnel \(sorted[1][place] / 1000) us")
        }
        await bench.stop()
    }

    /// 128 KiB there and back.
    private func exchange(_ client: TunnelClient) throws {
        let chunk = [UInt8](repeating: 7, count: 32 << 10)
        for _ in 0..<4 {
            try client.send(chunk)
            var left = chunk.count
            while left > 0 {
                let count = client.receive().count
                try #require(count > 0)
                left -= count
            }
        }
    }

    private static func residentKiB() -> Int {
        Allocator.trim()
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, file) != nil else { return 0 }
        let fields = String(decoding: line.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4 : 0
    }
}
