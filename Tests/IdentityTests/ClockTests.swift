import Crypto
import IO
import Store
import Testing

@testable import Identity

/// A clock that is set, on the host or the database's.
@Suite("Clocks that are set")
struct ClockTests {
    @Test(
        "an hour forward or back ends no session, revives none, and a refresh is all that anybody needs", arguments: [60 as Int64, -60],
        DatabaseEngine.allCases)
    func sessions(minutes: Int64, engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let account = try await bench.account()
        let (kept, ended) = (try await bench.signIn(), try await bench.signIn())
        for credentials in [kept, ended] { #expect(try await bench.isGood(.bearer(credentials.accessToken))) }
        try await bench.service.end(session: ended.session, of: account.id, tenant: "main", by: Actor(account.id))
        bench.clock.advance(minutes: minutes)
        #expect(try await bench.isGood(.session(kept.sessionID ?? "")))
        #expect(try await !bench.isGood(.session(ended.sessionID ?? "")))
        #expect(try await !bench.isGood(.bearer(ended.accessToken)))
        let next = try await bench.service.refresh(kept.refreshToken, requestID: nil)
        #expect(try await bench.isGood(.bearer(next.accessToken)))
        bench.clock.advance(minutes: -minutes)
        #expect(try await bench.isGood(.session(kept.sessionID ?? "")))
        #expect(try await !bench.isGood(.session(ended.sessionID ?? "")))
        let last = try await bench.service.refresh(next.refreshToken, requestID: nil)
        #expect(try await bench.isGood(.bearer(last.accessToken)))
    }

    @Test("a job that a host with a clock an hour ahead takes from another is completed once", arguments: DatabaseEngine.allCases)
    func jobs(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let jobs = JobStore(database: bench.database)
        let now = StoreClock.nowMilliseconds()
        try await jobs.add(JobRequest("k", tenant: "main", owner: "u"))
        let first = try #require(try await jobs.claim(worker: "a", kinds: ["k"], nowMilliseconds: now))
        let second = try #require(try await jobs.claim(worker: "b", kinds: ["k"], nowMilliseconds: now + 3_600_000))
        #expect(second.id == first.id)
        #expect(try await !jobs.complete(first))
        #expect(try await jobs.complete(second))
        #expect(try await jobs.claim(worker: "a", kinds: ["k"], nowMilliseconds: now) == nil)
        #expect(try await jobs.claim(worker: "a", kinds: ["k"], nowMilliseconds: now + 7_200_000) == nil)
    }
}
