import Config
import HTTP
import IO
import JSON
import TestKit
import Testing

@testable import API

@Suite("API: rates")
struct LimitTests {
    private func fixture(_ limitClass: LimitClass, _ policy: RatePolicy) throws -> Fixture {
        try Fixture.with { $0.rates[limitClass] = policy }
    }

    @Test("past its class's rate a caller hears 429 with Retry-After, and each reply says what is left (LIM-8)")
    func refused() async throws {
        let fixture = try fixture(.reads, RatePolicy(2, perSeconds: 3600))
        for left in [1, 0] {
            let response = await fixture.send("GET", "/v1/tools")
            #expect(response.status == 200)
            #expect(response.header("RateLimit-Policy") == #""reads";q=2;w=3600"#)
            #expect(response.header("RateLimit")?.hasPrefix(#""reads";r=\#(left);t="#) == true)
        }
        let response = await fixture.send("GET", "/v1/tools")
        #expect(response.status == 429)
        #expect(try response.json["error"]?["code"] == "rate_limited" && response.json["error"]?["details"]?["class"] == "reads")
        #expect(response.header("Retry-After") == "1800" || response.header("Retry-After") == "1799")
        #expect(response.header("RateLimit")?.hasPrefix(#""reads";r=0;t="#) == true)
        #expect(await fixture.send("POST", "/v1/tools/a.echo/invoke", body: #"{"input":{}}"#).status == 200, "another class has its own bucket")
        #expect(await fixture.send("GET", "/v1/tools", key: "lmn_other").status == 200, "another caller has its own bucket")
        #expect(await fixture.send("GET", "/v1/tools", from: "192.0.2.1").status == 429, "another address is the same caller")
    }

    @Test("heads are limited by route: strangers have 8 KiB, whoever has a key what the server takes, and the reply says so", arguments: [0, 1])
    func heads(over: Int) async throws {
        let fixture = try Fixture.shared()
        for (path, known) in [("/healthz", false), ("/v1/tools", true)] {
            var request = APIRequest(method: "GET", path: path, headers: ["Authorization": "Bearer \(Fixture.key)"])
            request.headBytes = 8192 + over
            let response = await fixture.dispatcher.respond(to: request)
            #expect(response.status == (over == 0 || known ? 200 : 431), "\(path)")
            guard response.status == 431 else { continue }
            #expect(try response.json["error"]?["code"] == "validation_error")
            guard case .refuse(let refusal) = fixture.dispatcher.admit(request) else { return #expect(Bool(false), "its body would be read") }
            #expect(refusal.status == 431)
        }
    }

    @Test("a body is not read for a caller whose bucket is empty, and looking takes nothing")
    func admission() async throws {
        let fixture = try fixture(.tools, RatePolicy(1, perSeconds: 3600))
        let request = APIRequest(
            method: "POST", path: "/v1/tools/a.echo/invoke",
            headers: ["Authorization": "Bearer \(Fixture.key)", "Content-Type": "application/json"], body: Array(#"{"input":{}}"#.utf8))
        for _ in 0..<3 {
            guard case .accept = fixture.dispatcher.admit(request) else { return #expect(Bool(false), "looking took something") }
        }
        #expect(await fixture.dispatcher.respond(to: request).status == 200)
        guard case .refuse(let response) = fixture.dispatcher.admit(request) else { return #expect(Bool(false), "not refused") }
        #expect(response.status == 429 && response.header("Retry-After") != nil)
    }

    @Test("whoever guesses keys is slowed down by address, IPv6 by /64; whoever has one is not held up by them")
    func strangers() async throws {
        let fixture = try fixture(.strangers, RatePolicy(2, perSeconds: 3600))
        for address in ["192.0.2.1", "2001:db8::1"] {
            for status in [401, 401, 429, 429] { #expect(await fixture.send("GET", "/v1/tools", key: "wrong", from: address).status == status) }
            #expect(await fixture.send("GET", "/v1/tools", from: address).status == 200)
        }
        #expect(await fixture.send("GET", "/v1/tools", key: "wrong", from: "192.0.2.2").status == 401)
        #expect(await fixture.send("GET", "/v1/tools", key: "wrong", from: "2001:db8:0:0:ffff::2").status == 429)
        #expect(await fixture.send("GET", "/v1/tools", key: "wrong", from: "2001:db8:0:1::1").status == 401)
        #expect(await fixture.send("GET", "/v1/tools", key: "wrong", from: "::ffff:192.0.2.1").status == 429)
    }

    @Test("health and metrics are counted by address, not by who asks, and say nothing of it until they refuse")
    func operations() async throws {
        let fixture = try fixture(.operations, RatePolicy(2, perSeconds: 3600))
        let first = await fixture.send("GET", "/healthz", key: nil)
        #expect(first.status == 200 && first.header("RateLimit") == nil)
        #expect(await fixture.send("GET", "/metrics").status == 200)
        let refused = await fixture.send("GET", "/metrics", key: "lmn_other")
        #expect(refused.status == 429 && refused.header("RateLimit") != nil)
        #expect(await fixture.send("GET", "/healthz", key: nil, from: "192.0.2.9").status == 200)
    }

    @Test("tokens come back steadily: at no time were more taken than the policy lets through (LIM-8)")
    func refill() {
        var random = SeededRandom()
        for _ in 0..<50 {
            let policy = RatePolicy(Int.random(in: 1...20, using: &random), perSeconds: Int.random(in: 1...60, using: &random))
            let limiter = RateLimiter(policies: [.reads: policy])
            let key = RateKey(.reads, .keyHolder("k"))
            var now: UInt64 = 5_000_000_000
            let start = now
            var taken = 0
            for _ in 0..<400 {
                now += UInt64.random(in: 0...400_000_000, using: &random)
                let verdict = limiter.take(key, now: Deadline(nanoseconds: now))
                if verdict.isAllowed { taken += 1 }
                let most = Double(policy.count) + Double(now - start) / 1e9 * Double(policy.count) / Double(policy.seconds)
                #expect(Double(taken) <= most + 1e-6, "seed \(random.seed)")
                if !verdict.isAllowed {
                    let later = Deadline(nanoseconds: now + UInt64(verdict.secondsUntilNext) * 1_000_000_000)
                    #expect(
                        verdict.secondsUntilNext > 0 && limiter.take(key, now: later, isAsking: true).isAllowed,
                        "Retry-After is not long enough, seed \(random.seed)")
                }
            }
        }
    }

    @Test("callers are remembered in bounded number; who is forgotten first is who used nothing lately")
    func bounded() {
        let limiter = RateLimiter(policies: [.reads: RatePolicy(10, perSeconds: 60)], keysMax: 100)
        let start = Deadline(nanoseconds: 1_000_000_000)
        let busy = RateKey(.reads, .keyHolder("busy"))
        for _ in 0..<10 { #expect(limiter.take(busy, now: start).isAllowed) }
        let later = start.adding(milliseconds: 7_000)
        for index in 0..<10_000 { _ = limiter.take(RateKey(.reads, address: "a\(index)"), now: later) }
        #expect(limiter.keyCount == 100)
        // One token came back in 7 s; a forgotten bucket would have all ten.
        let answers = (0..<3).map { _ in limiter.take(busy, now: later).isAllowed }
        #expect(answers == [true, false, false], "the busiest caller was forgotten")
    }

    @Test("a WebSocket's messages are bounded by the class of frames (LIM-8)")
    func frames() {
        var configuration = WebSocketConfiguration()
        RateLimiter(policies: [.frames: RatePolicy(7, perSeconds: 1)]).limit(&configuration)
        #expect(configuration.framesPerSecond == 7 && configuration.framesBurst == 7)
        RateLimiter().limit(&configuration)
        #expect(configuration.framesPerSecond == 20)
    }

    @Test("a route says how long its body may take; others have the server's time")
    func bodyTime() throws {
        var slow = Route.post("/z/slow", "slow", tag: "t", "s", limitClass: .writes, body: ["type": "object"], bodyMilliseconds: 5000, data: true) {
            _ throws(APIError) in .data(true)
        }
        slow.bodyBytesMax = 10
        let fixture = try Fixture(checks: [], extra: [slow])
        for (path, milliseconds) in [("/z/slow", 5000), ("/v1/tools/run", nil)] as [(String, Int?)] {
            let request = APIRequest(method: "POST", path: path, headers: ["Authorization": "Bearer \(Fixture.key)"])
            guard case .accept(let bytes, let found) = fixture.dispatcher.admit(request) else { return #expect(Bool(false), "refused") }
            #expect(found == milliseconds && bytes == (milliseconds == nil ? APIOptions().bodyBytesMax : 10))
        }
    }

    @Test("asking does not make anybody remembered")
    func asking() {
        let limiter = RateLimiter()
        _ = limiter.take(RateKey(.reads, address: "a"), now: .now(), isAsking: true)
        #expect(limiter.keyCount == 0)
    }

    @Test("every class has a setting of the database, with the class's standard as its default (LIM-5, LIM-8)")
    func settings() {
        let values = RuntimeValues()
        for limitClass in LimitClass.allCases {
            #expect(RatePolicy(limitClass, values, plan: nil) == .standard(limitClass), "\(limitClass)")
            #expect(LiveSettings.none.policy(limitClass, plan: "paid") == .standard(limitClass), "\(limitClass)")
        }
        for kind in LeaseClass.allCases { #expect(LiveSettings.none.integer("concurrency.\(kind.rawValue)", plan: "free") > 0) }
    }

    @Test("requests to one provider have a cap of their own, each provider by itself and each host for itself (LIM-8)")
    func providers() {
        let limiter = RateLimiter({ _, _ in RatePolicy(2, perSeconds: 60) })
        let now = Deadline.now()
        for isAllowed in [true, true, false] {
            #expect(limiter.take(RateKey(.providers, subject: "login.example.com:443"), now: now).isAllowed == isAllowed)
        }
        #expect(limiter.take(RateKey(.providers, subject: "models.example.com:443"), now: now).isAllowed)
        #expect(LimitClass.providers.isLocal)
    }
}
