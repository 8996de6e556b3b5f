import IO
import Identity
import JSON
import Store

/// Session checks and sign-ins.
enum StoreBenchIdentity {
    private static let (email, password) = ("bench@example.com", "plum lantern veto 9")

    /// Letters go nowhere.
    private struct NoPost: Post {
        func send(_ letter: Letter) {}
    }

    static func measure(_ place: DatabasePlace, keys: String, on group: EventLoopGroup, _ effort: StoreBench.Effort) throws -> JSONObject {
        let statements = Lock(0)
        let probe = StoreProbe { (step) throws(StoreError) in if case .statement = step { statements.withLock { $0 += 1 } } }
        let database = try group.runBlocking { try await Database.open(place, on: group, probe: probe) }
        defer { database.close() }
        let desk = try PasswordDesk()
        defer { desk.close() }
        return try group.runBlocking {
            database.keepsCopies()
            while database.copyStamp == nil { try await group.loops[0].sleep(until: .after(milliseconds: 5)) }
            let vault = try await IdentityVault.open(SecretStore(database: database, keys: keys), issuer: "limen", now: StoreClock.nowMilliseconds())
            func service(_ memory: OwnerMemory) -> IdentityService {
                IdentityService(database: database, desk: desk, vault: vault, post: NoPost(), memory: memory)
            }
            let warm = service(OwnerMemory { database.copyStamp })
            _ = try await warm.create(NewAccount(email: email, password: password), tenant: "main", by: Actor("bench"))
            let credentials = try await signIn(warm)
            try await database.flush()
            let token = Credential.bearer(credentials.accessToken)
            var result: JSONObject = [:]
            let before = statements.withLock { $0 }
            let checks = try await samples(effort.checks, warm, token)
            // The first one is cold.
            result["check_statements"] = JSONValue(max(0, statements.withLock { $0 } - before - 2))
            result["check_warm_p50_us"] = checks.microseconds(0.5).map { JSONValue($0) }
            result["check_warm_p99_us"] = checks.microseconds(0.99).map { JSONValue($0) }
            let cold = try await samples(max(100, effort.checks / 100), service(OwnerMemory { nil }), token)
            result["check_cold_p50_us"] = cold.microseconds(0.5).map { JSONValue($0) }
            try await signIns(warm, desk, effort.signIns, &result)
            return result
        }
    }

    private static func signIn(_ service: IdentityService) async throws -> Credentials {
        guard case .signedIn(let credentials) = try await service.signIn(SignInRequest(email: email, password: password)) else {
            throw CommandError("the bench could not sign in")
        }
        return credentials
    }

    private static func samples(_ count: Int, _ service: IdentityService, _ token: Credential) async throws -> Samples {
        var samples = Samples()
        for _ in 0..<count { samples.add(try await Samples.time { _ = try await service.check(token) }) }
        return samples
    }

    /// Whole sign-ins, and the hash alone, in turns.
    private static func signIns(_ service: IdentityService, _ desk: PasswordDesk, _ count: Int, _ result: inout JSONObject) async throws {
        let hash = try await desk.hash(password)
        var (whole, hashing) = (Samples(), Samples())
        for _ in 0..<count {
            whole.add(try await Samples.time { _ = try await signIn(service) })
            hashing.add(try await Samples.time { _ = try await desk.isRight(password, for: hash) })
        }
        guard let all = whole.microseconds(0.5), let alone = hashing.microseconds(0.5) else { return }
        result["sign_in_p50_ms"] = JSONValue(all / 1000)
        result["sign_in_kdf_share"] = JSONValue(min(1, alone / all))
    }
}
