import Crypto
import Glibc
import IO
import Store
import TestKit
import Testing

@testable import Identity

/// Counts statements and commits, and does something at the n-th while it is armed.
final class Saboteur: Sendable {
    enum Deed: Sendable {
        case nothing
        /// The statement fails, as on a full disk; on PostgreSQL its connection breaks.
        case fail
        /// Something else, such as the end of this process.
        case act(@Sendable (Int) -> Void)
    }

    private struct State: Sendable {
        var deed = Deed.nothing
        var at = 0
        var count = 0
        var commits = 0
    }
    private let state = Lock(State())

    /// Begins to count anew; the deed is done at the n-th step, at each for 0.
    func arm(_ deed: Deed, at step: Int = 0) { state.withLock { $0 = State(deed: deed, at: step) } }
    var count: Int { state.withLock { $0.count } }
    var commits: Int { state.withLock { $0.commits } }

    var probe: StoreProbe {
        StoreProbe { [self] (step) throws(StoreError) in
            if case .committed = step { return state.withLock { $0.commits += 1 } }
            let (deed, number) = state.withLock { state -> (Deed?, Int) in
                state.count += 1
                return (state.at == 0 || state.count == state.at ? state.deed : nil, state.count)
            }
            switch deed {
            case .fail: throw StoreError(.unavailable, "could not extend file: No space left on device (53100)")
            case .act(let act): act(number)
            case .nothing, nil: break
            }
        }
    }
}

/// Everything that several statements write, one after the other, each with what it needs from those before.
struct Acts: Sendable {
    let bench: Bench
    let secrets: SecretStore
    let jobs: JobStore
    let keys: IdempotencyStore

    init(_ bench: Bench) {
        self.bench = bench
        secrets = SecretStore(database: bench.database, keys: "\(bench.folder)/keys")
        jobs = JobStore(database: bench.database)
        keys = IdempotencyStore(database: bench.database)
    }

    static let names = [
        "sign-up", "sign-in", "refresh", "replayed refresh", "reset asked", "reset", "role", "deletion", "api key", "secret set", "secret rotated",
        "secret removed", "job claimed", "job completed", "job failed", "claim finished", "audit",
    ]

    /// Prepares an act, and returns it.
    func prepared(_ name: String) async throws -> @Sendable () async throws -> Void {
        let (bench, service, secrets, jobs, keys) = (bench, bench.service, secrets, jobs, keys)
        let actor = SecretActor("cli")
        let email = "\(UUIDv7.make())@example.com"
        func account() async throws -> Account { try await bench.account(email) }
        switch name {
        case "sign-up": return { _ = try await service.signUp(SignInRequest(email: email, password: Bench.password), handle: nil) }
        case "sign-in":
            _ = try await account()
            return { _ = try await bench.signIn(email) }
        case "refresh":
            _ = try await account()
            let token = try await bench.signIn(email).refreshToken
            return { _ = try await service.refresh(token, requestID: nil) }
        case "replayed refresh":
            _ = try await account()
            let token = try await bench.signIn(email).refreshToken
            _ = try await service.refresh(token, requestID: nil)
            return {
                do throws(IdentityError) { _ = try await service.refresh(token, requestID: nil) } catch { if error != .invalidToken { throw error } }
            }
        case "reset asked":
            _ = try await account()
            return { try await service.requestReset(email: email, tenant: "main", requestID: nil) }
        case "reset":
            _ = try await account()
            _ = try await bench.signIn(email)
            try await service.requestReset(email: email, tenant: "main", requestID: nil)
            let token = bench.post.token
            return { try await service.completeReset(token: token, to: "quiet harbour 61", requestID: nil) }
        case "role":
            let made = try await account()
            _ = try await bench.signIn(email)
            return {
                var wish = AccountChange()
                wish.role = .admin
                _ = try await service.change(made.id, tenant: "main", wish, as: .operatorOfHost, by: Actor("op"))
            }
        case "deletion":
            let made = try await account()
            _ = try await bench.signIn(email)
            return { try await service.delete(made.id, tenant: "main", as: .operatorOfHost, by: Actor("op")) }
        case "api key":
            let made = try await account()
            return { _ = try await service.makeKey(of: made.id, name: "k", scopes: [.read], lasting: 1000, by: Actor(made.id)) }
        case "secret set": return { try await secrets.set("s1", tenant: "main", to: Array("value-of-s1-\(email)".utf8), by: actor) }
        case "secret rotated":
            try await secrets.set("s2", tenant: "main", to: Array("value-of-s2".utf8), by: actor)
            return { _ = try await secrets.rotate(by: actor) }
        case "secret removed":
            try await secrets.set("s3", tenant: "main", to: Array("value-of-s3".utf8), by: actor)
            return { _ = try await secrets.remove("s3", tenant: "main", by: actor) }
        case "job claimed":
            try await jobs.add(JobRequest("claimed", tenant: "main", owner: "u"))
            return { _ = try await jobs.claim(worker: "w", kinds: ["claimed"]) }
        case "job completed", "job failed":
            try await jobs.add(JobRequest("done", tenant: "main", owner: "u"))
            guard let lease = try await jobs.claim(worker: "w", kinds: ["done"]) else { throw IdentityError.failed("no job") }
            if name == "job failed" { return { _ = try await jobs.fail(lease, "it broke") } }
            return {
                try await jobs.complete(lease) { connection in
                    try await AuditLog.note(AuditEntry(actor: "w", tenant: "main", action: "job", outcome: "ok"), within: connection)
                }
            }
        case "claim finished":
            guard case .begin(let claim) = try await keys.claim(email, scope: "s", request: [1]) else { throw IdentityError.failed("no claim") }
            return { _ = try await keys.finish(claim, StoredReply(status: 200, contentType: "a", body: [1])) }
        default: return { try await AuditLog(database: bench.database).record(AuditEntry(actor: "a", tenant: "main", action: "x", outcome: "ok")) }
        }
    }
}

/// All that is stored, as one number, and what must be true of it whatever happened.
struct Truth: Sendable {
    let database: Database

    private static let tables: [SQL] = [
        "SELECT * FROM account ORDER BY 1", "SELECT * FROM auth_session ORDER BY 1", "SELECT * FROM refresh_token ORDER BY 1",
        "SELECT * FROM one_time_token ORDER BY 1", "SELECT * FROM api_key ORDER BY 1", "SELECT * FROM secret ORDER BY 1, 2",
        "SELECT * FROM secret_state ORDER BY 1", "SELECT * FROM secret_use ORDER BY 1", "SELECT * FROM job ORDER BY 1",
        "SELECT * FROM idempotency ORDER BY 1, 2", "SELECT * FROM audit ORDER BY 1", "SELECT * FROM audit_head ORDER BY 1",
    ]

    func fingerprint() async throws -> String {
        try await database.read { connection in
            var text = ""
            for table in Self.tables { for row in try await connection.rows(table) { text += "\(row.values)\n" } }
            return SHA256.hash(text).hex
        }
    }

    /// Nothing is half there: each query finds what must not be.
    private static let halves: [(String, SQL)] = [
        (
            "a session without a token",
            "SELECT count(*) FROM auth_session s WHERE NOT EXISTS (SELECT 1 FROM refresh_token r WHERE r.session = s.handle)"
        ),
        (
            "a session without its record",
            """
            SELECT count(*) FROM auth_session s WHERE NOT EXISTS
                (SELECT 1 FROM audit a WHERE a.action = 'auth.login' AND a.actor = s.account AND a.details LIKE '%' || s.handle || '%')
            """
        ),
        (
            "an account without its record",
            "SELECT count(*) FROM account c WHERE NOT EXISTS (SELECT 1 FROM audit a WHERE a.action = 'account.create' AND a.details LIKE '%' || c.id || '%')"
        ),
        (
            "an admin without the record of it",
            """
            SELECT count(*) FROM account c WHERE c.role = 'admin' AND NOT EXISTS
                (SELECT 1 FROM audit a WHERE a.action = 'account.change' AND a.details LIKE '%' || c.id || '%')
            """
        ),
        (
            "an admin with a session of before",
            "SELECT count(*) FROM account c JOIN auth_session s ON s.account = c.id WHERE c.role = 'admin'"
        ),
        (
            "an API key without its record",
            "SELECT count(*) FROM api_key k WHERE NOT EXISTS (SELECT 1 FROM audit a WHERE a.action = 'auth.key_create' AND a.details LIKE '%' || k.id || '%')"
        ),
        (
            "a secret without its record, or under another key than the one in force",
            """
            SELECT count(*) FROM secret s WHERE s.master <> (SELECT master FROM secret_state) OR s.version > (SELECT version FROM secret_state)
                OR NOT EXISTS (SELECT 1 FROM audit a WHERE a.action = 'secret.set' AND a.details LIKE '%"version":' || s.version || '%')
            """
        ),
        (
            "a job that runs without a lease, or has one and does not",
            "SELECT count(*) FROM job WHERE (state = 'running') <> (lease IS NOT NULL) OR (lease IS NULL) <> (lease_until IS NULL)"
        ),
        ("an answer without its parts", "SELECT count(*) FROM idempotency WHERE (status IS NULL) <> (body IS NULL)"),
    ]

    func check(_ what: String) async throws {
        for (half, query) in Self.halves {
            let count = try await database.read { try await $0.row(query)?.int(0) }
            #expect(count == 0, "\(what): \(half)")
        }
        let whole = try await AuditLog(database: database).verify()
        #expect(whole.isIntact, "\(what): \(whole)")
    }
}

/// Whatever ends between two statements, at each place of every act that has more than one (STORE-4).
@Suite("Faults between statements", .serialized)
struct FaultTests {
    /// Marks the copy of this test process that is going to be killed.
    private static let variable = "LIMEN_FAULT_CHILD"

    @Test(
        "a statement that fails, on a full disk or with its connection, at each place of every act, leaves nothing of its transaction, and the act succeeds afterwards (STORE-4)",
        arguments: DatabaseEngine.allCases)
    func failures(engine: DatabaseEngine) async throws {
        let saboteur = Saboteur()
        let bench = try await Bench(engine, probe: saboteur.probe)
        let (acts, truth) = (Acts(bench), Truth(database: bench.database))
        var places = 0
        for name in Acts.names {
            var step = 1
            while true {
                let act = try await acts.prepared(name)
                // Uses that were only queued are no part of the act.
                try await bench.database.flush()
                let before = try await truth.fingerprint()
                saboteur.arm(.fail, at: step)
                let outcome = await failure { try await act() }
                let (count, commits) = (saboteur.count, saboteur.commits)
                saboteur.arm(.nothing)
                if count < step {
                    #expect(outcome == nil, "\(name)")
                    break
                }
                #expect(outcome != nil, "\(name), statement \(step)")
                if commits == 0 { #expect(try await truth.fingerprint() == before, "\(name), statement \(step)") }
                try await truth.check("\(name), statement \(step)")
                step += 1
                places += 1
            }
        }
        print("\(engine): an error at each of \(places) statements")
        #expect(places > 100)
    }

    @Test("what kill -9 leaves in the file at each statement of every act is whole, and nothing of the transaction is in it (STORE-4, STORE-1)")
    func images() async throws {
        let saboteur = Saboteur()
        let bench = try await Bench(.sqlite, probe: saboteur.probe)
        let (acts, truth) = (Acts(bench), Truth(database: bench.database))
        let folder = bench.folder
        var total = 0
        for name in Acts.names {
            let act = try await acts.prepared(name)
            try await bench.database.flush()
            let before = try await truth.fingerprint()
            // What a process has written is in the kernel's hands, whatever becomes of it: a copy of the files is what the next one finds.
            let commits = Lock<[Int: Int]>([:])
            saboteur.arm(
                .act { step in
                    commits.withLock { $0[step] = saboteur.commits }
                    for tail in ["", "-wal"] { Self.copy("\(folder)/limen.db\(tail)", "\(folder)/at\(step).db\(tail)") }
                })
            try await act()
            let count = saboteur.count
            saboteur.arm(.nothing)
            for step in 1...max(1, count) {
                let path = "\(folder)/at\(step).db"
                let image = try Database(path: path)
                defer {
                    image.close()
                    for tail in ["", "-wal", "-shm"] { unlink(path + tail) }
                }
                let found = Truth(database: image)
                if commits.withLock({ $0[step] }) == 0 { #expect(try await found.fingerprint() == before, "\(name), statement \(step)") }
                try await found.check("\(name), killed at statement \(step)")
            }
            total += count
        }
        print("sqlite: an image at each of \(total) statements")
        #expect(total > 100)
    }

    private static func copy(_ from: String, _ to: String) {
        let source = open(from, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { return }
        defer { close(source) }
        let target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        defer { close(target) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(source, &buffer, buffer.count)
            guard count > 0 else { return }
            _ = write(target, buffer, count)
        }
    }

    @Test(
        "a process that is killed with -9 at a statement of its choice leaves nothing half done, and what it reported is there (STORE-4)",
        arguments: DatabaseEngine.allCases)
    func killed(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        var random = SystemRandomNumberGenerator()
        for round in 0..<4 {
            let at = Int.random(in: 1...150, using: &random)
            let child = try spawnTest("FaultTests/child", Self.variable, "\(bench.words) \(at) \(round)")
            var status: Int32 = 0
            #expect(waitpid(child, &status, 0) == child)
            #expect(status & 0x7f == SIGKILL, "the child ended by itself: \(status)")
            try await Truth(database: bench.database).check("killed at statement \(at)")
            // What was reported: the accounts whose making returned.
            for email in try contents("\(bench.folder)/reported").split(separator: "\n") {
                #expect(await failure { _ = try await bench.service.account(email: String(email), tenant: "main") } == nil, "\(email)")
            }
        }
        _ = try await bench.account("after@example.com")
        _ = try await bench.signIn("after@example.com")
    }

    /// The child's part: does nothing unless this process was started by `killed`.
    @Test("the process that is killed", .enabled(if: getenv(variable) != nil))
    func child() async throws {
        guard let words = getenv(Self.variable).map({ String(cString: $0).split(separator: " ").map(String.init) }), words.count >= 4 else { return }
        let saboteur = Saboteur()
        let bench = try await Bench(beside: words, probe: saboteur.probe)
        let acts = Acts(bench)
        let report = open("\(bench.folder)/reported", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        saboteur.arm(.act { _ in kill(getpid(), SIGKILL) }, at: Int(words[words.count - 2]) ?? 1)
        for turn in 0..<100 {
            let email = "r\(words[words.count - 1])-\(turn)@example.com"
            _ = try await bench.account(email)
            let line = Array((email + "\n").utf8)
            #expect(write(report, line, line.count) == line.count)
            for name in Acts.names where name != "secret rotated" { try await acts.prepared(name)() }
        }
    }
}
