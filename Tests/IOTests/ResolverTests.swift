import Glibc
import Synchronization
import Testing

@testable import IO

@Suite struct ResolverTests {
    /// A resolver of its own loop over `ask`.
    private func withResolver<T: Sendable>(
        threads: Int = 4, queueMax: Int = 16, _ ask: @escaping @Sendable (String) -> Result<[[UInt8]], ResolverError>,
        _ body: @escaping @Sendable (Resolver, EventLoop) async throws -> T
    ) async throws -> T {
        let group = try EventLoopGroup(count: 1)
        let resolver = try Resolver(on: group.loops[0], threads: threads, queueMax: queueMax, ask: ask)
        let result: Result<T, any Error>
        do {
            result = .success(try await OwnedTask(on: group.loops[0]) { try await body(resolver, group.loops[0]) }.value)
        } catch {
            result = .failure(error)
        }
        resolver.close()
        await group.shutdown()
        return try result.get()
    }

    private static func errorThrown(_ body: () async throws -> [SocketAddress]) async -> ResolverError? {
        do {
            _ = try await body()
            return nil
        } catch {
            return error as? ResolverError
        }
    }

    @Test("an address is its own answer, and nobody is asked for it")
    func literals() async throws {
        let hosts = try await withResolver({ _ in .failure(.unavailable) }) { resolver, _ in
            var hosts: [String] = []
            for literal in ["127.0.0.1", "::1", "2001:db8::1"] { hosts += try await resolver.addresses(of: literal, port: 80).map(\.description) }
            #expect(resolver.metrics == Resolver.Metrics())
            return hosts
        }
        #expect(hosts == ["127.0.0.1:80", "[::1]:80", "[2001:db8::1]:80"])
    }

    @Test(
        "what getaddrinfo would take for an address in disguise, and what is no name, is refused without asking",
        arguments: [
            "127.1", "0x7f.1", "2130706433", "0x7f000001", "1.2.3.4.5", "", ".", "a..b", "-a.test", "a-.test", "a b", "a\u{0}b", "ä.test", "a/b",
            "[::1]",
            "::1%lo", "host:80", String(repeating: "a", count: 64) + ".test", String(repeating: "a.", count: 127) + "aa",
        ])
    func malformed(host: String) async throws {
        let (error, asked) = try await withResolver({ _ in .success([[127, 0, 0, 1]]) }) { resolver, _ in
            (await Self.errorThrown { try await resolver.addresses(of: host, port: 80) }, resolver.metrics.asked)
        }
        #expect(error == .malformed && asked == 0)
    }

    @Test("a name is asked for once, whatever its case, and its answer is kept; both families come in the system's order")
    func cache() async throws {
        let asked = Shared<[String]>([])
        let (texts, metrics) = try await withResolver({ name in
            asked.lock.withLock { $0.append(name) }
            return .success([[UInt8](repeating: 0, count: 15) + [1], [127, 0, 0, 1]])
        }) { resolver, _ in
            var texts: [String] = []
            for host in ["Host.Example", "host.example", "HOST.example."] {
                texts.append(try await resolver.addresses(of: host, port: 443).map(\.description).joined(separator: " "))
            }
            return (texts, resolver.metrics)
        }
        #expect(asked.lock.withLock { $0 } == ["host.example"])
        #expect(texts == Array(repeating: "[::1]:443 127.0.0.1:443", count: 3))
        #expect(metrics == Resolver.Metrics(hits: 2, joined: 0, asked: 1, failed: 0, entries: 1))
    }

    @Test("a hundred who ask for one name wait for one look-up")
    func joined() async throws {
        let metrics = try await withResolver({ _ in
            usleep(50_000)
            return .success([[127, 0, 0, 1]])
        }) { resolver, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<100 { group.addTask { _ = try await resolver.addresses(of: "one.test", port: 1) } }
                try await group.waitForAll()
            }
            return resolver.metrics
        }
        #expect(metrics.asked == 1 && metrics.joined == 99)
    }

    @Test("one who gives up, by deadline or cancellation, does so at once and takes nobody along")
    func givingUp() async throws {
        let (late, cancelled, other) = try await withResolver({ _ in
            usleep(300_000)
            return .success([[127, 0, 0, 1]])
        }) { resolver, loop in
            let other = OwnedTask(on: loop) { try await resolver.addresses(of: "slow.test", port: 1).count }
            let doomed = OwnedTask(on: loop) { await Self.errorThrown { try await resolver.addresses(of: "slow.test", port: 1) } }
            let start = Deadline.now()
            let late = await Self.errorThrown { try await resolver.addresses(of: "slow.test", port: 1, until: .after(milliseconds: 20)) }
            doomed.cancel()
            let cancelled = try await doomed.value
            #expect(elapsed(since: start) < 280)
            return (late, cancelled, try await other.value)
        }
        #expect(late == .gaveUp(.timedOut) && cancelled == .gaveUp(.cancelled) && other == 1)
    }

    @Test("names that hang fill the threads and the queue, and one more is refused at once")
    func bounded() async throws {
        let error = try await withResolver(
            threads: 1, queueMax: 1,
            { _ in
                usleep(200_000)
                return .failure(.notFound)
            }
        ) { resolver, loop in
            let first = OwnedTask(on: loop) { await Self.errorThrown { try await resolver.addresses(of: "a.test", port: 1) } }
            try await loop.sleep(until: .after(milliseconds: 50))
            let second = OwnedTask(on: loop) { await Self.errorThrown { try await resolver.addresses(of: "b.test", port: 1) } }
            try await loop.sleep(until: .after(milliseconds: 20))
            let error = await Self.errorThrown { try await resolver.addresses(of: "c.test", port: 1) }
            await first.finish()
            await second.finish()
            return error
        }
        #expect(error == .gaveUp(.overloaded))
    }

    @Test("that there is no such name is remembered for two seconds, trouble on the way not at all, and the cache is bounded")
    func keeping() {
        var cache = ResolverCache(entriesMax: 3)
        let now = Deadline(nanoseconds: 1_000_000_000)
        for (name, life) in [("a", 1000), ("b", 10), ("c", 1000)] {
            cache.insert(name, .success([[1, 2, 3, 4]]), until: now.adding(milliseconds: life), now: now)
        }
        #expect(cache.find("b", now: now) == .success([[1, 2, 3, 4]]))
        cache.insert("d", .failure(.notFound), until: now.adding(milliseconds: 1000), now: now.adding(milliseconds: 20))
        #expect(cache.count == 3 && cache.find("b", now: now) == nil && cache.find("a", now: now) != nil)
        cache.insert("e", .failure(.notFound), until: now.adding(milliseconds: 1000), now: now.adding(milliseconds: 20))
        #expect(cache.count == 3 && cache.find("a", now: now) == nil)
        #expect(cache.find("d", now: now) == .failure(.notFound))
        #expect(cache.find("d", now: now.adding(milliseconds: 1000)) == nil)
    }

    @Test("trouble is asked about again, a missing name only later", arguments: [true, false])
    func failures(isMissing: Bool) async throws {
        let error: ResolverError = isMissing ? .notFound : .unavailable
        let metrics = try await withResolver({ _ in .failure(error) }) { resolver, _ in
            for _ in 0..<3 { #expect(await Self.errorThrown { try await resolver.addresses(of: "x.test", port: 1) } == error) }
            return resolver.metrics
        }
        #expect(metrics.asked == (isMissing ? 1 : 3))
    }

    @Test("the hosts file is read: localhost is this machine")
    func hostsFile() async throws {
        let service = NameService()
        let found = try #require(try? service.addresses(of: "localhost").get())
        #expect(found.contains([127, 0, 0, 1]) || found.contains([UInt8](repeating: 0, count: 15) + [1]))
    }

    @Test("a DNS server is asked for the name as it is, in both families, and never with a domain of the search list behind it")
    func search() throws {
        // What glibc would put behind every name that has none of it.
        setenv("LOCALDOMAIN", "surprise.test", 1)
        defer { unsetenv("LOCALDOMAIN") }
        let server = try NameServer()
        let service = NameService(server: server.address)
        let both = try? service.addresses(of: "both.test").get()
        #expect(both.map { Set($0) } == [[192, 0, 2, 1], NameServer.six])
        #expect(service.addresses(of: "nothing.test") == .failure(.notFound))
        #expect(service.addresses(of: "single") == .failure(.notFound))
        let questions = Set(server.stop())
        #expect(questions == ["both.test/1", "both.test/28", "nothing.test/1", "nothing.test/28", "single/1", "single/28"])
    }
}

/// A DNS server on a port of its own that knows one name.
private final class NameServer: @unchecked Sendable {
    // SAFETY: `questions` is a lock; the rest is constant after `init`.
    static let six: [UInt8] = [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [7]
    let address: SocketAddress
    private let descriptor: Int32
    private let questions = Lock<[String]>([])
    private let thread: Lock<Thread?>

    init() throws {
        let descriptor = try Syscall.retrying { socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0) }
        var local = sockaddr_in()
        local.sin_family = sa_family_t(AF_INET)
        local.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        try Syscall.retrying {
            withUnsafePointer(to: &local) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
            }
        }
        self.descriptor = descriptor
        address = try Sockets.localAddress(descriptor)
        thread = Lock(nil)
        var started: Thread? = try Thread(name: "dns") { [self] in serve() }
        thread.withLock { swap(&$0, &started) }
    }

    /// Ends it; the answer is the names and types that it was asked for.
    func stop() -> [String] {
        shutdown(descriptor, Int32(SHUT_RDWR))
        let thread = thread.withLock { thread -> Thread? in
            var out: Thread? = nil
            swap(&out, &thread)
            return out
        }
        thread?.join()
        close(descriptor)
        return questions.withLock { $0 }
    }

    private func serve() {
        var buffer = [UInt8](repeating: 0, count: 512)
        while true {
            var peer = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let count = withUnsafeMutablePointer(to: &peer) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { recvfrom(descriptor, &buffer, buffer.count, 0, $0, &length) }
            }
            if count <= 12 { return }
            let reply = answer(Array(buffer[..<count]))
            _ = withUnsafePointer(to: &peer) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(descriptor, reply, reply.count, 0, $0, length) }
            }
        }
    }

    private func answer(_ query: [UInt8]) -> [UInt8] {
        var labels: [String] = []
        var index = 12
        while query[index] != 0 {
            let end = index + 1 + Int(query[index])
            labels.append(String(decoding: query[(index + 1)..<end], as: UTF8.self))
            index = end
        }
        let name = labels.joined(separator: ".")
        let type = Int(query[index + 2])
        questions.withLock { $0.append("\(name)/\(type)") }
        let question = Array(query[12..<(index + 5)])
        let data: [UInt8]? = name == "both.test" ? (type == 1 ? [192, 0, 2, 1] : type == 28 ? Self.six : nil) : nil
        let head: [UInt8] = Array(query[..<2]) + [0x81, data == nil ? 0x83 : 0x80, 0, 1, 0, data == nil ? 0 : 1, 0, 0, 0, 0]
        guard let data else { return head + question }
        return head + question + [0xc0, 12, 0, UInt8(type), 0, 1, 0, 0, 0, 60, 0, UInt8(data.count)] + data
    }
}
