import HTTP
import IO
import Identity
import JSON
import Store
import Telemetry
import TestKit
import Testing

@testable import API

@Suite("API: limits of several hosts") struct SharedLimitTests {
    @Test("what two hosts let through together never passes the policy, in any time between two requests (LIM-1)", arguments: DatabaseEngine.allCases)
    func property(engine: DatabaseEngine) async throws {
        let bed = try SharedBed(engine)
        let (one, two) = (try await bed.open(), try await bed.open())
        defer {
            withExtendedLifetime(bed) {
                one.close()
                two.close()
            }
        }
        var random = SeededRandom()
        // Rates so low that no host holds tokens, and so high that it does.
        for policy in [RatePolicy(5, perSeconds: 60), RatePolicy(10, perSeconds: 10), RatePolicy(100, perSeconds: 10), RatePolicy(90, perSeconds: 6)]
        {
            let time = Lock<UInt64>(1_800_000_000_000_000_000)
            let hosts = [one, two].map { database in
                RateLimiter({ _, _ in policy }, shared: SharedBuckets(BucketStore(database: database), clock: { Int64(time.withLock { $0 }) }))
            }
            let key = RateKey(.reads, Principal(id: "u\(policy.count)", tenant: "main", role: .user))
            var (allowed, requests): ([UInt64], Int) = ([], 0)
            let step = UInt64(policy.seconds) * 1_000_000_000 / UInt64(policy.count)
            for index in 0..<400 {
                let now = time.withLock { time in
                    // Four times the rate, and one pause that fills the bucket.
                    time += index == 200 ? step * UInt64(policy.count) : UInt64.random(in: 0...(step / 2), using: &random)
                    return time
                }
                let verdict = await hosts[Int.random(in: 0...1, using: &random)].draw(key, now: Deadline(nanoseconds: now))
                requests += 1
                if verdict.isAllowed { allowed.append(now) } else { #expect(verdict.secondsUntilNext > 0 && verdict.refusal.status == 429) }
            }
            var worst = 0.0
            for first in allowed.indices {
                for last in first..<allowed.count {
                    let most = Double(policy.count) + Double(allowed[last] - allowed[first]) / 1e9 * Double(policy.count) / Double(policy.seconds)
                    worst = max(worst, Double(last - first + 1) - most)
                }
            }
            #expect(worst <= 1e-6, "\(worst) too many of \(policy), seed \(random.seed)")
            #expect(allowed.count < requests && allowed.count >= policy.count / 2, "\(allowed.count) of \(requests), seed \(random.seed)")
        }
    }

    @Test("two hosts at once let through what one would, and a caller who asks often costs few round trips (LIM-1)")
    func together() async throws {
        let bed = try SharedBed(.postgres)
        let databases = [try await bed.open(), try await bed.open()]
        defer { withExtendedLifetime(bed) { for database in databases { database.close() } } }
        let policy = RatePolicy(200, perSeconds: 4)
        let key = RateKey(.tools, Principal(id: "ann", tenant: "main", role: .user))
        let hosts = databases.map { database in RateLimiter({ _, _ in policy }, shared: SharedBuckets(BucketStore(database: database))) }
        let started = Deadline.now()
        let allowed = await withTaskGroup(of: Int.self) { group in
            for index in 0..<16 {
                group.addTask {
                    var count = 0
                    while Deadline.now() < started.adding(milliseconds: 1_500) {
                        if await hosts[index % 2].draw(key, now: .now()).isAllowed { count += 1 }
                    }
                    return count
                }
            }
            return await group.reduce(0, +)
        }
        let seconds = Double(Deadline.now().nanoseconds - started.nanoseconds) / 1e9
        #expect(Double(allowed) <= 200 + 50 * seconds && allowed >= 170, "\(allowed) in \(seconds) s")
    }

    @Test(
        "a share link is limited by address, link and owner at once: what one refuses the others are not charged for (LIM-7)",
        arguments: [nil, .sqlite, .postgres] as [DatabaseEngine?])
    func shares(engine: DatabaseEngine?) async throws {
        let bed = try SharedBed(engine ?? .sqlite)
        let database = try await bed.open()
        defer { withExtendedLifetime(bed) { database.close() } }
        let limiter = RateLimiter(
            { limitClass, _ in limitClass == .sharesOfOwner ? RatePolicy(5, perSeconds: 3600) : RatePolicy(3, perSeconds: 3600) },
            shared: engine == nil ? nil : SharedBuckets(BucketStore(database: database)))
        let now = Deadline.now()
        func visit(_ address: String, _ link: String) async -> Bool {
            let owner = RateKey(.sharesOfOwner, tenant: "main", subject: "ann")
            return await limiter.draw([RateKey(.shares, address: address), RateKey(.shares, subject: link), owner], now: now).isAllowed
        }
        for isAllowed in [true, true, true, false, false] { #expect(await visit("192.0.2.1", "l1") == isAllowed) }
        #expect(await !visit("192.0.2.2", "l1"), "the link is used up from anywhere")
        #expect(await !visit("192.0.2.1", "l2"), "the address is used up for every link")
        // Nothing of that was charged to the others: two are left to the owner, three to either.
        for isAllowed in [true, true, false] { #expect(await visit("192.0.2.2", "l2") == isAllowed) }
        #expect(await !visit("192.0.2.3", "l3"), "the owner is used up")
    }

    @Test("a host that cannot reach the others bounds alone")
    func alone() async throws {
        let bed = try SharedBed(.sqlite)
        let database = try await bed.open()
        let limiter = RateLimiter({ _, _ in RatePolicy(2, perSeconds: 3600) }, shared: SharedBuckets(BucketStore(database: database)))
        database.close()
        let key = RateKey(.login, address: "192.0.2.1")
        for isAllowed in [true, true, false] { #expect(await limiter.draw(key, now: .now()).isAllowed == isAllowed) }
        withExtendedLifetime(bed) {}
    }
}

@Suite("API: places of users") struct ConcurrencyTests {
    private final class Gate: Sendable {
        let isOpen = Lock(false)
    }

    /// A dispatcher with routes that end in each way there is; on an engine, or in this process alone.
    private final class Desk: Sendable {
        let leases: ConcurrencyLeases
        let fixture: Fixture
        private let bed: SharedBed?
        private let database: Database?
        let gate = Gate()

        init(_ engine: DatabaseEngine?) async throws {
            bed = try engine.map { try SharedBed($0) }
            database = try await bed?.open()
            leases = ConcurrencyLeases({ kind, _ in kind == .workflows ? 3 : 2 }, store: database.map { LeaseStore(database: $0) })
            let (leases, gate) = (leases, gate)
            func route(_ name: String, _ handler: @escaping Route.Handler) -> Route {
                Route.post("/z/\(name)", name, tag: "t", "s", limitClass: .tools, data: true, produces: [.json, .events], handler: handler).taking(
                    .workflows)
            }
            let routes = [
                route("wait") { _ throws(APIError) in
                    while !gate.isOpen.withLock({ $0 }) {
                        do { try await Task.sleep(nanoseconds: 2_000_000) } catch { throw APIError(.serverError, "cancelled") }
                    }
                    return .data(true)
                },
                route("fail") { _ throws(APIError) in throw .unexpected },
                route("long") { _ throws(APIError) in .data(.string(String(repeating: "x", count: 9 << 20))) },
                route("stream") { _ throws(APIError) in .events { sink in try await sink.send("a", 1) } },
            ]
            var options = Fixture.roomy
            options.leases = leases
            options.outputBytesMax = 8 << 20
            fixture = try Fixture(checks: [], options: options, extra: routes)
        }

        deinit { database?.close() }

        /// Places that are taken, as whoever counts them sees it.
        func taken() async throws -> Int {
            guard let database else { return leases.count }
            return try await LeaseStore(database: database).count()
        }

        func send(_ name: String) async -> APIResponse {
            await fixture.send("POST", "/z/\(name)", headers: [("Accept", name == "stream" ? "text/event-stream" : "application/json")])
        }
    }

    @Test(
        "a user has three workflows at once, the fourth is 409 busy, and every way out gives the place back: answer, failure, cancel, stream, client gone (LIM-2)",
        arguments: [nil, .sqlite, .postgres] as [DatabaseEngine?])
    func exits(engine: DatabaseEngine?) async throws {
        let desk = try await Desk(engine)
        let waiting = (0..<3).map { _ in OwnedTask(on: try? SharedBed.loops.get().loops[0]) { await desk.send("wait").status } }
        for _ in 0..<500 where try await desk.taken() < 3 { try await Task.sleep(nanoseconds: 10_000_000) }
        let busy = await desk.send("fail")
        #expect(busy.status == 409)
        let details = try busy.json["error"]?["details"]
        #expect(details?["reason"] == "busy" && details?["max"] == 3)
        waiting[0].cancel()
        #expect(try await waiting[0].value == 500)
        #expect(await desk.send("fail").status == 500)
        desk.gate.isOpen.withLock { $0 = true }
        for task in waiting.dropFirst() { #expect(try await task.value == 200) }
        #expect(desk.leases.count == 0)
        for _ in 0..<4 { #expect(await desk.send("fail").status == 500) }
        for _ in 0..<4 { #expect(await desk.send("long").status == 500) }
        #expect(desk.leases.count == 0)
        do {
            let streams = [await desk.send("stream"), await desk.send("stream"), await desk.send("stream")]
            #expect(await desk.send("stream").status == 409)
            // One is read to its end, one breaks, one client goes before anything was sent.
            if case .events(let run) = streams[0].body { try await run(RecordingSink()) }
            if case .events(let run) = streams[1].body {
                do { try await run(BrokenSink()) } catch {}
            }
            #expect(desk.leases.count == 1)
        }
        #expect(desk.leases.count == 0)
        for _ in 0..<10 {
            let stream = await desk.send("stream")
            #expect(stream.status == 200)
            if case .events(let run) = stream.body { try await run(RecordingSink()) }
        }
        try await desk.leases.tend()
    }

    private struct BrokenSink: EventSink {
        func send(_ event: String, _ data: JSONValue) async throws { throw IOError(.closed, "gone") }
    }

    @Test("200 at once get three places and none is lost, on two hosts together (LIM-2)")
    func races() async throws {
        let bed = try SharedBed(.postgres)
        let databases = [try await bed.open(), try await bed.open()]
        defer { withExtendedLifetime(bed) { for database in databases { database.close() } } }
        let hosts = databases.map { database in ConcurrencyLeases({ _, _ in 3 }, store: LeaseStore(database: database)) }
        let ann = Principal(id: "ann", tenant: "main", role: .user)
        for _ in 0..<2 {
            let places = await withTaskGroup(of: ConcurrencyLease?.self) { group in
                for index in 0..<200 {
                    group.addTask {
                        // try?: busy is what most are told.
                        try? await hosts[index % 2].acquire(.workflows, ann)
                    }
                }
                return await group.reduce(into: [ConcurrencyLease]()) { if let place = $1 { $0.append(place) } }
            }
            #expect(places.count == 3)
            for place in places { place.release() }
            for host in hosts { try await host.tend() }
        }
        #expect(try await LeaseStore(database: databases[0]).count() == 0)
    }
}
