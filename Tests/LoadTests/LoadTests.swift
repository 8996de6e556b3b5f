import Glibc
import Testing

/// The full counts: they take twenty seconds together. `make load` runs these tests alone.
@Suite("Load", .serialized) struct LoadTests {
    private static let mebibyte = 1 << 20

    @Test("20,000 connection attempts against a cap of 10,000: half are served, half refused with 503, and the server stays up (LIM-3)")
    func flood() throws {
        let server = try Server(["connections": 10_001, "per-address": 20_000])
        // One place is for whoever asks for the numbers.
        let flood = try Holding("hold", server, ["connections": 20_000, "processes": 4, "addresses": 200, "window": 64])
        let first = try flood.settled()
        #expect(first["answered"] == 10_001 && first["refused"] == 9_999 && first["failed"] == 0, "\(first.text)")
        let last = try flood.end()
        #expect(last["open"] == 10_001, "those that were served are still served: \(last.text)")
        let (after, _) = try server.stats(within: 10_000) { $0["connections"] == 1 }
        #expect(after["connections"] == 1, "\(after.text)")
        #expect(try Load.run("get", server, ["connections": 8, "seconds": 1])["exchanges"] > 100)
    }

    @Test("one address may have so many connections, and the others are not kept out by it (LIM-3)")
    func floodFromOneAddress() throws {
        let server = try Server(["connections": 10_000, "per-address": 100])
        let flood = try Holding("hold", server, ["connections": 1_000, "addresses": 1])
        let first = try flood.settled()
        #expect(first["answered"] == 100 && first["refused"] == 900 && first["failed"] == 0, "\(first.text)")
        #expect(try Load.run("get", server, ["connections": 50, "addresses": 50, "seconds": 1])["failed"] == 0)
        _ = try flood.end()
    }

    @Test(
        "10,000 idle connections take less than 3 KiB each in a debug build (WebSockets: 20), under 256 MiB in all", arguments: [false, true])
    func idle(isWebSocket: Bool) throws {
        let server = try Server()
        let path = isWebSocket ? "/ws" : "/plaintext"
        _ = try Load.run("hold", server, ["connections": 100, "websocket": isWebSocket ? 1 : 0], path: path)
        let (before, _) = try server.stats(within: 5000) { $0["connections"] == 1 }
        let idle = try Holding(
            "hold", server, ["connections": 10_000, "processes": 2, "addresses": 100, "websocket": isWebSocket ? 1 : 0], path: path)
        let settled = try idle.settled()
        #expect(settled["answered"] == 10_000, "\(settled.text)")
        let during = try server.stats()
        #expect(during["connections"] == 10_001)
        let each = (during["resident"] - before["resident"]) / 10_000
        let what = isWebSocket ? "WebSockets" : "keep-alive connections"
        print("measured: 10,000 idle \(what): \(each) bytes each, \(during["resident"] / Self.mebibyte) MiB in all")
        // A release build, which the aim of 10 KiB is for, is measured by `make bench-http`.
        #expect(each < (isWebSocket ? 20 : 3) * 1024 && during["resident"] < 256 * Self.mebibyte, "\(during.text)")
        let end = try idle.end()
        #expect(end["open"] == 10_000, "\(end.text)")
        let (after, _) = try server.stats(within: 10_000) { $0["connections"] == 1 && $0["registrations"] == before["registrations"] }
        #expect(after["connections"] == 1 && after["registrations"] == before["registrations"], "\(after.text)")
    }

    @Test("10,000 requests aborted at random points leave no connection, task, descriptor or memory behind (LIM-6)")
    func aborted() throws {
        let server = try Server()
        // What the first requests make once is nobody's leak.
        _ = try Load.run("abort", server, ["connections": 4_000, "processes": 2, "seed": 7], path: "/slow")
        let (before, _) = try server.stats(within: 10_000) { $0["connections"] == 1 && $0["handlers"] == 0 }
        let done = try Load.run("abort", server, ["connections": 10_000, "processes": 2, "seed": Int(time(nil) % 10_000)], path: "/slow")
        #expect(done["exchanges"] == 10_000, "\(done.text)")
        let (after, _) = try server.stats(within: 10_000) {
            $0["connections"] == 1 && $0["handlers"] == 0 && $0["registrations"] == before["registrations"]
        }
        #expect(after["connections"] == 1 && after["handlers"] == 0, "\(after.text)")
        #expect(after["registrations"] == before["registrations"] && after["descriptors"] == before["descriptors"], "\(before.text)\(after.text)")
        #expect(after["resident"] - before["resident"] < 3 * Self.mebibyte, "\(before.text)\(after.text)")
    }

    @Test("1,000 clients that send a byte now and then are dropped in time, and the others are served meanwhile (LIM-3)")
    func slowloris() throws {
        let server = try Server(["head-ms": 2000])
        let drips = try Holding("drip", server, ["connections": 1_000, "every": 250, "seconds": 12, "addresses": 20])
        usleep(300_000)
        let others = try Load.run("get", server, ["connections": 16, "seconds": 2])
        #expect(others["failed"] == 0 && others["exchanges"] > 500 && others["p99_us"] < 250_000, "\(others.text)")
        let dropped = try drips.end()
        #expect(dropped["answered"] == 1_000 && dropped["failed"] == 0, "\(dropped.text)")
        #expect((1_500...4_000).contains(dropped["last_ms"]), "\(dropped.text)")
    }

    @Test("long calls, async or on a pool's thread, do not slow anybody else's request, and no loop is held (TOOL-10, FILE-6)")
    func longCalls() throws {
        let server = try Server()
        // The best of some, before and during: a busy machine slows both.
        func p99(_ tries: Int, enough: Int = 0) throws -> Int {
            var best = Int.max
            for _ in 0..<tries where best > enough {
                best = min(best, try Load.run("get", server, ["connections": 16, "seconds": 1])["p99_us"])
            }
            return best
        }
        let before = try p99(2)
        _ = try server.stats()
        let asleep = try Holding("hold", server, ["connections": 64, "window": 64], path: "/slow?ms=6000")
        let blocked = try Holding("hold", server, ["connections": 8, "window": 8], path: "/block?ms=1000")
        usleep(200_000)
        let isBusy = try server.stats()
        #expect(isBusy["handlers"] == 72, "\(isBusy.text)")
        let during = try p99(3, enough: before * 3 / 2)
        print("measured: p99 of others is \(before) us alone, \(during) us beside 72 long calls")
        #expect(during < max(before * 3, 20_000), "\(before) us, \(during) us")
        #expect(try blocked.settled()["answered"] == 8)
        #expect(try asleep.settled()["answered"] == 64)
        _ = try blocked.end()
        _ = try asleep.end()
    }

    @Test("50 clients of event streams that go away are noticed within a second, and nothing of theirs stays (CHAT-4)")
    func goneListeners() throws {
        let server = try Server()
        let before = try server.stats()
        let listeners = try Holding("hold", server, ["connections": 50, "stream": 1], path: "/ticks")
        #expect(try listeners.settled()["answered"] == 50)
        let during = try server.stats()
        #expect(during["handlers"] == 50, "\(during.text)")
        let left = Server.now()
        _ = try listeners.end()
        let (after, _) = try server.stats(within: 3000) { $0["handlers"] == 0 && $0["connections"] == 1 }
        #expect(after["handlers"] == 0 && after["cancelled"] - before["cancelled"] == 50, "\(after.text)")
        #expect(Server.now() - left < 1000)
        #expect(after["registrations"] == before["registrations"] && after["descriptors"] == before["descriptors"], "\(after.text)")
    }
}
