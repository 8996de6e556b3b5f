import Crypto
import IO
import Identity
import Store
import Testing

/// Twenty guesses an account and network, and never another: as the bucket of a moment.
private final class Allowance: Sendable {
    private let left = Lock<[Guess: Int]>([:])

    func wait(_ guess: Guess) -> Int64? {
        left.withLock { left in
            let count = left[guess, default: 20]
            guard count > 0 else { return 180_000 }
            left[guess] = count - 1
            return nil
        }
    }
}

@Suite("Identity: guesses") struct GuessTests {
    private func bench(_ engine: DatabaseEngine) async throws -> Bench {
        let allowance = Allowance()
        return try await Bench(engine) { $0.guesses = { allowance.wait($0) } }
    }

    private func attempt(_ bench: Bench, _ email: String, _ password: String, from network: String?) async -> IdentityError? {
        await failure { _ = try await bench.service.signIn(SignInRequest(email: email, password: password, network: network)) }
    }

    @Test(
        "of 200 guesses at once from as many networks twenty are looked at, of an account that exists as of one that does not",
        arguments: DatabaseEngine.allCases)
    func flood(engine: DatabaseEngine) async throws {
        let bench = try await bench(engine)
        _ = try await bench.account()
        for email in ["ann@example.com", "ANN@Example.com", "nobody@example.com"] {
            let outcomes = await race(200) { index in
                await self.attempt(bench, email, "wrong \(index)", from: "10.0.\(index).1") == .wrongCredentials
            }
            // The second is the first in other letters: its allowance is used up.
            #expect(outcomes[true] ?? 0 == (email == "ANN@Example.com" ? 0 : 20), "\(email)")
        }
        let looked = try await bench.count("SELECT count(*) FROM audit WHERE action = 'auth.login' AND outcome = 'unauthorized'")
        #expect(looked == 40)
    }

    @Test(
        "who guesses does not keep the owner out where he signed in before, nor for long anywhere: a reset by mail makes a network known",
        arguments: DatabaseEngine.allCases)
    func owner(engine: DatabaseEngine) async throws {
        let bench = try await bench(engine)
        _ = try await bench.account()
        #expect(await attempt(bench, "ann@example.com", Bench.password, from: "192.0.2.1") == nil)
        for index in 0..<30 { _ = await attempt(bench, "ann@example.com", "wrong", from: "10.0.\(index).1") }
        #expect(await attempt(bench, "ann@example.com", Bench.password, from: "198.51.100.9") == .guessing(milliseconds: 180_000))
        #expect(await attempt(bench, "ann@example.com", Bench.password, from: "192.0.2.1") == nil)
        try await bench.service.requestReset(email: "ann@example.com", tenant: "main", requestID: nil)
        try await bench.service.completeReset(token: bench.post.token, to: "quiet harbour 61", requestID: nil, network: "198.51.100.9")
        #expect(await attempt(bench, "ann@example.com", "quiet harbour 61", from: "198.51.100.9") == nil)
        // A network that is known has its own twenty, not more.
        let wrong = await race(50) { _ in await self.attempt(bench, "ann@example.com", "wrong", from: "198.51.100.9") == .wrongCredentials }
        #expect(wrong[true] == 19)
        #expect(try await bench.count("SELECT count(*) FROM known_address") == 2)
    }

    @Test(
        "no more networks are kept of an account than can be, no address in plain, and none outlives the account (AUTH-14)",
        arguments: DatabaseEngine.allCases)
    func bounded(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let ann = try await bench.account()
        for index in 0..<40 { #expect(await attempt(bench, "ann@example.com", Bench.password, from: "10.0.0.\(index)") == nil) }
        #expect(try await bench.count("SELECT count(*) FROM known_address") == 32)
        try await bench.service.delete(ann.id, tenant: nil, as: .operatorOfHost, by: Actor("test"))
        #expect(try await bench.count("SELECT count(*) FROM known_address") == 0)
    }
}
